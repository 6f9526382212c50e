"""What a network answered, image by image, from its logits and the labels.

    images = per_image(logits, labels, k=5, smoothing=0.1)      # answer, top1, top_k, loss, nll, confidence, bin
    worst_mistakes(logits, labels, most=24)                     # indices of the images to look at

Computed in float64, a bounded number of logits at a time: the same logits give the same numbers to the last bit.
"""

import numpy as np
from scipy.special import log_softmax

from ..errors import FasterNetError

BINS = 15  # of confidence, of equal width (Guo et al. 2017, section 4)
CHUNK = 1 << 22  # logits taken at a time: 32 MiB as float64, also with 10,000 classes


def checked(logits, labels):
    """Logits as floats ``(N, K)`` and labels as int64 ``(N,)``; raise ``FasterNetError`` where they do not fit."""
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not logits.size:
        shapes = f"{logits.shape} and {labels.shape}"
        raise FasterNetError(f"logits must be (N, K) and labels (N,), both with at least one image, got {shapes}")
    if labels.dtype.kind not in "iu":
        raise FasterNetError(f"labels must be integers, got {labels.dtype}")
    if not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise FasterNetError(f"labels must lie in 0..{logits.shape[1] - 1}, got {labels.min()}..{labels.max()}")
    if logits.dtype.kind != "f" or not np.isfinite(logits).all():
        raise FasterNetError(f"logits must be finite floats, got {logits.dtype} with NaN or infinity")
    return logits, labels.astype(np.int64)


def log_probabilities(logits, temperature=None):
    """float64 ``(N, K)``: log-softmax of ``logits / temperature``."""
    return log_softmax(np.asarray(logits, np.float64) / (temperature or 1.0), axis=1)


def confidences(logits, temperature=None):
    """float64 ``(N,)``: the probability of each image's answer."""
    return np.concatenate([np.exp(log_probabilities(part, temperature).max(axis=1)) for part in _parts(logits)])


def _parts(array, classes=None):
    """``array`` in parts of at most ``CHUNK`` logits."""
    step = max(1, CHUNK // (classes or array.shape[1]))
    return [array[start : start + step] for start in range(0, len(array), step)]


def worst_mistakes(logits, labels, most=24, temperature=None):
    """Indices of the wrongly answered images, the surest of their wrong answer first; at most ``most``."""
    logits, labels = checked(logits, labels)
    order = np.argsort(-confidences(logits, temperature), kind="stable")
    return order[logits.argmax(axis=1)[order] != labels[order]][:most]


def least_sure(logits, labels, most=24, temperature=None):
    """Indices of the images with the least probability for the answer, right or wrong; at most ``most``."""
    logits, _ = checked(logits, labels)
    return np.argsort(confidences(logits, temperature), kind="stable")[:most]


def per_image(logits, labels, k, smoothing, temperature):
    """Dict of arrays ``(N,)``, an item an image.

    "answer" (its class), "top1" and "top_k" (whether right), "loss" (cross-entropy with ``smoothing``, nats), "nll"
    (without it, with the temperature), "confidence" (probability of the answer, with the temperature), "bin" of that.
    """
    pairs = zip(_parts(logits), _parts(labels, logits.shape[1]), strict=True)
    parts = [_per_part(np.asarray(part, np.float64), own, smoothing, temperature) for part, own in pairs]
    images = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rank = images.pop("rank")
    return images | {"top1": rank == 0, "top_k": rank < k, "bin": bin_of(images["confidence"])}


def bin_of(confidence):
    """The bin of each confidence, 0 to ``BINS - 1``; a bin holds its upper end, not its lower one."""
    edges = np.arange(BINS + 1) / BINS
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)


def _per_part(logits, labels, smoothing, temperature):
    rows = np.arange(len(labels))
    own = logits[rows, labels][:, None]  # (N, 1)
    earlier = np.arange(logits.shape[1]) < labels[:, None]  # of equal logits the first is the answer, as in argmax
    plain, warm = log_probabilities(logits), log_probabilities(logits, temperature)
    return {
        "answer": logits.argmax(axis=1),
        "rank": ((logits > own) | ((logits == own) & earlier)).sum(axis=1),
        "loss": -(1 - smoothing) * plain[rows, labels] - smoothing * plain.mean(axis=1),
        "nll": -warm[rows, labels],
        "confidence": np.exp(warm.max(axis=1)),
    }
