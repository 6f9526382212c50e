"""Which images make a batch: every one once an epoch, or every class alike; and weights for lopsided classes.

A sampler's batches are a function of seed and epoch alone, whatever the number of processes: where several share a run,
``SharedSampler`` gives each its part of every batch, and ``DealtSampler`` whole batches in turn.
"""

import numpy as np

from ..errors import FasterNetError
from ..runtime import ranks


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


class BalancedSampler(EpochSampler):
    """``EpochSampler`` whose images are drawn with replacement, each class with the same probability and within it each
    image; an epoch has as many draws as there are images.

    The key of an image's second draw of an epoch is ``(epoch, index, 1)``, of its third ``(epoch, index, 2)``: each is
    augmented anew.
    """

    def __init__(self, labels, batch_size, **options):
        super().__init__(len(labels), batch_size, **options)
        present, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
        self.probability = 1 / (len(present) * counts[inverse])

    def __iter__(self):
        epoch, seen = self.epoch, {}
        order = np.random.default_rng((self.seed, epoch)).choice(self.length, self.length, p=self.probability)
        for step in range(self.steps):
            keys = []
            for index in map(int, order[step * self.batch_size : (step + 1) * self.batch_size]):
                repeat = seen[index] = seen.get(index, -1) + 1
                keys.append((epoch, index, repeat) if repeat else (epoch, index))
            if step >= self.first_step:  # those before were dealt too: a repeat's number must not depend on the start
                yield keys


def balanced_weights(labels, num_classes):
    """Weight of each class, float32 ``(K,)``: N / (K' n_k) for the K' classes that are there (scikit-learn's
    ``balanced``), so that each counts alike and an image 1 on average; 0 for a class without images."""
    counts = np.bincount(labels, minlength=num_classes)
    present = counts > 0
    return np.where(present, len(labels) / (present.sum() * np.maximum(counts, 1)), 0).astype(np.float32)


class SharedSampler:
    """Of each batch of another sampler the part that this process computes.

    Args:
        sampler: ``EpochSampler`` whose batches are all full.
        share: ``ranks.Share``.
    """

    def __init__(self, sampler, share):
        self.sampler, self.share = sampler, share
        self.batch_size = max(1, len(share.positions))

    def __iter__(self):
        for keys in self.sampler:
            yield [keys[position] for position in self.share.positions]

    def __len__(self):
        return len(self.sampler)

    def __getattr__(self, name):
        return getattr(self.sampler, name)


class DealtSampler:
    """Batches of another sampler dealt out whole, to the processes in turn, so that each is what one process computes.

    Every process has as many; the last ones may be empty.
    """

    def __init__(self, sampler):
        self.sampler = sampler

    def __iter__(self):
        number, count = ranks.number(), ranks.count()
        for place, keys in enumerate(self.sampler):
            if place % count == number:
                yield keys
        if -len(self.sampler) % count and number >= len(self.sampler) % count:
            yield []

    def __len__(self):
        return -(-len(self.sampler) // ranks.count())

    def __getattr__(self, name):
        return getattr(self.sampler, name)
