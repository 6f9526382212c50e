"""Folders of small pictures to test with."""

import io
import os

import numpy as np
from PIL import Image

SIDE = 24  # pixels


def picture(seed, side=SIDE):
    """A smooth picture of its own for every seed: uint8 ``(side, side, 3)``."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def encoded(seed, suffix=".png", side=SIDE):
    """The same as a file's bytes."""
    file = io.BytesIO()
    Image.fromarray(picture(seed, side)).save(file, {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP"}[suffix])
    return file.getvalue()


def write_tree(root, counts, first=0, suffix=".png"):
    """Write ``counts`` (folder below the root -> number of pictures), each picture another; returns the root."""
    seed = first
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / folder / f"{number:03d}{suffix}").write_bytes(encoded(seed, suffix))
            seed += 1
    return root


def descriptors():
    """Files that this process holds open."""
    return len(os.listdir("/proc/self/fd"))
