"""Raw numbers to arrays, and the safetensors format: a length, a JSON header, the numbers.

    arrays = read_safetensors("model.safetensors")      # {"patch_embed.proj.weight": float32 (40, 3, 4, 4), ...}

Read here rather than by the package `safetensors`, whose numpy side knows no bfloat16.
"""

import json
import math

import numpy as np

from .opening import MIB, Refusal, open_file, refusals_name, shown
from .pickle_values import MAX_NDIM

SAFETENSORS_BYTES = 4096 * MIB  # FasterNet-L has 374 MB, with the state of its optimizer 1.1 GB
SPARE = 8 * MIB  # for headers, and for what a system hands out in large pieces
HEADER_BYTES = 4 * MIB  # FasterNet-L's has 30 kB
# The format's names of types and this package's codes: kind and bytes of an item, "bf2" being bfloat16.
CODES = {
    **{f"F{8 * size}": f"f{size}" for size in (2, 4, 8)},
    **{f"I{8 * size}": f"i{size}" for size in (1, 2, 4, 8)},
    **{"U8": "u1", "BOOL": "b1", "BF16": "bf2"},
}


def item_size(code):
    """Bytes of an item of a code such as "f4" or "bf2"."""
    return int(code[-1])


def as_array(data, code, order="<"):
    """The numbers in ``data`` as a flat array: floats of any width as float32, which holds every bfloat16 exactly.

    Args:
        data: bytes, a whole number of items.
        code: kind and bytes of an item, as in ``CODES``.
        order: "<" or ">", the file's byte order.

    Raises:
        Refusal: a boolean that is neither 0 nor 1.
    """
    if code == "bf2":  # the upper half of a float32
        return (np.frombuffer(data, f"{order}u2").astype("<u4") << 16).view(np.float32)
    array = np.frombuffer(data, order + code)
    if code[0] == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite
            return array.astype(np.float32, copy=False)
    if code == "b1" and array.size and array.view(np.uint8).max() > 1:
        raise Refusal("a tensor of booleans holds other bytes than 0 and 1")
    return array


def is_safetensors(start):
    """Whether the first 32 bytes of a file are those of a safetensors file: the header's length and its brace."""
    return len(start) > 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= 100 * MIB


def read_safetensors(path, limit_bytes=SAFETENSORS_BYTES):
    """The tensors of a safetensors file by name, as ``as_array`` makes them.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: damaged, or no such file.
    """
    with open_file(path, limit_bytes) as (file, size), refusals_name(path, "safetensors file"):
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(HEADER_BYTES, size - 8):
            raise Refusal(f"it claims a header of {length:,} bytes")
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_dict)
        if type(header) is not dict:
            raise Refusal("its header is no mapping")
        header.pop("__metadata__", None)
        entries = sorted(map(_entry, header.items()), key=lambda entry: entry[3])
        arrays, at = {}, 0
        for name, code, shape, begin, end in entries:
            if begin != at or end > size - 8 - length:
                raise Refusal(f"the bytes of {shown(name)} overlap others, leave a gap or lie beyond its end")
            arrays[name], at = as_array(file.read(end - begin), code).reshape(shape), end
        if at != size - 8 - length:
            raise Refusal("bytes follow its end")
        return {name: arrays[name] for name in header}


def safetensors_bytes(arrays, metadata=None):
    """The bytes of a safetensors file, by the package `safetensors`.

    Args:
        arrays: dict of name to array.
        metadata: dict of text to text.

    Raises:
        MemoryError: there is no memory for it.
    """
    from safetensors.numpy import save

    ask_for_memory(2 * sum(array.nbytes for array in arrays.values()))  # it makes them in Rust, and copies them
    return save(arrays, metadata)


def ask_for_memory(count):
    """Raise ``MemoryError`` where there are not so many bytes, and some to spare.

    To be asked before `safetensors` is: where its Rust finds none it prints, and panics or ends the process.
    """
    np.empty(count + SPARE, np.uint8)


def _dict(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal("its header names something twice")
    return found


def _entry(item):
    """(name, code, shape, begin, end) of an entry of the header, which agree with each other."""
    name, entry = item
    match entry:
        case {"dtype": str() as kind, "shape": list() as shape, "data_offsets": [int() as begin, int() as end]}:
            if kind not in CODES:
                raise Refusal(f"{shown(name)} is of type {shown(kind)}, read are {', '.join(CODES)}")
            if len(shape) > MAX_NDIM or any(type(n) is not int or n < 0 for n in shape):
                raise Refusal(f"a shape must be at most {MAX_NDIM} numbers of 0 or more")
            if begin < 0 or math.prod(shape) * item_size(CODES[kind]) != end - begin:
                raise Refusal(f"{shown(name)} of shape {shown(str(shape))} cannot have {end - begin:,} bytes")
            return name, CODES[kind], shape, begin, end
    raise Refusal(f"its header says of {shown(name)} something else than dtype, shape and data_offsets")
