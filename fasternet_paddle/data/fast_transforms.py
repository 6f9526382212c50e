"""The notebook's training augmentation, several times faster (``--augment fast``; measured by ``bench pipeline``).

    transform = fast_train_transform(224)
    x = transform(image, np.random.default_rng((seed, epoch, index)))      # uint8 (H, W, 3) -> float32 (3, 224, 224)

Crop box, flip, angle and colour follow the laws of ``transforms.train_transform``, with one fault mended: a saturation
factor is drawn once. What is drawn (``Augmentation``) is apart from what is done with it (``augment``), and comes from
a generator of the sample's own, so no global state is touched.

The time is saved by order. Colour, flip and normalisation act on the crop of the small source image instead of on
224 x 224 pixels, as floats. Then it is brought to size, and rotated by one warp that takes the nearest pixel and fills
with normalised black. Geometry is therefore the notebook's to the pixel. Colours differ where a value was rounded, by
at most four of 256 levels, and where one was cut off at white: the notebook cuts after interpolating, this before.
A single bilinear warp for crop, flip and rotation takes twice the time of these two steps (OpenCV 4.10 and 5.0).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .transforms import MEAN, STD

ATTEMPTS = 10  # at a crop box that fits, before the whole image is taken (Paddle's RandomResizedCrop)
RATIO = (3 / 4, 4 / 3)  # width to height of a crop box, drawn evenly on a logarithmic scale
GREY = 74.0  # of 255: the value that Paddle's contrast leaves alone
BLACK = tuple(-mean / std for mean, std in zip(MEAN, STD, strict=True))  # normalised

# The last column is added: (R, G, B, 1) -> normalised RGB.
NORMALIZE = np.hstack([np.diag([1 / (255 * std) for std in STD]), np.array(BLACK)[:, None]])


@dataclass(frozen=True)
class Law:
    """What an augmentation is drawn from; the defaults are the notebook's."""

    scale: tuple[float, float] = (0.08, 1.0)
    """Area of the crop box as a share of the image's, drawn evenly."""
    flip: float = 0.5
    """Probability of mirroring left and right."""
    degrees: float = 20.0
    """Largest angle of rotation, to either side."""
    jitter: float = 0.2
    """Brightness, contrast and saturation are scaled by 1 - jitter to 1 + jitter."""


DIGITS_LAW = Law(scale=(0.6, 1.0), flip=0.0, degrees=10.0, jitter=0.0)  # of ``transforms.digits_train_transform``
LIGHT_LAW = Law(scale=(0.6, 1.0), degrees=0.0, jitter=0.0)
LIGHT_DIGITS_LAW = Law(scale=(0.8, 1.0), flip=0.0, degrees=10.0, jitter=0.0)  # a digit fills its picture


@dataclass(frozen=True)
class Augmentation:
    """What was drawn for one image."""

    box: tuple[int, int, int, int]
    """Top, left, height and width of the crop, in pixels of the source."""
    flip: bool
    angle: float
    """Of rotation about the centre, in degrees, counter-clockwise."""
    colour: tuple[tuple[str, float], ...]
    """Names out of ``ADJUST`` and their factors, in the order in which they act."""


