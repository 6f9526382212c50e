"""The fast augmentation: Paddle's own functions as witness for what is done, Paddle's own draws for what is drawn."""

import random
from collections import Counter

import cv2
import numpy as np
import pytest
from paddle.vision import transforms as T
from paddle.vision.transforms import functional as F
from scipy import stats

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data import fast_transforms as fast
from fasternet_paddle.data import loaders, transforms
from fasternet_paddle.data.datasets import ImageData, Images
from tests.archives import photograph_crops

IMAGES = photograph_crops(40)[0]
DRAWS = 10_000
SURPRISE = 1e-3  # probability below which two samples are held to follow different laws; all seeds are fixed
LEVELS = 255 * np.array(transforms.STD).reshape(3, 1, 1)  # one unit of the network's input, in levels of 0..255


def _draws(count=DRAWS, shape=(32, 32), law=None, seed=0):
    rng = np.random.default_rng(seed)
    return [fast.draw_augmentation(rng, *shape, law or fast.Law()) for _ in range(count)]


def _colour(pixels, drawn, monkeypatch):
    for name, factor in drawn.colour:
        # adjust_saturation takes its argument for the width of a second draw: let that draw be the factor
        monkeypatch.setattr(np.random, "uniform", lambda low, high, factor=factor: factor)
        pixels = getattr(F, f"adjust_{name}")(pixels, factor)
    monkeypatch.undo()
    return pixels


def _paddles(image, drawn, size, monkeypatch, colour_first=False):
    """The notebook's composition for what was drawn, by Paddle's functions under the cv2 backend."""
    pixels = F.crop(image, *drawn.box)
    if colour_first:
        pixels = F.resize(_colour(pixels, drawn, monkeypatch), (size, size))
    else:
        pixels = _colour(F.resize(pixels, (size, size)), drawn, monkeypatch)
    if drawn.flip:
        pixels = F.hflip(pixels)
    pixels = F.rotate(pixels, drawn.angle)
    return F.normalize(F.to_tensor(pixels), transforms.MEAN, transforms.STD).numpy()


@pytest.mark.parametrize("size", [32, 50, 224])
def test_geometry_is_the_notebooks_to_the_pixel(size, monkeypatch):
    law = fast.Law(jitter=0.0)
    for image, drawn in zip(IMAGES, _draws(len(IMAGES), law=law), strict=True):
        ours = fast.augment(image, drawn, size)
        assert (ours.shape, ours.dtype) == ((3, size, size), np.float32)
        difference = np.abs(ours - _paddles(image, drawn, size, monkeypatch)) * LEVELS
        assert difference.max() < 1.01  # Paddle resizes in whole levels


@pytest.mark.parametrize("colour_first", [True, False])
def test_colours_are_paddles(colour_first, monkeypatch):
    for image, drawn in zip(IMAGES, _draws(len(IMAGES)), strict=True):
        if not colour_first:
            image = 90 + image // 4  # 90 to 153: no factors of 0.8 to 1.2 lead out of 0..255, so the order is the same
        assert len(drawn.colour) == 3
        theirs = _paddles(image, drawn, 64, monkeypatch, colour_first)
        difference = np.abs(fast.augment(image, drawn, 64) - theirs) * LEVELS
        assert difference.max() < 4.5  # Paddle drops fractions at the resize and at each of three adjustments


def test_colours_are_near_the_notebooks_where_white_is_cut_off(monkeypatch):
    """The notebook cuts off after interpolating, ours before: they part where a white pixel meets a dark one."""
    pairs = zip(IMAGES, _draws(len(IMAGES)), strict=True)
    both = [(fast.augment(*pair, 64), _paddles(*pair, 64, monkeypatch)) for pair in pairs]
    differences = np.stack([np.abs(ours - theirs) * LEVELS for ours, theirs in both])
    assert differences.mean() < 1.5
    assert (differences > 5).mean() < 0.01


def test_each_adjustment_is_named_like_paddles():
    assert {name for drawn in _draws(50) for name, _ in drawn.colour} == {"brightness", "contrast", "saturation"}


def _paddles_boxes(count, shape, scale):
    crop, image = T.RandomResizedCrop(8, scale=scale), np.zeros((*shape, 3), np.uint8)
    random.seed(1), np.random.seed(1)
    boxes = [crop._dynamic_get_param(image) for _ in range(count)]
    return np.array(boxes)  # (count, 4): top, left, height, width


@pytest.mark.parametrize(
    ("shape", "law"),
    [
        ((32, 32), fast.Law()),
        ((32, 32), fast.DIGITS_LAW),
        ((32, 32), fast.LIGHT_DIGITS_LAW),
        ((40, 90), fast.Law()),
        ((90, 40), fast.Law()),
    ],
)
def test_crop_boxes_follow_paddles_law(shape, law):
    boxes = np.array([drawn.box for drawn in _draws(shape=shape, law=law)])
    theirs = _paddles_boxes(DRAWS, shape, law.scale)
    for what in (
        lambda top, left, height, width: height * width,
        lambda top, left, height, width: width / height,
        lambda top, left, height, width: top,
        lambda top, left, height, width: left,
        lambda top, left, height, width: top + height,
        lambda top, left, height, width: left + width,
    ):
        assert stats.ks_2samp(what(*boxes.T), what(*theirs.T)).pvalue > SURPRISE
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2] <= shape[0]).all()
    assert (boxes[:, 1] + boxes[:, 3] <= shape[1]).all()


