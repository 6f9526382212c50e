"""An image with some of its superpixels hidden, many at a time: what LIME and the faithfulness curves feed a network.

    picture, x = prepare(image, image_size=32)          # uint8 (224, 224, 3) to segment; (3, 32, 32) to predict
    perturb = Perturber(picture, x, superpixels)
    batch = perturb(masks)                              # bool (N, S) -> float32 (N, 3, 32, 32), normalised

The network's own image is never resized twice: hiding is what is brought to its size, and added.
"""

import warnings

import cv2
import numpy as np

from ..data.transforms import MEAN, STD, normalize, to_chw
from ..errors import FasterNetError

SUPERPIXEL_SIZE = 224  # pixels; quickshift finds some 60 to 160 superpixels in a photograph, but 3 in a 32-pixel digit
GREY = 127  # the colour that InterpretDL's evaluators hide with


def as_picture(image):
    """Any form of an image -> uint8 ``(H, W, 3)`` RGB.

    Args:
        image: integers ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)`` in 0..255, an alpha channel being laid
            over white; floats ``(3, H, W)`` or ``(1, 3, H, W)``, the network's normalised input; floats ``(H, W)`` or
            ``(H, W, 3)`` in [0, 1].

    Floats outside the valid range are clipped, with a warning.

    Raises:
        FasterNetError: another shape, integers outside 0..255, NaN.
    """
    image = np.asarray(image)
    if image.ndim == 4 and len(image) == 1:
        image = image[0]
    if not image.size:
        raise FasterNetError(f"an image must have pixels, got the shape {image.shape}")
    if np.issubdtype(image.dtype, np.floating):
        return _from_floats(image)
    if image.dtype == bool or not np.issubdtype(image.dtype, np.integer):
        raise FasterNetError(f"an image must hold integers or floats, got {image.dtype}")
    if image.min() < 0 or image.max() > 255:
        raise FasterNetError(f"an image of integers must lie in 0..255, got {image.min()} to {image.max()}")
    return _to_rgb(image.astype(np.uint8))


def _from_floats(image):
    if not np.isfinite(image).all():
        raise FasterNetError("the image holds NaN or infinity; look at what made it")
    if image.ndim == 3 and image.shape[0] == 3:  # the network's input
        mean, std = (np.array(values).reshape(3, 1, 1) for values in (MEAN, STD))
        image = (image * std + mean).transpose(1, 2, 0)
    levels = np.rint(image * 255.0)
    if levels.min() < 0 or levels.max() > 255:
        warnings.warn(
            f"the image reaches from {image.min():.3g} to {image.max():.3g} in units of its valid range 0 to 1, "
            f"and is clipped to it",
            stacklevel=4,
        )
    return _to_rgb(np.clip(levels, 0, 255).astype(np.uint8))


def _to_rgb(image):
    if image.ndim == 3 and image.shape[2] == 4:
        alpha = image[..., 3:].astype(np.uint16)
        image = ((image[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3:
        raise FasterNetError(
            f"an image must be (H, W, 3), (H, W, 4) or (H, W) integers, or (3, H, W) normalised floats, "
            f"got {image.dtype} {image.shape}"
        )
    return np.ascontiguousarray(image)


def resize(picture, size):
    """uint8 ``(H, W, 3)`` -> ``(size, size, 3)``, as the validation transform does it (bilinear, aspect not kept)."""
    if picture.shape[:2] == (size, size):
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)


def prepare(image, image_size=None):
    """An image as it is segmented and shown, and as the network sees it.

    Args:
        image: as ``as_picture`` takes it, any size.
        image_size: side of the network's input; by default 224.

    Returns:
        (uint8 ``(224, 224, 3)``, normalised float32 ``(3, image_size, image_size)``)
    """
    picture = as_picture(image)
    return resize(picture, SUPERPIXEL_SIZE), normalize(to_chw(resize(picture, image_size or SUPERPIXEL_SIZE)))


def mean_colours(picture, superpixels):
    """The picture with every superpixel in its mean colour, cut to whole numbers as InterpretDL does: uint8."""
    labels = superpixels.ravel()
    sums = np.stack([np.bincount(labels, picture[..., channel].ravel()) for channel in range(3)], axis=1)  # (S, 3)
    means = sums / np.bincount(labels)[:, None]
    return means.astype(np.uint8)[superpixels]


class Perturber:
    """Hides superpixels in normalised space, a batch as one tensor operation.

    Args:
        picture: uint8 ``(224, 224, 3)``.
        x: the same image as the network sees it, float32 ``(3, size, size)``. With nothing hidden it is returned to
            the bit, whatever its size.
        superpixels: int ``(224, 224)``, 0 to S - 1.
        hidden: uint8 ``(224, 224, 3)``, what a hidden superpixel shows; by default its mean colour.
    """

    def __init__(self, picture, x, superpixels, hidden=None):
        hidden = mean_colours(picture, superpixels) if hidden is None else hidden
        hidden = normalize(to_chw(hidden))
        size, large = x.shape[-1], len(superpixels)
        self.x = x
        self.changes = None
        if size < large:  # averaging is linear, so what hiding a superpixel adds to each pixel is averaged once
            self.changes = _averaged_parts(hidden - normalize(to_chw(picture)), superpixels, size)
            return
        if size > large:  # a larger network sees the same superpixels, enlarged
            nearest = np.arange(size) * large // size
            superpixels = superpixels[nearest][:, nearest]
            hidden = hidden[:, nearest][:, :, nearest]
        self.superpixels = superpixels
        self.hidden = hidden

    def __call__(self, masks):
        """bool ``(N, S)``, False where a superpixel is hidden -> float32 ``(N, 3, size, size)``."""
        masks = np.asarray(masks, dtype=bool)
        if self.changes is not None:
            change = (~masks).astype(np.float32) @ self.changes  # (N, S) -> (N, 3 * size * size)
            return self.x + change.reshape(-1, *self.x.shape)
        return np.where(masks[:, self.superpixels][:, None], self.x, self.hidden)  # (N, S) -> (N, 3, size, size)


def _averaged_parts(change, superpixels, size):
    """What each superpixel of ``change`` (3, 224, 224) adds when it is averaged down: float32 ``(S, 3 * size**2)``."""
    large, count = len(superpixels), int(superpixels.max()) + 1
    matrix, pixel = area_matrix(large, size), np.arange(large)
    first = pixel * size // large  # a pixel lies in one cell of the smaller image, or across it and the next
    second = np.minimum(first + 1, size - 1)
    cells = ((first, matrix[first, pixel]), (second, matrix[second, pixel] * (second != first)))
    parts = np.zeros((3, count * size * size))
    for row, row_share in cells:
        for column, column_share in cells:
            place = ((superpixels * size + row[:, None]) * size + column[None]).ravel()
            share = row_share[:, None] * column_share[None]
            for part, values in zip(parts, change, strict=True):
                part += np.bincount(place, (share * values).ravel(), minlength=len(part))
    return parts.reshape(3, count, -1).transpose(1, 0, 2).reshape(count, -1).astype(np.float32)


def area_matrix(large, small):
    """``(small, large)`` that averages ``large`` pixels into ``small`` ones by their overlap; rows sum to 1."""
    edges = np.arange(small + 1) * (large / small)
    begin, end = edges[:-1, None], edges[1:, None]
    pixel = np.arange(large)[None]
    overlap = np.clip(np.minimum(end, pixel + 1) - np.maximum(begin, pixel), 0.0, None)
    return overlap * (small / large)
