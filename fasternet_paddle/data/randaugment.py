"""RandAugment (Cubuk et al. 2020) by timm's law and strings: some operations out of fifteen, at one magnitude.

    augment = RandAugment.read("rand-m7-mstd0.5-inc1")
    picture = augment(picture, np.random.default_rng((seed, epoch, index)))      # uint8 (H, W, 3) -> the same

timm's ``rand_augment_transform`` with two differences: geometry is always bilinear, where timm takes bicubic at times,
and weights of operations (``w0``) and its other list (``t``) are refused.
"""

import math
import re
from dataclasses import dataclass

from ..errors import FasterNetError
from .picture_operations import OPERATIONS

TOP = 10  # the magnitude at which an operation is at its full strength (timm's ``_LEVEL_DENOM``)
UNIFORM_ABOVE = 100  # a larger deviation draws the magnitude evenly from 0 (timm)
PARTS = {"m": "magnitude", "n": "count", "mstd": "deviation", "mmax": "most", "inc": "increasing", "p": "probability"}
NEITHER = {"AutoContrast", "Equalize", "Invert"}  # know no magnitude
ENHANCE = {"Color", "Contrast", "Brightness", "Sharpness"}
SIGNED = {"Rotate": 30.0, "ShearX": 0.3, "ShearY": 0.3, "TranslateX": 0.45, "TranslateY": 0.45}  # at ``TOP``


@dataclass(frozen=True)
class RandAugment:
    """What operations are drawn by; ``augment(picture, rng)`` draws and does them."""

    magnitude: float = TOP
    """Of each operation, 0 or more, cut off at ``most``."""
    count: int = 2
    """Operations a picture, drawn with replacement; each is done with ``probability``."""
    deviation: float = 0.0
    """Standard deviation of the magnitude; above 100 the magnitude is drawn evenly from 0 to ``magnitude``."""
    most: float = TOP
    """Where a drawn magnitude is cut off."""
    increasing: bool = False
    """Whether posterize, solarize and the colours grow stronger with the magnitude, which 2020's law leaves open."""
    probability: float = 0.5

    @classmethod
    def read(cls, text):
        """The law of timm's string: ``rand``, then parts like ``m7``, ``n2``, ``mstd0.5``, ``mmax10``, ``inc1``,
        ``p0.5``, joined by ``-``.

        Raises:
            FasterNetError: an unknown part, a part given twice, or a value out of its range.
        """
        first, *parts = text.split("-")
        values = {}
        for part in parts if first == "rand" else [None]:
            found = part and re.fullmatch(r"([a-z]+)(\d+\.?\d*|\.\d+)", part)
            if not found or found[1] not in PARTS or PARTS[found[1]] in values:
                told = "" if part is None else f" ({part!r} is none of its parts, or is there twice)"
                raise FasterNetError(
                    f"auto_augment must be like rand-m7-mstd0.5-inc1, of the parts {', '.join(PARTS)} with a number "
                    f"each, got {text!r}{told}",
                    change="auto_augment",
                )
            values[PARTS[found[1]]] = float(found[2])
        law = cls(**values)
        rules = (
            (law.most > 0, "mmax must be above 0"),
            (law.count >= 1 and law.count == int(law.count), "n must be a whole number, 1 or more"),
            (law.increasing in (0, 1), "inc must be 0 or 1"),
            (0 <= law.probability <= 1, "p must lie in [0, 1]"),
        )
        for holds, rule in rules:
            if not holds:
                raise FasterNetError(f"{rule} in auto_augment, got {text!r}", change="auto_augment")
        return cls(**{**values, "count": int(law.count), "increasing": bool(law.increasing)})

    def __call__(self, picture, rng):
        """uint8 ``(H, W, 3)`` -> uint8 ``(H, W, 3)``."""
        names = list(OPERATIONS)
        for number in rng.integers(len(names), size=self.count):
            if rng.random() < self.probability:
                name = names[number]
                picture = OPERATIONS[name](picture, self.argument(name, self.draw_magnitude(rng), rng))
        return picture

    def draw_magnitude(self, rng):
        """A magnitude in [0, ``most``]."""
        if self.deviation > UNIFORM_ABOVE:
            drawn = rng.uniform(0, self.magnitude)
        else:
            drawn = rng.normal(self.magnitude, self.deviation) if self.deviation else self.magnitude
        return min(max(drawn, 0.0), self.most)

    def argument(self, name, magnitude, rng):
        """The argument of operation ``name`` at ``magnitude``, in its own unit (timm's ``LEVEL_TO_ARG``)."""
        share = magnitude / TOP
        if name in NEITHER:
            return None
        if name in SIGNED:
            return _either_sign(rng, share * SIGNED[name])
        if name in ENHANCE:
            return max(0.1, 1 + _either_sign(rng, 0.9 * share)) if self.increasing else 1.8 * share + 0.1
        if name == "Posterize":
            bits = math.floor(4 * share)
            return max(0, 4 - bits) if self.increasing else min(8, bits)
        if name == "Solarize":
            threshold = min(256, math.floor(256 * share))
            return 256 - threshold if self.increasing else threshold
        return min(128, math.floor(110 * share))  # SolarizeAdd


def _either_sign(rng, value):
    return value if rng.random() < 0.5 else -value
