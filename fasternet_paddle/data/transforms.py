"""The notebook's image transforms under the cv2 backend (notebook 2.2).

A transform takes one image as uint8 ``(H, W, 3)`` RGB and returns float32 ``(3, size, size)``, normalised. Paddle
chooses its cv2 implementation from the type of its input, so no global image backend is set here. The result is a
numpy array: a loader's worker then never touches Paddle's device.
"""

import copy
from collections.abc import Sequence

import numpy as np
from paddle.vision import transforms as T

from ..errors import FasterNetError
from ..record import IMAGENET_MEAN as MEAN
from ..record import IMAGENET_STD as STD
from .pictures import as_picture


def as_rgb(image):
    """Any form of an image -> uint8 ``(H, W, 3)``; what has it already, as all that is loaded here, is handed on."""
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return image
    return as_picture(image)


def to_chw(image):
    """uint8 ``(H, W, 3)`` in 0..255 -> float32 ``(3, H, W)`` in [0, 1]; Paddle's ``ToTensor`` without the tensor."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32) / 255.0


def normalize(images):
    """float32 ``(..., 3, H, W)`` in [0, 1] -> the network's input: minus ``MEAN``, divided by ``STD``."""
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std


def denormalize(images):
    """Undo ``normalize``: the network's input ``(..., 3, H, W)`` -> float32 in [0, 1], same layout, ready to show."""
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (MEAN, STD))
    return np.clip(np.asarray(images, dtype=np.float32) * std + mean, 0.0, 1.0)


class MixupImage:
    """Mix a pair of images; hand a single one on untouched (the behaviour of PaddleX 2.1's ``MixupImage``).

    In the notebook's composition it only ever meets single images, so its 92.8 % was reached without mixup.

    Args:
        alpha, beta: parameters of the beta distribution that the first image's share is drawn from.
    """

    def __init__(self, alpha=1.5, beta=1.5):
        if alpha <= 0 or beta <= 0:
            raise FasterNetError(f"alpha and beta must be above 0, got {alpha} and {beta}")
        self.alpha = alpha
        self.beta = beta

    def __call__(self, sample):
        """One image: returned as it is. A pair of images, or of dicts with an ``"image"``: the mixed one.

        The mix is ``share * first + (1 - share) * second`` on a canvas that holds both, in the first's dtype.
        """
        if not isinstance(sample, Sequence):
            return sample
        if len(sample) != 2:
            raise FasterNetError(f"MixupImage mixes a pair of images, got {len(sample)}")
        share = np.random.beta(self.alpha, self.beta)
        first, second = sample
        if isinstance(first, dict):
            mixed = copy.copy(first)
            mixed["image"] = _blend(first["image"], second["image"], share)
            return mixed
        return _blend(first, second, share)


def _blend(first, second, share):
    height, width = (max(first.shape[axis], second.shape[axis]) for axis in (0, 1))
    canvas = np.zeros((height, width, *first.shape[2:]), np.float32)
    canvas[: first.shape[0], : first.shape[1]] += share * first
    canvas[: second.shape[0], : second.shape[1]] += (1.0 - share) * second
    return canvas.astype(first.dtype)


class Composition(T.Compose):
    """Paddle's, but what a transform raises is not printed as well."""

    def __call__(self, data):
        for transform in self.transforms:
            data = transform(data)
        return data


def train_transform(size):
    """The notebook's training composition for ``size`` pixels.

    Paddle's cv2 ``adjust_saturation`` takes the drawn factor for the width of a second draw, so chroma is scaled by
    0.03 to 2.06 instead of 0.8 to 1.2. The notebook was trained that way, and so is its recipe here.
    """
    return T.Compose(
        [
            T.RandomResizedCrop(size),
            T.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
            T.RandomHorizontalFlip(0.5),
            T.RandomRotation(20),  # degrees
            MixupImage(),
            to_chw,
            normalize,
        ]
    )


def digits_train_transform(size):
    """A training composition that leaves a digit a digit: no flip, crops of at least 0.6 of the area, 10 degrees."""
    return T.Compose(
        [
            T.RandomResizedCrop(size, scale=(0.6, 1.0)),
            T.RandomRotation(10),  # degrees
            to_chw,
            normalize,
        ]
    )


def test_transform(size):
    """The notebook's validation composition: resize to ``(size, size)``, normalise.

    It takes every form of an image that ``data.pictures`` knows, such as a path, Pillow's images and grey arrays.
    """
    return Composition([as_rgb, T.Resize((size, size)), to_chw, normalize])


test_transform.__test__ = False  # no test, though pytest takes its name for one's where a test file imports it
