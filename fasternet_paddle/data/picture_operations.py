"""RandAugment's operations on uint8 pictures ``(H, W, 3)`` RGB, each Pillow's to one level (Cubuk et al. 2020).

    OPERATIONS["Rotate"](picture, 12.0)        # a new uint8 picture of the same size

What a magnitude means for each is ``randaugment``'s business; here an argument is in the operation's own unit.
"""

import cv2
import numpy as np

FILL = (124, 116, 104)  # ImageNet's mean in levels (timm's ``img_mean``): what comes into view beyond the border
SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13  # Pillow's, which sharpness leads away from
LEVELS = np.arange(256)


def _blend(degenerate, picture, factor):
    """``degenerate`` at 0, ``picture`` at 1, beyond it above; cut off at black and white."""
    pixels = degenerate + np.float32(factor) * (picture.astype(np.float32) - degenerate)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _grey(picture):
    """ITU-R 601's luma as whole levels, int64 ``(H, W)``: Pillow's 16-bit arithmetic."""
    return (picture.astype(np.int64) @ np.array([19595, 38470, 7471]) + 0x8000) >> 16


def _by_table(picture, tables):
    """Each channel through its own table of 256 levels, or all through one."""
    tables = [np.clip(table, 0, 255).astype(np.uint8) for table in tables]
    tables = tables * 3 if len(tables) == 1 else tables
    return np.stack([tables[channel][picture[..., channel]] for channel in range(3)], axis=-1)


def auto_contrast(picture, _=None):
    """Stretch each channel from its darkest and lightest levels to 0 and 255."""

    def table(channel):
        low, high = int(channel.min()), int(channel.max())
        if high <= low:
            return LEVELS
        scale = 255 / (high - low)
        return (LEVELS * scale - low * scale).astype(int)

    return _by_table(picture, [table(picture[..., channel]) for channel in range(3)])


def equalize(picture, _=None):
    """Make each channel's histogram as even as it goes."""

    def table(channel):
        counts = np.bincount(channel.ravel(), minlength=256)
        present = counts[counts > 0]
        step = int(present.sum() - present[-1]) // 255
        if len(present) <= 1 or not step:
            return LEVELS
        return (step // 2 + np.cumsum(counts) - counts) // step

    return _by_table(picture, [table(picture[..., channel]) for channel in range(3)])


def invert(picture, _=None):
    """Light for dark."""
    return 255 - picture


def posterize(picture, bits):
    """Keep the ``bits`` highest bits of each level, 0 to 8."""
    return picture & np.uint8(256 - 2 ** (8 - bits))


def solarize(picture, threshold):
    """Invert the levels from ``threshold`` on."""
    return _by_table(picture, [np.where(threshold > LEVELS, LEVELS, 255 - LEVELS)])


def solarize_add(picture, addend):
    """Add ``addend`` to the levels below 128."""
    return _by_table(picture, [np.where(LEVELS < 128, LEVELS + addend, LEVELS)])


def color(picture, factor):
    """Saturation: grey at 0, the picture at 1."""
    return _blend(_grey(picture)[..., None].astype(np.float32), picture, factor)


def contrast(picture, factor):
    """Away from the mean grey: that grey at 0, the picture at 1."""
    return _blend(np.float32(int(_grey(picture).mean() + 0.5)), picture, factor)


def brightness(picture, factor):
    """Black at 0, the picture at 1."""
    return _blend(np.float32(0), picture, factor)


def sharpness(picture, factor):
    """Smoothed at 0, the picture at 1, sharpened above."""
    smooth = picture.astype(np.float32)
    if min(picture.shape[:2]) > 2:  # the border stays as it is
        inner = cv2.filter2D(smooth, -1, SMOOTH)[1:-1, 1:-1]
        smooth[1:-1, 1:-1] = np.floor(inner + 0.5)
    return _blend(smooth, picture, factor)


def affine(picture, matrix):
    """Take each pixel from where ``matrix`` (a, b, c, d, e, f) leads: x from ``a x + b y + c``, y from ``d x + e y +
    f``, bilinear, ``FILL`` beyond the border. Exact where OpenCV's warp rounds to 1/32 of a pixel."""
    height, width = picture.shape[:2]
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    a, b, c, d, e, f = matrix
    x, y = a * x + b * y + c, d * x + e * y + f  # (H, W) each, broadcast
    outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    x, y = x - 0.5, y - 0.5
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    dx, dy = ((far - near)[..., None].astype(np.float32) for far, near in ((x, left), (y, top)))
    columns = [np.clip(left + step, 0, width - 1) for step in (0, 1)]
    rows = [np.clip(top + step, 0, height - 1) for step in (0, 1)]
    flat = picture.reshape(-1, 3)
    corners = [[flat[row * width + column].astype(np.float32) for column in columns] for row in rows]
    upper, lower = (near + (far - near) * dx for near, far in corners)
    result = np.clip(upper + (lower - upper) * dy, 0, 255).astype(np.uint8)
    result[outside] = FILL
    return result


def rotate(picture, degrees):
    """Counter-clockwise about the centre."""
    height, width = picture.shape[:2]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = width / 2, height / 2
    return affine(picture, (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y))


def shear_x(picture, factor):
    """Take each row from ``factor`` of its height further right."""
    return affine(picture, (1, factor, 0, 0, 1, 0))


def shear_y(picture, factor):
    """Take each column from ``factor`` of its distance further down."""
    return affine(picture, (1, 0, 0, factor, 1, 0))


def translate_x(picture, share):
    """Take from ``share`` of the width further right."""
    return affine(picture, (1, 0, share * picture.shape[1], 0, 1, 0))


def translate_y(picture, share):
    """Take from ``share`` of the height further down."""
    return affine(picture, (1, 0, 0, 0, 1, share * picture.shape[0]))


OPERATIONS = {  # in timm's order (``_RAND_TRANSFORMS``)
    "AutoContrast": auto_contrast,
    "Equalize": equalize,
    "Invert": invert,
    "Rotate": rotate,
    "Posterize": posterize,
    "Solarize": solarize,
    "SolarizeAdd": solarize_add,
    "Color": color,
    "Contrast": contrast,
    "Brightness": brightness,
    "Sharpness": sharpness,
    "ShearX": shear_x,
    "ShearY": shear_y,
    "TranslateX": translate_x,
    "TranslateY": translate_y,
}
