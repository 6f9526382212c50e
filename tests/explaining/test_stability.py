"""Stability says what is so, against known answers."""

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.explaining.stability import measure_stability
from tests.photographs import REASON, known_reason, photograph, tiles


def test_stable_explanations_are_said_to_be_so():
    explainer, image, _ = known_reason()
    stability = measure_stability(explainer, image, 1, seeds=(4, 5, 6), num_samples=60)
    assert stability.weights.shape == (3, 36) and stability.label == 1
    for row, seed in zip(stability.weights, stability.seeds, strict=True):
        assert (row == explainer.explain(image, 1, 60, seed=seed).weights[0]).all()
    assert (stability.mean == stability.weights.mean(axis=0)).all()
    assert np.allclose(stability.std, np.sqrt(((stability.weights - stability.mean) ** 2).sum(axis=0) / 2))
    assert stability.std.max() < 1e-6 and stability.mean.argmax() == REASON
    assert stability.kept(1) == 1.0


def test_changing_top_superpixels_are_warned_of():
    def guessing(batch):  # a probability that no superpixel explains
        noise = np.modf(np.abs(batch.sum(axis=(1, 2, 3), dtype=np.float64)) * 1e3)[0]
        return np.stack([noise, 1 - noise], axis=1)

    stability = measure_stability(Lime(guessing, segment=tiles), photograph("coffee"), 0, range(4), num_samples=60)
    assert stability.kept() < 0.9
    assert "top 3 superpixels change" in stability.warning and "more samples than 60" in stability.warning
    calm = measure_stability(Lime(red, segment=halves), photograph("coffee"), 1, range(3), num_samples=60)
    assert calm.kept() == 1.0 and calm.warning is None


def halves(picture):
    """Three bands of rows."""
    return np.repeat(np.arange(224) // 75, 224).reshape(224, 224)


def red(batch):
    """Class 1 grows with contrast in red, more in lower rows: three bands in an order that no seed changes."""
    rows = np.linspace(0.1, 1.0, batch.shape[2])[None, :, None]
    value = np.tanh((np.abs(np.diff(batch[:, 0], axis=2)) * rows).mean(axis=(1, 2)))
    return np.stack([1 - value, value], axis=1)


@pytest.mark.parametrize("seeds", [(), (3,), (3, 3)])
def test_one_seed_is_no_stability(seeds):
    explainer, image, _ = known_reason()
    with pytest.raises(FasterNetError, match="two or more different"):
        measure_stability(explainer, image, seeds=seeds)
