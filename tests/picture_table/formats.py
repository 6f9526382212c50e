"""JPEG, WebP, GIF, BMP and Netpbm, and turned pictures of all formats."""

import struct

import numpy as np
from PIL import Image

from .common import (
    COLOURS,
    COLOURS16,
    GREY,
    GREY12,
    GREY16,
    OPACITY,
    RNG,
    SMOOTH,
    TURNED,
    H,
    Picture,
    W,
    bit_rows,
    exif,
    over_white,
    saved,
    three,
)
from .tiffs import tiff


def lossy():
    image, within = Image.fromarray(SMOOTH), "the array, within what the format loses"
    for name, options in {
        "JPEG": {"quality": 95},
        "progressive JPEG": {"quality": 95, "progressive": True},
        "JPEG, colours halved": {"quality": 95, "subsampling": 2},
    }.items():
        yield Picture(name, saved(image, "JPEG", **options), SMOOTH, within, 11)
    content = saved(Image.fromarray(SMOOTH[..., 2]), "JPEG", quality=95)
    yield Picture("grey JPEG", content, three(SMOOTH[..., 2]), within, 3)
    ink = np.dstack([255 - SMOOTH, np.full((H, W), 20, np.uint8)])
    expected = np.uint8(np.rint(SMOOTH.astype(float) * (235 / 255)))
    cmyk = Image.frombytes("CMYK", (W, H), ink.tobytes())
    content = saved(cmyk, "JPEG", quality=97, subsampling=0)
    yield Picture("CMYK JPEG", content, expected, "(1 - ink) (1 - black), within what the format loses", 6)
    ycck = np.dstack([np.asarray(Image.fromarray(255 - SMOOTH).convert("YCbCr")), 255 - ink[..., 3]])
    content = saved(Image.frombytes("CMYK", (W, H), (255 - ycck).tobytes()), "JPEG", quality=97, subsampling=0)
    content = _adobe(content, 2)  # the planes are Y, Cb, Cr of the ink as if it were light, and what is not black
    yield Picture("YCCK JPEG", content, expected, "(1 - ink) (1 - black), within what the format loses", 6)
    yield Picture("WebP", saved(image, "WEBP", quality=95), SMOOTH, within, 12)
    yield Picture("WebP, lossless", saved(Image.fromarray(COLOURS), "WEBP", lossless=True), COLOURS, "the array")
    four = np.dstack([COLOURS, OPACITY])
    content = saved(Image.fromarray(four), "WEBP", lossless=True, exact=True)
    yield Picture("WebP with alpha, lossless", content, over_white(COLOURS, OPACITY), "the array over white")
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    content = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    yield Picture("animated WebP", content, COLOURS, "the first frame's array")


def _adobe(content, transform):
    """A JPEG whose Adobe marker names another transform (0: none, 1: YCbCr, 2: YCCK)."""
    place = content.index(b"Adobe")
    return content[: place + 11] + bytes([transform]) + content[place + 12 :]


def small_formats():
    yield from _bmps()
    yield from _netpbm()
    palette = np.zeros((256, 3), np.uint8)
    palette[:16] = RNG.integers(0, 256, (16, 3))
    image = Image.fromarray(GREY >> 4)
    image = Image.frombytes("P", (W, H), (GREY >> 4).tobytes())
    image.putpalette(palette.tobytes())
    expected = palette[GREY >> 4]
    yield Picture("GIF", saved(image, "GIF"), expected, "palette[array]")
    hidden = np.where((GREY >> 4 == 3)[..., None], 255, expected).astype(np.uint8)
    yield Picture(
        "GIF with a transparent colour", saved(image, "GIF", transparency=3), hidden, "white where it is clear"
    )
    yield Picture("interlaced GIF", saved(image, "GIF", interlace=1), expected, "palette[array]")
    other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    content = saved(image, "GIF", save_all=True, append_images=[other], duration=50)
    yield Picture("animated GIF", content, expected, "the first frame's palette[array]")
    yield Picture("grey GIF", saved(Image.fromarray(GREY), "GIF"), three(GREY), "the array")


