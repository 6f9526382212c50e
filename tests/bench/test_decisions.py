"""``bench decisions``: crops are drawn by seed and labelled behind the digits."""

import numpy as np

from fasternet_paddle.bench import decisions
from fasternet_paddle.data.transforms import MEAN, STD


def test_crops_differ_by_seed_and_are_labelled_behind_the_digits():
    (first, labels), (again, _), (other, _) = (decisions.draw_crops(30, seed) for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()
    assert first.shape == (30, 32, 32, 3) and labels.min() >= 10 and labels.max() < 10 + len(decisions.PHOTOGRAPHS)
    wanted = (first / 255.0 - np.array(MEAN)) / np.array(STD)
    assert np.allclose(decisions.to_batch(first), wanted.transpose(0, 3, 1, 2), atol=1e-6)
