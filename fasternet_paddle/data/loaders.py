"""Batches for training and validation, made by worker processes (notebook 2.2, ``DataLoader``).

What is random about a sample is a function of seed, epoch and index alone: the sampler hands out ``(epoch, index)``
keys. So the same seed gives the same batches with any number of workers, and from any epoch or step on.

Paddle's own ``DataLoader`` is not used. It passes batches through /dev/shm, which containers limit, while the workers
here write into anonymous memory that they share with this process; one that dies is named at once; and an iteration may
be broken off, after which Paddle's persistent workers raise IndexError (3.3.1; they lose nothing as long as every epoch
is read to its end: docs/loading.md).
"""

import contextlib
import math
import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import paddle

from ..errors import FasterNetError
from . import fast_transforms, transforms
from .file_images import FileImages
from .images import Images
from .preparation import config_preparation
from .workers import Workers


class ByEpoch(NamedTuple):
    """Two transforms: ``early`` of the first ``epochs``, ``late`` of the others; their S may differ."""

    epochs: int
    early: Callable | None
    late: Callable


class TransformedImages:
    """``Images`` with a transform; the key is an ``(epoch, index)`` pair, or an index alone for epoch 0.

    An item is (float32 ``(3, S, S)``, int label). A ``FastTransform`` is handed a generator of the sample's own; other
    transforms may draw from the global ones.

    Args:
        images: ``Images``.
        transform: from uint8 ``(H, W, 3)`` to float32 ``(3, S, S)``, or ``ByEpoch`` of two such.
        seed: of what is random.
    """

    def __init__(self, images, transform, seed=0):
        self.images = images
        self.transforms = transform if isinstance(transform, ByEpoch) else ByEpoch(0, None, transform)
        self.seed = seed
        self.begin(0)

    def begin(self, epoch):
        """Take the transform of an epoch; whether it is another than the one before."""
        before = getattr(self, "transform", None)
        self.transform = self.transforms.early if epoch < self.transforms.epochs else self.transforms.late
        return self.transform is not before

    def __getitem__(self, key):
        epoch, index = key if isinstance(key, tuple) else (0, key)
        image, label = self.images.images[index], int(self.images.labels[index])
        if isinstance(self.transform, fast_transforms.FastTransform):
            return self.transform(image, np.random.default_rng((self.seed, epoch, index))), label
        with _sample_randomness(self.seed, epoch, index):
            return self.transform(image), label

    def __len__(self):
        return len(self.images)


