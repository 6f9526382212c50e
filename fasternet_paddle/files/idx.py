"""The idx files that MNIST and its kin come in, gzipped or not.

    images = read_idx("train-images-idx3-ubyte.gz")         # uint8 (60000, 28, 28)

A header names a dtype and the lengths of the axes; what it claims is held against what there is before anything is
kept: memory stays within what was asked for, however small a gzip bomb is packed.
"""

import gzip
import math
import re
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from .opening import MIB, Part, Refusal, open_file, refusals_name

IDX_BYTES = 2048 * MIB  # unpacked; EMNIST's largest part has 698,000 images, 547 MB
PACKED_BYTES = 2048 * MIB
UINT8 = 8  # the code of the one dtype that the family uses
MAX_AXES = 3
MAPPING_BYTES = 1 * MIB
PART_NAME = re.compile(r"(.*?)(train|t10k|test)[-.](images|labels)[-.]idx([13])-ubyte(?:\.gz)?")


def read_idx(path, limit_bytes=IDX_BYTES):
    """The array in an idx file of bytes, gzipped or not: uint8, 1 to 3 axes.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: damaged, no idx file of bytes, or one that holds more or less than its header says.
    """
    with open_file(path, PACKED_BYTES) as (file, size), refusals_name(path, "idx file"):
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        content = Part(gzip.GzipFile(fileobj=file) if zipped else file, limit_bytes if zipped else size)
        header = content.read(4)
        if len(header) < 4 or header[:2] != b"\0\0" or not 1 <= header[3] <= MAX_AXES:
            raise Refusal("it is damaged or is no idx file: its first bytes are not those of one")
        if header[2] != UINT8:
            raise Refusal(f"its values have the code 0x{header[2]:02x}, only bytes (0x08) are read")
        lengths = content.read(4 * header[3])
        if len(lengths) < 4 * header[3]:
            raise Refusal("it ends too early")
        shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
        wanted = math.prod(shape)
        if wanted > content.left:
            raise Refusal(f"it claims to hold {wanted:,} values, {content.left:,} can be read")
        values = bytearray()  # grows with what is there: a claim alone allocates nothing
        while len(values) < wanted:
            data = content.read(min(wanted - len(values), 16 * MIB))
            if not data:
                raise Refusal(f"it ends after {len(values):,} of {wanted:,} values")
            values += data
        if content.file.read(1):
            raise Refusal("bytes follow its end")
        return np.frombuffer(values, np.uint8).reshape(shape)


def read_idx_folder(folder):
    """The four files of a folder in MNIST's naming (``train-images-idx3-ubyte.gz`` and so on; also EMNIST's).

    Returns:
        ((images, labels), (images, labels), names) of the training and the test part: images uint8 (N, H, W), upright,
        labels uint8 (N,). names is a dict of number to name where EMNIST's ``...-mapping.txt`` is there, else None.

    Raises:
        FasterNetError: not these four files, or those of several data sets.
        RefusedFile: a file is damaged, or images and labels do not belong together.
    """
    files, prefix = _find(Path(folder))
    parts = []
    for part in ("train", "test"):
        images, labels = (read_idx(files[part, kind]) for kind in ("images", "labels"))
        with refusals_name(files[part, "images"], "idx file of images"):
            if images.ndim != 3 or labels.ndim != 1 or not 0 < len(labels) == len(images) or not images.size:
                raise Refusal(f"images of shape {images.shape} and labels of shape {labels.shape} are no pair")
        if prefix.startswith("emnist-"):  # its images lie on their side, mirrored
            images = images.transpose(0, 2, 1)
        parts.append((images, labels))
    mapping = Path(folder) / f"{prefix}mapping.txt"
    return *parts, read_mapping(mapping) if prefix and mapping.is_file() else None


def _find(folder):
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise FasterNetError(f"{folder} cannot be read: {error.strerror}", change="data_path") from None
    found = {}
    for name in names:
        if match := PART_NAME.fullmatch(name):
            prefix, part, kind, _ = match.groups()
            part = "train" if part == "train" else "test"
            found.setdefault(prefix, {}).setdefault((part, kind), folder / name)  # a.gz stands behind an unpacked a
    whole = [prefix for prefix, files in found.items() if len(files) == 4]
    if len(whole) == 1:
        return found[whole[0]], whole[0]
    if whole:
        raise FasterNetError(
            f"{folder} holds several data sets ({', '.join(prefix or 'MNIST' for prefix in whole)}); give each a "
            f"folder of its own",
            change="data_path",
        )
    raise FasterNetError(
        f"{folder} must hold train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
        f"t10k-labels-idx1-ubyte, gzipped or not, but it does not",
        change="data_path",
    )


def read_mapping(path):
    """EMNIST's mapping, a line a class: its number, then the code points it stands for -> dict of number to name."""
    names = {}
    with open_file(path, MAPPING_BYTES) as (file, _), refusals_name(path, "mapping"):
        for line in file.read().decode("ascii").splitlines():
            if not line.strip():
                continue
            number, *codes = (int(word) for word in line.split())
            if not codes or number in names or not all(32 < code < 0xD800 for code in codes):
                raise Refusal("a line must hold a new number, then code points")
            names[number] = chr(codes[0])
        if not names or len(set(names.values())) < len(names):
            raise Refusal("its classes must have names that differ")
        return names
