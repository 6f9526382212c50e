"""How far a figure may be from the one that more images would show: 95 % intervals.

    low, high = wilson(right=98, total=100)                          # 0.930, 0.994: a share
    ends = bootstrap(lambda weights: {"loss": weighted mean}, count=100, resamples=1000, seed=0)

Both take the images for a sample of the images that the network will meet; neither knows of images that differ from
those in kind.
"""

import numpy as np
from scipy.special import ndtri

LEVEL = 0.95


def wilson(right, total, level=LEVEL):
    """Wilson's interval of a share: ``right`` of ``total``, numbers or arrays -> (low, high); 0 to 1 where total is 0.

    Wilson (1927): the shares that a test would not refuse, so it stays within 0..1 and holds its level near them.
    """
    right, total = np.asarray(right, np.float64), np.asarray(total, np.float64)
    z = ndtri((1 + level) / 2)  # 1.96
    share = right / np.maximum(total, 1)
    scale = total + z**2
    centre = (right + z**2 / 2) / scale
    reach = z * np.sqrt(total * share * (1 - share) + z**2 / 4) / scale
    # At either end the interval reaches the share itself, which rounding would leave out.
    return np.where(right == 0, 0.0, centre - reach), np.where(right == total, 1.0, centre + reach)


def bootstrap(measure, count, resamples, seed, level=LEVEL):
    """Percentile intervals (Efron 1979) over samples of ``count`` images, drawn with replacement.

    Args:
        measure: how often each image was drawn, float64 ``(count,)`` -> dict of name to a number or an array.
        count: images.
        resamples: how many samples are drawn; 1,000 place the ends to some 3 % of the interval's length.
        seed: the same seed gives the same ends.

    Returns:
        Dict of name to float64 ``(2, ...)``: low and high.
    """
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        weights = np.bincount(generator.integers(0, count, count), minlength=count).astype(np.float64)
        drawn.append(measure(weights))
    ends = ((1 - level) / 2, (1 + level) / 2)
    return {name: np.quantile([each[name] for each in drawn], ends, axis=0) for name in drawn[0]}
