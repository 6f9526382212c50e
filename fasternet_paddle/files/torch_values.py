"""What the names in PyTorch's pickles stand for: tensors as records of where their numbers lie, and inert things.

A tensor in such a pickle is a call of `_rebuild_tensor_v2` on a reference to a storage, which lies outside the
pickle. Both become records here; `torch_files` reads the storages of those tensors that it wants. What trainers keep
beside the weights (arguments, paths, data types) is known by name and stands as `INERT`; any other name is refused, as
in `pickle_values`.
"""

import math
from dataclasses import dataclass

from .opening import Refusal, shown
from .pickle_values import MAX_NDIM, PLAIN_WORDS, Name, Words
from .pickle_values import build as build_plain
from .pickle_values import call_name as call_plain
from .pickle_values import find_name as find_plain

# PyTorch's storage classes and the codes of their items; "bf2" is bfloat16, the upper half of a float32.
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bf2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
REBUILDS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state")
DTYPES = (
    *(f"float{bits}" for bits in (16, 32, 64)),
    *(f"int{bits}" for bits in (8, 16, 32, 64)),
    *("bfloat16", "uint8", "bool", "complex64", "complex128"),
)
TORCH_NAMES = frozenset(
    [f"torch {name}" for name in STORAGES]
    + [f"torch._utils {name}" for name in REBUILDS]
    + ["torch._tensor _rebuild_from_type_v2", "torch Tensor", "torch._tensor Tensor", "torch.nn.parameter Parameter"]
    + ["torch Size", "torch.nn.parameter Buffer", "copy_reg _reconstructor", "copyreg _reconstructor"]
)
BUILTINS = ("__builtin__", "builtins")  # of Python 2, or protocols 0 to 2; of Python 3
LIGHTNING = ("pytorch_lightning.utilities.parsing", "lightning.pytorch.utilities.parsing")
FABRIC = ("lightning_fabric.utilities.data", "lightning.fabric.utilities.data")
# Classes whose instances are dicts: they come out as dicts.
DICTS = frozenset(
    ["collections defaultdict", "collections Counter"]
    + [f"{module} dict" for module in BUILTINS]
    + [f"{module} AttributeDict" for module in LIGHTNING + FABRIC]
)
# What comes out as INERT, whatever it is called with and whatever state it is given.
INERT_NAMES = frozenset(
    ["argparse Namespace", "torch device", "torch.serialization _get_layout", "datetime datetime", "datetime timedelta"]
    + [f"torch {name}" for name in DTYPES]
    + [f"{module} {kind}Path" for module in ("pathlib", "pathlib._local") for kind in ("Posix", "Windows", "")]
    + [f"{module} {name}" for module in BUILTINS for name in ("set", "frozenset", "slice", "object", "list")]
    + [f"{module} {name}" for module in BUILTINS for name in ("int", "float", "str", "complex")]
)


class Inert:
    """Something beside the weights, of which nothing is read."""


INERT = Inert()


@dataclass(frozen=True)
class Storage:
    """A reference to a run of numbers outside the pickle: its key, the code of its items and their number."""

    key: str
    code: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; offset and strides in items."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


def find(module, name):
    """GLOBAL and STACK_GLOBAL: a symbol of ours, or INERT."""
    full = f"{module} {name}"
    if full in TORCH_NAMES:
        return Name(name)
    if full in DICTS:
        return Name("dict")
    if full in INERT_NAMES:
        return INERT
    try:
        return find_plain(module, name)
    except Refusal:
        what = "only tensors and plain containers are read; of a whole model its state_dict() is to be saved"
        raise Refusal(f"it refers to {shown(str(module))}.{shown(str(name))}, but {what}") from None


def call(name, args, spend):
    """REDUCE: what the file means by calling `name` with `args`."""
    if type(args) is not tuple:
        raise Refusal("it calls what is no function")
    if name is INERT:
        return INERT
    match name, args:
        case "_rebuild_tensor" | "_rebuild_tensor_v2", (Storage() as storage, offset, shape, strides, *_):
            return _tensor(storage, offset, shape, strides)
        case "_rebuild_parameter" | "_rebuild_parameter_with_state", (Tensor() as tensor, *_):
            return tensor
        case "_rebuild_from_type_v2", (Name() as function, _, tuple() as inner, _) if function in REBUILDS:
            return call(function, inner, spend)
        case "Size", (tuple() as shape,):
            return shape
        case "_reconstructor", (Inert() | Name("dict") as kind, *_):
            return INERT if kind is INERT else {}
        case "dict", _:
            return {}
    return call_plain(name, args, spend)


def build(target, state):
    """BUILD: attributes of a dict (`_metadata` of a state_dict) and of inert things are passed over."""
    if target is INERT or type(target) is dict:
        return target
    return build_plain(target, state)


def create(kind, args):
    """NEWOBJ: an instance of one of the classes above."""
    if kind is INERT:
        return INERT
    if type(kind) is Name and kind in ("dict", "OrderedDict"):
        return {}
    raise Refusal("it makes an instance of what is no class of plain data")


def refer(reference):
    """BINPERSID: a storage, as ("storage", class, key, device, number of items) and, in the older form, None."""
    match reference:
        case ("storage", Name() as kind, str() as key, str(), int() as count, *view) if kind in STORAGES:
            if count < 0 or view not in ([], [None]):
                raise Refusal("a storage is a view of another, as PyTorch wrote before 0.4 only")
            return Storage(key, STORAGES[kind], count)
    raise Refusal("it refers to something outside the pickle that is no storage of numbers")


def torch_words(storages):
    """The `Words` of such a pickle; the storages that it refers to are put into the dict `storages` by key."""

    def refer_once(reference):
        storage = refer(reference)
        if storages.setdefault(storage.key, storage) != storage:
            raise Refusal(f"it says of the storage {shown(storage.key)} two things")
        return storage

    leaves = PLAIN_WORDS.leaves | {Tensor, Storage, Inert, Name}
    return Words(leaves, find, call, build, create, refer_once)


def _tensor(storage, offset, shape, strides):
    """A `Tensor` that lies within its storage and uses no item twice."""
    for value in (shape, strides):
        if type(value) is not tuple or len(value) > MAX_NDIM or any(type(n) is not int or n < 0 for n in value):
            raise Refusal(f"a tensor's shape and strides must be at most {MAX_NDIM} numbers of 0 or more")
    if type(offset) is not int or offset < 0 or len(shape) != len(strides):
        raise Refusal("a tensor's offset or strides are no such numbers")
    items = math.prod(shape)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True)) if items else 0
    if items and (last >= storage.count or items > storage.count):
        raise Refusal(f"a tensor of shape {shown(str(shape))} reaches beyond its storage of {storage.count:,} numbers")
    return Tensor(storage, offset, shape, strides)
