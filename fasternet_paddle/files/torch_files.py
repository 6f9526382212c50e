"""Weights that PyTorch saved, read without PyTorch: `.pth`, `.bin`, `.pt`, and Lightning's `.ckpt`.

    arrays = read_torch("fasternet_t0.pth")      # {"patch_embed.proj.weight": float32 (40, 3, 4, 4), ...}

Both forms of `torch.save` are read: the zip file of today, and the row of pickles of versions before 1.6. Nothing that
a file names is imported or called (`torch_values`), and only the storages of the weights are read: of a checkpoint
with an optimizer's state the weights alone.
"""

import io
import math

import numpy as np

from .opening import MIB, Part, Refusal, open_file, refusals_name, shown
from .pickle_values import PLAIN_WORDS
from .pickles import run_pickle
from .tensors import as_array, item_size
from .torch_values import Tensor, torch_words
from .zips import StoredZip

TORCH_BYTES = 4096 * MIB  # FasterNet-L with the state of its optimizer has 1.1 GB
PICKLE_BYTES = 64 * MIB  # the part that names the tensors; FasterNet-L's has 40 kB
WRAPPERS = ("state_dict", "model", "model_state_dict")  # keys under which trainers put the weights; the first counts
MAGIC = 0x1950A86A20F9469CFC6C  # of the older form, a pickle of this number
MAGIC_PICKLE = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = 1001  # of the older form
ZIP_MAGIC = b"PK\3\4"


def is_torch(start):
    """Whether the first 32 bytes of a file are those of `torch.save`, in either form."""
    return start.startswith((ZIP_MAGIC, MAGIC_PICKLE))


def read_torch(path, limit_bytes=TORCH_BYTES):
    """The tensors of a state_dict that `torch.save` wrote, by name.

    The state_dict is the file itself or stands in it under one of `WRAPPERS`, as trainers write their checkpoints.

    Returns:
        Dict of str to numpy array: float32 where the file holds floats of 16 (both kinds), 32 or 64 bits, else its
        own whole numbers or booleans. Tensors that share a storage share memory.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: damaged, no such file, or one that holds anything but tensors and plain data.
    """
    with open_file(path, limit_bytes) as (file, size), refusals_name(path, "file of torch.save"):
        start = file.read(len(MAGIC_PICKLE))
        file.seek(0)
        if start.startswith(ZIP_MAGIC):
            return _read_zip(StoredZip(file, size))
        if start == MAGIC_PICKLE:
            return _read_legacy(file, size)
        raise Refusal("it is in neither form that torch.save writes")


def _read_zip(zipped):
    """`<name>/data.pkl` refers to storages by number, which are the members `<name>/data/<number>`."""
    folders = {name.partition("/")[0] for name in zipped.names}
    folder = folders.pop() if len(folders) == 1 else ""
    if f"{folder}/constants.pkl" in zipped.names:
        raise Refusal("it is a TorchScript archive, which holds a program; save the model's state_dict() instead")
    if zipped.size(f"{folder}/data.pkl") > PICKLE_BYTES:
        raise Refusal(f"its data.pkl has over {PICKLE_BYTES:,} bytes")
    data = zipped.read(f"{folder}/data.pkl")
    tensors = _state_dict(_whole_pickle(data))
    order = "<"
    if f"{folder}/byteorder" in zipped.names:
        order = {b"little": "<", b"big": ">"}[zipped.read(f"{folder}/byteorder")]
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    _check_shares(tensors, storages)
    flat = {}
    for key, storage in storages.items():
        if zipped.size(f"{folder}/data/{key}") != storage.count * item_size(storage.code):
            raise Refusal(f"its storage {shown(key)} has not the size that its data.pkl says")
        flat[key] = as_array(zipped.read(f"{folder}/data/{key}"), storage.code, order)
    return {name: _view(flat[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def _whole_pickle(data):
    part = Part(io.BytesIO(data), len(data))
    result = run_pickle(part, torch_words({}))
    if part.left:
        raise Refusal("bytes follow the end of its data.pkl")
    return result


def _read_legacy(file, size):
    """Five pickles (magic number, version, sizes of types, the state_dict, keys of the storages), then each storage
    as its number of items in 8 bytes and the items."""
    part, storages = Part(file, size), {}
    if run_pickle(part) != MAGIC or run_pickle(part) != VERSION:
        raise Refusal(f"it is not of version {VERSION} of the older form of torch.save")
    order = {True: "<", False: ">"}[run_pickle(part)["little_endian"]]
    tensors = _state_dict(run_pickle(part, torch_words(storages)))
    keys = run_pickle(part, PLAIN_WORDS)
    wanted = {tensor.storage.key for tensor in tensors.values()}
    if sorted(keys) != sorted(storages):
        raise Refusal("its list of storages differs from those that it refers to")
    _check_shares(tensors, {key: storages[key] for key in wanted})
    flat = {}
    for key in keys:
        storage = storages[key]
        length = storage.count * item_size(storage.code)
        if int.from_bytes(part.read(8), {"<": "little", ">": "big"}[order]) != storage.count or length > part.left:
            raise Refusal(f"its storage {shown(key)} has not the size that its pickle says")
        if key in wanted:
            flat[key] = as_array(part.read(length), storage.code, order)
        else:
            part.skip(length)
    if part.left:
        raise Refusal("bytes follow its end")
    return {name: _view(flat[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def _state_dict(value):
    """The mapping of names to tensors in what a file holds."""
    for key in WRAPPERS:
        if type(value) is dict and type(value.get(key)) is dict:
            value = value[key]
            break
    if type(value) is not dict:
        raise Refusal(f"it must hold a state_dict, got a {type(value).__name__}")
    others = [name for name, tensor in value.items() if type(name) is not str or type(tensor) is not Tensor]
    if others or not value:
        found = ", ".join(shown(str(name)) for name in others[:6]) or "nothing"
        raise Refusal(f"it must hold tensors by name, itself or under {', '.join(WRAPPERS)}, got {found} besides")
    return value


def _check_shares(tensors, storages):
    """Tied weights share a storage; a file in which thousands do would unfold to many times its size."""
    items = sum(math.prod(tensor.shape) for tensor in tensors.values())
    if items > 2 * sum(storage.count for storage in storages.values()):
        raise Refusal(f"its tensors share so much that they unfold to {items:,} numbers")


def _view(flat, tensor):
    """The array of a tensor; numpy holds offset and strides to the bounds of `flat` once more."""
    size = flat.itemsize
    strides = [stride * size for stride in tensor.strides]
    return np.ndarray(tensor.shape, flat.dtype, flat, tensor.offset * size, strides)
