"""The published FasterNet weights, trained on ImageNet-1k: a table of names, and their download.

    path = fetch("t0-imagenet-timm")        # into the package's cache, once

``<variant>-imagenet-<source>``: "authors" are those of the paper's code, which "paddleclas", "paddlex" and "timm" have
converted. A download is held to the hash that its source publishes (timm's on the Hugging Face hub alone), to the size
that it publishes (PaddleX's alone), and always to its family's keys and to 1,000 classes; which of these, is printed.
"""

import os
import re
import sys
from dataclasses import dataclass

from ..errors import FasterNetError
from ..files.cache import cache_root
from .recognise import read_weights, recognise

AUTHORS = "https://github.com/JierunChen/FasterNet/releases/download/v1.0"
PADDLECLAS = "https://paddle-imagenet-models-name.bj.bcebos.com/dygraph"
PADDLEX = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_pretrained_model"
HUB = "https://huggingface.co/timm"
CLASSES = 1000
SIZE_TOLERANCE = 0.02  # PaddleX states megabytes with one decimal


@dataclass(frozen=True)
class Published:
    """A file of published weights."""

    variant: str
    source: str
    """authors, paddleclas, paddlex or timm."""
    url: str
    top1: float | None
    """Accuracy on ImageNet's validation images in percent, 224 pixels from 248, as the source states it."""
    mib: float | None = None
    """Size in MiB, where the source states it."""
    pointer: str | None = None
    """Address of a text that holds the file's SHA-256, where the source publishes one."""


# variant: number of the epoch and accuracy in the name of the authors' file; PaddleClas's accuracy; PaddleX's MiB
FIGURES = {
    "t0": ("281", "71.9180", 71.9, 15.1),
    "t1": ("291", "76.2180", 75.9, 29.2),
    "t2": ("289", "78.8860", 79.1, 57.4),
    "s": ("299", "81.2840", 81.3, 119.3),
    "m": ("291", "82.9620", 83.0, 204.6),
    "l": ("299", "83.5060", 83.5, 357.1),
}


def _table():
    for variant, (epoch, accuracy, top1, mib) in FIGURES.items():
        capital, hub = variant.upper(), f"{HUB}/fasternet_{variant}.in1k"
        name = f"fasternet_{variant}-epoch.{epoch}-val_acc1.{accuracy}.pth"
        yield Published(variant, "authors", f"{AUTHORS}/{name}", float(accuracy))
        yield Published(variant, "paddleclas", f"{PADDLECLAS}/FasterNet_{capital}_pretrained.pdparams", top1)
        yield Published(variant, "paddlex", f"{PADDLEX}/FasterNet-{capital}_pretrained.pdparams", None, mib)
        pointer = f"{hub}/raw/main/model.safetensors"  # what git holds in place of the file: its hash and size
        yield Published(variant, "timm", f"{hub}/resolve/main/model.safetensors", None, pointer=pointer)


PUBLISHED = {f"{entry.variant}-imagenet-{entry.source}": entry for entry in _table()}


def fetch(name):
    """Path of the file of published weights, downloaded into the cache unless it is there.

    Args:
        name: a key of ``PUBLISHED``.

    Raises:
        FasterNetError: an unknown name, no connection, or a file that is not what the table says.
    """
    if name not in PUBLISHED:
        raise FasterNetError(f"unknown weights {name!r}; known: {', '.join(PUBLISHED)}", change="weights")
    entry = PUBLISHED[name]
    suffix = entry.url.rpartition(".")[2]
    path = cache_root() / "weights" / f"{name}.{suffix}"
    if not path.exists():
        _download(entry, name, path)
    return path


def _download(entry, name, path):
    """Fetch to a name of its own and check; only what holds takes its place in the cache."""
    part = path.with_name(f".{os.getpid()}-{path.name}")  # another process may fetch the same
    try:
        digest = entry.pointer and _published_hash(entry.pointer, part)
        _retrieve(entry.url, part, progressbar=True)
        checked = _check_hash(digest, part) if digest else _check_size(entry, part)
        _check_content(entry, part)
        part.replace(path)
    except FasterNetError as error:
        raise FasterNetError(f"{entry.url} is not what {name} should be: {error}") from None
    except Exception as error:  # requests, urllib3, OSError, an answer of 404: each means that there is no file
        raise FasterNetError(
            f"{name} is neither at {path} nor could it be downloaded from {entry.url} ({type(error).__name__}); put "
            "the file there",
            change="weights",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    print(f"{name}: downloaded to {path}, held to {checked} its keys and its {CLASSES} classes", file=sys.stderr)


def _retrieve(url, path, progressbar=False):
    import pooch  # only a download needs it

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # it would print the hash of whatever came and ask to trust it
    try:
        pooch.retrieve(url, None, path.name, path.parent, progressbar=progressbar)
    finally:
        logger.setLevel(level)


def _published_hash(pointer, path):
    """The SHA-256 that a Git LFS pointer names."""
    _retrieve(pointer, path)
    text = path.read_bytes()[:1000].decode("ascii", "replace")
    path.unlink()
    match = re.search(r"^oid sha256:([0-9a-f]{64})$", text, re.MULTILINE)
    if not match:
        raise FasterNetError(f"{pointer} names no SHA-256")
    return match[1]


def _check_hash(digest, path):
    """What the file was held to."""
    import pooch

    if pooch.file_hash(str(path)) != digest:
        raise FasterNetError("its SHA-256 is not the one that its source publishes")
    return "its published SHA-256,"


def _check_size(entry, path):
    """What the size was held to; the source publishes no hash."""
    if entry.mib is None:
        return "neither hash nor size, since its source publishes none, but to"
    size = path.stat().st_size / 2**20
    if abs(size - entry.mib) > SIZE_TOLERANCE * entry.mib:
        raise FasterNetError(f"it has {size:.1f} MiB, its source states {entry.mib}")
    return f"its published size of {entry.mib} MiB (its source publishes no hash),"


def _check_content(entry, path):
    """Family and number of classes; every shape is held to the network's whenever the file is loaded."""
    found = recognise(read_weights(path), path.name)
    family = "paddleclas" if entry.source == "paddlex" else entry.source
    if (found.family, found.num_classes) != (family, CLASSES):
        raise FasterNetError(f"it holds weights of the family {found.family} with {found.num_classes} classes")
