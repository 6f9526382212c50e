"""Logits on disk, so that every figure of a network can be computed again without the network.

    write_logits("logits.npz", SavedLogits(logits, labels, class_names, names))
    saved = read_logits("logits.npz")

``.npz`` (``files/arrays``) holds ``logits`` (float32) and ``labels`` (int64), which ``numpy.load`` reads too, and the
names. ``.csv`` holds a line an image: its name, its label's number, and a logit a class, written so that float32 comes
back to the last bit.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from .arrays import FILE_BYTES, read_arrays, write_arrays
from .opening import Refusal, open_file, refusals_name
from .writing import atomic_path

KINDS = (".npz", ".csv")
ARRAYS = {"logits": ("f", 2), "labels": ("i", 1), "names": ("u", 1)}  # names: UTF-8, each ended by NUL
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
    logits, labels = np.float32(saved.logits), np.int64(saved.labels)
    if Path(path).suffix.lower() == ".npz":
        names = "".join(f"{name}\0" for name in saved.names).encode("utf-8", "surrogatepass")
        arrays = {"logits": logits, "labels": labels, "names": np.frombuffer(names, np.uint8)}
        write_arrays(path, {"class_names": list(saved.class_names)}, arrays)
        return path
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*LEADING, *saved.class_names])
        for name, label, row in zip(saved.names, labels.tolist(), logits, strict=True):
            writer.writerow([name, label, *map(str, row)])  # str of a float32: as many digits as it takes
    return path


def read_logits(path):
    """Read what ``write_logits`` wrote; nothing in the file is run.

    Returns:
        ``SavedLogits``.

    Raises:
        FasterNetError: the file is missing, damaged, or something else.
    """
    check_logits_path(path)
    if Path(path).suffix.lower() == ".csv":
        with open_file(path, FILE_BYTES) as (file, _), refusals_name(path, "file of logits"):
            return _from_csv(file)
    settings, arrays = read_arrays(path, ARRAYS)
    with refusals_name(path, "file of logits"):
        *names, _ = arrays["names"].tobytes().decode("utf-8", "surrogatepass").split("\0")
        classes = settings["class_names"]
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise Refusal("its class_names are no names")
        logits, labels = arrays["logits"].astype(np.float32), arrays["labels"].astype(np.int64)
        return SavedLogits(logits, labels, tuple(classes), tuple(names))


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
