"""The values that are read from a stranger's file.

Plain containers, numbers, text and numpy arrays are read. The few names that a pickle may hold besides
(`NAMES`) are symbols here, which functions of this file act for: nothing that a file names is imported or
called. An array is built from a checked dtype, shape and byte count; numpy's own `_reconstruct` never sees
the file, since a crafted state makes it crash Python.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .opening import Refusal, shown

MAX_VALUES = 2_000_000  # in one file; a CIFAR-10 batch holds 20,000
MAX_DEPTH = 64  # containers inside containers; an optimizer's state has three
MAX_NDIM = 32  # numpy 1's own bound
DTYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")  # kind and bytes an item
KEYS = frozenset({type(None), bool, int, str, bytes})  # no tuples: hashing shared nested ones is exponential
PLAIN = KEYS | {float}
LEAVES = PLAIN | {bytearray, np.ndarray} | {np.dtype(code).type for code in DTYPES}


def check_plain(result, leaves):
    """Raises `Refusal` unless `result` is plain; level by level, so that no depth and no cycle can hurt."""
    level, seen = [result], 0
    for _ in range(MAX_DEPTH):
        below = []
        for value in level:
            if type(value) is dict:
                if not all(type(key) in KEYS for key in value):
                    raise Refusal("a key of a dict is neither text nor a number")
                below += value.values()
            elif type(value) in (list, tuple):
                below += value
            elif type(value) not in leaves:
                raise Refusal(f"it holds a {type(value).__name__} where only plain values are read")
            if seen + len(below) > MAX_VALUES:
                raise Refusal(f"its containers share so much that they unfold to over {MAX_VALUES:,} values")
        if not below:
            return
        level, seen = below, seen + len(below)
    raise Refusal(f"its containers are nested over {MAX_DEPTH} deep or hold themselves")


class Name(str):
    """One of `NAMES`, on the stack in place of the function or class it names."""


NAMES = frozenset(
    ["_codecs encode", "collections OrderedDict", "numpy dtype", "numpy ndarray"]
    + [f"__builtin__ {name}" for name in ("bytes", "bytearray", "tuple")]  # Python 2, or protocols 0 to 2
    + [f"builtins {name}" for name in ("bytes", "bytearray", "tuple")]
    + [
        f"numpy.{core}.{name}"
        for core in ("core", "_core")  # numpy 1 and 2
        for name in ("multiarray _reconstruct", "multiarray scalar", "numeric _frombuffer")
    ]
)


def find_name(module, name):
    """GLOBAL and STACK_GLOBAL: the symbol of ours for what the file refers to."""
    if type(module) is not str or type(name) is not str:
        raise Refusal("it refers to a name that is no text")
    if f"{module} {name}" not in NAMES:
        refused = f"{shown(module)}.{shown(name)}"
        raise Refusal(f"it refers to {refused}, but only arrays and plain containers are read")
    return Name(name)


def call_name(name, args, spend):
    """REDUCE: what the file means by calling `name` with `args`; `spend(n)` before n bytes are converted."""
    if type(name) is not Name or type(args) is not tuple:
        raise Refusal("it calls what is no function")
    match name, args:
        case "_reconstruct", ("ndarray", _, _):  # (ndarray, (0,), b"b"): an empty array that BUILD fills
            return UnbuiltArray()
        case "dtype", (str() | bytes() as code, _, _):  # ("f4", False, True): BUILD sets its byte order
            return DType(_text(code))
        case "scalar", (DType() as dtype, data):
            return _make_array(data, dtype, (), "C")[()]
        case "_frombuffer", (data, DType() as dtype, shape, "C" | "F" as order):  # protocol 5
            return _make_array(data, dtype, shape, order)
        case "_frombuffer", (data, DType() as dtype, shape, "K", tuple() as axes):  # newer numpy, transposed
            return _make_array(data, dtype, shape, "C").transpose(axes)
        case "encode", (str() as text, "latin1"):  # Python 3's bytes up to protocol 2
            spend(len(text))
            return text.encode("latin-1")
        case "bytearray", (bytes() as data,):
            spend(len(data))
            return bytearray(data)
        case "bytearray", (str() as text, "latin-1"):
            spend(len(text))
            return bytearray(text, "latin-1")
        case "bytes" | "bytearray", ():
            return b"" if name == "bytes" else bytearray()
        case "OrderedDict", ():
            return {}
        case "tuple", (tuple() as items,):  # (name, array): a Tensor that paddle.save met among other things
            return items
    raise Refusal(f"it calls {name} in a way that plain data does not need")


def build(target, state):
    """BUILD: what is to stand in place of `target` once it has its `state`."""
    match target, state:
        case UnbuiltArray(), (1, shape, DType() as dtype, bool() | 0 | 1 as fortran, data):
            target.built = _make_array(data, dtype, shape, "F" if fortran else "C")
            return target.built
        case DType(), (3, str() | bytes() as order, None, None, None, -1, -1, 0):
            order = _text(order)
            if order not in ("<", ">") and (order, target.code[1:]) != ("|", "1"):
                raise Refusal(f"it holds an array of byte order {shown(order)}, read are < and >")
            target.dtype = np.dtype(order + target.code)
            return target
    raise Refusal("opcode BUILD is refused except for a plain array: it could set the state of anything")


def no_instance(*_):
    """NEWOBJ, which plain data does not need."""
    raise Refusal("opcode NEWOBJ is refused, only arrays and plain containers are read")


def no_reference(*_):
    """BINPERSID, likewise."""
    raise Refusal("opcode BINPERSID is refused, only arrays and plain containers are read")


@dataclass(frozen=True)
class Words:
    """What the names in a pickle stand for, and what is done with them: a kind of pickle has its own."""

    leaves: frozenset
    """Types that may come out, besides dict, list and tuple."""
    find: Callable = find_name
    """GLOBAL, STACK_GLOBAL: (module, name) -> a symbol."""
    call: Callable = call_name
    """REDUCE: (symbol, arguments, spend) -> a value."""
    build: Callable = build
    """BUILD: (value, state) -> the value with that state."""
    create: Callable = no_instance
    """NEWOBJ: (symbol, arguments) -> an instance."""
    refer: Callable = no_reference
    """BINPERSID: (reference) -> what lies outside the pickle."""


PLAIN_WORDS = Words(frozenset(LEAVES))


def built(value):
    """What a memo entry stands for: an array, once it is built, in place of its stand-in."""
    return value.built if type(value) is UnbuiltArray and value.built is not None else value


class UnbuiltArray:
    """An array whose dtype, shape and bytes BUILD will bring; then it is `built`."""

    built = None


class DType:
    """The code of a dtype and, once BUILD has brought its byte order, the numpy `dtype`."""

    dtype = None

    def __init__(self, code):
        if code.startswith("O"):
            raise Refusal("it holds an object array, whose items could be anything")
        if code not in DTYPES:
            raise Refusal(f"it holds an array of dtype {shown(code)}, read are {', '.join(DTYPES)}")
        self.code = code


def _make_array(data, dtype, shape, order):
    """The array that `shape`, `dtype` and memory `order` describe, over the bytes of `data` themselves."""
    if dtype.dtype is None or type(data) not in (bytes, bytearray):
        raise Refusal("an array lacks its byte order or its bytes")
    if type(shape) is not tuple or len(shape) > MAX_NDIM or any(type(n) is not int or n < 0 for n in shape):
        raise Refusal(f"an array's shape must be at most {MAX_NDIM} numbers of 0 or more")
    if math.prod(shape) * dtype.dtype.itemsize != len(data):
        what = f"an array of shape {shown(str(shape))} and dtype {dtype.dtype}"
        raise Refusal(f"{what} cannot have {len(data):,} bytes")
    array = np.ndarray(shape, dtype.dtype, buffer=data, order=order)
    if dtype.code == "b1" and array.size and array.view(np.uint8).max() > 1:
        raise Refusal("an array of booleans holds other bytes than 0 and 1")
    return array


def _text(value):
    """Python 2 wrote the codes of dtypes and byte orders as byte strings."""
    return value.decode("latin-1") if type(value) is bytes else value
