"""MNIST and its kin: a folder of idx files, gzipped or not (MNIST, Fashion-MNIST, KMNIST, EMNIST).

    data = load_mnist("/usr/share/datasets/fashion-mnist")      # Debian's package dataset-fashion-mnist

Classes are named by EMNIST's mapping, by a ``label.txt`` beside the files, or as Fashion-MNIST, which is known by its
labels; else by their numbers.
"""

import zlib
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from ..files.idx import read_idx_folder
from ..files.lists import read_class_list
from .images import ImageData, Images

FASHION_LABELS = 0x2ED6E46A  # CRC-32 of its 60,000 training labels
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def load_mnist(folder):
    """Read a folder of idx files as ``ImageData``: grey made RGB, a label an index into the names.

    Raises:
        FasterNetError: not MNIST's four files, or a class in the test part that training lacks.
    """
    train, test, names = read_idx_folder(folder)
    numbers = np.unique(train[1])  # EMNIST's letters count from 1
    if lacking := sorted(set(np.unique(test[1]).tolist()) - set(numbers.tolist())):
        raise FasterNetError(
            f"every class must have training images, but number {lacking[0]} in {folder} has test images alone"
        )
    if names is None:
        names = _names(Path(folder) / "label.txt", train[1])
    class_names = tuple(names.get(int(number), str(number)) for number in numbers)
    parts = (
        Images(_rgb(images), np.searchsorted(numbers, labels).astype(np.int64)) for images, labels in (train, test)
    )
    return ImageData("mnist", class_names, *parts)


def _names(path, labels):
    if path.is_file():
        return read_class_list(path)
    return dict(enumerate(FASHION)) if zlib.crc32(labels) == FASHION_LABELS else {}


def _rgb(images):
    return np.repeat(images[..., None], 3, axis=-1)  # (N, 28, 28) -> (N, 28, 28, 3)
