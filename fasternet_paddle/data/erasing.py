"""Random erasing (Zhong et al. 2017) by timm's law (``RandomErasing``): a box of a normalised image is blotted out.

erase = RandomErasing(0.25)
x = erase(x, np.random.default_rng((seed, epoch, index)))          # float32 (3, S, S) -> the same
"""

import math
from dataclasses import dataclass

import numpy as np

ATTEMPTS = 10  # at a box that fits, before the image stays whole
AREA = (0.02, 1 / 3)  # of the image, drawn evenly
RATIO = (0.3, 1 / 0.3)  # height to width, drawn evenly on a logarithmic scale


@dataclass(frozen=True)
class RandomErasing:
    """Erase a box of an image with ``probability``."""

    probability: float
    mode: str = "const"
    """const fills with 0, the mean colour of a normalised image; pixel with standard normal noise."""

    def __call__(self, image, rng):
        """float32 ``(C, H, W)``, normalised -> the same, changed in its place."""
        if rng.random() < self.probability:
            box = draw_erased(rng, *image.shape[1:])
            if box is not None:
                top, left, height, width = box
                shape = (len(image), height, width)
                noise = rng.standard_normal(shape, np.float32) if self.mode == "pixel" else 0
                image[:, top : top + height, left : left + width] = noise
        return image


def draw_erased(rng, height, width):
    """Top, left, height and width of a box, in pixels; None where ten drawn ones did not fit."""
    for _ in range(ATTEMPTS):
        area = rng.uniform(*AREA) * height * width
        ratio = math.exp(rng.uniform(*map(math.log, RATIO)))
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if h < height and w < width:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    return None
