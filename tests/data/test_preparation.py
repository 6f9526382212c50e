"""Preparing an image by the record: the notebook's resize to the bit, the others against Pillow used by hand."""

import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data as photographs

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data import transforms
from fasternet_paddle.data.preparation import config_preparation, preparation
from fasternet_paddle.data.transforms import MEAN, STD
from fasternet_paddle.files.images import read_image
from fasternet_paddle.record import Record

RECORD = Record(class_names=("a", "b"), image_size=96)
WIDE = photographs.coffee()  # 400 x 600
TALL = np.ascontiguousarray(WIDE.transpose(1, 0, 2)[:501])
SMALL = photographs.astronaut()[:31, :57]
MEAN_, STD_ = (np.array(values, np.float32).reshape(3, 1, 1) for values in (MEAN, STD))


def normalized(image):
    return (np.asarray(image).transpose(2, 0, 1).astype(np.float32) / 255.0 - MEAN_) / STD_


@pytest.mark.parametrize("image", [WIDE, TALL, SMALL, WIDE[:96, :96]], ids=["wide", "tall", "small", "ready"])
def test_squash_is_the_notebooks_to_the_bit(image):
    assert np.array_equal(preparation(RECORD)(image), transforms.test_transform(96)(image))


def test_squash_by_bicubic():
    prepare = preparation(dataclasses.replace(RECORD, interpolation="bicubic"))
    assert np.array_equal(prepare(WIDE), normalized(cv2.resize(WIDE, (96, 96), interpolation=cv2.INTER_CUBIC)))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("image", [WIDE, TALL, SMALL], ids=["wide", "tall", "small"])
def test_crop_is_pillows_resize_and_a_centre(image, interpolation):
    prepare = preparation(dataclasses.replace(RECORD, resize="crop", interpolation=interpolation))
    height, width = image.shape[:2]
    shorter = 110  # 96 / 0.875 = 109.7
    size = (shorter, int(shorter * height / width)) if width < height else (int(shorter * width / height), shorter)
    resized = Image.fromarray(image).resize(size, getattr(Image.Resampling, interpolation.upper()))
    left, top = round((size[0] - 96) / 2), round((size[1] - 96) / 2)
    expected = normalized(resized.crop((left, top, left + 96, top + 96)))
    assert np.array_equal(prepare(image), expected)


def test_a_crop_ratio_of_one_keeps_the_shorter_side():
    prepare = preparation(dataclasses.replace(RECORD, resize="crop", interpolation="bicubic", crop_ratio=1.0))
    expected = Image.fromarray(WIDE).resize((144, 96), Image.Resampling.BICUBIC).crop((24, 0, 120, 96))
    assert np.array_equal(prepare(WIDE), normalized(expected))


@pytest.mark.parametrize("image", [WIDE, TALL], ids=["wide", "tall"])
def test_letterbox_keeps_the_whole_and_pads_with_the_mean(image):
    result = preparation(dataclasses.replace(RECORD, resize="letterbox"))(image)
    turned = result if image is WIDE else result.transpose(0, 2, 1)
    rows = 64 if image is WIDE else 77  # 400 / 600 and 400 / 501 of 96
    assert turned.shape == (3, 96, 96)
    top = (96 - rows) // 2
    for bar in (turned[:, :top], turned[:, top + rows :]):
        assert bar.size and np.abs(bar).max() < 0.5 / 255 / 0.224 and np.ptp(bar.reshape(3, -1), axis=1).max() == 0
    size = (96, rows) if image is WIDE else (rows, 96)
    inner = normalized(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    assert np.array_equal(turned[:, top : top + rows], inner if image is WIDE else inner.transpose(0, 2, 1))


@pytest.mark.parametrize("resize", ["squash", "crop", "letterbox"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (40000, 2), (1, 400_000)])
def test_any_shape_gives_the_networks_input(resize, shape):
    prepare = preparation(dataclasses.replace(RECORD, resize=resize))
    result = prepare(np.full((*shape, 3), 200, np.uint8))
    assert result.shape == (3, 96, 96) and result.dtype == np.float32 and np.isfinite(result).all()
    expected = normalized(np.full((1, 1, 3), 200, np.uint8))
    assert np.allclose(result[:, 47:49, 47:49], expected, atol=1e-6) or resize == "letterbox"


def test_mean_and_std_are_the_records():
    prepare = preparation(dataclasses.replace(RECORD, mean=(0.5, 0.5, 0.5), std=(0.5, 0.25, 0.125)))
    black, white = prepare(np.zeros((5, 5, 3), np.uint8)), prepare(np.full((5, 5, 3), 255, np.uint8))
    assert black[:, 0, 0].tolist() == [-1, -2, -4] and white[:, 0, 0].tolist() == [1, 2, 4]


@pytest.mark.parametrize("resize", ["squash", "crop", "letterbox"])
def test_a_reduced_decoding_gives_nearly_the_same(tmp_path, resize):
    large = Image.fromarray(WIDE).resize((3000, 2000), Image.Resampling.LANCZOS)
    large.save(tmp_path / "a.jpg", quality=92)
    prepare = preparation(dataclasses.replace(RECORD, resize=resize))
    reduced = read_image(tmp_path / "a.jpg", at_least=prepare.at_least)
    assert reduced.shape in ((250, 375, 3), (500, 750, 3))
    assert min(reduced.shape[:2]) >= prepare.at_least
    full = read_image(tmp_path / "a.jpg")
    if resize == "squash":  # skips pixels on the way down: the reduced one is nearer to the mean over all pixels
        ideal = normalized(Image.fromarray(full).resize((96, 96), Image.Resampling.BOX))
        errors = [np.abs(prepare(image) - ideal).mean() for image in (reduced, full)]
        assert errors[0] < 0.7 * errors[1]
    else:
        levels = 255 * STD_ * np.abs(prepare(reduced) - prepare(full))
        assert levels.mean() < 0.5 and np.percentile(levels, 99) <= 3


@pytest.mark.parametrize("resize", ["squash", "crop", "letterbox"])
def test_the_picture_is_what_the_network_is_shown(resize):
    prepare = preparation(dataclasses.replace(RECORD, resize=resize))
    picture = prepare.picture(TALL)
    assert picture.shape == (96, 96, 3) and picture.dtype == np.uint8
    assert np.array_equal(prepare(TALL), transforms.test_transform(96)(picture))


def test_a_config_asks_for_the_usual_interpolation():
    for resize, interpolation in (("squash", "bilinear"), ("crop", "bicubic"), ("letterbox", "bicubic")):
        prepare = config_preparation(TrainConfig(image_size=96, resize=resize))
        same = preparation(dataclasses.replace(RECORD, resize=resize, interpolation=interpolation))
        assert np.array_equal(prepare(WIDE), same(WIDE))
