"""Digits as files of the kinds that users have."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

COUNT = 100
TURNED = 6  # EXIF orientation: the camera was held a quarter turn to the right
KINDS = ("png", "jpeg", "grey", "alpha", "turned")


def write_pictures(folder, count=COUNT):
    """Write ``count`` digits of 24 to 400 pixels a side, a fifth of each of ``KINDS``; returns the paths."""
    draw = np.random.default_rng(0)
    digits = load_digits().images[-count:]  # of the validation images
    return [_write(folder, number, digit, draw) for number, digit in enumerate(digits)]


def _write(folder, number, digit, draw):
    kind = KINDS[number % len(KINDS)]
    width, height = draw.integers(24, 401, 2)
    grey = Image.fromarray(np.uint8(digit * 255 / 16)).resize((width, height), Image.Resampling.BICUBIC)
    path = folder / f"{number:03d}-{kind}.{'jpg' if kind in ('jpeg', 'turned') else 'png'}"
    colour = grey.convert("RGB")
    if kind == "alpha":
        colour.putalpha(255)
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = TURNED
        colour.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    else:
        (grey if kind == "grey" else colour).save(path)
    return path
