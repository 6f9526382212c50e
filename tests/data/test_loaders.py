"""Loaders: the same batches with any number of workers and from any step; workers that fail or die."""

import os
import random
import signal

import numpy as np
import pytest

from fasternet_paddle.data import transforms
from fasternet_paddle.data.datasets import Images
from fasternet_paddle.data.loaders import EpochSampler, TransformedImages, make_loader
from fasternet_paddle.errors import FasterNetError
from tests.archives import photograph_crops

IMAGES = Images(*photograph_crops(40))


def _loader(num_workers=0, images=IMAGES, transform=None, **options):
    options = {"shuffle": True, "drop_last": True, "seed": 3} | options
    return make_loader(images, transform or transforms.train_transform(32), 8, num_workers=num_workers, **options)


def _epoch(loader, epoch, first_step=0):
    loader.sampler.set_epoch(epoch, first_step)
    return [(images.numpy(), labels.numpy()) for images, labels in loader]


def _equal(batches, others):
    return len(batches) == len(others) and all(
        np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(batches, others, strict=True)
    )


def test_batches_do_not_depend_on_workers_or_on_what_came_before():
    alone, many = _loader(), _loader(3)
    first, second = _epoch(alone, 0), _epoch(alone, 1)
    assert _equal(_epoch(many, 0), first)
    assert _equal(_epoch(many, 1), second)
    assert _equal(_epoch(many, 1, first_step=2), second[2:])  # as a resumed run asks
    assert not _equal(first, second)
    assert not _equal(_epoch(_loader(seed=4), 0), first)
    many.close()


def test_an_epoch_holds_each_image_once():
    plain = transforms.test_transform(32)
    [labels] = [np.concatenate([labels for _, labels in _epoch(_loader(transform=plain), 5)])]
    assert sorted(labels) == sorted(IMAGES.labels)


def test_an_iteration_that_is_broken_off_leaves_nothing_behind():
    loader = _loader(2)
    expected = _epoch(loader, 1)
    loader.sampler.set_epoch(0)
    for _ in loader:
        break
    assert _equal(_epoch(loader, 1), expected)
    loader.close()


def test_drop_last_and_max_steps():
    part = Images(IMAGES.images[:20], IMAGES.labels[:20])
    assert [len(labels) for _, labels in _epoch(_loader(images=part), 0)] == [8, 8]
    assert [len(labels) for _, labels in _epoch(_loader(images=part, drop_last=False), 0)] == [8, 8, 4]
    assert len(_loader(max_steps=2)) == len(_epoch(_loader(max_steps=2), 0)) == 2


def test_samples_leave_the_global_generators_alone():
    random.seed(1), np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1), np.random.seed(1)
    TransformedImages(IMAGES, transforms.train_transform(32))[(0, 5)]
    assert (random.random(), np.random.random()) == expected


def test_batch_larger_than_the_data_set():
    with pytest.raises(FasterNetError, match=r"got 64 for 40$") as caught:
        EpochSampler(40, 64, drop_last=True)
    assert caught.value.change == ("batch_size",)


def test_a_worker_that_dies_is_reported():
    loader = make_loader(IMAGES, transforms.test_transform(32), 2, num_workers=2)  # more batches than are dealt ahead
    batches = iter(loader)
    next(batches)
    os.kill(loader._workers.processes[1].pid, signal.SIGKILL)
    with pytest.raises(FasterNetError, match=r"exit code -9.*fewer workers") as caught:
        list(batches)
    assert caught.value.change == ("num_workers", "batch_size")
    loader.close()


def test_a_worker_that_fails_says_why():
    def fails(_):
        raise KeyError("no such augmentation")

    def starves(_):
        raise MemoryError

    loader = make_loader(IMAGES, _FailsLater(fails), 8, num_workers=1)
    with pytest.raises(RuntimeError, match="no such augmentation"):
        list(loader)
    loader.close()
    loader = make_loader(IMAGES, _FailsLater(starves), 8, num_workers=1)
    with pytest.raises(FasterNetError, match="out of memory; fewer workers") as caught:
        list(loader)
    assert caught.value.change == ("num_workers", "batch_size")  # through the pipe
    loader.close()


class _FailsLater:
    """A transform that works once, in the parent, which asks it for its shape."""

    def __init__(self, failure):
        self.failure, self.parent = failure, os.getpid()

    def __call__(self, image):
        return transforms.test_transform(32)(image) if os.getpid() == self.parent else self.failure(image)
