"""The arrays that pictures are written from, one row of the table, and what several kinds need."""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

H, W = 19, 26
RNG = np.random.default_rng(7)
COLOURS = RNG.integers(0, 256, (H, W, 3), np.uint8)
GREY = np.ascontiguousarray(COLOURS[..., 0])
OPACITY = RNG.integers(0, 256, (H, W), np.uint8)
GREY16 = RNG.integers(0, 65536, (H, W), np.uint16)
COLOURS16 = RNG.integers(0, 65536, (H, W, 3), np.uint16)
GREY12 = RNG.integers(0, 4096, (H, W), np.uint16)
COLOURS12 = RNG.integers(0, 4096, (H, W, 3), np.uint16)
ROWS, COLUMNS = np.mgrid[:H, :W]
SMOOTH = np.stack([40 + 8 * ROWS, 30 + 7 * COLUMNS, 200 - 3 * ROWS - 4 * COLUMNS], -1).astype(np.uint8)  # lossy
ORIENTATION = 0x0112
TURNED = {  # orientation: how an upright picture is stored, by what EXIF says of its first row and column
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[:, ::-1],
}


class Picture(NamedTuple):
    """One file: its bytes, what must come out of it, and why that is right."""

    name: str
    content: bytes
    expected: np.ndarray | None  # uint8 (H, W, 3)
    reference: str
    levels: int = 0
    sentence: str = ""


def three(grey):
    return np.repeat(grey[..., None], 3, -1)


def over_white(colours, opacity):
    """Colours of an opacity in 0..255 before a white wall, rounded to the nearest level."""
    colours = colours if colours.ndim == 3 else three(colours)
    part = opacity[..., None].astype(int)
    return np.uint8((colours.astype(int) * part + 255 * (255 - part) + 127) // 255)


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block


def bit_rows(samples, bits):
    """Samples (H, n) of some bits each as rows of bytes, the highest bit first."""
    if bits == 8:
        return samples.astype(np.uint8)
    if bits == 16:
        return np.ascontiguousarray(samples.astype(">u2")).view(np.uint8)
    shifts = np.arange(bits - 1, -1, -1)
    found = (samples[..., None].astype(np.uint32) >> shifts & 1).astype(np.uint8)  # (H, n, bits)
    return np.packbits(found.reshape(len(samples), -1), axis=1)
