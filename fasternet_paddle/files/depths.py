"""What Pillow cuts off or passes over in PNG and PPM: the lower bits of 16, significant bits, transparent colours.

A PNG may declare how many bits of its samples are significant (sBIT). By the standard the samples are scaled to the
full depth all the same; many writers put the bare numbers there, which then look black. Both are told apart by the
lower bits: scaled numbers repeat their upper bits there, or have zeros. Where that does not tell, and all is almost
black, the picture is refused.
"""

import io
import struct
import zlib

import numpy as np

from .colours import EMPTY_BITS, narrow
from .opening import Refusal

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # PNG's types of colour
MAX_CHUNKS = 10_000  # before the pixels
BLOCK = 64  # rows
MAX_CHUNK = 1000  # bytes of those that are looked into


def narrowed(image, file):
    """The image with 8 bits a sample, for a PNG or PPM that Pillow alone would not read rightly; None for all others.

    Args:
        image: Pillow's, its header read, nothing loaded.
        file: what it was opened from.
    """
    levels = {"PPM": _ppm, "PNG": _png}.get(image.format, lambda *_: None)(image, file)
    if levels is None:
        return None
    from PIL import Image

    result = Image.fromarray(levels)
    if image.info.get("icc_profile"):
        result.info["icc_profile"] = image.info["icc_profile"]
    return result


def _ppm(image, file):
    """PGM and PPM of more than 8 bits a sample: the header's maxval becomes 65535, then the upper 8 bits are taken."""
    decoder, _, offset, args = image.tile[0]
    maxval = args[-1] if type(args) is tuple else args
    maxval = 65535 if maxval == "I;16B" else maxval  # where Pillow needs no other decoder than for raw bytes
    if type(maxval) is not int or maxval < 256 or (decoder == "ppm_plain" and image.mode != "I"):
        return None
    if decoder == "ppm_plain":
        samples = np.asarray(image).astype(np.uint16)  # scaled by Pillow
    else:
        shape = (image.height, image.width) if image.mode == "I" else (image.height, image.width, 3)
        file.seek(offset)
        samples = np.frombuffer(file.read(2 * int(np.prod(shape))), ">u2").reshape(shape)
        if maxval != 65535:
            scaled = (np.arange(maxval + 1) * (65535 / maxval)).round().astype(np.uint16)
            samples = scaled[np.minimum(samples, maxval)]
    return narrow(samples, 16, certain=maxval != 65535)


def _png(image, file):
    depth, colour, significant, clear = _png_header(file)
    if colour == GREY and clear and depth < 8:  # Pillow widens the pixels, but not the grey that is transparent
        image.info["transparency"] = struct.unpack(">H", clear[:2])[0] * (255 // (2**depth - 1))
    if depth < 8 or colour == PALETTE or (depth == 8 and significant in (None, 8)):
        return None
    samples = np.asarray(image) if depth == 8 else _deep_samples(image, file, colour, significant or clear)
    if samples is None:
        return None
    channels = samples if samples.ndim == 3 else samples[..., None]  # (H, W, C)
    if colour in (GREY_ALPHA, RGB_ALPHA):
        colours, alpha = channels[..., :-1], channels[..., -1:]
    elif clear:
        colours, alpha = channels, _opaque(channels, clear, depth)
    else:
        colours, alpha = channels, None
    bare = significant is not None and _is_bare(colours, depth, significant)
    levels = _levels(colours, significant) if bare else narrow(colours, depth, certain=significant == depth)
    if alpha is not None:
        alpha_is_bare = bare and not clear and alpha.max(initial=0) < 1 << significant
        levels = np.concatenate([levels, _levels(alpha, significant if alpha_is_bare else depth)], -1)
    return levels.squeeze(-1) if levels.shape[2] == 1 else levels


def _opaque(channels, clear, depth):
    """The alpha that tRNS's one transparent colour stands for: (H, W, C) -> (H, W, 1)."""
    wanted = np.frombuffer(clear, ">u2", channels.shape[2])
    alpha = np.full((*channels.shape[:2], 1), (1 << depth) - 1, np.uint16)
    alpha[(channels == wanted).all(-1)] = 0
    return alpha


def _png_header(file):
    """Bits a sample, type of colour, significant bits of the colours (None: not declared), bytes of tRNS (or None)."""
    file.seek(8)
    found = {}
    for _ in range(MAX_CHUNKS):
        start = file.read(8)
        length, kind = struct.unpack(">I4s", start) if len(start) == 8 else (0, b"IDAT")
        if kind == b"IDAT":
            break
        if kind in (b"IHDR", b"sBIT", b"tRNS") and length <= MAX_CHUNK:
            found[kind] = file.read(length)
            file.seek(4, 1)  # the sum, which Pillow checks
        else:
            file.seek(length + 4, 1)
    depth, colour = found[b"IHDR"][8:10]
    bits = found.get(b"sBIT", b"")[: 3 if colour in (RGB, RGB_ALPHA) else 1]
    significant = max(bits) if bits and 0 < max(bits) <= depth else None
    clear = found.get(b"tRNS") if colour in (GREY, RGB) else None
    if clear is not None and len(clear) < (2 if colour == GREY else 6):
        raise Refusal("its transparent colour is cut off")
    return depth, colour, significant, clear


def _deep_samples(image, file, colour, needed):
    """All 16 bits; None where Pillow's reading, the upper 8, is all that is wanted: the picture is bright enough."""
    if colour == GREY:
        return np.asarray(image).astype(np.uint16)
    upper = np.asarray(image)
    if not needed and upper[..., :3].max(initial=0) >= 1 << (8 - EMPTY_BITS):
        return None
    if colour == GREY_ALPHA:  # a pixel of two samples of 16 bits is filtered as one of four samples of 8 bits is
        file.seek(0)
        data = bytearray(file.read())
        data[24:26] = bytes([8, RGB_ALPHA])
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        halves = _pixels(io.BytesIO(data))
        upper, lower = halves[..., ::2], halves[..., 1::2]
    else:
        lower = _pixels(file, f"{image.mode};16L")  # "L": the second byte of each sample
    samples = upper.astype(np.uint16)
    samples <<= 8
    samples |= lower
    return samples


def _pixels(file, rawmode=None):
    from PIL import Image

    file.seek(0)
    image = Image.open(file, formats=["PNG"])
    if rawmode:
        image.tile = [(*image.tile[0][:3], rawmode)]
    return np.asarray(image)


def _is_bare(colours, depth, significant):
    """Whether numbers of fewer bits stand in the lower bits as they are, and are not scaled to the full depth."""
    if colours.max(initial=0) >= 1 << significant:
        return False
    for top in range(0, len(colours), BLOCK):  # a block of rows at a time, for what they are compared with is larger
        block = colours[top : top + BLOCK]
        kept = block >> (depth - significant)  # if they were scaled, by their largest value or by zeros in lower bits
        by_range = (kept * (((1 << depth) - 1) / ((1 << significant) - 1))).round()
        by_zeros = kept << (depth - significant)
        if not ((np.abs(block - by_range) <= 1) | (block == by_zeros)).all():
            return True
    return False


def _levels(samples, bits):
    """Numbers of `bits` bits -> uint8: the upper 8, or fewer stretched."""
    if bits >= 8:
        return (samples >> (bits - 8)).astype(np.uint8)
    return (samples * (255 / ((1 << bits) - 1))).round().astype(np.uint8)
