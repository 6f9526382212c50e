"""What an image given from Python means: any form -> uint8 ``(H, W, 3)`` RGB, by one rule for all who show or use it.

    picture = as_picture(image)                     # uint8 (H, W, 3)
    x = as_input(picture, size=32)                  # float32 (3, 32, 32): what the network sees in validation

- Integers ``(H, W, 3)`` or ``(3, H, W)`` are colours in 0..255, ``(H, W)`` or ``(H, W, 1)`` grey, and ``(H, W, 4)``
  colours with an opacity, laid over white.
- Floats ``(3, H, W)`` are the network's normalised input.
- Floats ``(H, W, 3)`` are in [0, 1] where all of them lie there, else the network's input with its channels last.
- Floats of the other forms are in [0, 1].

A leading axis of one image is dropped. Axes decide before values do: floats with their channels first are never taken
for ones in [0, 1], since an even picture lies there after normalisation too. Floats that mean 0..255 are refused.
"""

import warnings

import cv2
import numpy as np

from ..errors import FasterNetError
from .transforms import MEAN, STD, normalize, to_chw

OVERSHOOT = 0.1  # beyond [0, 1], that cubic interpolation leaves; normalised images reach from -2.1 to 2.6
FARTHEST = 10.0  # from 0: four times what a normalised image reaches, a 25th of 255


def as_picture(image):
    """Any form of an image, array or tensor -> uint8 ``(H, W, 3)`` RGB; the head of this module lists the forms.

    Floats a little outside their range are clipped, with a warning.

    Raises:
        FasterNetError: another shape or dtype, integers outside 0..255, floats far outside their range, NaN.
    """
    return as_pictures([image])[0]


def as_pictures(images):
    """Several images of one form -> list of uint8 ``(H, W, 3)``; whether floats lie in [0, 1] is asked of all at once.

    Args:
        images: sequence, array or tensor ``(N, ...)``; sizes may differ.
    """
    arrays = [_alone(np.asarray(image)) for image in images]
    is_unit = all(_is_unit(array) for array in arrays)
    pictures = []
    for array in arrays:  # no comprehension, which is a frame of its own on some Pythons (see stacklevel)
        pictures.append(_to_rgb(_levels(array, is_unit)))
    return pictures


def _alone(array):
    """Without a leading axis of one image, and refused where it is no image."""
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if not array.size:
        raise FasterNetError(f"an image must have pixels, got the shape {array.shape}")
    if array.dtype == bool or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise FasterNetError(f"an image must hold integers or floats, got {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and not _is_planes(array) and array.shape[2] not in (1, 3, 4)):
        raise FasterNetError(
            f"an image must be (H, W, 3), (H, W, 4) or (H, W) integers, or (3, H, W) normalised floats, "
            f"got {array.dtype} {array.shape}"
        )
    return array


def _is_planes(array):
    """Whether an image is ``(3, H, W)``."""
    return array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3


def _is_unit(array):
    """Whether values lie in [0, 1], as far as interpolation keeps them there."""
    return array.min() >= -OVERSHOOT and array.max() <= 1 + OVERSHOOT


def _levels(array, is_unit):
    """uint8 in 0..255, channels last or none."""
    if np.issubdtype(array.dtype, np.integer):
        if array.min() < 0 or array.max() > 255:
            raise FasterNetError(f"an image of integers must lie in 0..255, got {array.min()} to {array.max()}")
        array = array.transpose(1, 2, 0) if _is_planes(array) else array
        return array.astype(np.uint8)
    if not np.isfinite(array).all():
        raise FasterNetError("the image holds NaN or infinity; look at what made it")
    if np.abs(array).max() > FARTHEST:
        raise FasterNetError(
            f"an image of floats must lie in [0, 1] or be normalised (-2.1 to 2.6), got {array.min():.3g} to "
            f"{array.max():.3g}; give integers for 0..255"
        )
    is_input = _is_planes(array) or (array.shape[2:] == (3,) and not is_unit)
    array = array.transpose(1, 2, 0) if _is_planes(array) else array
    return _rounded(array * np.array(STD) + np.array(MEAN) if is_input else array)


def _rounded(image):
    """Floats, [0, 1] being the valid range -> uint8."""
    levels = np.rint(image * 255.0)
    if levels.min() < 0 or levels.max() > 255:
        warnings.warn(
            f"the image reaches from {image.min():.3g} to {image.max():.3g} in units of its valid range 0 to 1, "
            f"and is clipped to it",
            stacklevel=5,  # who called as_picture
        )
    return np.clip(levels, 0, 255).astype(np.uint8)


def _to_rgb(image):
    """uint8 ``(H, W)`` or ``(H, W, 1 | 3 | 4)`` -> ``(H, W, 3)``."""
    if image.shape[2:] == (4,):
        alpha = image[..., 3:].astype(np.uint16)
        image = ((image[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    if image.shape[2:] != (3,):
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image)


def resize(picture, size):
    """uint8 ``(H, W, 3)`` -> ``(size, size, 3)``, as the validation transform does it (bilinear, aspect not kept)."""
    if picture.shape[:2] == (size, size):
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)


def as_input(picture, size):
    """uint8 ``(H, W, 3)`` -> what the network sees of it in validation: normalised float32 ``(3, size, size)``."""
    return normalize(to_chw(resize(picture, size)))
