"""Perturbed images are what a loop over pixels makes, and what validation shows the network."""

import cv2
import numpy as np
import pytest

from fasternet_paddle.data.preparation import Preparation
from fasternet_paddle.data.transforms import test_transform as validation_transform
from fasternet_paddle.explaining import perturbation
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.explaining.perturbation import Perturber, mean_colours, prepare
from fasternet_paddle.inference.predictor import Predictor
from tests.photographs import normalised, photograph, tiles, trained

SIZE = perturbation.SUPERPIXEL_SIZE


@pytest.mark.parametrize("size", [32, 100, 224, 288])
def test_perturbed_images_are_what_a_loop_makes(size):
    image = photograph("rocket")
    picture, x = prepare(image, Preparation(size))
    segments = tiles(picture)
    masks = np.random.RandomState(0).randint(0, 2, (4, 36)).astype(bool)
    masks[0] = True
    got = Perturber(picture, x, segments)(masks)
    assert got.dtype == np.float32 and got.shape == (4, 3, size, size) and got.flags.c_contiguous  # else it is copied
    assert (got[0] == x).all()  # with nothing hidden it is the image, to the bit
    filled = mean_colours(picture, segments)
    for superpixel in range(36):
        assert (filled[segments == superpixel] == picture[segments == superpixel].mean(axis=0).astype(np.uint8)).all()
    for sample, mask in enumerate(masks):
        wanted = np.where(mask[segments][..., None], picture, filled)
        if size == SIZE:
            assert np.allclose(got[sample], normalised(wanted[None])[0], atol=1e-6)
            continue
        change = (normalised(wanted[None]) - normalised(picture[None]))[0].transpose(1, 2, 0)
        if size < SIZE:  # cv2's area interpolation is a witness of its own
            wanted = x + cv2.resize(change, (size, size), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
            assert np.allclose(got[sample], wanted, atol=1e-4)
        else:
            rows = np.arange(size) * SIZE // size
            hidden = ~mask[segments][rows][:, rows]
            assert (got[sample][:, ~hidden] == x[:, ~hidden]).all()
            assert np.allclose(
                got[sample][:, hidden], normalised(filled[None])[0][:, rows][:, :, rows][:, hidden], atol=1e-6
            )


def test_network_sees_what_validation_shows_it():
    image = photograph("coffee", 50)
    picture, x = prepare(image, Preparation(32))
    assert (x == validation_transform(32)(image)).all()
    assert picture.shape == (SIZE, SIZE, 3)
    assert Lime(Predictor(trained(), image_size=32)).superpixels(picture).max() > 20  # not the three of 32 pixels


@pytest.mark.parametrize("size", [32, 96, 97])
def test_averages_are_exact(size):
    """Against overlaps of pixels written out: 7 large pixels a small one, 7 to 3, and no common edge but the border."""
    picture, x = prepare(photograph("chelsea"), Preparation(size))
    superpixels = Lime(lambda batch: batch).superpixels(picture)
    edges = np.arange(size + 1) * (SIZE / size)
    low, high = np.maximum(edges[:-1, None], np.arange(SIZE)), np.minimum(edges[1:, None], np.arange(SIZE) + 1)
    average = np.clip(high - low, 0, None) * (size / SIZE)  # (size, 224), rows sum to 1
    change = (mean_colours(picture, superpixels) - picture.astype(np.float64)).transpose(2, 0, 1)
    change /= 255 * np.array([0.229, 0.224, 0.225])[:, None, None]
    perturb = Perturber(picture, x, superpixels)
    for superpixel in (0, 17, superpixels.max()):
        wanted = average @ np.where(superpixels == superpixel, change, 0) @ average.T
        assert np.abs(perturb.changes[superpixel].reshape(3, size, size) - wanted).max() <= 5e-7
