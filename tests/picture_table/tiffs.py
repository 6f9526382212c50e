"""TIFF written by hand: every depth, white or black as zero, both orders of bytes, strips, tiles, planes, packings."""

import struct
import zlib

import numpy as np
from PIL import Image

from .common import (
    COLOURS,
    COLOURS12,
    COLOURS16,
    GREY,
    GREY12,
    GREY16,
    OPACITY,
    RNG,
    SMOOTH,
    Picture,
    bit_rows,
    over_white,
    saved,
    three,
)

PACK = {1: bytes, 8: zlib.compress, 32773: lambda data: b"".join(_packbits(data))}


def _packbits(data):
    for start in range(0, len(data), 128):
        part = data[start : start + 128]
        yield bytes([len(part) - 1]) + part


def tiff(samples, bits, photometric, order="<", *, packing=1, rows=None, tile=None, planar=1, predictor=1, **tags):
    """A TIFF of unsigned samples (H, W) or (H, W, C): strips of ``rows`` rows, or tiles of (rows, columns).

    ``tags`` are further ones, as ``t338=[1]``; the packing is none, deflate (8) or PackBits (32773).
    """
    samples = samples.reshape(*samples.shape[:2], -1)
    height, width, count = samples.shape
    tall, wide = tile or (rows or height, width)
    sections = []
    for plane in range(count) if planar == 2 else [slice(None)]:
        part = samples[..., plane].reshape(height, width, -1)
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                piece = part[top : top + tall, left : left + wide]
                if tile:
                    missing = [(0, tall - piece.shape[0]), (0, wide - piece.shape[1]), (0, 0)]
                    piece = np.pad(piece, missing)
                if predictor == 2:
                    piece = np.concatenate([piece[:, :1], piece[:, 1:] - piece[:, :-1]], 1)  # wraps, as it should
                flat = piece.reshape(len(piece), -1)
                data = flat.astype(order + "u2").tobytes() if bits == 16 else bit_rows(flat, bits).tobytes()
                sections.append(PACK[packing](data))
    found = {256: [width], 257: [height], 258: [bits] * count, 259: [packing], 262: [photometric], 277: [count]}
    found |= {284: [planar]} if planar == 2 else {}
    found |= {317: [predictor]} if predictor == 2 else {}
    offsets, counts = (324, 325) if tile else (273, 279)
    found |= {322: [wide], 323: [tall]} if tile else {278: [tall]}
    found |= {counts: [len(s) for s in sections]} | {int(tag[1:]): values for tag, values in tags.items()}
    starts = 8 + np.cumsum([0] + [len(s) + len(s) % 2 for s in sections])
    found[offsets] = starts[:-1].tolist()
    body = b"".join(s + bytes(len(s) % 2) for s in sections)
    return _tiff_file(found, body, order)


def _tiff_file(tags, body, order):
    """Header, body, then the directory and what its entries are too small for."""
    entries, behind = b"", b""
    start = 8 + len(body)
    room = start + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        values = tags[tag]
        kind = "B" if isinstance(values, bytes) else "I" if tag in (256, 257, 273, 279, 324, 325) else "H"
        data = struct.pack(f"{order}{len(values)}{kind}", *values)
        code = {"B": 7, "H": 3, "I": 4}[kind]
        if len(data) > 4:
            where, behind = struct.pack(f"{order}I", room + len(behind)), behind + data + bytes(len(data) % 2)
        else:
            where = data.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", tag, code, len(values)) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + behind


def _tiff_greys():
    for order, end in (("<", "little"), (">", "big")):
        for bits in (1, 2, 4, 8, 12, 14, 16):
            samples = GREY16 >> (16 - bits)
            levels = samples.astype(int) * 255 // (2**bits - 1) if bits < 8 else samples >> (bits - 8)
            how = "the steps, spread over 0..255" if bits < 8 else "the upper 8 bits of the array"
            for photometric, shown in ((1, levels), (0, 255 - levels)):
                turned = "white as zero" if photometric == 0 else "black as zero"
                content = tiff(samples, bits, photometric, order, rows=5)
                name = f"{bits}-bit grey TIFF, {turned}, {end} endian"
                yield Picture(name, content, three(np.uint8(shown)), f"{how}{', negative' if photometric == 0 else ''}")


