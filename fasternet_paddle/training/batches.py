"""Batches of any loader, as the training loop takes them: ours, Paddle's ``DataLoader``, a list.

for images, labels in batches_of(loader):       # float32 (N, 3, H, W), int64 (N,), Paddle tensors

Labels may also be float ``(N, K)``, shares of classes, as of mixed images.
"""

import itertools

import numpy as np
import paddle

from ..data.loaders import Loader
from ..errors import FasterNetError


def batches_of(loader):
    """Yields (images, labels) of an iterable of pairs of arrays or tensors, as tensors; (N, 1) labels as (N,).

    Raises:
        FasterNetError: a batch is no pair.
    """
    for batch in loader:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise FasterNetError(f"a batch must be a pair (images, labels), got {type(batch).__name__}")
        images, labels = batch
        if not isinstance(images, paddle.Tensor):
            images = paddle.to_tensor(np.asarray(images, np.float32))
        if not isinstance(labels, paddle.Tensor):
            labels = np.asarray(labels)
            shares = labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind == "f"
            labels = paddle.to_tensor(labels.astype(np.float32 if shares else np.int64))
        column = labels.ndim == 2 and labels.shape[1] == 1 and not paddle.is_floating_point(labels)
        yield images, labels.flatten() if column else labels


def from_step(loader, epoch, step):
    """An epoch of ``loader``, from its batch number ``step`` on; a sampler that shuffles by epochs is told which."""
    if isinstance(loader, Loader):
        loader.begin(epoch, step)
        return loader
    sampler = getattr(loader, "batch_sampler", None)  # of Paddle's DataLoader
    if hasattr(sampler, "set_epoch"):
        sampler.set_epoch(epoch)
    return itertools.islice(loader, step, None) if step else loader


def steps_of(loader):
    """Batches of an epoch; None where the loader does not tell."""
    if isinstance(loader, Loader):
        return loader.sampler.steps  # of the whole epoch, wherever it begins
    return len(loader) if hasattr(loader, "__len__") else None


def check_seen(tally):
    """Raise ``FasterNetError`` where there was no batch at all, such as of a generator that has come to its end."""
    if not tally.seen:
        raise FasterNetError(
            "the loader gave no batch; give what can be iterated again, such as a list or a DataLoader"
        )
    return tally
