"""From an image to the network's input, by the model's record: what validation, prediction and explanations share.

    prepare = preparation(model.record)
    x = prepare(image)                                      # uint8 (H, W, 3) -> float32 (3, S, S)
    x = prepare(read_image("photo.jpg", at_least=prepare.at_least))

``squash`` is the notebook's plain resize of both sides, by OpenCV, to the bit. ``crop`` is the papers' evaluation: the
shorter side to ``image_size / crop_ratio``, then the centre; ``letterbox`` keeps all of a picture that is far from
square and fills the rest with the mean colour, which is 0 once it is normalised (but for its rounding to whole levels),
as is what a convolution pads with.
Both of these resample as Pillow and torchvision do (on the way down over all pixels, so that nothing flickers).
"""

import cv2
import numpy as np
from PIL import Image

from ..record import IMAGENET_MEAN as MEAN
from ..record import IMAGENET_STD as STD
from ..record import RESIZES

OPENCV = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
LONGEST = 16  # times the shorter side: of a picture longer than that the middle is cropped, or a strip took gigabytes
GAP = 2  # a JPEG is decoded to twice the size it is resampled to, or more: closer, and the two steps show


def preparation(record):
    """The ``Preparation`` that a ``Record`` asks for."""
    return Preparation(
        record.image_size, record.resize, record.interpolation, record.crop_ratio, record.mean, record.std
    )


def config_preparation(config):
    """The ``Preparation`` of a ``TrainConfig``'s validation images."""
    return Preparation(config.image_size, config.resize)


class Preparation:
    """Call it with uint8 ``(H, W, 3)`` RGB: normalised float32 ``(3, size, size)``, new. Draws nothing at random.

    Args:
        size: side of the result, in pixels.
        resize: "squash", "crop" or "letterbox".
        interpolation: "bilinear" or "bicubic"; None: what ``resize`` uses by default.
        crop_ratio: of "crop".
        mean, std: of RGB channels in [0, 1].
    """

    def __init__(self, size, resize="squash", interpolation=None, crop_ratio=0.875, mean=MEAN, std=STD):
        self.size = size
        self.resize = resize
        self.interpolation = interpolation or RESIZES[resize]
        self.crop_ratio = crop_ratio
        self.shorter = round(size / crop_ratio)  # of "crop", in pixels
        self.padding = tuple(min(255, max(0, round(255 * value))) for value in mean)
        self.mean = np.array(mean, np.float32).reshape(3, 1, 1)
        self.std = np.array(std, np.float32).reshape(3, 1, 1)

    @property
    def at_least(self):
        """Pixels that ``read_image`` should leave to a picture's shorter side."""
        return GAP * (self.shorter if self.resize == "crop" else self.size)

    def at(self, size):
        """The same for another size: what it shows of a picture is the same part, in other pixels."""
        mean, std = (tuple(values.ravel()) for values in (self.mean, self.std))
        return Preparation(size, self.resize, self.interpolation, self.crop_ratio, mean, std)

    def __call__(self, image):
        return self.normalized(self.picture(image))

    def normalized(self, picture):
        """uint8 ``(H, W, 3)``, of any size -> normalised float32 ``(3, H, W)``."""
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32) / 255.0
        return (planes - self.mean) / self.std

    def denormalized(self, x):
        """Undo ``normalized``: ``(3, H, W)`` -> float32 in [0, 1] and, where the input is no picture's, beyond."""
        return np.asarray(x, np.float32) * self.std + self.mean

    def picture(self, image):
        """What the network is shown: uint8 ``(H, W, 3)`` -> uint8 ``(size, size, 3)``, before it is normalised."""
        return {"squash": self._squash, "crop": self._crop, "letterbox": self._letterbox}[self.resize](image)

    def _squash(self, image):
        return cv2.resize(image, (self.size, self.size), interpolation=OPENCV[self.interpolation])

    def _crop(self, image):
        image = _middle(image, LONGEST * min(image.shape[:2]))
        height, width = image.shape[:2]
        shorter, longer = min(height, width), max(height, width)
        length = int(self.shorter * longer / shorter)  # cut, not rounded, as torchvision does
        height, width = (length, self.shorter) if height > width else (self.shorter, length)
        pixels = self._resample(image, height, width)
        top, left = round((height - self.size) / 2), round((width - self.size) / 2)
        return pixels[top : top + self.size, left : left + self.size]

    def _letterbox(self, image):
        scale = self.size / max(image.shape[:2])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        result = np.full((self.size, self.size, 3), self.padding, np.uint8)
        top, left = (self.size - height) // 2, (self.size - width) // 2
        result[top : top + height, left : left + width] = self._resample(image, height, width)
        return result

    def _resample(self, image, height, width):
        resized = Image.fromarray(image).resize((width, height), PILLOW[self.interpolation])
        return np.asarray(resized)


def _middle(image, most):
    """The middle of an image: at most ``most`` pixels a side."""
    for axis, side in enumerate(image.shape[:2]):
        start = max(0, side - most) // 2
        image = image[start : start + most] if axis == 0 else image[:, start : start + most]
    return image
