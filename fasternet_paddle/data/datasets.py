"""The images to train on (notebook 2.2).

A data set is two sets of uint8 RGB images with int64 labels, and its class names. ``cifar10`` is the python archive
(another in its format, or the folder that it unpacks to), ``cifar100`` and ``cifar100-coarse`` its sister's with 100 or
20 labels; ``digits`` is scikit-learn's 1,797 handwritten digits, which need no download; ``mnist`` is a folder of idx
files; ``folder`` is a folder of your own images.
"""

import contextlib
import os
from pathlib import Path

import cv2
import numpy as np

from ..config import CIFAR10_ARCHIVE, CIFAR10_NAMES, DATASETS, FINDINGS, LISTING
from ..errors import FasterNetError
from ..files.archives import CIFAR10, CIFAR100, CIFAR100_COARSE, read_cifar_archive
from ..files.opening import RefusedFile
from .folder_data import load_folder, reload_folder
from .images import ImageData, Images
from .mnist import load_mnist
from .splitting import with_test_images
from .subsets import few_images

__all__ = ["ImageData", "Images", "all_data", "get_cifar10_labels", "listing_of", "load_data", "load_dataset"]

CIFAR10_URL = "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz"  # Paddle's own mirror, 170 MB
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"
CIFAR10_BYTES = 170_498_071
CIFAR10_FOLDER = "cifar-10-batches-py"  # what it unpacks to

DIGITS_SIZE = 32  # pixels; the originals are 8x8
DIGITS_VALIDATION = 360  # of 1,797 images: one fifth


def get_cifar10_labels(labels):
    """Names of CIFAR-10 class numbers, as a list of str (notebook 2.5)."""
    return [CIFAR10_NAMES[int(label)] for label in labels]


def load_dataset(name, data_path=CIFAR10_ARCHIVE, *, val_fraction=0.2, test_fraction=0.0, seed=42, checks=True):
    """Read a data set.

    Args:
        name: "cifar10", "cifar100", "cifar100-coarse", "digits", "mnist" or "folder".
        data_path: archive or folder; CIFAR-10's default one is looked for where AI Studio may mount it and otherwise
            downloaded. "digits" ignores it.
        val_fraction, checks: of "folder" (``folder_data.load_folder``).
        test_fraction, seed: share of the training images that become ``test``, and the seed of its choice.

    Returns:
        ``ImageData``.

    Raises:
        FasterNetError: an unknown name, or data that are missing, damaged or refused.
    """
    if name == "folder":
        return load_folder(_named_path(name, data_path), val_fraction, test_fraction, seed, checks)
    return with_test_images(_load(name, data_path), test_fraction, seed)


def _load(name, data_path):
    """A data set that has validation images of its own."""
    if name == "digits":
        return _digits()
    if name == "cifar10":
        return _cifar("cifar10", find_archive(data_path), CIFAR10)
    if name not in DATASETS:
        raise FasterNetError(f"unknown dataset {name!r}; known datasets: {', '.join(DATASETS)}", change="dataset")
    data_path = _named_path(name, data_path)
    if name == "mnist":
        return load_mnist(data_path)
    return _cifar(name, data_path, CIFAR100 if name == "cifar100" else CIFAR100_COARSE)


def _named_path(name, data_path):
    """The path, unless nobody said where the data lie."""
    if Path(data_path) == Path(CIFAR10_ARCHIVE):
        raise FasterNetError(f"data_path must say where the data set {name} lies", change="data_path")
    return data_path


def load_data(config, run_folder=None):
    """The data set that a ``TrainConfig`` names.

    Args:
        config: ``TrainConfig``.
        run_folder: of a run that is taken up again: where it lists its files, they are the data, and its split stays.

    Returns:
        ``ImageData``.
    """
    data = all_data(config, run_folder)
    return data if config.train_images is None else few_images(data, config.train_images, config.seed)[0]


def all_data(config, run_folder=None):
    """``load_data`` before training images are left out."""
    listing = listing_of(config, run_folder)
    if listing is not None:
        return reload_folder(config.data_path, listing, listing.with_name(FINDINGS))
    return load_dataset(
        config.dataset,
        config.data_path,
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        seed=config.seed,
        checks=config.checks == "on",
    )


def listing_of(config, run_folder):
    """Path of the list of files that a run stored; None where there is none."""
    path = Path(run_folder) / LISTING if run_folder is not None else None
    return path if config.dataset == "folder" and path is not None and path.is_file() else None


def _cifar(name, path, layout):
    try:
        return _read_cifar(name, path, layout)
    except RefusedFile as error:
        given, size = Path(path), os.path.getsize(path)
        if layout is CIFAR10 and given.is_file() and given.name == Path(CIFAR10_ARCHIVE).name and size < CIFAR10_BYTES:
            raise FasterNetError(
                f"{error}; a whole copy of CIFAR-10 has {CIFAR10_BYTES:,} bytes and this one {size:,}: "
                f"delete it, and it is downloaded again where it is the default one"
            ) from None
        raise


def _read_cifar(name, path, layout):
    train, val, class_names = read_cifar_archive(path, layout)
    named = class_names is not None
    if not named:
        numbers = tuple(f"class {number}" for number in range(layout.classes))
        class_names = CIFAR10_NAMES if layout is CIFAR10 else numbers
        print(f"note: {path} does not name its classes; they are taken for {', '.join(class_names[:3])}, ...")
    return ImageData(name, class_names, Images(*train), Images(*val), named=named)


def find_archive(data_path=CIFAR10_ARCHIVE):
    """Where CIFAR-10 is: a path that the user chose as it is; the default one is searched for, then downloaded.

    Where the archive is not, the folder that it unpacks to may lie in its place.
    """
    if Path(data_path) != Path(CIFAR10_ARCHIVE):
        return Path(data_path)
    repository = Path(__file__).resolve().parents[2]
    homes = []
    with contextlib.suppress(RuntimeError):  # a container's user may have none
        homes.append(Path.home())
    for folder in (Path.cwd(), repository, repository.parent, *homes):
        archive = folder / CIFAR10_ARCHIVE
        if archive.is_file():
            return archive
        if (archive.parent / CIFAR10_FOLDER / "data_batch_1").is_file():
            return archive.parent / CIFAR10_FOLDER
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
