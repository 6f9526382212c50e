"""Fewer training images than there are: for curves over their number, and for recipes meant for few.

data = with_few_images(load_dataset("digits"), TrainConfig(dataset="digits", train_images=100))
len(data.train)                                        # 100, as even over the classes as they can be
"""

import dataclasses

import numpy as np

from ..errors import FasterNetError
from .file_images import FileImages
from .images import Images

LOOKED_AT = 1000  # images at most that stand in for the validation images


def few_images(data, count, seed):
    """``ImageData`` with ``count`` of the training images, each class by its share, drawn by ``seed``; and the rest.

    Returns:
        (``ImageData``, int64 numbers of the training images that were left out, in ascending order)

    Raises:
        FasterNetError: fewer images than classes are asked for, or more than there are.
    """
    classes = np.unique(data.train.labels)
    if not len(classes) <= count <= len(data.train):
        raise FasterNetError(
            f"train_images must lie between {len(classes)}, one a class, and the {len(data.train):,} that there are, "
            f"got {count:,}",
            change="train_images",
        )
    if count == len(data.train):
        return data, np.zeros(0, np.int64)
    kept = _stratified(data.train.labels, count, seed)
    left = np.setdiff1d(np.arange(len(data.train)), kept)
    return dataclasses.replace(data, train=chosen(data.train, kept)), left


def with_few_images(data, config):
    """``data`` as a trial of ``config`` sees them: where ``train_images`` is set, so many, looked at on other ones.

    Up to 1,000 of the training images that are left out stand in for the validation images, and the validation images
    stay unseen.
    """
    if config.train_images is None:
        return data
    few, left = few_images(data, config.train_images, config.seed)
    if not len(left):
        return data
    looked_at = np.sort(np.random.default_rng(config.seed).permutation(left)[:LOOKED_AT])
    return dataclasses.replace(few, val=chosen(data.train, looked_at))


def chosen(part, numbers):
    """``Images`` of those numbers alone, in their order."""
    images = part.images
    if isinstance(images, FileImages):
        names = [images.names[number] for number in numbers]
        return Images(FileImages(images.root, names, images.sizes[numbers], images.at_least), part.labels[numbers])
    return Images(images[numbers], part.labels[numbers])


def _stratified(labels, count, seed):
    """``count`` numbers in ascending order, of each class its share, and one at least."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))  # of an image in its class, from 0 to 1; the lowest places are taken
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
        place[members[0]] = -1.0
    return np.sort(shuffled[np.argsort(place[shuffled], kind="stable")[:count]])
