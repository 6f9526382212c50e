"""Paired comparison of two networks that answered the same validation images.

An accuracy differs from run to run for two reasons: other weights (the seed) and other images (the sample that was
held out). A difference is called shown only where it stands out against both:

    images_test     these very networks on other images: permutation test over the images
    seeds_test      networks trained anew on these images: paired t-test over the seeds
    mcnemar_exact   the classical test of two single runs

A t-test assumes differences that are about normal, and with three seeds it sees large ones only: "not shown" is not
"equal".
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats  # comes with scikit-learn

from ..errors import FasterNetError

ALPHA = 0.05  # of all comparisons together: each is held to its share of it (Bonferroni)
FLIPS = 10_000  # of signs, in the permutation test; its smallest p is 1e-4


@dataclass(frozen=True, eq=False)
class Trials:
    """One network, trained once a seed and asked about the same N validation images each time."""

    name: str
    seeds: tuple[int, ...]
    correct: np.ndarray
    """bool ``(R, N)``: whether the network of run r was right about image n."""

    @property
    def accuracies(self):
        """float ``(R,)``, 0 to 1."""
        return self.correct.mean(axis=1)

    @property
    def mean(self):
        """Mean accuracy of the runs."""
        return float(self.accuracies.mean())

    @property
    def std(self):
        """Sample standard deviation of the runs' accuracies; NaN for a single one."""
        return float(self.accuracies.std(ddof=1)) if len(self.seeds) > 1 else math.nan


@dataclass(frozen=True)
class McNemar:
    """Two networks on the same images: how many only one of them gets right, and the exact p of a fair coin."""

    only_first: int
    only_second: int
    p: float


def mcnemar_exact(first, second):
    """McNemar's test in its exact form, of two single runs.

    Images on which both are right or both wrong tell nothing. If neither network were better, each of the others
    would fall to either side like a fair coin: p is the two-sided binomial probability, at most 1.

    Args:
        first, second: bool ``(N,)``, right or wrong on the same images.
    """
    first, second = (np.asarray(correct, dtype=bool) for correct in (first, second))
    if first.shape != second.shape or first.ndim != 1:
        raise FasterNetError(f"both must answer the same images, got {first.shape} and {second.shape} answers")
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    differing = only_first + only_second
    p = float(stats.binomtest(only_first, differing).pvalue) if differing else 1.0
    return McNemar(only_first, only_second, p)


def images_test(first, second, flips=FLIPS, seed=0):
    """p of a paired permutation test over images: would other images tell these very networks apart?

    For each image the difference of the two shares of right runs is taken. If the networks were equally good, its
    sign would be a matter of chance: the mean difference is held against those under random signs (two-sided).
    scipy's ``permutation_test`` gives the same in seven times as long, 4.2 s for 2,000 images.

    Args:
        first, second: bool ``(R, N)``.
        flips: random assignments of signs.
        seed: of their draw.
    """
    differences = second.mean(axis=0) - first.mean(axis=0)  # (R, N) -> (N,)
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    generator = np.random.default_rng(seed)
    chances = np.array([abs(generator.choice((-1.0, 1.0), len(differences)) @ differences) for _ in range(flips)])
    as_large = int((chances >= abs(differences.sum()) - 1e-9).sum())
    return (as_large + 1) / (flips + 1)  # the observed signs are one assignment of their own


def seeds_test(first, second, level=0.95):
    """Paired t-test over seeds: would networks trained anew differ on these images?

    Args:
        first, second: accuracies ``(R,)`` of runs of the same seeds.
        level: of the interval.

    Returns:
        (p, low, high): two-sided p and the interval of the mean difference ``second - first``. NaN without spread,
        as when too few images are asked: nothing can be said then.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(first) < 2:
        raise FasterNetError(f"a test over seeds needs at least two of them, got {len(first)}")
    if (second - first).std(ddof=1) / math.sqrt(len(first)) < 1e-12:
        return math.nan, math.nan, math.nan
    test = stats.ttest_rel(second, first)
    return (float(test.pvalue), *map(float, test.confidence_interval(level)))


@dataclass(frozen=True)
class Comparison:
    """Two contenders: ``second`` minus ``first``, in accuracy."""

    first: str
    second: str
    difference: float
    images_p: float
    """Of ``images_test``."""
    seeds_p: float
    """Of ``seeds_test``, whose interval is ``low`` to ``high``."""
    low: float
    high: float
    mcnemar: tuple[McNemar, ...]
    """Of each seed."""

    def is_shown(self, alpha=ALPHA):
        """Whether both tests stay below ``alpha``; False where a p is NaN. The difference's sign says who is better."""
        return self.images_p < alpha and self.seeds_p < alpha


def compare(first, second):
    """``Comparison`` of two ``Trials`` of the same seeds and images."""
    if first.seeds != second.seeds or first.correct.shape != second.correct.shape:
        raise FasterNetError(
            f"a paired comparison needs the same seeds and images, got seeds {first.seeds} and {second.seeds}, "
            f"answers {first.correct.shape} and {second.correct.shape}"
        )
    p, low, high = seeds_test(first.accuracies, second.accuracies)
    return Comparison(
        first=first.name,
        second=second.name,
        difference=second.mean - first.mean,
        images_p=images_test(first.correct, second.correct),
        seeds_p=p,
        low=low,
        high=high,
        mcnemar=tuple(map(mcnemar_exact, first.correct, second.correct)),
    )
