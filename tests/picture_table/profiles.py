"""Colour profiles: small ICC v2 ones made from primaries, and the same arithmetic on arrays."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from .common import COLOURS, GREY, OPACITY, SMOOTH, Picture, over_white, saved, three
from .pngs import chunk, png
from .tiffs import tiff

D50 = np.array([0.9642, 1.0, 0.8249])
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
D65_XY, D50_XY = (0.3127, 0.3290), (0.3457, 0.3585)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_xyz_d50(primaries, white):
    """The matrix from linear RGB to XYZ under D50, by Bradford's adaptation."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    x, y = white
    point = np.array([x / y, 1, (1 - x - y) / y])
    matrix = columns * np.linalg.solve(columns, point)
    adapt = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ D50 / (BRADFORD @ point)) @ BRADFORD
    return adapt @ matrix


def srgb_curve(value):
    """sRGB's numbers to light, both in [0, 1]."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_number(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def icc(curve, matrix=None):
    """An ICC v2 profile: RGB by a matrix (columns are the primaries under D50) or, without one, grey.

    ``curve`` is a gamma or a table of 16-bit numbers.
    """

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    if isinstance(curve, float):
        shape = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(curve * 256))
    else:
        shape = b"curv\0\0\0\0" + struct.pack(f">I{len(curve)}H", len(curve), *curve)
    text = b"a profile\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)}
    tags |= {b"cprt": b"text\0\0\0\0free\0", b"wtpt": xyz(D50)}
    if matrix is None:
        tags[b"kTRC"] = shape
    else:
        for name, column in zip("rgb", matrix.T, strict=True):
            tags[f"{name}XYZ".encode()], tags[f"{name}TRC".encode()] = xyz(column), shape
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    space = b"GRAY" if matrix is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", place + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(fixed, D50)) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


SRGB_TABLE = [round(65535 * float(srgb_curve(n / 1023))) for n in range(1024)]
PROFILES = {  # name: (profile, numbers to light, matrix)
    "Adobe RGB": (563 / 256, to_xyz_d50(ADOBE, D65_XY)),
    "Display P3": (SRGB_TABLE, to_xyz_d50(P3, D65_XY)),
    "ProPhoto": (1.8, to_xyz_d50(PROPHOTO, D50_XY)),
    "sRGB": (SRGB_TABLE, to_xyz_d50(SRGB, D65_XY)),
    "gamma 1.8": (1.8, to_xyz_d50(SRGB, D65_XY)),
}


def in_srgb(numbers, name):
    """What colours of a profile are in sRGB: uint8 (H, W, 3) -> uint8, out-of-gamut ones clipped."""
    curve, matrix = PROFILES[name]
    value = numbers / 255
    light = value ** (round(curve * 256) / 256) if isinstance(curve, float) else srgb_curve(value)
    linear = light @ (np.linalg.inv(to_xyz_d50(SRGB, D65_XY)) @ matrix).T
    return np.uint8(np.rint(255 * srgb_number(linear)))


def lab_in_srgb(lab):
    """L*a*b* under D50 as bytes (L of 0..255, a and b in two's complement) in sRGB."""
    lightness = lab[..., 0] * (100 / 255)
    a, b = lab[..., 1].view(np.int8).astype(float), lab[..., 2].view(np.int8).astype(float)
    y = (lightness + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
    return np.uint8(np.rint(255 * srgb_number(xyz @ np.linalg.inv(to_xyz_d50(SRGB, D65_XY)).T)))


def profiled():
    for name, (curve, matrix) in PROFILES.items():
        profile, why, levels = icc(curve, matrix), f"{name} to sRGB by its primaries and curve", 1
        expected = in_srgb(COLOURS, name)
        if name == "sRGB":
            expected, why, levels = COLOURS, "the array: the profile is sRGB's own", 0
        named = chunk(b"iCCP", b"a profile\0\0" + zlib.compress(profile))
        yield Picture(f"PNG in {name}", png(COLOURS, 8, 2, named), expected, why, levels)
        content = saved(Image.fromarray(COLOURS), "WEBP", lossless=True, icc_profile=profile)
        yield Picture(f"WebP in {name}", content, expected, why, levels)
        yield Picture(f"TIFF in {name}", tiff(COLOURS, 8, 2, t34675=profile), expected, why, levels)
        deep = COLOURS.astype(np.uint16) << 8 | 7
        yield Picture(f"16-bit TIFF in {name}", tiff(deep, 16, 2, ">", t34675=profile), expected, why, levels)
        yield Picture(f"16-bit PNG in {name}", png(deep, 16, 2, named), expected, why, levels)
        content = saved(Image.fromarray(SMOOTH), "JPEG", quality=95)
        decoded = np.asarray(Image.open(io.BytesIO(content)))  # JPEG's own loss, of which a profile makes more
        shown = decoded if name == "sRGB" else in_srgb(decoded, name)
        content = saved(Image.fromarray(SMOOTH), "JPEG", quality=95, icc_profile=profile)
        yield Picture(f"JPEG in {name}", content, shown, f"Pillow's decoding without a profile, {why}", levels)
        four = np.dstack([COLOURS, OPACITY])
        content, over = png(four, 8, 6, named), over_white(expected, OPACITY)
        yield Picture(f"RGBA PNG in {name}", content, over, why + ", then over white", levels)
        palette = chunk(b"PLTE", COLOURS.reshape(-1, 3)[:256].tobytes())
        content = png(GREY, 8, 3, named, palette)
        shown = expected.reshape(-1, 3)[:256][GREY]
        yield Picture(f"palette PNG in {name}", content, shown, why, levels)
    grey = chunk(b"iCCP", b"grey\0\0" + zlib.compress(icc(1.8)))
    value = 255 * srgb_number((GREY / 255) ** (round(1.8 * 256) / 256))
    yield Picture("grey PNG of gamma 1.8", png(GREY, 8, 0, grey), three(np.uint8(np.rint(value))), "by its curve", 1)
    broken = {"cut": icc(1.8, PROFILES["Adobe RGB"][1])[:200], "text": b"no profile", "of grey": icc(1.8)}
    for name, profile in broken.items():
        named = chunk(b"iCCP", b"a profile\0\0" + zlib.compress(profile))
        row = f"RGB PNG with a profile that does not fit ({name})"
        yield Picture(row, png(COLOURS, 8, 2, named), COLOURS, "the array: as sRGB, as without a profile")
    lab = COLOURS.copy()
    lab[..., 1:] = (COLOURS[..., 1:].view(np.int8) // 2).view(np.uint8)
    yield Picture("LAB TIFF", tiff(lab, 8, 8), lab_in_srgb(lab), "CIE L*a*b* under D50, out-of-gamut clipped", 1)
