"""Mixup and CutMix: timm's formulas written out anew, scipy's laws, and loaders that mix the same however they work."""

import numpy as np
import pytest
from scipy import stats

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import ImageData, Images
from fasternet_paddle.data.loaders import make_loaders
from fasternet_paddle.data.mixing import Mix, MixLaw, batch_generator, draw_mix, mix_batch, one_hot
from tests.archives import photograph_crops

IMAGES = Images(*photograph_crops(48))
DATA = ImageData("photographs", ("a", "b", "c"), IMAGES, IMAGES)
ALL_ON = {"mixup": 0.8, "cutmix": 1.0, "random_erasing": 0.5, "erasing_mode": "pixel", "auto_augment": "rand-m7-inc1"}


def _draws(law, count=4000, size=(32, 48)):
    return [draw_mix(batch_generator(5, 0, step), *size, law) for step in range(count)]


@pytest.mark.parametrize("alpha", [0.2, 0.8, 1.0, 3.0])
def test_shares_follow_the_beta_law(alpha):
    shares = [mix.share for mix in _draws(MixLaw(mixup=alpha))]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("probability", "switch"), [(1.0, 0.5), (0.3, 0.5), (0.7, 0.9)])
def test_how_often_a_batch_is_mixed_and_cut(probability, switch):
    mixes = [mix for mix in _draws(MixLaw(0.8, 1.0, probability, switch)) if mix is not None]
    assert stats.binomtest(len(mixes), 4000, probability).pvalue > 1e-3
    assert stats.binomtest(sum(mix.box is not None for mix in mixes), len(mixes), switch).pvalue > 1e-3


def test_boxes_are_timms():
    ours, rng = _draws(MixLaw(cutmix=1.0), 3000), np.random.RandomState(1)
    theirs = []
    for _ in range(3000):  # rand_bbox and the correction of lambda
        ratio = np.sqrt(1 - rng.beta(1, 1))
        cut_h, cut_w = int(32 * ratio), int(48 * ratio)
        cy, cx = rng.randint(0, 32), rng.randint(0, 48)
        yl, yh = np.clip(cy - cut_h // 2, 0, 32), np.clip(cy + cut_h // 2, 0, 32)
        xl, xh = np.clip(cx - cut_w // 2, 0, 48), np.clip(cx + cut_w // 2, 0, 48)
        theirs.append((1 - (yh - yl) * (xh - xl) / (32 * 48), yl, yh, xl, xh))
    pairs = zip(np.transpose([(mix.share, *mix.box) for mix in ours]), np.transpose(theirs), strict=True)
    for column, other in pairs:
        assert stats.ks_2samp(column, other).pvalue > 1e-3


def test_a_batch_is_mixed_with_its_mirror_image():
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(7, 3, 8, 8)).astype(np.float32), rng.integers(0, 4, 7)
    kept, soft = images.copy(), one_hot(labels, 4)
    for mix in (Mix(0.3), Mix(1 - 6 / 64, (1, 3, 4, 7))):
        mixed, shares = mix_batch(images, soft, mix)
        for position in range(7):
            partner = images[6 - position]
            if mix.box is None:
                expected = 0.3 * images[position] + 0.7 * partner
            else:
                expected = images[position].copy()
                expected[:, 1:3, 4:7] = partner[:, 1:3, 4:7]
                # The share is the area's: the pixels that the partner filled.
                assert (mixed[position] != images[position]).any(0).sum() == (0 if position == 3 else 6)
            np.testing.assert_allclose(mixed[position], expected, rtol=1e-5, atol=1e-6)
            wanted = np.zeros(4)
            np.add.at(wanted, [labels[position], labels[6 - position]], [mix.share, 1 - mix.share])
            np.testing.assert_allclose(shares[position], wanted, atol=1e-6)
        np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(images, kept)
    assert mix_batch(images, soft, None)[0] is images


def test_parts_that_hold_their_mirror_images_mix_as_the_whole():
    images, soft = np.random.default_rng(0).random((8, 3, 4, 4), np.float32), one_hot(np.arange(8) % 3, 3)
    whole = mix_batch(images, soft, Mix(0.4))
    for part in ([0, 2, 5, 7], [1, 3, 4, 6]):
        for mixed, of_whole in zip(mix_batch(images[part], soft[part], Mix(0.4)), whole, strict=True):
            np.testing.assert_array_equal(mixed, of_whole[part])


@pytest.mark.parametrize("augment", ["notebook", "fast"])
@pytest.mark.parametrize("sampling", [False, True])
def test_the_same_batches_with_any_number_of_workers_and_from_any_step(augment, sampling):
    runs = []
    for workers, first in ((0, 0), (1, 0), (2, 0), (2, 2)):
        config = TrainConfig(
            image_size=32, batch_size=8, num_workers=workers, augment=augment, balanced_sampling=sampling, **ALL_ON
        )
        train, val = make_loaders(DATA, config)
        train.sampler.set_epoch(3, first)
        runs.append([(images.numpy(), labels.numpy()) for images, labels in train])
        assert next(iter(val))[1].numpy().dtype == np.int64  # validation is left alone
        train.close(), val.close()
    calm = runs[0]
    assert len({labels.tobytes() for _, labels in calm}) > 1
    for run, first in zip(runs, (0, 0, 0, 2), strict=True):
        assert len(run) == 6 - first
        for (images, labels), (others, other_labels) in zip(run, calm[first:], strict=True):
            np.testing.assert_array_equal(images, others)
            np.testing.assert_array_equal(labels, other_labels)
            np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)
