"""Balanced sampling: frequencies by chi-square, repeats that are augmented anew; weights against scikit-learn's."""

from itertools import chain

import numpy as np
import pytest
from scipy import stats
from sklearn.utils.class_weight import compute_class_weight

from fasternet_paddle.data.samplers import BalancedSampler, balanced_weights

LABELS = np.repeat([0, 2, 3], [300, 40, 5])  # no image of class 1


def _epoch(sampler, epoch, first_step=0):
    sampler.set_epoch(epoch, first_step)
    return list(sampler)


def test_classes_and_their_images_are_drawn_alike():
    sampler = BalancedSampler(LABELS, 5)
    drawn = np.array([key[1] for epoch in range(60) for key in chain(*_epoch(sampler, epoch))])
    assert len(drawn) == 60 * len(LABELS)
    assert stats.chisquare(np.bincount(LABELS[drawn])[[0, 2, 3]]).pvalue > 1e-3
    for label in (0, 2, 3):
        counts = np.bincount(drawn, minlength=len(LABELS))[label == LABELS]
        assert stats.chisquare(counts).pvalue > 1e-3


def test_an_epoch_is_a_function_of_seed_and_epoch():
    one, other = BalancedSampler(LABELS, 8, seed=3), BalancedSampler(LABELS, 8, seed=4)
    epoch = _epoch(one, 2)
    assert _epoch(one, 1) != epoch != _epoch(other, 2)
    assert _epoch(one, 2, 7) == epoch[7:] and len(one) == len(epoch) - 7
    keys = list(chain(*epoch))
    assert len(set(keys)) == len(keys)  # a repeat has a number of its own
    assert {key[0] for key in keys} == {2}
    for index in {key[1] for key in keys}:
        repeats = [key[2:] for key in keys if key[1] == index]
        assert repeats == [(), *((n,) for n in range(1, len(repeats)))]


@pytest.mark.parametrize("counts", [(5, 5), (1, 99), (300, 40, 5)])
def test_weights_are_scikit_learns(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    np.testing.assert_allclose(balanced_weights(labels, len(counts)), theirs, rtol=1e-6)


def test_a_class_without_images_weighs_nothing():
    weights = balanced_weights(LABELS, 4)
    assert weights[1] == 0 and weights[LABELS].mean() == pytest.approx(1)