def draw_box(rng, height, width, scale=(0.08, 1.0)):
    """Top, left, height and width of a crop box in an image, by the law of Paddle's ``RandomResizedCrop``."""
    for _ in range(ATTEMPTS):
        area = rng.uniform(*scale) * height * width
        ratio = math.exp(rng.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    # None fits: the middle of the image, as much of it as the ratios allow.
    h, w = min(height, round(width / RATIO[0])), min(width, round(height * RATIO[1]))
    return (height - h) // 2, (width - w) // 2, h, w


def draw_augmentation(rng, height, width, law):
    """Draw an ``Augmentation`` for an image of ``height`` and ``width`` pixels from a ``Law``."""
    box = draw_box(rng, height, width, law.scale)
    flip = rng.random() < law.flip
    angle = rng.uniform(-law.degrees, law.degrees)
    colour = ()
    if law.jitter > 0:
        names = rng.permutation(list(ADJUST)).tolist()
        factors = rng.uniform(1 - law.jitter, 1 + law.jitter, len(names)).tolist()
        colour = tuple(zip(names, factors, strict=True))
    return Augmentation(box, flip, angle, colour)


def adjust_brightness(pixels, factor):
    """float32 RGB in 0..255, scaled; cut off at white."""
    return np.clip(pixels * np.float32(factor), 0, 255)


def adjust_contrast(pixels, factor):
    """float32 RGB in 0..255, scaled away from ``GREY``; cut off at black and white."""
    return np.clip((pixels - np.float32(GREY)) * np.float32(factor) + np.float32(GREY), 0, 255)


def adjust_saturation(pixels, factor):
    """float32 RGB in 0..255, each pixel scaled away from its grey; cut off at black and white.

    Grey is Paddle's under the cv2 backend, which takes RGB for BGR: red counts 0.114 and blue 0.299.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None]  # (H, W, 3) -> (H, W, 1)
    return np.clip(pixels * np.float32(factor) + grey * np.float32(1 - factor), 0, 255)


ADJUST = {"brightness": adjust_brightness, "contrast": adjust_contrast, "saturation": adjust_saturation}


def augment(image, augmentation, size, canvas=None):
    """Do what was drawn.

    Args:
        image: uint8 ``(H, W, 3)`` RGB.
        augmentation: an ``Augmentation``.
        size: side of the result, in pixels.
        canvas: float32 ``(2, size, size, 3)`` to work on; one that is used again stays in the processor's cache.

    Returns:
        Normalised float32 ``(3, size, size)``, new.
    """
    canvas = _canvas(size) if canvas is None else canvas
    top, left, height, width = augmentation.box
    pixels = image[top : top + height, left : left + width].astype(np.float32)
    for name, factor in augmentation.colour:
        pixels = ADJUST[name](pixels, factor)
    pixels = cv2.transform(pixels, NORMALIZE)
    if augmentation.flip:
        pixels = cv2.flip(pixels, 1)
    pixels = cv2.resize(pixels, (size, size), canvas[0], interpolation=cv2.INTER_LINEAR)  # (h, w, 3) -> (S, S, 3)
    if augmentation.angle:
        rotation = cv2.getRotationMatrix2D((size / 2, size / 2), augmentation.angle, 1.0)
        pixels = cv2.warpAffine(pixels, rotation, (size, size), canvas[1], cv2.INTER_NEAREST, borderValue=BLACK)
    planes = np.empty((3, size, size), np.float32)
    cv2.split(pixels, list(planes))  # (S, S, 3) -> (3, S, S); numpy's transpose and copy takes twice as long
    return planes


def _canvas(size):
    return np.empty((2, size, size, 3), np.float32)


class FastTransform:
    """Draw from a ``Law`` and do it: ``transform(image, rng)`` with a numpy ``Generator``. Not for two threads at once.

    Args:
        size: side of the result, in pixels.
        law: what augmentations are drawn from.
    """

    def __init__(self, size, law):
        self.size = size
        self.law = law
        self._canvas = _canvas(size)

    def __call__(self, image, rng):
        """uint8 ``(H, W, 3)`` RGB -> normalised float32 ``(3, size, size)``."""
        height, width = image.shape[:2]
        return augment(image, draw_augmentation(rng, height, width, self.law), self.size, self._canvas)


def fast_train_transform(size):
    """The notebook's training composition for ``size`` pixels, fast."""
    return FastTransform(size, Law())


def fast_digits_train_transform(size):
    """``transforms.digits_train_transform`` for ``size`` pixels, fast."""
    return FastTransform(size, DIGITS_LAW)


def light_train_transform(size):
    """Crops of 0.6 of the area and more, and mirroring: for pictures that are learned in few epochs."""
    return FastTransform(size, LIGHT_LAW)


def light_digits_train_transform(size):
    """Crops of 0.8 of the area and more, and up to 10 degrees: for digits that are learned in few epochs."""
    return FastTransform(size, LIGHT_DIGITS_LAW)
