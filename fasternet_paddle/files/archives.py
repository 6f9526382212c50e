"""Reading CIFAR-10 and CIFAR-100 in their python form: the archive, or the folder that it unpacks to.

    (train_images, train_labels), (test_images, test_labels), names = read_cifar_archive("cifar-10-python.tar.gz")
    train, test, names = read_cifar_archive("cifar-100-python", CIFAR100)

Nothing is unpacked to disk and no member is believed before it is checked: its kind, size and path, then the dtype,
shape and range of what it holds. What a packed file may unpack to is bounded by the constants below.
"""

import hashlib
import os
import re
from dataclasses import dataclass

import numpy as np

from .kinds import GZIP, TAR, refuse_other
from .opening import Part, Refusal, open_file, refusals_name, shown
from .pickles import load_pickle_part
from .tars import ARCHIVE_BYTES, MEMBER_BYTES, tar_members, unpacked

MAX_CLASSES = 10_000
OTHER_FORMS = {".bin": "binary", ".mat": "Matlab"}
RECORDS = ((3073, 10), (3074, 20))  # CIFAR-10's and -100's binary version: bytes an image, bound of the first, a label


@dataclass(frozen=True)
class Layout:
    """What members and keys an archive of the CIFAR kind has; patterns are of a member's base name."""

    train: str
    test: str
    meta: str
    labels: str
    """Key of the labels in a batch."""
    names: str
    """Key of the classes' names in ``meta``."""
    classes: int
    """How many classes there are where no ``meta`` names them."""


CIFAR10 = Layout("data_batch.*", "test_batch.*", "batches.meta", "labels", "label_names", 10)
CIFAR100 = Layout("train", "test", "meta", "fine_labels", "fine_label_names", 100)
CIFAR100_COARSE = Layout("train", "test", "meta", "coarse_labels", "coarse_label_names", 20)


TITLES = {CIFAR10: "CIFAR-10", CIFAR100: "CIFAR-100", CIFAR100_COARSE: "CIFAR-100"}


def read_cifar_archive(path, layout=CIFAR10):
    """The images of an archive in the format of cifar-10-python.tar.gz (tar, gzipped or not), or of its folder.

    Args:
        path: archive with members `.../data_batch*`, `.../test_batch*` and, if it names its classes,
            `.../batches.meta` (of CIFAR-100 `train`, `test` and `meta`), or a folder with them; pickled by Python 2
            or 3.
        layout: `CIFAR10`, `CIFAR100` or `CIFAR100_COARSE`.

    Returns:
        ((images, labels), (images, labels), names) of train and test part: images uint8 (N, 32, 32, 3) RGB,
        labels int64 (N,), joined in the order of the members' names as Paddle's `Cifar10` does; names a tuple
        of str, or None without a `batches.meta`.

    Raises:
        FasterNetError: the file or folder cannot be opened.
        RefusedFile: damaged, no such archive, or claims that do not hold.
    """
    if os.path.isdir(path):
        with refusals_name(path, "folder of a CIFAR archive"):
            return _read(_folder_members(path, layout), path, layout)
    with open_file(path, ARCHIVE_BYTES) as (file, size), refusals_name(path, "tar or tar.gz archive"):
        _refuse_other_forms(file, size)
        return _read(tar_members(unpacked(file, size)), path, layout)


def _read(members, path, layout):
    batches, digests, bases, classes = {}, set(), set(), None
    for name, member in members:
        base, source = name.rpartition("/")[2], f"{path}, member {shown(name)},"
        bases.add(base)
        if base.endswith(tuple(OTHER_FORMS)) and re.match("data_batch|test_batch|train|test", base):
            raise Refusal(f"it is the {OTHER_FORMS[base[-4:]]} version of CIFAR; read is the python version")
        with refusals_name(source, "CIFAR batch"):
            if re.fullmatch(f"{layout.train}|{layout.test}", base):
                _add(batches, digests, name, _batch(load_pickle_part(member, source), layout))
            elif base == layout.meta:
                classes = _class_names(load_pickle_part(member, source), layout.names)
    if not batches:
        _refuse_other_layout(bases, layout)
    count = len(classes) if classes else layout.classes
    return _join(batches, layout.train, count), _join(batches, layout.test, count), classes