@pytest.mark.parametrize(("shape", "middle"), [((200, 20), (86, 0, 27, 20)), ((20, 200), (0, 86, 20, 27))])
def test_where_no_box_fits_the_middle_is_taken_as_often_as_by_paddle(shape, middle):
    ours = sum(drawn.box == middle for drawn in _draws(shape=shape))
    theirs = int((_paddles_boxes(DRAWS, shape, (0.08, 1.0)) == middle).all(axis=1).sum())
    assert min(ours, theirs) > DRAWS / 100
    assert stats.fisher_exact([[ours, DRAWS - ours], [theirs, DRAWS - theirs]]).pvalue > SURPRISE


def test_another_crop_law_would_be_found():
    boxes = np.array([drawn.box for drawn in _draws(law=fast.Law(scale=(0.12, 1.0)))])
    theirs = _paddles_boxes(DRAWS, (32, 32), (0.08, 1.0))
    assert stats.ks_2samp(boxes[:, 2] * boxes[:, 3], theirs[:, 2] * theirs[:, 3]).pvalue < SURPRISE


def test_flips_and_angles_follow_paddles_laws():
    drawn = _draws()
    flips = sum(one.flip for one in drawn)
    assert stats.binomtest(flips, DRAWS, 0.5).pvalue > SURPRISE
    random.seed(2)
    rotation = T.RandomRotation(20)
    theirs = [rotation._get_param(rotation.degrees) for _ in range(DRAWS)]
    assert stats.ks_2samp([one.angle for one in drawn], theirs).pvalue > SURPRISE


@pytest.mark.parametrize("law", [fast.DIGITS_LAW, fast.LIGHT_DIGITS_LAW])
def test_digits_are_not_mirrored_and_keep_their_colours(law):
    drawn = _draws(500, law=law)
    assert not any(one.flip or one.colour for one in drawn)
    angles = [one.angle for one in drawn]
    assert stats.kstest(angles, stats.uniform(-10, 20).cdf).pvalue > SURPRISE


def test_factors_and_their_order_follow_paddles_laws(monkeypatch):
    jitter, seen = T.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2), []
    for name in fast.ADJUST:
        monkeypatch.setattr(F, f"adjust_{name}", lambda image, factor, name=name: seen.append((name, factor)) or image)
    random.seed(3)
    for _ in range(DRAWS):
        jitter(IMAGES[0])
    theirs = [tuple(seen[first : first + 3]) for first in range(0, len(seen), 3)]
    ours = [one.colour for one in _draws()]
    for name in fast.ADJUST:
        assert stats.ks_2samp([dict(o)[name] for o in ours], [dict(t)[name] for t in theirs]).pvalue > SURPRISE
    orders, their_orders = (Counter(tuple(name for name, _ in one) for one in all_) for all_ in (ours, theirs))
    assert len(orders) == 6
    table = [[counts[order] for order in sorted(orders)] for counts in (orders, their_orders)]
    assert stats.chi2_contingency(table).pvalue > SURPRISE


def _loader(augment, num_workers, name="photographs"):
    data = ImageData(name, ("one",), Images(IMAGES, np.zeros(len(IMAGES), np.int64)), Images(IMAGES[:0], np.zeros(0)))
    config = TrainConfig(augment=augment, num_workers=num_workers, image_size=32, batch_size=8)
    return loaders.make_loaders(data, config)[0]


def test_batches_depend_on_seed_epoch_and_index_alone():
    alone, many = _loader("fast", 0), _loader("fast", 2)
    epochs = []
    for epoch in (0, 1):
        for loader in (alone, many):
            loader.sampler.set_epoch(epoch)
            epochs.append(np.concatenate([images.numpy() for images, _ in loader]))
    many.close()
    assert np.array_equal(epochs[0], epochs[1])
    assert np.array_equal(epochs[2], epochs[3])
    assert not np.array_equal(epochs[0], epochs[2])


def test_a_sample_leaves_the_global_generators_alone():
    random.seed(1), np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1), np.random.seed(1)
    _loader("fast", 0).dataset[(0, 5)]
    assert (random.random(), np.random.random()) == expected


def test_the_recipe_chooses_the_transform():
    assert _loader("fast", 0).dataset.transform.law == fast.Law()
    assert _loader("fast", 0, "digits").dataset.transform.law == fast.DIGITS_LAW
    assert _loader("light", 0).dataset.transform.law == fast.LIGHT_LAW
    assert _loader("light", 0, "digits").dataset.transform.law == fast.LIGHT_DIGITS_LAW
    assert isinstance(_loader("notebook", 0).dataset.transform, T.Compose)


def test_light_crops_and_mirrors_and_does_no_more():
    """By its law nothing turns or recolours; what a crop shows is the picture's own pixels, brought to size."""
    transform, picture = fast.light_train_transform(32), IMAGES[0]
    rng = np.random.default_rng(5)
    drawn = [fast.draw_augmentation(rng, *picture.shape[:2], fast.LIGHT_LAW) for _ in range(DRAWS)]
    assert not any(one.colour or one.angle for one in drawn)
    areas = np.array([one.box[2] * one.box[3] for one in drawn]) / (picture.shape[0] * picture.shape[1])
    assert 0.55 < areas.min() < 0.62 and areas.max() > 0.95  # a box has whole pixels
    assert stats.binomtest(sum(one.flip for one in drawn), DRAWS).pvalue > SURPRISE
    top, left, height, width = drawn[0].box
    cut = picture[top : top + height, left : left + width]
    cut = np.ascontiguousarray(cut[:, ::-1]) if drawn[0].flip else cut
    wanted = cv2.resize(cut.astype(np.float32), (32, 32), interpolation=cv2.INTER_LINEAR)
    made = transform(picture, np.random.default_rng(5))
    np.testing.assert_allclose(made, transforms.normalize(wanted.transpose(2, 0, 1) / 255), atol=1e-5)
