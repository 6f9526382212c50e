"""Temperature scaling (Guo et al. 2017): one number that makes probabilities as sure as they are right.

    calibration = fit_temperature(logits, labels)        # of validation images, which the network did not train on
    calibration.temperature                              # 1.7: softmax(logits / 1.7) is less sure than softmax(logits)

Logits, answers and accuracy stay as they are; probabilities alone change. The temperature minimises the negative
log-likelihood, which is convex in its inverse, so there is one.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..errors import FasterNetError
from .answers import BINS, bin_of, checked, log_probabilities, per_image

LOWEST, HIGHEST = 0.02, 50.0  # beyond these the images say no more than "as sure as can be" or "knows nothing"
FOLDS = 5
FEWEST = 2 * FOLDS  # images


@dataclass(frozen=True)
class Calibration:
    """A temperature, and negative log-likelihood (nats) and calibration error before and with it.

    ``nll_held_out`` and ``ece_held_out`` are what new images may expect: each fifth of the images is measured with the
    temperature that the other four fifths give.
    """

    temperature: float
    images: int
    nll_before: float
    nll_after: float
    nll_held_out: float
    ece_before: float
    ece_after: float
    ece_held_out: float

    def describe(self):
        """One line."""
        return (
            f"temperature {self.temperature:.4f} from {self.images} images: calibration error {self.ece_before:.4f} -> "
            f"{self.ece_held_out:.4f} on held-out fifths, negative log-likelihood {self.nll_before:.4f} -> "
            f"{self.nll_held_out:.4f} nats"
        )


def fit_temperature(logits, labels, seed=0):
    """Find the temperature for logits ``(N, K)`` with labels ``(N,)``; a ``Calibration``.

    Args:
        logits: of validation images, N at least 10.
        labels: integers in 0..K-1.
        seed: of the fifths that are held out.

    Raises:
        FasterNetError: too few images, or images that set no temperature: all of them right (or nearly so), when no
            probability can be too sure, or answers that are no better than guessing.
    """
    logits, labels = checked(logits, labels)
    count = len(labels)
    if count < FEWEST:
        raise FasterNetError(f"a temperature needs at least {FEWEST} images, got {count}")
    right = int((logits.argmax(axis=1) == labels).sum())
    temperature = _minimum(logits, labels)
    # Without a mistake the likelihood grows for ever as the temperature falls; of guesses, as it rises.
    if right == count or not 1.01 * LOWEST < temperature < HIGHEST / 1.01:
        raise FasterNetError(
            f"these images set no temperature within {LOWEST}..{HIGHEST:g}: {right} of {count} are right; it takes a "
            f"network that is sometimes wrong and better than guessing"
        )
    fold = np.random.RandomState(seed).permutation(count) % FOLDS
    held_out = np.empty((count, 3))  # nll, confidence, right
    for number in range(FOLDS):
        out = fold == number
        held_out[out] = _measured(logits[out], labels[out], _minimum(logits[~out], labels[~out]))
    before, after = _measured(logits, labels, 1.0), _measured(logits, labels, temperature)
    numbers = [(float(values[:, 0].mean()), _ece(values)) for values in (before, after, held_out)]
    return Calibration(temperature, count, *(nll for nll, _ in numbers), *(ece for _, ece in numbers))


def _minimum(logits, labels):
    """The temperature with the least negative log-likelihood within ``LOWEST`` and ``HIGHEST``."""
    rows = np.arange(len(labels))

    def nll(log_temperature):
        return -log_probabilities(logits, np.exp(log_temperature))[rows, labels].mean()

    ends = (np.log(LOWEST), np.log(HIGHEST))
    return float(np.exp(minimize_scalar(nll, bounds=ends, method="bounded", options={"xatol": 1e-6}).x))


def _measured(logits, labels, temperature):
    images = per_image(logits, labels, 1, 0.0, temperature)
    return np.column_stack([images["nll"], images["confidence"], images["top1"]])  # (N, 3)


def _ece(values):
    gap = np.bincount(bin_of(values[:, 1]), values[:, 1] - values[:, 2], BINS)
    return float(np.abs(gap).sum() / len(values))
