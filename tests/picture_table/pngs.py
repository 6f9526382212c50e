"""PNG written by hand: every depth and type of colour, significant bits, transparent colours, broken EXIF blocks."""

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
    H,
    Picture,
    W,
    bit_rows,
    exif,
    over_white,
    saved,
    three,
)

ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, colour, *before, interlaced=False, filters=0):
    """A PNG of samples (H, W) or (H, W, C); ``before`` are the chunks between the header and the pixels."""
    samples = samples.reshape(*samples.shape[:2], -1)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, int(interlaced))
    data = b""
    for top, left, down, right in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[top::down, left::right]
        if part.size:
            rows = bit_rows(part.reshape(len(part), -1), depth)
            if filters == 2:  # each row as its difference from the one above
                rows = np.concatenate([rows[:1], rows[1:] - rows[:-1]])
            data += b"".join(bytes([filters]) + row.tobytes() for row in rows)
    pixels = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(before) + pixels + chunk(b"IEND", b"")


def sbit(*bits):
    return chunk(b"sBIT", bytes(bits))


def shorts(kind, *values):
    return chunk(kind, struct.pack(f">{len(values)}H", *values))


def _png_greys():
    for depth in (1, 2, 4):
        samples = GREY >> (8 - depth)
        expected = three(np.uint8(samples.astype(int) * 255 // (2**depth - 1)))
        for interlaced in (False, True):
            name = f"{depth}-bit grey PNG{', interlaced' if interlaced else ''}"
            yield Picture(
                name, png(samples, depth, 0, interlaced=interlaced), expected, "the steps, spread over 0..255"
            )
        clear = png(samples, depth, 0, shorts(b"tRNS", 1))
        hidden = np.where((samples == 1)[..., None], 255, expected).astype(np.uint8)
        yield Picture(f"{depth}-bit grey PNG with a transparent step", clear, hidden, "the steps; step 1 is white")
    yield Picture("8-bit grey PNG", png(GREY, 8, 0), three(GREY), "the array")
    hidden = np.where(three(GREY) == GREY[3, 4], 255, three(GREY)).astype(np.uint8)
    clear = png(GREY, 8, 0, shorts(b"tRNS", GREY[3, 4]))
    yield Picture("8-bit grey PNG with a transparent grey", clear, hidden, "the array; that grey is white")
    both = np.stack([GREY, OPACITY], -1)
    yield Picture("grey PNG with alpha", png(both, 8, 4), over_white(GREY, OPACITY), "the array over white")
    yield Picture(
        "grey PNG with alpha, interlaced", png(both, 8, 4, interlaced=True), over_white(GREY, OPACITY), "same"
    )


def _png_palettes():
    palette = RNG.integers(0, 256, (256, 3), np.uint8)
    for depth in (1, 2, 4, 8):
        samples = GREY >> (8 - depth)
        colours = chunk(b"PLTE", palette[: 2**depth].tobytes())
        expected = palette[samples]
        yield Picture(f"{depth}-bit palette PNG", png(samples, depth, 3, colours), expected, "palette[array]")
        opacity = np.uint8([0, 99]) if depth == 1 else np.uint8([0, 99, 255])
        clear = png(samples, depth, 3, colours, chunk(b"tRNS", opacity.tobytes()), interlaced=depth == 4)
        alpha = np.append(opacity, np.full(256, 255, np.uint8))[samples]
        name = f"{depth}-bit palette PNG with opacities"
        yield Picture(name, clear, over_white(expected, alpha), "palette[array] over white")


def _png_deep():
    upper = "the upper 8 bits of the array"
    yield Picture("16-bit grey PNG", png(GREY16, 16, 0), three(np.uint8(GREY16 >> 8)), upper)
    yield Picture(
        "16-bit grey PNG, interlaced", png(GREY16, 16, 0, interlaced=True), three(np.uint8(GREY16 >> 8)), upper
    )
    yield Picture("16-bit RGB PNG", png(COLOURS16, 16, 2), np.uint8(COLOURS16 >> 8), upper)
    filtered = png(COLOURS16, 16, 2, interlaced=True, filters=2)
    yield Picture("16-bit RGB PNG, interlaced and filtered", filtered, np.uint8(COLOURS16 >> 8), upper)
    four = np.concatenate([COLOURS16, GREY16[..., None]], -1)
    expected = over_white(COLOURS16 >> 8, GREY16 >> 8)
    yield Picture("16-bit RGBA PNG", png(four, 16, 6), expected, upper + ", over white")
    expected = over_white(COLOURS16[..., 0] >> 8, GREY16 >> 8)
    yield Picture("16-bit grey PNG with alpha", png(four[..., [0, 3]], 16, 4), expected, upper + ", over white")
    near = COLOURS16.copy()
    near[0, 0] = [0x1234, 0x5678, 0x9ABC]
    near[0, 1] = near[0, 0] + np.uint16([0, 0, 1])  # the same in its upper 8 bits
    expected = np.uint8(near >> 8)
    expected[0, 0] = 255
    clear = png(near, 16, 2, shorts(b"tRNS", *near[0, 0]))
    yield Picture("16-bit RGB PNG with a transparent colour", clear, expected, upper + "; that one colour is white")


def _png_significant():
    bare, scaled = "12 bits as they are: their upper 8", "12 bits scaled to 16, as the standard asks: the upper 8"
    name = "12 bits in a 16-bit"
    yield Picture(f"{name} grey PNG", png(GREY12, 16, 0, sbit(12)), three(np.uint8(GREY12 >> 4)), bare)
    yield Picture(f"{name} RGB PNG", png(COLOURS12, 16, 2, sbit(12, 12, 12)), np.uint8(COLOURS12 >> 4), bare)
    four = np.concatenate([COLOURS12, GREY12[..., None]], -1)
    content, expected = png(four, 16, 6, sbit(12, 12, 12, 12)), over_white(COLOURS12 >> 4, GREY12 >> 4)
    yield Picture(f"{name} RGBA PNG", content, expected, bare + ", over white")
    content, expected = png(four[..., 2:], 16, 4, sbit(12, 12)), over_white(COLOURS12[..., 2] >> 4, GREY12 >> 4)
    yield Picture(f"{name} grey PNG with alpha", content, expected, bare + ", over white")
    for writer, wide in (("repeated", GREY12 << 4 | GREY12 >> 8), ("zeros", GREY12 << 4)):
        content = png(wide, 16, 0, sbit(12))
        yield Picture(f"{name} grey PNG, {writer}", content, three(np.uint8(GREY12 >> 4)), scaled)
    ten = GREY12 >> 2
    content = png(ten, 16, 0, sbit(10))
    yield Picture("10 bits in a 16-bit grey PNG", content, three(np.uint8(ten >> 2)), "10 bits as they are")
    five = GREY >> 3
    expected = three(np.uint8(np.rint(five * (255 / 31))))
    yield Picture("5 bits in an 8-bit grey PNG", png(five, 8, 0, sbit(5)), expected, "5 bits, spread over 0..255")
    dark = GREY16 >> 5
    content = png(dark, 16, 0, sbit(16))
    yield Picture("an almost black 16-bit PNG that says so", content, three(np.uint8(dark >> 8)), "the upper 8 bits")
    black = np.zeros((H, W), np.uint16)
    yield Picture("a black 16-bit PNG", png(black, 16, 0), three(np.uint8(black)), "the array")
    unknown = "its own header says 16 bits, its values 12: nothing declares which is true"
    sentence = "fewer bits is not declared"
    yield Picture("12 bits in a 16-bit grey PNG, undeclared", png(GREY12, 16, 0), None, unknown, 0, sentence)
    yield Picture("12 bits in a 16-bit RGB PNG, undeclared", png(COLOURS12, 16, 2), None, unknown, 0, sentence)
    content = png(GREY12 & 0xFF0, 16, 0, sbit(12))
    yield Picture("12 bits or an almost black picture of 16", content, None, "both readings fit", 0, sentence)


def _png_colours():
    yield Picture("RGB PNG", png(COLOURS, 8, 2), COLOURS, "the array")
    yield Picture("RGB PNG, interlaced", png(COLOURS, 8, 2, interlaced=True, filters=2), COLOURS, "the array")
    hidden = np.where((COLOURS[2, 5] == COLOURS).all(-1, keepdims=True), 255, COLOURS).astype(np.uint8)
    clear = png(COLOURS, 8, 2, shorts(b"tRNS", *COLOURS[2, 5]))
    yield Picture("RGB PNG with a transparent colour", clear, hidden, "the array; that colour is white")
    four = np.dstack([COLOURS, OPACITY])
    yield Picture("RGBA PNG", png(four, 8, 6), over_white(COLOURS, OPACITY), "the array over white")
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    content = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    yield Picture("animated PNG", content, COLOURS, "the first frame's array")


def _broken_exif():
    blocks = {
        "text": b"no EXIF at all",
        "cut": exif(6).tobytes()[6:20],
        "endless": b"II*\0\x08\0\0\0\xff\xff" + b"\x12" * 40,
    }
    blocks["of wrong types"] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0"
    blocks["empty"] = b""
    for name, block in blocks.items():
        content = png(COLOURS, 8, 2, chunk(b"eXIf", block))
        yield Picture(f"PNG with a broken EXIF block ({name})", content, COLOURS, "the array, not turned")
        behind = content[:-12] + chunk(b"eXIf", block) + content[-12:]
        behind = behind.replace(chunk(b"eXIf", block), b"", 1)
        yield Picture(f"PNG with a broken EXIF block behind ({name})", behind, COLOURS, "the array, not turned")
        content = saved(Image.fromarray(COLOURS), "WEBP", lossless=True, exif=block or b"Exif\0\0")
        yield Picture(f"WebP with a broken EXIF block ({name})", content, COLOURS, "the array, not turned")
        content = saved(Image.fromarray(SMOOTH), "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0" + block)
        yield Picture(f"JPEG with a broken EXIF block ({name})", content, SMOOTH, "the array, not turned", 3)


def pngs():
    for part in (_png_greys, _png_palettes, _png_deep, _png_significant, _png_colours, _broken_exif):
        yield from part()
