"""How fast: the notebook's "Throughout" over a loader, the network alone on ready batches (notebook 2.5).

loop_throughput(predictor, loader)             # images/s, loading and transforms included
model_throughput(predictor, batch_size=32)     # images/s of the forward pass
"""

import time

import numpy as np


def time_calls(function, runs, warmup=2):
    """Seconds of each of ``runs`` calls of ``function()``, after ``warmup`` calls that do not count."""
    seconds = []
    for _ in range(warmup + runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds[warmup:]


def collect_logits(predictor, loader):
    """Logits of all images of ``loader`` and their labels: Paddle tensors float32 ``(N, K)`` and int64 ``(N,)``."""
    import paddle  # here, since timing alone needs none

    logits, labels = [], []
    for batch, batch_labels in loader:
        logits.append(predictor.logits(np.asarray(batch)))
        labels.append(np.asarray(batch_labels))
    return paddle.to_tensor(np.concatenate(logits)), paddle.to_tensor(np.concatenate(labels))


def loop_throughput(predictor, loader):
    """Images/s of the whole loop over ``loader``, its loading included: the notebook's "Throughout" (2.5).

    Args:
        predictor: a ``Predictor``.
        loader: yields (images ``(N, 3, H, W)``, labels).
    """
    images = 0
    start = time.perf_counter()
    for batch, _labels in loader:
        images += len(predictor.logits(np.asarray(batch)))
    return images / (time.perf_counter() - start)


def model_throughput(predictor, batch_size=32, image_size=224, runs=10, warmup=2):
    """Images/s of the network alone: one ready batch, run ``warmup`` times, then the median time of ``runs``."""
    shape = (batch_size, predictor.channels, image_size, image_size)
    batch = np.random.RandomState(0).standard_normal(shape).astype(np.float32)
    return batch_size / float(np.median(time_calls(lambda: predictor.logits(batch), runs, warmup)))