def _add(batches, digests, name, batch):
    """Keep a batch under its path; a second copy of one, under another path, is passed over."""
    path = "/".join(part for part in name.split("/") if part not in ("", "."))
    base = path.rpartition("/")[2]
    if path in batches:
        raise Refusal("the archive holds it twice")
    digest = base[:4], *(hashlib.sha256(np.ascontiguousarray(part)).digest() for part in batch)  # of data or test
    if digest in digests:
        return
    if any(other.rpartition("/")[2] == base for other in batches):
        raise Refusal("the archive holds another one of this name in another folder")
    digests.add(digest)
    batches[path] = batch


def _refuse_other_forms(file, size):
    """Raises `Refusal` for what is no tar: other archives, a batch alone, CIFAR's binary version."""
    refuse_other(file, "a tar or tar.gz archive", but=(GZIP, TAR))
    start = file.read(2)
    file.seek(0)
    if start in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"):
        raise Refusal("it is a pickle, as a single batch is; name the archive, or the folder of all batches")
    if size and any(size % record == 0 and start[0] < labels for record, labels in RECORDS):
        raise Refusal("it is a batch of the binary version of CIFAR; read is the python version")


def _refuse_other_layout(bases, layout):
    """Raises `Refusal` where the members are another layout's."""
    for other, title in TITLES.items():
        found = [any(re.fullmatch(pattern, base) for base in bases) for pattern in (other.train, other.test)]
        if all(found) and TITLES[layout] != title:
            raise Refusal(f"it is {title}, not {TITLES[layout]}", change="dataset")


def _folder_members(folder, layout):
    """Yields (name, `Part`) of the files in a folder that the layout names."""
    for name in sorted(os.listdir(folder)):
        if re.fullmatch(f"{layout.train}|{layout.test}|{re.escape(layout.meta)}", name):
            with open_file(os.path.join(folder, name), MEMBER_BYTES) as (file, size):
                yield name, Part(file, size)


def _batch(batch, layout):
    """Images uint8 (n, 3072), red, green and blue plane, and labels int64 (n,) of one unpickled batch."""
    data, labels = _entry(batch, "data"), _entry(batch, layout.labels)
    if type(data) is not np.ndarray or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        got = f"{data.dtype} {data.shape}" if type(data) is np.ndarray else type(data).__name__
        raise Refusal(f"its data must be uint8 of shape (n, 3072), got {got}")
    integers = type(labels) in (list, np.ndarray) and all(isinstance(v, int | np.integer) for v in labels)
    if not integers or any(isinstance(v, bool) for v in labels):
        raise Refusal(f"its {layout.labels} must be a list of integers")
    if len(labels) != len(data):
        raise Refusal(f"it has {len(data)} images but {len(labels)} labels")
    wrong = [int(label) for label in labels if not 0 <= label < MAX_CLASSES]
    if wrong:
        raise Refusal(f"label {wrong[0]} is out of range")
    return data, np.array(labels, np.int64)


def _class_names(meta, key):
    names = _entry(meta, key)
    if type(names) not in (list, tuple) or not 0 < len(names) <= MAX_CLASSES:
        raise Refusal(f"its {key} must be a list of 1 to {MAX_CLASSES:,} names")
    names = tuple(name.decode() if type(name) is bytes else name for name in names)
    if not all(type(name) is str and name and name.isprintable() for name in names):
        raise Refusal(f"its {key} must be printable text")
    return names


def _entry(mapping, key):
    """Python 2 wrote the keys as byte strings."""
    if type(mapping) is not dict or not (key in mapping or key.encode() in mapping):
        raise Refusal(f"it must be a dict with the key {key}")
    return mapping[key] if key in mapping else mapping[key.encode()]


def _join(batches, kind, count):
    """Images (N, 32, 32, 3) and labels (N,) of the batches of one kind, which are let go one by one."""
    names = sorted(name for name in batches if re.fullmatch(kind, name.rpartition("/")[2]))
    kind = kind.removesuffix(".*")
    if not names:
        raise Refusal(f"it holds no member named {kind}")
    labels = np.concatenate([batches[name][1] for name in names])
    if not len(labels):
        raise Refusal(f"its {kind} holds no images")
    if labels.max() >= count:
        raise Refusal(f"label {labels.max()} is out of range, there are {count} classes")
    images, start = np.empty((len(labels), 32, 32, 3), np.uint8), 0
    for name in names:
        data, _ = batches.pop(name)  # (n, 3072) -> (n, 3, 32, 32) -> (n, 32, 32, 3)
        images[start : start + len(data)] = data.reshape(len(data), 3, 32, 32).transpose(0, 2, 3, 1)
        start += len(data)
    return images, labels
