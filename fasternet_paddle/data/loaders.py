"""Batches for training and validation, made by worker processes (notebook 2.2, ``DataLoader``).

What is random about a sample is a function of seed, epoch and index alone: the sampler hands out ``(epoch, index)``
keys; what is random about the mixing of a batch, of seed, epoch and the batch's number. So the same seed gives the same
batches with any number of workers, and from any epoch or step on.

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

from ..runtime import ranks
from . import fast_transforms, transforms
from .erasing import RandomErasing
from .file_images import FileImages
from .images import Images
from .mixing import Mixing, MixLaw
from .preparation import config_preparation
from .randaugment import RandAugment
from .samplers import BalancedSampler, DealtSampler, EpochSampler, SharedSampler
from .workers import Workers

AUGMENTING, ERASING = 2, 3  # streams of a sample's generators, beside the transform's own and ``mixing.MIXING``


class ByEpoch(NamedTuple):
    """Two transforms: ``early`` of the first ``epochs``, ``late`` of the others; their S may differ."""

    epochs: int
    early: Callable | None
    late: Callable


class TransformedImages:
    """``Images`` with a transform; the key is an ``(epoch, index)`` pair, or an index alone for epoch 0.

    An item is (float32 ``(3, S, S)``, int label). A ``FastTransform`` is handed a generator of the sample's own; other
    transforms may draw from the global ones. A key may end in the number of a repeat: an image's second draw of an
    epoch is ``(epoch, index, 1)``.

    Args:
        images: ``Images``.
        transform: from uint8 ``(H, W, 3)`` to float32 ``(3, S, S)``, or ``ByEpoch`` of two such.
        seed: of what is random.
        augment: what is done to the uint8 picture first, such as a ``RandAugment``, with a generator of its own.
        erase: what is done to the network's input last, such as a ``RandomErasing``, likewise.
    """

    def __init__(self, images, transform, seed=0, *, augment=None, erase=None):
        self.images = images
        self.transforms = transform if isinstance(transform, ByEpoch) else ByEpoch(0, None, transform)
        self.seed = seed
        self.augment = augment
        self.erase = erase
        self.begin(0)

    def begin(self, epoch):
        """Take the transform of an epoch; whether it is another than the one before."""
        before = getattr(self, "transform", None)
        self.transform = self.transforms.early if epoch < self.transforms.epochs else self.transforms.late
        return self.transform is not before

    def __getitem__(self, key):
        epoch, index, *repeat = key if isinstance(key, tuple) else (0, key)
        entropy = (self.seed, epoch, index, *repeat)
        image, label = self.images.images[index], int(self.images.labels[index])
        if self.augment is not None:
            image = self.augment(image, _generator(entropy, AUGMENTING))
        if isinstance(self.transform, fast_transforms.FastTransform):
            image = self.transform(image, np.random.default_rng(entropy))
        else:
            with _sample_randomness(entropy):
                image = self.transform(image)
        return image if self.erase is None else self.erase(image, _generator(entropy, ERASING)), label

    def __len__(self):
        return len(self.images)


def _generator(entropy, stream):
    """A numpy ``Generator`` of a sample's own beside its transform's: seed, epoch, index, repeat, stream."""
    return np.random.default_rng((*entropy, *(0,) * (4 - len(entropy)), stream))


@contextlib.contextmanager
def _sample_randomness(entropy):
    """Give Paddle's transforms, which draw from the global generators, a state of the sample's own; then restore."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed("/".join(map(str, entropy)))
    np.random.seed(entropy)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


