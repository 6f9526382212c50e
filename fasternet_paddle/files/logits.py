"""Logits on disk, so that every figure of a network can be computed again without the network.

    write_logits("logits.npz", SavedLogits(logits, labels, class_names, names))
    saved = read_logits("logits.npz")

``.npz`` holds the arrays ``logits`` (float32), ``labels`` (int64), ``class_names`` and ``names``; ``.csv`` a line an
image: its name, its label's number, and a logit a class, written so that float32 comes back to the last bit.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from .opening import MIB, Refusal, open_file, refusals_name
from .writing import atomic_path

KINDS = (".npz", ".csv")
LARGEST = 8192 * MIB  # bytes of a file: a million images of 1,000 classes take 4 GB as .npz
LEADING = ("image", "label")  # columns of a .csv before the classes


@dataclass(frozen=True)
class SavedLogits:
    """``logits`` float32 ``(N, K)``, ``labels`` int64 ``(N,)``, K ``class_names``, and N ``names`` of the images."""

    logits: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    names: tuple[str, ...]

    def __post_init__(self):
        """Check that the shapes fit; raise ``FasterNetError``."""
        count, classes = (len(self.labels), len(self.class_names))
        if self.logits.shape != (count, classes) or len(self.names) != count:
            raise FasterNetError(
                f"logits must be (N, K) with N labels and names and K class names, got {self.logits.shape}, {count}, "
                f"{len(self.names)} and {classes}"
            )


def check_logits_path(path):
    """Refuse a path whose ending names no form; call it before the work."""
    if Path(path).suffix.lower() not in KINDS:
        raise FasterNetError(f"logits are written as {' or '.join(KINDS)}, got {path}", change="logits")


def write_logits(path, saved):
    """Write ``SavedLogits`` in the form that the path's ending names, whole or not at all; returns ``path``."""
    check_logits_path(path)
    with atomic_path(path) as temporary:
        if Path(path).suffix.lower() == ".npz":
            with open(temporary, "wb") as file:
                names = {name: np.array(getattr(saved, name), dtype=np.str_) for name in ("class_names", "names")}
                np.savez_compressed(file, logits=np.float32(saved.logits), labels=np.int64(saved.labels), **names)
        else:
            with open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow([*LEADING, *saved.class_names])
                for name, label, row in zip(saved.names, saved.labels, np.float32(saved.logits), strict=True):
                    writer.writerow([name, int(label), *map(str, row)])  # str of a float32: enough digits, no more
    return path


def read_logits(path):
    """Read what ``write_logits`` wrote; nothing in the file is run.

    Returns:
        ``SavedLogits``.

    Raises:
        FasterNetError: the file is missing, damaged, or something else.
    """
    check_logits_path(path)
    with open_file(path, LARGEST) as (file, _), refusals_name(path, "file of logits"):
        return _from_npz(file) if Path(path).suffix.lower() == ".npz" else _from_csv(file)


def _from_npz(file):
    with np.load(file, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in ("logits", "labels", "class_names", "names")}
    for name, kind, axes in (("logits", "f", 2), ("labels", "i", 1), ("class_names", "U", 1), ("names", "U", 1)):
        if values[name].dtype.kind != kind or values[name].ndim != axes:
            raise Refusal(f"{name} is {values[name].dtype} with {values[name].ndim} axes")
    names = {name: tuple(values[name].tolist()) for name in ("class_names", "names")}
    return SavedLogits(np.float32(values["logits"]), np.int64(values["labels"]), **names)


def _from_csv(file):
    rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
    header = next(rows, [])
    if tuple(header[: len(LEADING)]) != LEADING:
        raise Refusal(f"its first columns are not {' and '.join(LEADING)}")
    names, labels, logits = [], [], []
    for row in rows:
        if len(row) != len(header):
            raise Refusal(f"line {len(names) + 2} has {len(row)} cells instead of {len(header)}")
        names.append(row[0])
        labels.append(int(row[1]))
        logits.append(np.array(row[2:], dtype=np.float32))
    classes = tuple(header[len(LEADING) :])
    matrix = np.stack(logits) if logits else np.empty((0, len(classes)), np.float32)
    return SavedLogits(matrix, np.array(labels, dtype=np.int64), classes, tuple(names))
