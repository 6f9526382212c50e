"""Does an explanation stay when the seed changes?

stability = measure_stability(lime, image)          # mean and spread of each weight over five seeds
stability.warning                                   # a sentence where the top superpixels change, else None
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from .explanation import Explanation

TOP = 3  # superpixels whose place among the first is watched over seeds
SEEDS = 5


@dataclass(frozen=True, eq=False)
class Stability:
    """An explanation repeated over R seeds, for one class."""

    explanation: Explanation
    """The one of the first seed."""
    label: int
    """The class."""
    seeds: tuple[int, ...]
    """The R seeds."""
    weights: np.ndarray
    """float64 ``(R, S)``."""
    r2: np.ndarray
    """float64 ``(R,)``."""

    @property
    def mean(self):
        """Mean weight of each superpixel over the seeds, ``(S,)``."""
        return self.weights.mean(axis=0)

    @property
    def std(self):
        """Standard deviation of each superpixel's weight over the seeds, ``(S,)``, with R - 1 in the denominator."""
        return self.weights.std(axis=0, ddof=1)

    def kept(self, k=TOP):
        """How often a superpixel of the k first by mean weight is among the k first of a seed, 0 to 1."""
        first = set(np.argsort(-self.mean, kind="stable")[:k])
        shares = [len(first & set(np.argsort(-row, kind="stable")[:k])) / len(first) for row in self.weights]
        return float(np.mean(shares))

    @property
    def warning(self):
        """One sentence if the top superpixels change with the seed, else None."""
        if self.kept() == 1.0:
            return None
        return (
            f"the top {min(TOP, len(self.mean))} superpixels change with the seed ({self.kept():.0%} of them stay): "
            f"take more samples than {self.explanation.num_samples}"
        )


def measure_stability(explainer, image, label=None, seeds=range(SEEDS), **settings):
    """Explain ``image`` once for each seed.

    Args:
        explainer: an ``Explainer``.
        image: as ``explain`` takes it.
        label: number or name of the class; by default the predicted one.
        seeds: two or more.
        **settings: further arguments of ``explain``.

    Returns:
        ``Stability``.
    """
    seeds = tuple(seeds)
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise FasterNetError(f"seeds must be two or more different ones, got {list(seeds)}")
    runs = [explainer.explain(image, label, seed=seed, **settings) for seed in seeds]
    return Stability(
        explanation=runs[0],
        label=runs[0].classes[0],
        seeds=seeds,
        weights=np.stack([run.weights[0] for run in runs]),
        r2=np.array([run.r2[0] for run in runs]),
    )
