"""Dividing the images of a folder: each class by itself, by a seed.

    listing, empty = split(list_folder("photographs"), val_fraction=0.2, test_fraction=0.0, seed=42)

The same files, fractions and seed give the same split; a run stores it all the same (``files.csv``), because files come
and go.
"""

import dataclasses
import zlib

import numpy as np

from ..errors import FasterNetError
from ..files.lists import PARTS, printable
from .folders import TEST, TRAIN, VAL, WHOLE
from .images import Images

MAX_CLASSES = 10_000


def split(listing, val_fraction, test_fraction, seed):
    """Divide what is yet to be divided, each class by itself, and leave out classes without images.

    A tree gives validation and test images; where folders or lists give a part, that part stays what it is, and what
    is missing comes from the training images. A class's files are shuffled by the seed and the class's name, so other
    classes do not matter, and each class keeps an image for training.

    Returns:
        ``Listing`` without ``WHOLE``, whose classes are those with training images, and a list of the names left out.

    Raises:
        FasterNetError: nothing is left for validation, fewer than 2 or more than 10,000 classes, or a class that
            training lacks.
    """
    parts = np.where(listing.parts == WHOLE, TRAIN, listing.parts)
    shares = {
        part: 0.0 if (parts == part).any() else share for part, share in ((VAL, val_fraction), (TEST, test_fraction))
    }
    if any(shares.values()):
        _divide(listing.labels, listing.class_names, parts, shares, seed)
    if not (parts == VAL).any():
        largest = int(np.bincount(listing.labels[parts == TRAIN]).max())
        raise FasterNetError(
            f"no image is left for validation: {printable(listing.root)} has no validation images of its own and "
            f"{largest:,} in its largest class, of which "
            + (f"val_fraction {val_fraction} is kept" if largest > 1 else "one is needed for training"),
            change="val_fraction" if largest > 1 else (),
        )
    count = len(listing.class_names)
    trained = np.bincount(listing.labels[parts == TRAIN], minlength=count) > 0
    for part in (VAL, TEST):
        if lacking := [
            listing.class_names[label] for label in np.unique(listing.labels[parts == part]) if not trained[label]
        ]:
            raise FasterNetError(_lacks(PARTS[part], lacking[0], listing.class_names, trained))
    if not 2 <= trained.sum() <= MAX_CLASSES:
        raise FasterNetError(
            f"2 to {MAX_CLASSES:,} classes with images are needed, {printable(listing.root)} has {trained.sum():,}",
            change="data_path",
        )
    names = tuple(name for name, known in zip(listing.class_names, trained, strict=True) if known)
    labels = (np.cumsum(trained) - 1)[listing.labels]
    empty = [name for name, known in zip(listing.class_names, trained, strict=True) if not known]
    return dataclasses.replace(listing, class_names=names, labels=labels, parts=parts), empty


def _lacks(part, name, class_names, trained):
    """The sentence on a class without training images, with the one that may be meant."""
    alike = [
        other
        for other, known in zip(class_names, trained, strict=True)
        if known and other.casefold().strip() == name.casefold().strip()
    ]
    hint = f"; did you mean {alike[0]!r}?" if alike else ""
    return f"every class must have training images, but {name!r} has images in {part} alone{hint}"


def with_test_images(data, share, seed):
    """An ``ImageData`` of which a share of the training images becomes ``test``, each class by itself; of 0 itself."""
    if not share:
        return data
    parts = np.full(len(data.train), TRAIN)
    _divide(data.train.labels, data.class_names, parts, {VAL: 0.0, TEST: share}, seed)
    train, test = (Images(data.train.images[parts == part], data.train.labels[parts == part]) for part in (TRAIN, TEST))
    return dataclasses.replace(data, train=train, test=test)


def _divide(labels, class_names, parts, shares, seed):
    """Write ``VAL`` and ``TEST`` into ``parts``, by largest remainders so that the totals are the fractions'."""
    candidates = np.flatnonzero(parts == TRAIN)
    order = candidates[np.argsort(labels[candidates], kind="stable")]
    counts = np.bincount(labels[candidates], minlength=len(class_names))
    groups = np.split(order, np.cumsum(counts)[:-1])
    free = np.maximum(counts - 1, 0)  # one stays
    taken = np.zeros_like(counts)
    for name, group in zip(class_names, groups, strict=True):
        group.sort()
        np.random.default_rng((seed, zlib.crc32(name.encode()))).shuffle(group)
    for part in (TEST, VAL):
        if not shares[part]:
            continue
        number = _apportion(counts, shares[part], free - taken)
        for group, start, many in zip(groups, taken, number, strict=True):
            parts[group[start : start + many]] = part
        taken += number


def _apportion(counts, share, free):
    """How many of each class: the floor of its share, then one more for those with the largest remainders."""
    exact = counts * share
    number = np.minimum(np.floor(exact).astype(np.int64), free)
    missing = max(round(counts.sum() * share), 1) - int(number.sum())
    for place in np.argsort(number - exact, kind="stable"):  # the largest remainder first
        if missing > 0 and number[place] < free[place]:
            number[place] += 1
            missing -= 1
    return number
