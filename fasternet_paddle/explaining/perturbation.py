"""An image with some of its superpixels hidden, many at a time: what LIME and the faithfulness curves feed a network.

    picture, x = prepare(image, preparation)            # uint8 (224, 224, 3) to segment; (3, 32, 32) to predict
    perturb = Perturber(picture, x, superpixels, preparation)
    batch = perturb(masks)                              # bool (N, S) -> float32 (N, 3, 32, 32), normalised

The network's own image is never resized twice: hiding is what is brought to its size, and added.
"""

from math import gcd

import cv2
import numpy as np
from scipy.ndimage import find_objects

from ..data.pictures import as_input, as_picture, is_input
from ..data.preparation import Preparation

SUPERPIXEL_SIZE = 224  # pixels; quickshift finds some 60 to 160 superpixels in a photograph, but 3 in a 32-pixel digit
NOTEBOOKS = Preparation(SUPERPIXEL_SIZE)
GREY = 127  # the colour that InterpretDL's evaluators hide with


def prepare(image, preparation=None):
    """An image as it is segmented and shown, and as the network sees it.

    Args:
        image: as ``data.pictures.as_picture`` takes it, any size.
        preparation: the network's ``Preparation``; None: nothing is known of it (``data.pictures.as_input``).

    Returns:
        (uint8 ``(224, 224, 3)`` of what the network is shown, normalised float32 ``(3, h, w)``)
    """
    picture = as_picture(image, preparation)
    if is_input(image):  # of which all is shown
        return NOTEBOOKS.picture(picture), as_input(image)
    shown = NOTEBOOKS if preparation is None else preparation.at(SUPERPIXEL_SIZE)
    return shown.picture(picture), as_input(picture, preparation)


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
        x: the same image as the network sees it, float32 ``(3, h, w)``. With nothing hidden it is returned to the bit,
            whatever its size.
        superpixels: int ``(224, 224)``, 0 to S - 1.
        preparation: the network's ``Preparation``, for its mean and deviation; by default ImageNet's.
        hidden: uint8 ``(224, 224, 3)``, what a hidden superpixel shows; by default its mean colour.
    """

    def __init__(self, picture, x, superpixels, preparation=None, hidden=None):
        normalized = (preparation or NOTEBOOKS).normalized
        hidden = normalized(mean_colours(picture, superpixels) if hidden is None else hidden)
        sides, large = x.shape[1:], len(superpixels)
        self.x = x
        self.changes = None
        if max(sides) < large:  # averaging is linear, so what hiding a superpixel adds to each pixel is averaged once
            self.changes = _averaged_parts(hidden - normalized(picture), superpixels, sides)
            return
        if sides != (large, large):  # a larger network sees the same superpixels, enlarged
            rows, columns = (np.arange(side) * large // side for side in sides)
            superpixels = superpixels[rows][:, columns]
            hidden = hidden[:, rows][:, :, columns]
        self.superpixels = superpixels
        self.hidden = _bits(hidden)
        self.differing = _bits(x) ^ self.hidden

    def __call__(self, masks):
        """bool ``(N, S)``, False where a superpixel is hidden -> float32 ``(N, 3, h, w)``."""
        masks = np.asarray(masks, dtype=bool)
        if self.changes is not None:
            change = (~masks).astype(np.float32) @ self.changes  # (N, S) -> (N, 3 * h * w)
            return self.x + change.reshape(-1, *self.x.shape)
        batch = np.empty((len(masks), *self.x.shape), np.float32)
        # Either picture's bits, an image at a time in the processor's cache. np.where over the batch puts N last in
        # memory, and turning that round took longer than the choice.
        for image, shown in zip(_bits(batch), -masks.astype(np.int32), strict=True):  # 0, or -1: all bits
            np.bitwise_and(self.differing, shown[self.superpixels], out=image)
            np.bitwise_xor(image, self.hidden, out=image)
        return batch


def _bits(values):
    """float32 as int32, in C's order; a view where it can be."""
    return np.ascontiguousarray(values, np.float32).view(np.int32)


def _averaged_parts(change, superpixels, sides):
    """What each superpixel of ``change`` (3, 224, 224) adds when it is averaged down: float32 ``(S, 3 * h * w)``.

    Only the box around a superpixel is resized, widened to where edges of large and small pixels meet.
    """
    steps = [gcd(len(superpixels), side) for side in sides]  # edges that large and small pixels have in common
    change = np.ascontiguousarray(change.transpose(1, 2, 0))  # (224, 224, 3)
    parts = np.zeros((int(superpixels.max()) + 1, *sides, 3), np.float32)
    for superpixel, extents in enumerate(find_objects(superpixels + 1)):
        box, target = [], []
        for extent, side, count in zip(extents, sides, steps, strict=True):
            large, small = len(superpixels) // count, side // count  # pixels from one common edge to the next
            first, last = extent.start // large, -(-extent.stop // large)
            box.append(slice(first * large, last * large))
            target.append(slice(first * small, last * small))
        box = tuple(box)
        part = np.where((superpixels[box] == superpixel)[..., None], change[box], np.float32(0))
        height, width = (place.stop - place.start for place in target)
        parts[(superpixel, *target)] = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(parts.transpose(0, 3, 1, 2)).reshape(len(parts), -1)
