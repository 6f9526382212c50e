"""Named arrays and plain settings in one ``.npz``, read within bounds that the file's own size fixes.

    write_arrays(path, {"seed": 0}, {"weights": weights})
    settings, arrays = read_arrays(path, {"weights": ("f", 2)})      # kinds of dtype, number of axes

The file is numpy's: a zip of ``.npy`` members, one of them, ``settings``, holding JSON in bytes; ``numpy.load`` reads
it too. Here nothing in it is believed before it is checked: the zip's directory, the sizes that it claims, and each
array's header, which is compared with what is wanted and with the bytes that follow, before they are unpacked.
"""

import json
import math
import re
import zipfile
from contextlib import contextmanager

import numpy as np

from .opening import MIB, Refusal, open_file, refusals_name, shown
from .writing import atomic_path

SETTINGS = "settings"
FILE_BYTES = 512 * MIB  # float32 maps of 224 x 224 pixels for 1,000 classes have 200 MB
SMALL = 32 * MIB  # what any file may unpack to: maps for 160 classes that are zero everywhere
GROWTH = 20  # times the file's size beyond that; maps hardly shrink
SETTINGS_BYTES = 1 * MIB  # 10,000 class names have about 200 kB
DIRECTORY_BYTES = 64 * 1024  # of the zip: some 60 bytes a member
DIGITS = 20  # of a whole number in the settings; converting a long one takes quadratic time

# Array headers as numpy writes them, and nothing else that Python could evaluate.
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(rb"\{'descr': '([<>|][a-z]\d{1,2})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \} *\n")
AXIS = re.compile(rb"\d{1,12}")


def write_arrays(path, settings, arrays):
    """Write ``settings`` (what JSON holds) and a dict of arrays to ``path``, compressed, whole or not at all."""
    settings = np.frombuffer(json.dumps(settings).encode(), np.uint8)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **{SETTINGS: settings}, **arrays)


def read_arrays(path, kinds):
    """The settings and those arrays of a file that ``kinds`` names.

    Args:
        path: of a file that ``write_arrays`` wrote.
        kinds: ``{name: (kinds of dtype, number of axes)}``; what the file holds beside them is not read.

    Returns:
        (settings, dict of arrays); arrays that the file lacks are left out.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: it is damaged or something else, or unpacks to more than a file of its size may.
    """
    with open_file(path, FILE_BYTES) as (file, size), refusals_name(path, ".npz of arrays"), _opened(file) as zipped:
        members = _members(zipped, {SETTINGS, *kinds})
        if sum(member.file_size for member in members.values()) > max(SMALL, GROWTH * size):
            raise Refusal("it unpacks to more than a file of its size may")
        if SETTINGS not in members or members[SETTINGS].file_size > SETTINGS_BYTES:
            raise Refusal(f"it has no settings, or more than {SETTINGS_BYTES:,} bytes of them")
        settings = json.loads(_read(zipped, members.pop(SETTINGS), "u", 1).tobytes(), parse_int=_integer)
        arrays = {name: _read(zipped, member, *kinds[name]) for name, member in members.items()}
    return settings, arrays


class _Bounded:
    """A file whose single reads are bounded while zipfile reads the directory, which it does in one piece."""

    def __init__(self, file):
        self._file, self.limit = file, DIRECTORY_BYTES + 2**16  # the end record may have a comment of 64 kB
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, count=-1):
        data = self._file.read(self.limit + 1 if count < 0 else min(count, self.limit + 1))
        if len(data) > self.limit:
            raise Refusal("its directory is larger than that of an array file")
        return data


@contextmanager
def _opened(file):
    bounded = _Bounded(file)
    with zipfile.ZipFile(bounded) as zipped:
        bounded.limit = FILE_BYTES
        yield zipped


def _members(zipped, names):
    """The members that hold the arrays ``names``, as far as they are there; a dict by array's name."""
    found = {}
    for member in zipped.infolist():
        name = member.filename.removesuffix(".npy")
        if name in names:
            if name in found:
                raise Refusal(f"it holds {shown(name)} twice")
            if member.compress_type not in (
                zipfile.ZIP_STORED,
                zipfile.ZIP_DEFLATED,
            ):  # others take memory at will
                raise Refusal(f"{shown(name)} is packed in a way that numpy does not use")
            found[name] = member
    return found


def _read(zipped, member, kinds, axes):
    """One array of a dtype of ``kinds`` with ``axes`` axes, its bytes unpacked only if there are as many as it says."""
    with zipped.open(member) as file:
        dtype, order, shape, start = _header(file)
        if dtype.kind not in kinds or len(shape) != axes:
            raise Refusal(f"{shown(member.filename)} is {dtype} with {len(shape)} axes")
        count = math.prod(shape) * dtype.itemsize
        if count != member.file_size - start:
            raise Refusal(f"{shown(member.filename)} claims {count:,} bytes and has {member.file_size - start:,}")
        data = bytearray()
        while chunk := file.read(MIB):  # to the end, where zipfile verifies the checksum
            data += chunk
        if len(data) != count:
            raise Refusal(f"{shown(member.filename)} ends too early")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _header(file):
    """(dtype, order, shape, bytes read) of a ``.npy`` file's header."""
    head = file.read(len(MAGIC) + 2)
    text = file.read(int.from_bytes(head[-2:], "little"))  # at most 64 kB
    match = HEADER.fullmatch(text)
    if not head.startswith(MAGIC) or match is None:
        raise Refusal("a member does not begin as numpy writes an array of numbers")
    axes = [axis.strip() for axis in match[3].split(b",") if axis.strip()]
    if not all(AXIS.fullmatch(axis) for axis in axes):
        raise Refusal("an array's shape holds what is no size")
    return np.dtype(match[1].decode()), "CF"[match[2] == b"True"], tuple(map(int, axes)), len(head) + len(text)


def _integer(digits):
    if len(digits) > DIGITS:
        raise Refusal(f"a number of the settings has more than {DIGITS} digits")
    return int(digits)
