"""From an image to the network's input, by the model's record: what validation, prediction and explanations share.

    prepare = preparation(model.record)
    x = prepare(image)                                      # uint8 (H, W, 3) -> float32 (3, S, S)
    x = prepare(read_image("photo.jpg", at_least=prepare.at_least))

``squash`` is the notebook's plain resize of both sides, by OpenCV, to the bit. ``crop`` is the papers' evaluation: the
shorter side to ``image_size / crop_ratio``, then the centre; ``letterbox`` keeps all of a picture that is far from
square and fills the rest with the mean colour, which is 0 once it is normalised, as is what a convolution pads with.
Both of these resample as Pillow and torchvision do (on the way down over all pixels, so that nothing flickers).
"""

import cv2
import numpy as np
from PIL import Image

OPENCV = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
LONGEST = 16  # times the shorter side: of a picture longer than that the middle is cropped, or a strip took gigabytes
GAP = 2  # a JPEG is decoded to twice the size it is resampled to, or more: closer, and the two steps show


def preparation(record):
    """The ``Preparation`` that a ``Record`` asks for."""
    return Preparation(
        record.image_size, record.resize, record.interpolation, record.crop_ratio, record.mean, record.std
    )


class Preparation:
    """Call it with uint8 ``(H, W, 3)`` RGB: normalised float32 ``(3, size, size)``, new. Draws nothing at random.

    Args:
        size: side of the result, in pixels.
        resize: "squash", "crop" or "letterbox".
        interpolation: "bilinear" or "bicubic".
        crop_ratio: of "crop".
        mean, std: of RGB channels in [0, 1].
    """

    def __init__(self, size, resize, interpolation, crop_ratio, mean, std):
        self.size = size
        self.resize = resize
        self.interpolation = interpolation
        self.shorter = round(size / crop_ratio)  # of "crop", in pixels
        self.mean = np.array(mean, np.float32).reshape(3, 1, 1)
        self.std = np.array(std, np.float32).reshape(3, 1, 1)

    @property
    def at_least(self):
        """Pixels that ``read_image`` should leave to a picture's shorter side."""
        return GAP * (self.shorter if self.resize == "crop" else self.size)

    def __call__(self, image):
        shapes = {"squash": self._squash, "crop": self._crop, "letterbox": self._letterbox}
        return shapes[self.resize](image)

    def _squash(self, image):
        pixels = cv2.resize(image, (self.size, self.size), interpolation=OPENCV[self.interpolation])
        return self._normalize(pixels)

    def _crop(self, image):
        image = _middle(image, LONGEST * min(image.shape[:2]))
        height, width = image.shape[:2]
        shorter, longer = min(height, width), max(height, width)
        length = int(self.shorter * longer / shorter)  # cut, not rounded, as torchvision does
        height, width = (length, self.shorter) if height > width else (self.shorter, length)
        pixels = self._resample(image, height, width)
        top, left = round((height - self.size) / 2), round((width - self.size) / 2)
        return self._normalize(pixels[top : top + self.size, left : left + self.size])

    def _letterbox(self, image):
        scale = self.size / max(image.shape[:2])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        result = np.zeros((3, self.size, self.size), np.float32)
        top, left = (self.size - height) // 2, (self.size - width) // 2
        filled = self._normalize(self._resample(image, height, width))
        result[:, top : top + height, left : left + width] = filled
        return result

    def _resample(self, image, height, width):
        resized = Image.fromarray(image).resize((width, height), PILLOW[self.interpolation])
        return np.asarray(resized)

    def _normalize(self, pixels):
        """uint8 ``(h, w, 3)`` -> normalised float32 ``(3, h, w)``."""
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32) / 255.0
        return (planes - self.mean) / self.std


def _middle(image, most):
    """The middle of an image: at most ``most`` pixels a side."""
    for axis, side in enumerate(image.shape[:2]):
        start = max(0, side - most) // 2
        image = image[start : start + most] if axis == 0 else image[:, start : start + most]
    return image