def _tiff_packed():
    for bits, samples in ((12, GREY12), (16, GREY16)):
        expected = three(np.uint8(samples >> (bits - 8)))
        ways = {
            "deflate": {"packing": 8, "rows": 4},
            "PackBits": {"packing": 32773, "rows": 7},
            "tiles": {"tile": (16, 16)},
            "deflated tiles": {"tile": (16, 16), "packing": 8},
        }
        if bits == 16:
            ways["differences"] = {"packing": 8, "predictor": 2}
        for name, options in ways.items():
            for order, end in (("<", "little"), (">", "big")):
                content = tiff(samples, bits, 0, order, **options)
                row = f"{bits}-bit grey TIFF, white as zero, {name}, {end} endian"
                yield Picture(row, content, 255 - expected, "the upper 8 bits, negative")
    stream = saved(Image.fromarray(GREY16), "TIFF", compression="tiff_lzw")
    yield Picture("16-bit grey TIFF, LZW", stream, three(np.uint8(GREY16 >> 8)), "the upper 8 bits of the array")
    declared = tiff(GREY12, 16, 1, t281=[4095])
    yield Picture("12 bits in a 16-bit TIFF, largest value declared", declared, three(np.uint8(GREY12 >> 4)), "12 bits")
    undeclared = tiff(GREY12, 16, 1)
    why = "its tags say 16 bits, its values 12"
    yield Picture("12 bits in a 16-bit TIFF, undeclared", undeclared, None, why, 0, "fewer bits is not declared")
    reverse = np.uint8([int(f"{n:08b}"[::-1], 2) for n in range(256)])
    rows = bit_rows(GREY12, 12)
    mirrored = tiff(GREY12, 12, 1, t266=[2]).replace(rows.tobytes(), reverse[rows].tobytes())
    yield Picture("12-bit grey TIFF, lowest bit first", mirrored, three(np.uint8(GREY12 >> 4)), "the upper 8 bits")


def _tiff_colours():
    expected, expected16 = COLOURS, np.uint8(COLOURS16 >> 8)
    for order, end in (("<", "little"), (">", "big")):
        for planar, where in ((1, ""), (2, ", planes")):
            name = f"RGB TIFF{where}, {end} endian"
            yield Picture(f"8-bit {name}", tiff(COLOURS, 8, 2, order, planar=planar), expected, "the array")
            content = tiff(COLOURS16, 16, 2, order, planar=planar, rows=6)
            yield Picture(f"16-bit {name}", content, expected16, "the upper 8 bits")
            content = tiff(COLOURS12, 12, 2, order, planar=planar, rows=6)
            yield Picture(f"12-bit {name}", content, np.uint8(COLOURS12 >> 4), "the upper 8 bits")
    for name, options in {
        "strips": {"rows": 3},
        "tiles": {"tile": (16, 16)},
        "deflate": {"packing": 8},
        "PackBits": {"packing": 32773},
        "differences": {"packing": 8, "predictor": 2},
        "tiles of planes": {"tile": (16, 16), "planar": 2, "packing": 8},
    }.items():
        yield Picture(f"8-bit RGB TIFF, {name}", tiff(COLOURS, 8, 2, **options), expected, "the array")
        yield Picture(
            f"16-bit RGB TIFF, {name}", tiff(COLOURS16, 16, 2, ">", **options), expected16, "the upper 8 bits"
        )
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        content = saved(Image.fromarray(COLOURS), "TIFF", compression=compression)
        yield Picture(f"8-bit RGB TIFF by Pillow, {compression}", content, expected, "the array")
    content = saved(Image.fromarray(SMOOTH), "TIFF", compression="jpeg", quality=100)
    yield Picture("JPEG in TIFF", content, SMOOTH, "the array, within 4 levels of JPEG", 4)
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    content = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    yield Picture("TIFF of two pages", content, COLOURS, "the first page's array")


