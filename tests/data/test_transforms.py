"""The compositions against Paddle's own under the cv2 backend, and MixupImage by its law."""

import random

import numpy as np
import pytest
from paddle.vision import transforms as T
from PIL import Image

import fasternet_paddle
from fasternet_paddle.data import transforms
from fasternet_paddle.errors import FasterNetError
from tests.archives import photograph_crops

IMAGE = photograph_crops(1)[0][0]
NORMALIZE = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _seeded(transform, seed):
    random.seed(seed)
    np.random.seed(seed)
    return np.asarray(transform(IMAGE))


@pytest.mark.parametrize("seed", range(5))
def test_train_transform_is_the_notebooks(seed):
    notebooks = T.Compose(
        [
            T.RandomResizedCrop(64),
            T.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
            T.RandomHorizontalFlip(0.5),
            T.RandomRotation(20),
            T.ToTensor(),
            T.Normalize(**NORMALIZE),
        ]
    )
    ours = _seeded(transforms.train_transform(64), seed)
    assert np.array_equal(ours, _seeded(notebooks, seed))
    assert (ours.shape, ours.dtype) == ((3, 64, 64), np.float32)


@pytest.mark.parametrize("size", [32, 50])
def test_test_transform_is_the_notebooks(size):
    notebooks = T.Compose([T.Resize((size, size)), T.ToTensor(), T.Normalize(**NORMALIZE)])
    ours = transforms.test_transform(size)(IMAGE)
    assert np.array_equal(ours, notebooks(IMAGE).numpy())
    assert (ours.shape, ours.dtype) == ((3, size, size), np.float32)


def test_test_transform_takes_what_users_have(tmp_path):
    wanted = transforms.test_transform(32)(IMAGE)
    opaque = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 255, np.uint8)])
    for form in (Image.fromarray(IMAGE), opaque, Image.fromarray(opaque), IMAGE / 255.0, IMAGE.transpose(2, 0, 1)):
        assert np.array_equal(transforms.test_transform(32)(form), wanted)
    grey = np.repeat(IMAGE[..., :1], 3, axis=2)
    for form in (grey[..., 0], grey[..., :1], Image.fromarray(grey[..., 0])):
        assert np.array_equal(transforms.test_transform(32)(form), transforms.test_transform(32)(grey))


def test_what_test_transform_refuses_is_not_printed_as_well(capfd):
    with pytest.raises(FasterNetError, match="must lie in"):
        transforms.test_transform(32)(IMAGE.astype(float))
    assert "".join(capfd.readouterr()) == ""


def test_test_transform_is_no_test():
    assert fasternet_paddle.test_transform.__test__ is False  # so pytest passes it over where a test file imports it


def test_digits_are_neither_mirrored_nor_cut_small():
    ramp = np.repeat(np.linspace(0, 255, 32, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    transform = transforms.digits_train_transform(32)
    np.random.seed(0), random.seed(0)
    for _ in range(50):
        row = transforms.denormalize(transform(ramp))[0, 16]
        assert row[28] - row[3] > 0.35  # rising as before, over at least sqrt(0.6 * 3/4) of the width


def test_denormalize_gives_the_pixels_back():
    normalised = transforms.test_transform(32)(IMAGE)
    pixels = transforms.denormalize(np.stack([normalised, normalised]))
    np.testing.assert_allclose(pixels[1].transpose(1, 2, 0) * 255, IMAGE, atol=1e-3)
    assert transforms.denormalize(np.full((3, 1, 1), 99.0)).max() == 1.0


def test_mixup_hands_a_single_image_on():
    assert transforms.MixupImage()(IMAGE) is IMAGE


def test_mixup_mixes_a_pair_by_a_beta_draw():
    bright, dark = np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4, 3), np.uint8)
    np.random.seed(0)
    shares = np.array([transforms.MixupImage()([bright, dark])[0, 0, 0] / 200 for _ in range(2000)])
    assert abs(shares.mean() - 0.5) < 0.02
    assert abs(shares.var() - 1 / 16) < 0.006  # beta(1.5, 1.5): a b / ((a + b)^2 (a + b + 1))


def test_mixup_takes_samples_of_different_size_and_keeps_the_rest():
    first, second = {"image": np.full((2, 5, 3), 100, np.uint8), "id": 7}, {"image": np.zeros((4, 3, 3), np.uint8)}
    mixed = transforms.MixupImage()([first, second])
    assert mixed["image"].shape == (4, 5, 3)
    assert mixed["image"].dtype == np.uint8
    assert mixed["id"] == 7
    assert first["image"].min() == 100


def test_mixup_refuses():
    with pytest.raises(FasterNetError, match="a pair of images, got 3"):
        transforms.MixupImage()([IMAGE] * 3)
    with pytest.raises(FasterNetError, match="above 0, got 0"):
        transforms.MixupImage(alpha=0)