@contextlib.contextmanager
def _sample_randomness(seed, epoch, index):
    """Give Paddle's transforms, which draw from the global generators, a state of the sample's own; then restore."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(f"{seed}/{epoch}/{index}")
    np.random.seed((seed, epoch, index))
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


class EpochSampler:
    """Batches of ``(epoch, index)`` keys; the order is a function of seed and epoch.

    Args:
        length: number of images.
        batch_size: images a batch.
        shuffle: a new order each epoch, else 0, 1, 2, ...
        drop_last: leave out a last batch that is not full.
        seed: of the order.
        max_steps: at most so many batches an epoch.
    """

    def __init__(self, length, batch_size, shuffle=False, drop_last=False, seed=0, max_steps=None):
        if drop_last and batch_size > length:
            raise FasterNetError(
                f"batch_size must not exceed the number of training images, got {batch_size} for {length}",
                change="batch_size",
            )
        self.length = length
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        steps = length // batch_size if drop_last else -(-length // batch_size)
        self.steps = steps if max_steps is None else min(steps, max_steps)
        self.set_epoch(0)

    def set_epoch(self, epoch, first_step=0):
        """Choose the epoch that the next iteration runs through, from ``first_step`` on."""
        self.epoch = epoch
        self.first_step = first_step

    def __iter__(self):
        epoch = self.epoch
        order = np.arange(self.length)
        if self.shuffle:
            np.random.default_rng((self.seed, epoch)).shuffle(order)
        for step in range(self.first_step, self.steps):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            yield [(epoch, int(index)) for index in batch]

    def __len__(self):
        return self.steps - self.first_step


class Loader:
    """Iterate over batches (images float32 ``(N, 3, S, S)``, labels int64 ``(N,)``) as Paddle tensors.

    Args:
        dataset: ``TransformedImages``, or anything with its ``__getitem__``.
        sampler: yields lists of keys; ``sampler.set_epoch(epoch)`` chooses the epoch.
        num_workers: processes that make batches; 0 makes them in this one.

    Raises:
        FasterNetError: while iterating, when a worker dies or runs out of memory.
    """

    def __init__(self, dataset, sampler, num_workers=0):
        self.dataset = dataset
        self.sampler = sampler
        self.num_workers = num_workers
        self._workers = None

    def __len__(self):
        return len(self.sampler)

    def __iter__(self):
        batches = self._from_workers() if self.num_workers else map(self._make, self.sampler)
        for images, labels in batches:
            yield paddle.to_tensor(images), paddle.to_tensor(labels)  # copies: a worker may write on

    def begin(self, epoch, first_step=0):
        """Choose the epoch that the next iteration runs through, from ``first_step`` on."""
        self.sampler.set_epoch(epoch, first_step)
        if isinstance(self.dataset, TransformedImages) and self.dataset.begin(epoch):
            self.close()  # the workers hold the other transform, and memory for its images

    def _make(self, keys):
        images, labels = zip(*(self.dataset[key] for key in keys), strict=True)
        return np.stack(images), np.array(labels, np.int64)

    def _from_workers(self):
        """Deal the batches out in turn and take them back in turn, a few ahead of the one in use."""
        if self._workers is None:
            self._workers = Workers(self.dataset, self.sampler.batch_size, self.num_workers)
        workers = self._workers
        try:
            for keys in self.sampler:
                if workers.busy == workers.slots:
                    yield workers.collect()
                workers.deal(keys)
            while workers.busy:
                yield workers.collect()
        finally:
            workers.drain()  # an iteration that was broken off leaves nothing behind

    def close(self):
        """End the workers; iterating again starts new ones."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def __del__(self):
        self.close()


def make_loader(
    images, transform, batch_size, *, shuffle=False, drop_last=False, num_workers=0, seed=0, max_steps=None
):
    """A ``Loader`` over ``images`` (an ``Images``) with the arguments of the notebook's ``DataLoader``."""
    sampler = EpochSampler(len(images), batch_size, shuffle, drop_last, seed, max_steps)
    return Loader(TransformedImages(images, transform, seed), sampler, num_workers)


TRAIN_TRANSFORMS = {  # augment: what makes the training transform of a size, for pictures and for digits
    "notebook": (transforms.train_transform, transforms.digits_train_transform),
    "fast": (fast_transforms.fast_train_transform, fast_transforms.fast_digits_train_transform),
}


# The shorter side of the smallest crop box (8 % of the area, 4 to 3), as a share of the image's: a JPEG that is decoded
# to so many pixels that this one still has the network's is decoded finely enough for every box.
SMALLEST_BOX = math.sqrt(0.08 / fast_transforms.RATIO[1])


def decoded_to(images, at_least):
    """``Images`` whose files, if they lie in files, are decoded no larger than for ``at_least`` pixels a side."""
    if not isinstance(images.images, FileImages):
        return images
    return Images(images.images.decoded_to(at_least), images.labels)


def make_loaders(data, config):
    """The notebook's two loaders for ``data`` (an ``ImageData``) under ``config`` (a ``TrainConfig``)."""
    pictures, digits = TRAIN_TRANSFORMS[config.augment]
    transform = digits if data.name == "digits" else pictures
    prepare = config_preparation(config)
    train = transform(config.image_size)
    if config.early_image_size is not None:
        train = ByEpoch(round(config.early_epochs), transform(config.early_image_size), train)
    common = {"num_workers": config.num_workers, "seed": config.seed, "max_steps": config.max_steps}
    return (
        make_loader(
            decoded_to(data.train, math.ceil(config.image_size / SMALLEST_BOX)),
            train,
            config.batch_size,
            shuffle=True,
            drop_last=True,
            **common,
        ),
        make_loader(decoded_to(data.val, prepare.at_least), prepare, config.batch_size, **common),
    )