def _tiff_further_samples():
    four, four16 = np.dstack([COLOURS, OPACITY]), np.dstack([COLOURS16, GREY16])
    thin = np.uint8(np.rint(COLOURS * (OPACITY[..., None] / 255.0)))  # premultiplied
    whitened = np.uint8(thin.astype(int) + 255 - OPACITY[..., None])
    over = "the array over white"
    yield Picture("RGBA TIFF", tiff(four, 8, 2, t338=[2]), over_white(COLOURS, OPACITY), over)
    yield Picture("16-bit RGBA TIFF", tiff(four16, 16, 2, t338=[2]), over_white(COLOURS16 >> 8, GREY16 >> 8), over)
    content = tiff(np.dstack([thin, OPACITY]), 8, 2, t338=[1])
    yield Picture("RGBa TIFF", content, whitened, "premultiplied array plus what white is behind it")
    yield Picture("RGBX TIFF", tiff(four, 8, 2, t338=[0]), COLOURS, "the array; the fourth sample means nothing")
    yield Picture("16-bit RGBX TIFF", tiff(four16, 16, 2, ">", t338=[0]), np.uint8(COLOURS16 >> 8), "the upper 8 bits")
    grey = np.dstack([GREY, OPACITY])
    yield Picture("grey TIFF with alpha", tiff(grey, 8, 1, t338=[2]), over_white(GREY, OPACITY), over)
    expected = over_white(255 - GREY, OPACITY)
    yield Picture("grey TIFF with alpha, white as zero", tiff(grey, 8, 0, t338=[2]), expected, "negative, " + over)
    content = tiff(np.dstack([GREY16, COLOURS16[..., 0]]), 16, 1, ">", t338=[2])
    expected = over_white(GREY16 >> 8, COLOURS16[..., 0] >> 8)
    yield Picture("16-bit grey TIFF with alpha", content, expected, "the upper 8 bits over white")
    content = tiff(np.dstack([thin[..., 0], OPACITY]), 8, 1, t338=[1])
    yield Picture("La TIFF", content, three(whitened[..., 0]), "premultiplied array plus what white is behind it")
    content = tiff(np.dstack([GREY, OPACITY]), 8, 1, t338=[0])
    yield Picture("grey TIFF with a sample that means nothing", content, three(GREY), "the array")


def _tiff_spaces():
    palette = RNG.integers(0, 256, (256, 3), np.uint8)
    for bits in (1, 2, 4, 8):
        samples = GREY >> (8 - bits)
        table = (palette[: 2**bits].T.astype(int) * 257).ravel().tolist()
        content = tiff(samples, bits, 3, ">" if bits == 4 else "<", t320=table)
        yield Picture(f"{bits}-bit palette TIFF", content, palette[samples], "palette[array]")
    table = palette.T.astype(int).ravel().tolist()
    content = tiff(GREY, 8, 3, t320=table)
    yield Picture(
        "palette TIFF whose colours have 8 bits", content, palette[GREY], "palette[array], as libtiff reads it"
    )
    table = (palette.T.astype(int) * 257).ravel().tolist()
    content = tiff(np.dstack([GREY, OPACITY]), 8, 3, t320=table, t338=[2])
    yield Picture("PA TIFF", content, over_white(palette[GREY], OPACITY), "palette[array] over white")
    ink = np.dstack([COLOURS, OPACITY])
    light = (255 - ink.astype(float)) / 255
    expected = np.uint8(np.rint(255 * light[..., :3] * light[..., 3:]))
    yield Picture("CMYK TIFF", tiff(ink, 8, 5), expected, "(1 - ink) (1 - black)", 1)
    deep = ink.astype(np.uint16) * 257
    yield Picture("16-bit CMYK TIFF", tiff(deep, 16, 5, ">"), expected, "(1 - ink) (1 - black)", 1)
    y, blue, red = (COLOURS[..., i].astype(float) for i in range(3))
    blue, red = blue - 128, red - 128
    rgb = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], -1)
    expected = np.uint8(np.clip(np.rint(rgb), 0, 255))
    yield Picture("YCbCr TIFF", tiff(COLOURS, 8, 6, t530=[1, 1]), expected, "ITU-R BT.601, full range", 1)
    content = tiff(COLOURS, 8, 2, t34665=[60_000])
    yield Picture("TIFF whose EXIF block lies beyond its end", content, COLOURS, "the array")
    sentences = {
        "signed": (tiff(GREY16, 16, 1, t339=[2]), "signed numbers"),
        "signed 8-bit": (tiff(GREY, 8, 1, t339=[2]), "signed numbers"),
        "16-bit palette": (tiff(GREY16, 16, 3, t320=[0] * 48), "palette, 1 samples of 16 bits"),
        "two-sample RGB": (tiff(COLOURS[..., :2], 8, 2), "RGB, 2 samples of 8 bits"),
        "half-precision": (tiff(GREY16, 16, 1, t339=[3]), "floating-point numbers"),
        "float (F)": (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "32-bit"),
        "32-bit (I)": (saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), "32-bit"),
    }
    for name, (content, sentence) in sentences.items():
        yield Picture(f"{name} TIFF", content, None, "no declared range, or no kind that is read", 0, sentence)


def tiffs():
    for part in (_tiff_greys, _tiff_packed, _tiff_colours, _tiff_further_samples, _tiff_spaces):
        yield from part()
