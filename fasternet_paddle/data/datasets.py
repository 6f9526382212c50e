"""The images to train on (notebook 2.2).

A data set is two sets of uint8 RGB images with int64 labels, and its class names. ``cifar10`` is the python archive
(or another archive in its format); ``digits`` is scikit-learn's 1,797 handwritten digits, which need no download.
"""

import contextlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..config import CIFAR10_ARCHIVE, CIFAR10_NAMES, DATASETS
from ..errors import FasterNetError
from ..files.archives import read_cifar_archive
from .file_images import FileImages

CIFAR10_URL = "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz"  # Paddle's own mirror, 170 MB
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"

DIGITS_SIZE = 32  # pixels; the originals are 8x8
DIGITS_VALIDATION = 360  # of 1,797 images: one fifth


@dataclass(frozen=True)
class Images:
    """``images``: uint8 ``(N, H, W, 3)`` RGB, or a ``FileImages``; ``labels``: int64 ``(N,)``."""

    images: np.ndarray | FileImages
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)

    def fingerprint(self):
        """CRC-32 of images and labels: of pixels in memory, of paths and sizes for files."""
        files = isinstance(self.images, FileImages)
        return (self.images.fingerprint() if files else zlib.crc32(self.images)) ^ zlib.crc32(self.labels)


@dataclass(frozen=True)
class ImageData:
    """A data set in two parts; a label is an index into ``class_names``."""

    name: str
    class_names: tuple[str, ...]
    train: Images
    val: Images
    test: Images | None = None
    """Images that training never sees, where there are any."""


def get_cifar10_labels(labels):
    """Names of CIFAR-10 class numbers, as a list of str (notebook 2.5)."""
    return [CIFAR10_NAMES[int(label)] for label in labels]


def load_dataset(name, data_path=CIFAR10_ARCHIVE):
    """Read a data set.

    Args:
        name: "cifar10" or "digits".
        data_path: CIFAR-10 archive; the default one is looked for where AI Studio may mount it and otherwise
            downloaded. "digits" ignores it.

    Raises:
        FasterNetError: an unknown name, or an archive that is missing, damaged or refused.
    """
    if name == "cifar10":
        return _cifar10(data_path)
    if name == "digits":
        return _digits()
    raise FasterNetError(f"unknown dataset {name!r}; known datasets: {', '.join(DATASETS)}")


def _cifar10(data_path):
    path = _find_archive(data_path)
    train, val, class_names = read_cifar_archive(path)
    return ImageData("cifar10", class_names or CIFAR10_NAMES, Images(*train), Images(*val))


def _find_archive(data_path):
    """A path that the user chose is taken as it is; the default one is searched for, then downloaded."""
    if Path(data_path) != Path(CIFAR10_ARCHIVE):
        return Path(data_path)
    repository = Path(__file__).resolve().parents[2]
    for folder in (Path.cwd(), repository, repository.parent, Path.home()):
        if (folder / CIFAR10_ARCHIVE).is_file():
            return folder / CIFAR10_ARCHIVE
    return _download(Path(data_path))


def _download(path):
    import pooch  # only a machine without the archive needs it

    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        pooch.retrieve(CIFAR10_URL, f"md5:{CIFAR10_MD5}", path.name, path.parent, progressbar=True)
    except Exception as error:  # requests, urllib3, OSError, a wrong hash: each means that there is no archive
        for folder in missing:  # deepest first; leave nothing behind
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise FasterNetError(
            f"CIFAR-10 is neither at {path} nor could it be downloaded from {CIFAR10_URL} ({type(error).__name__}); "
            f"put the archive there, choose another path, or use the data set digits, which needs no download",
            change=("data_path", "dataset"),
        ) from error
    return path


def _digits():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    grey = (digits.images * (255 / 16)).round().astype(np.uint8)  # (N, 8, 8), 0..16 -> 0..255
    large = [cv2.resize(image, (DIGITS_SIZE, DIGITS_SIZE), interpolation=cv2.INTER_LINEAR) for image in grey]
    images = np.repeat(np.stack(large)[..., None], 3, axis=-1)  # (N, 8, 8) -> (N, 32, 32, 3)
    labels = digits.target.astype(np.int64)
    train, val = train_test_split(np.arange(len(labels)), test_size=DIGITS_VALIDATION, stratify=labels, random_state=0)
    names = tuple(str(digit) for digit in range(10))
    return ImageData("digits", names, Images(images[train], labels[train]), Images(images[val], labels[val]))