def _bmp(width, height, bits, pixels, *, packing=0, palette=b"", masks=b""):
    body = masks + palette
    start = 54 + len(body)
    head = struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start)
    colours = len(palette) // 4
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(pixels), 2835, 2835, colours, 0)
    return head + body + pixels


def _rows4(rows):
    """Rows of bytes as BMP has them: from the bottom up, each filled to 4 bytes."""
    return b"".join(row.tobytes() + bytes(-row.size % 4) for row in rows[::-1])


def _bmps():
    palette = RNG.integers(0, 256, (256, 3), np.uint8)
    stored = np.dstack([palette[None, :, ::-1], np.zeros((1, 256, 1), np.uint8)])[0]
    for bits in (1, 4, 8):
        samples = GREY >> (8 - bits)
        content = _bmp(W, H, bits, _rows4(bit_rows(samples, bits)), palette=stored[: 2**bits].tobytes())
        yield Picture(f"{bits}-bit BMP", content, palette[samples], "palette[array]")
    yield Picture("24-bit BMP", _bmp(W, H, 24, _rows4(COLOURS[..., ::-1].reshape(H, -1))), COLOURS, "the array")
    downward = COLOURS[::-1, :, ::-1].reshape(H, -1)
    yield Picture("24-bit BMP from the top down", _bmp(W, -H, 24, _rows4(downward)), COLOURS, "the array")
    four = np.dstack([COLOURS[..., ::-1], OPACITY]).reshape(H, -1)
    yield Picture("32-bit BMP", _bmp(W, H, 32, _rows4(four)), COLOURS, "the array; the fourth byte means nothing")
    five = COLOURS >> 3
    packed = (five[..., 0].astype(np.uint16) << 10 | five[..., 1].astype(np.uint16) << 5 | five[..., 2]).astype("<u2")
    expected = np.uint8(five.astype(int) * 255 // 31)
    content = _bmp(W, H, 16, _rows4(packed.view(np.uint8)))
    yield Picture("16-bit BMP, 5-5-5", content, expected, "5 bits, spread over 0..255", 1)
    six = np.dstack([five[..., 0], COLOURS[..., 1] >> 2, five[..., 2]]).astype(np.uint16)
    packed = (six[..., 0] << 11 | six[..., 1] << 5 | six[..., 2]).astype("<u2")
    expected = np.uint8(six * 255 // np.array([31, 63, 31]))
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    content = _bmp(W, H, 16, _rows4(packed.view(np.uint8)), packing=3, masks=masks)
    yield Picture("16-bit BMP, 5-6-5", content, expected, "5 and 6 bits, spread over 0..255", 1)
    samples = np.repeat(GREY[:, ::2], 2, 1)
    runs = b"".join(b"".join(bytes([2, n]) for n in row[::2]) + b"\0\0" for row in samples[::-1]) + b"\0\1"
    content = _bmp(W, H, 8, runs, packing=1, palette=stored.tobytes())
    yield Picture("8-bit BMP, runs", content, palette[samples], "palette[array]")
    samples = samples >> 4
    runs = b"".join(b"".join(bytes([2, n << 4 | n]) for n in row[::2]) + b"\0\0" for row in samples[::-1]) + b"\0\1"
    content = _bmp(W, H, 4, runs, packing=2, palette=stored[:16].tobytes())
    yield Picture("4-bit BMP, runs", content, palette[samples], "palette[array]")


def _netpbm():
    size = b"%d %d" % (W, H)
    for plain, raw, bands, samples in ((b"P2", b"P5", 1, GREY), (b"P3", b"P6", 3, COLOURS)):
        expected = three(samples) if bands == 1 else samples
        kind = "PGM" if bands == 1 else "PPM"
        text = " ".join(map(str, samples.ravel().tolist())).encode()
        yield Picture(f"{kind} of text", plain + b"\n# a note\n" + size + b"\n255\n" + text, expected, "the array")
        yield Picture(kind, raw + b"\n" + size + b"\n255\n" + samples.tobytes(), expected, "the array")
        few = samples >> 4
        expected = np.uint8(np.rint(few * 17.0))
        expected = three(expected) if bands == 1 else expected
        content = raw + b" " + size + b" 15\n" + few.tobytes()
        yield Picture(f"{kind} of 16 levels", content, expected, "the steps, spread over 0..255")
        deep = GREY16 if bands == 1 else COLOURS16
        for bits in (16, 12):
            values = deep >> (16 - bits)
            expected = np.uint8(values >> (bits - 8))
            content = raw + b" " + size + b" %d\n" % (2**bits - 1) + values.astype(">u2").tobytes()
            expected = three(expected) if bands == 1 else expected
            yield Picture(f"{bits}-bit {kind}", content, expected, "the upper 8 bits of the array")
    text = " ".join(map(str, GREY12.ravel().tolist())).encode()
    content = b"P2 " + size + b" 4095\n" + text
    yield Picture("12-bit PGM of text", content, three(np.uint8(GREY12 >> 4)), "the upper 8 bits of the array")
    content = b"P5 " + size + b" 65535\n" + GREY12.astype(">u2").tobytes()
    yield Picture("12 bits in a 16-bit PGM", content, None, "its header says 16 bits", 0, "fewer bits is not declared")
    bits = (GREY > 99).astype(np.uint8)  # 1 is black
    expected = three(np.uint8(255 * (1 - bits)))
    yield Picture(
        "PBM of text", b"P1 " + size + b"\n" + " ".join(map(str, bits.ravel())).encode(), expected, "the array"
    )
    content = b"P4 " + size + b"\n" + bit_rows(bits, 1).tobytes()
    yield Picture("PBM", content, expected, "the array; 1 is black")
    content = b"Pf " + size + b" -1.0\n" + GREY.astype("<f4").tobytes()
    yield Picture("PFM", content, None, "floats have no declared range", 0, "32-bit")


def turned():
    for orientation, how in TURNED.items():
        stored, smooth = np.ascontiguousarray(how(COLOURS)), np.ascontiguousarray(how(SMOOTH))
        image, name = Image.fromarray(stored), f"orientation {orientation}"
        block, why = exif(orientation), "the upright array"
        yield Picture(f"PNG, {name}", saved(image, "PNG", exif=block), COLOURS, why)
        yield Picture(f"WebP, {name}", saved(image, "WEBP", lossless=True, exif=block), COLOURS, why)
        content = saved(Image.fromarray(smooth), "JPEG", quality=97, subsampling=0, exif=block)
        yield Picture(f"JPEG, {name}", content, SMOOTH, "the upright array, within what the format loses", 5)
        yield Picture(f"TIFF, {name}", tiff(stored, 8, 2, t274=[orientation]), COLOURS, why)
        content = tiff(stored, 8, 2, packing=8, t274=[orientation])
        yield Picture(f"deflated TIFF, {name}", content, COLOURS, why)
        content = saved(Image.fromarray(smooth), "TIFF", compression="jpeg", quality=100, tiffinfo={274: orientation})
        yield Picture(f"JPEG in TIFF, {name}", content, SMOOTH, "the upright array, within what the format loses", 5)
        for bits, photometric in ((1, 0), (1, 1), (8, 0), (8, 1), (12, 1), (16, 0), (16, 1)):
            samples = GREY16 >> (16 - bits)
            levels = samples * 255 if bits == 1 else samples >> (bits - 8)
            levels = 255 - levels if photometric == 0 else levels
            for packing in (1, 8):
                content = tiff(
                    np.ascontiguousarray(how(samples)), bits, photometric, packing=packing, t274=[orientation]
                )
                row = f"{bits}-bit grey TIFF, photometric {photometric}, packing {packing}, {name}"
                yield Picture(row, content, three(np.uint8(levels)), why)
