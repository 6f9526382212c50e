"""An image with some of its superpixels hidden, many at a time: what LIME and the faithfulness curves feed a network.

    picture, x = prepare(image, image_size=32)          # uint8 (224, 224, 3) to segment; (3, 32, 32) to predict
    perturb = Perturber(picture, x, superpixels)
    batch = perturb(masks)                              # bool (N, S) -> float32 (N, 3, 32, 32), normalised

The network's own image is never resized twice: hiding is what is brought to its size, and added.
"""

from math import gcd

import cv2
import numpy as np
from scipy.ndimage import find_objects

from ..data.pictures import as_input, as_picture, resize
from ..data.transforms import normalize, to_chw

SUPERPIXEL_SIZE = 224  # pixels; quickshift finds some 60 to 160 superpixels in a photograph, but 3 in a 32-pixel digit
GREY = 127  # the colour that InterpretDL's evaluators hide with


def prepare(image, image_size=None):
    """An image as it is segmented and shown, and as the network sees it.

    Args:
        image: as ``data.pictures.as_picture`` takes it, any size.
        image_size: side of the network's input; by default 224.

    Returns:
        (uint8 ``(224, 224, 3)``, normalised float32 ``(3, image_size, image_size)``)
    """
    picture = as_picture(image)
    return resize(picture, SUPERPIXEL_SIZE), as_input(picture, image_size or SUPERPIXEL_SIZE)


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
    """What each superpixel of ``change`` (3, 224, 224) adds when it is averaged down: float32 ``(S, 3 * size**2)``.

    Only the box around a superpixel is resized, widened to where edges of large and small pixels meet.
    """
    shared = gcd(len(superpixels), size)
    large, small = len(superpixels) // shared, size // shared  # pixels from one common edge to the next
    change = np.ascontiguousarray(change.transpose(1, 2, 0))  # (224, 224, 3)
    parts = np.zeros((int(superpixels.max()) + 1, size, size, 3), np.float32)
    for superpixel, (rows, columns) in enumerate(find_objects(superpixels + 1)):
        top, bottom = rows.start // large, -(-rows.stop // large)
        left, right = columns.start // large, -(-columns.stop // large)
        box = slice(top * large, bottom * large), slice(left * large, right * large)
        part = np.where((superpixels[box] == superpixel)[..., None], change[box], np.float32(0))
        height, width = (bottom - top) * small, (right - left) * small
        parts[superpixel, top * small : bottom * small, left * small : right * small] = cv2.resize(
            part, (width, height), interpolation=cv2.INTER_AREA
        )
    return np.ascontiguousarray(parts.transpose(0, 3, 1, 2)).reshape(len(parts), -1)