class Loader:
    """Iterate over batches (images float32 ``(N, 3, S, S)``, labels int64 ``(N,)``) as Paddle tensors.

    Args:
        dataset: ``TransformedImages``, or anything with its ``__getitem__``.
        sampler: yields lists of keys; ``sampler.set_epoch(epoch)`` chooses the epoch.
        num_workers: processes that make batches; 0 makes them in this one.
        mixing: ``Mixing`` of each batch, done in this process; labels are then shares of classes, float32 ``(N, K)``.

    Raises:
        FasterNetError: while iterating, when a worker dies or runs out of memory.
    """

    def __init__(self, dataset, sampler, num_workers=0, mixing=None):
        self.dataset = dataset
        self.sampler = sampler
        self.num_workers = num_workers
        self.mixing = mixing
        self._workers = None

    @property
    def share(self):
        """``ranks.Share`` of each batch, where several processes share a run; else None."""
        return getattr(self.sampler, "share", None)

    def __len__(self):
        return len(self.sampler)

    def __iter__(self):
        batches = self._from_workers() if self.num_workers else map(self._make, self.sampler)
        if self.mixing is not None:
            batches = self._mixed(batches, self.sampler.epoch, self.sampler.first_step)
        for images, labels in batches:
            yield paddle.to_tensor(images), paddle.to_tensor(labels)  # copies: a worker may write on

    def begin(self, epoch, first_step=0):
        """Choose the epoch that the next iteration runs through, from ``first_step`` on."""
        self.sampler.set_epoch(epoch, first_step)
        if isinstance(self.dataset, TransformedImages) and self.dataset.begin(epoch):
            self.close()  # the workers hold the other transform, and memory for its images

    def _mixed(self, batches, epoch, first_step):
        for step, (images, labels) in enumerate(batches, first_step):
            yield self.mixing(images, labels, epoch, step)

    def _make(self, keys):
        images, labels = zip(*(self.dataset[key] for key in keys or [0]), strict=True)  # an empty share has a shape
        return np.stack(images)[: len(keys)], np.array(labels, np.int64)[: len(keys)]

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
    "light": (fast_transforms.light_train_transform, fast_transforms.light_digits_train_transform),
}

# The shorter side of the smallest crop box (8 % of the area, 4 to 3), as a share of the image's: a JPEG that is decoded
# to so many pixels that this one still has the network's is decoded finely enough for every box.
SMALLEST_BOX = math.sqrt(0.08 / fast_transforms.RATIO[1])


def decoded_to(images, at_least):
    """``Images`` whose files, if they lie in files, are decoded no larger than for ``at_least`` pixels a side."""
    if not isinstance(images.images, FileImages):
        return images
    return Images(images.images.decoded_to(at_least), images.labels)


def make_loaders(data, config, prepare=None):
    """The notebook's two loaders for ``data`` (an ``ImageData``) under ``config`` (a ``TrainConfig``).

    Of several processes each loads its share of every training batch, and whole batches for validation.

    Args:
        prepare: ``Preparation`` of validation images; by default as ``config`` says.

    Raises:
        FasterNetError: ``auto_augment`` is no string of timm's, or a batch larger than the training images.
    """
    pictures, digits = TRAIN_TRANSFORMS[config.augment]
    transform = digits if data.name == "digits" else pictures
    prepare = config_preparation(config) if prepare is None else prepare
    train = transform(config.image_size)
    if config.early_image_size is not None:
        train = ByEpoch(round(config.early_epochs), transform(config.early_image_size), train)
    common = {"num_workers": config.num_workers, "seed": config.seed, "max_steps": config.max_steps}
    val = make_loader(decoded_to(data.val, prepare.at_least), prepare, config.batch_size, **common)
    val.sampler = DealtSampler(val.sampler)
    return _train_loader(data, config, train), val


def _train_loader(data, config, transform):
    """The training images with every means of the recipe that acts on them."""
    options = {"drop_last": True, "seed": config.seed, "max_steps": config.max_steps}
    if config.balanced_sampling:
        sampler = BalancedSampler(data.train.labels, config.batch_size, **options)
    else:
        sampler = EpochSampler(len(data.train), config.batch_size, shuffle=True, **options)
    images = TransformedImages(
        decoded_to(data.train, math.ceil(config.image_size / SMALLEST_BOX)),
        transform,
        config.seed,
        augment=RandAugment.read(config.auto_augment) if config.auto_augment else None,
        erase=RandomErasing(config.random_erasing, config.erasing_mode) if config.random_erasing else None,
    )
    law = MixLaw(config.mixup, config.cutmix, config.mix_probability, config.mix_switch)
    mixes = law.mixup > 0 or law.cutmix > 0
    mixing = Mixing(law, len(data.class_names), config.seed) if mixes else None
    share = ranks.share_of(config.batch_size, paired=mixes)
    sampler = sampler if share is None else SharedSampler(sampler, share)
    return Loader(images, sampler, config.num_workers, mixing)
