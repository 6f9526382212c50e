"""Stochastic depth by its law; mixers against convolutions written out."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.layers import MIXERS, DropPath, DWConv, FullConv, PConv, drop_path


def _features(*shape, seed=0):
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape).astype("float32"))


@pytest.mark.parametrize("drop_prob", [0.1, 0.5, 0.9])
def test_drop_path_keeps_or_drops_whole_samples(drop_prob):
    paddle.seed(0)
    x = _features(4000, 3, 2, 2)
    y = drop_path(x, drop_prob, training=True).numpy()
    kept = np.abs(y).sum((1, 2, 3)) > 0
    np.testing.assert_allclose(y[kept], x.numpy()[kept] / (1 - drop_prob), rtol=1e-5)
    assert not y[~kept].any()
    spread = (drop_prob * (1 - drop_prob) / len(y)) ** 0.5  # standard deviation of a share of 4000 draws
    assert abs(kept.mean() - (1 - drop_prob)) < 4 * spread


def test_drop_path_draws_what_the_seed_says():
    x = paddle.ones([64, 1])
    draws = []
    for seed in (1, 1, 2):
        paddle.seed(seed)
        draws.append(drop_path(x, 0.5, training=True).numpy())
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_drop_path_outside_training_or_at_zero_is_the_identity():
    x = _features(4, 3)
    assert drop_path(x, 0.5, training=False) is x
    assert drop_path(x, 0.0, training=True) is x
    layer = DropPath(0.5)
    layer.eval()
    assert layer(x) is x
    assert DropPath()(x) is x  # the notebook's default: None


def test_drop_path_at_one_drops_everything():
    assert not drop_path(_features(8, 3), 1.0, training=True).numpy().any()


@pytest.mark.parametrize("drop_prob", [-0.1, 1.1, float("nan")])
def test_drop_path_checks_its_probability(drop_prob):
    with pytest.raises(FasterNetError, match=r"\[0, 1\]"):
        drop_path(_features(2, 2), drop_prob, training=True)
    with pytest.raises(FasterNetError, match=r"\[0, 1\]"):
        DropPath(drop_prob)


def test_pconv_convolves_the_first_quarter_and_leaves_the_rest():
    x, layer = _features(2, 8, 6, 5), PConv(8)
    y = layer(x)
    assert np.array_equal(y[:, 2:].numpy(), x[:, 2:].numpy())
    np.testing.assert_allclose(y[:, :2].numpy(), F.conv2d(x[:, :2], layer.conv.weight, padding=1).numpy(), rtol=1e-6)
    assert layer.conv.weight.shape == [2, 2, 3, 3]


def test_pconv_can_convolve_all_channels():
    assert PConv(8, kernel_size=5, n_div=1)(_features(1, 8, 7, 7)).shape == [1, 8, 7, 7]


def test_dwconv_treats_each_channel_alone():
    x, layer = _features(1, 4, 6, 6), DWConv(4)
    whole = layer(x).numpy()
    for channel in range(4):
        alone = F.conv2d(x[:, channel : channel + 1], layer.conv.weight[channel : channel + 1], padding=1)
        np.testing.assert_allclose(whole[:, channel], alone.numpy()[:, 0], rtol=1e-5, atol=1e-6)


def test_full_convolution_sees_all_channels():
    assert FullConv(8).conv.weight.shape == [8, 8, 3, 3]


@pytest.mark.parametrize("mixer", MIXERS.values())
def test_mixers_keep_the_shape_and_refuse_an_even_kernel(mixer):
    assert mixer(8)(_features(2, 8, 5, 7)).shape == [2, 8, 5, 7]
    with pytest.raises(FasterNetError, match="kernel_size must be odd, got 4"):
        mixer(8, kernel_size=4)


@pytest.mark.parametrize("n_div", [0, 9])
def test_pconv_refuses_a_share_that_leaves_no_channel(n_div):
    with pytest.raises(FasterNetError, match=f"got {n_div}"):
        PConv(8, n_div=n_div)
