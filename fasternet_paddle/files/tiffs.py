"""TIFFs whose samples Pillow cuts, turns into their negative or does not know, by what their tags declare.

Ours are grey and RGB of 9 to 16 bits a sample, with or without alpha, either byte order, strips or tiles, in one plane
or several; and grey or RGB of 8 bits with premultiplied or unusual further samples. Pillow reads all others. What is
packed is unpacked by Pillow's libtiff, to which each strip is shown as a small grey TIFF of bytes.
"""

import io
import struct

import numpy as np

from .colours import narrow
from .opening import Refusal

STARTS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}  # + is BigTIFF
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
OFFSETS, ORIENTATION, SAMPLES, ROWS, COUNTS, LARGEST, PLANAR, PREDICTOR = 273, 274, 277, 278, 279, 281, 284, 317
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, EXTRA, FORMAT, PROFILE = 322, 323, 324, 325, 338, 339, 34675
COLOUR_MAP = 320
TYPES = {1: "u1", 3: "u2", 4: "u4", 7: "u1", 16: "u8"}  # of the tags above
WANTED = {
    *(WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, OFFSETS, ORIENTATION, SAMPLES, ROWS, COUNTS, LARGEST),
    *(PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, EXTRA, FORMAT, PROFILE),
}
PACKINGS = {1: "none", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate", 34925: "LZMA", 50000: "Zstandard"}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
INTERPRETATIONS = {0: "grey, white as zero", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "L*a*b*"}
PREMULTIPLIED, ALPHA = 1, 2  # kinds of a further sample
MAX_TAGS = 4096
MAX_VALUE = 2**24  # bytes of one tag; an ICC profile has up to 3 MB
MAX_SECTIONS = 100_000  # strips or tiles


class Tiff:
    """The first page of a TIFF: its tags, and its image where it is of a kind that is read here."""

    def __init__(self, file, order, tags, max_pixels):
        self.file, self.order, self.tags, self.max_pixels = file, order, tags, max_pixels
        self.width, self.height = self.one(WIDTH, 0), self.one(LENGTH, 0)
        self.bits, self.samples = self.one(BITS, 1), self.one(SAMPLES, 1)
        self.photometric, self.packing = self.one(PHOTOMETRIC, WHITE_IS_ZERO), self.one(COMPRESSION, 1)
        self.orientation = self.one(ORIENTATION, 1)
        self.colours = 3 if self.photometric == RGB else 1
        self.extra = [int(kind) for kind in tags.get(EXTRA, [])] or [ALPHA] * (self.photometric == RGB)

    @classmethod
    def opened(cls, file, max_pixels):
        """The TIFF in `file`, or None where it is none."""
        file.seek(0)
        start = file.read(16)
        order = STARTS.get(start[:4])
        if order is None:
            return None
        return cls(file, order, _tags(file, order, start), max_pixels)

    def one(self, tag, default):
        values = self.tags.get(tag, [])
        return int(values[0]) if len(values) else default

    def __str__(self):
        kind = INTERPRETATIONS.get(self.photometric, f"photometric interpretation {self.photometric}")
        packing = PACKINGS.get(self.packing, f"number {self.packing}")
        return f"{kind}, {self.samples} samples of {self.bits} bits, compression {packing}"

    @property
    def is_ours(self):
        """Whether it is read here; raises `Refusal` where no range of its numbers is declared."""
        formats = set(map(int, self.tags.get(FORMAT, [1])))
        if formats - {1, 4} and self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):  # 4: no format
            kind = {2: "signed", 3: "floating-point"}.get(max(formats), "complex")
            raise Refusal(f"its pixels are {self.bits}-bit {kind} numbers, for which no range is agreed")
        if self.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
            return False
        extra = self.samples - self.colours
        unusual = extra > 0 and (self.photometric != RGB or self.extra[:1] == [PREMULTIPLIED])
        return 8 < self.bits <= 16 or (self.bits == 8 and unusual)

    def image(self):
        """Pillow's image of 8 bits a sample; not turned."""
        from PIL import Image

        self._check()
        samples = self._decoded()  # (H, W, C)
        declared = self.one(LARGEST, 0)  # MaxSampleValue
        bits = self.bits
        if 8 < declared.bit_length() < bits and declared + 1 == 1 << declared.bit_length():
            bits = declared.bit_length() if samples.max(initial=0) <= declared else bits
        certain = declared == 65535
        levels = narrow(samples[..., : self.colours], bits, certain) if self.bits > 8 else samples[..., : self.colours]
        if self.photometric == WHITE_IS_ZERO:
            levels = np.subtract(255, levels, dtype=np.uint8)
        mode = "RGB" if self.colours == 3 else "L"
        if samples.shape[2] > self.colours and self.extra[:1] in ([PREMULTIPLIED], [ALPHA]):
            alpha = samples[..., self.colours] >> (bits - 8)
            levels = np.concatenate([levels, alpha.astype(np.uint8)[..., None]], -1)
            mode += "a" if self.extra[0] == PREMULTIPLIED else "A"
        result = Image.frombytes(mode, (self.width, self.height), np.ascontiguousarray(levels).data)
        if PROFILE in self.tags:
            result.info["icc_profile"] = self.tags[PROFILE].tobytes()
        return result

    def mend_palette(self, image):
        """Give Pillow's image the colours of a map of 8 bits in place of 16, which Pillow takes for black."""
        if image.mode in ("P", "PA") and self.tags[COLOUR_MAP].max(initial=0) < 256:
            image.putpalette(self.tags[COLOUR_MAP].astype(np.uint8).reshape(3, -1).T.tobytes())

    def _check(self):
        """Raises `Refusal` for claims that do not hold, or that are not read."""
        if self.width * self.height > self.max_pixels:
            raise Refusal(f"it claims to have {self.width} x {self.height} pixels, over {self.max_pixels:,}")
        if not self.width * self.height or not self.colours <= self.samples <= 16:
            raise Refusal("its tags claim no pixels, or samples that do not fit its colours")
        predictor = self.one(PREDICTOR, 1)
        same = {int(bits) for bits in self.tags.get(BITS, [])} == {self.bits}
        if not same or self.packing not in PACKINGS or predictor > 2 or (predictor == 2 and self.bits not in (8, 16)):
            raise Refusal(f"it is a TIFF of a kind that is not read ({self})")

    def _decoded(self):
        """All samples, (H, W, C) of unsigned integers, section by section: strips or tiles, of one plane or several."""
        planes = self.samples if self.one(PLANAR, 1) == 2 else 1
        tiled = TILE_OFFSETS in self.tags
        width = self.one(TILE_WIDTH, 0) if tiled else self.width
        height = self.one(TILE_LENGTH, 0) if tiled else min(self.one(ROWS, self.height), self.height)
        offsets = self.tags[TILE_OFFSETS if tiled else OFFSETS]
        counts = self.tags.get(TILE_COUNTS if tiled else COUNTS, [])
        if not 0 < width * height <= self.max_pixels:
            raise Refusal("its tags claim strips or tiles of no size, or of an impossible one")
        corners = [
            (plane, top, left)
            for plane in range(planes)
            for top in range(0, self.height, height)
            for left in range(0, self.width, width)
            if len(offsets) <= MAX_SECTIONS
        ]
        if not 0 < len(corners) <= len(offsets):
            raise Refusal(f"it has {len(offsets):,} strips or tiles, and its size asks for {len(corners):,}")
        result = np.empty((self.height, self.width, self.samples), np.uint8 if self.bits == 8 else np.uint16)
        per = self.samples // planes  # samples of a pixel in one section
        for number, (plane, top, left) in enumerate(corners):
            rows = height if tiled else min(height, self.height - top)
            count = int(counts[number]) if number < len(counts) else None
            section = self._section(int(offsets[number]), count, (rows, width, per))
            target = result[top : top + rows, left : left + width, plane * per : (plane + 1) * per]
            target[...] = section[: target.shape[0], : target.shape[1]]
        return result

    def _section(self, offset, count, shape):
        """Samples of one strip or tile, (rows, columns, samples)."""
        rows, columns, per = shape
        row_bytes = -(-columns * per * self.bits // 8)
        limit = rows * row_bytes if self.packing == 1 else 2 * rows * row_bytes + 4096
        self.file.seek(offset)
        data = self.file.read(limit if count is None else min(count, limit))
        fill_order = self.one(FILL_ORDER, 1)
        if self.packing == 1 and fill_order == 1:
            packed = np.frombuffer(data, np.uint8, rows * row_bytes).reshape(rows, row_bytes)
        else:
            packed = np.asarray(_grey(data, row_bytes, rows, self.packing, fill_order))
        if self.bits == 16:
            packed = np.ascontiguousarray(packed).view(f"{self.order}u2")
        elif self.bits > 8:
            packed = _spread(packed, self.bits)
        values = packed[:, : columns * per].reshape(shape)
        return (
            np.cumsum(values, 1, np.uint8 if self.bits == 8 else np.uint16) if self.one(PREDICTOR, 1) == 2 else values
        )


def _spread(packed, bits):
    """Rows of numbers that follow each other without gaps, the highest bit first: uint8 (H, bytes) -> uint16 (H, n).

    Eight numbers fill as many bytes as each has bits, 9 to 15, and none reaches over more than three bytes.
    """
    packed = np.pad(packed, [(0, 0), (0, -packed.shape[1] % bits)]).reshape(len(packed), -1, bits)
    values = np.empty((*packed.shape[:2], 8), np.uint16)
    for number in range(8):
        first, skipped = divmod(number * bits, 8)
        window = packed[..., first].astype(np.uint32) << 16 | packed[..., first + 1].astype(np.uint32) << 8
        if first + 2 < bits:
            window |= packed[..., first + 2]
        values[..., number] = window >> (24 - bits - skipped) & ((1 << bits) - 1)
    return values.reshape(len(packed), -1)


def _tags(file, order, start):
    """{number: array} of the first directory's tags that are asked for here."""
    big = start[2:4] in (b"+\0", b"\0+")
    offset = struct.unpack_from(f"{order}Q", start, 8)[0] if big else struct.unpack_from(f"{order}I", start, 4)[0]
    head, entry, inline = ("Q", "HHQ8s", 8) if big else ("H", "HHI4s", 4)
    file.seek(offset)
    (count,) = struct.unpack(order + head, file.read(struct.calcsize(order + head)))
    size = struct.calcsize(order + entry)
    block, found = file.read(size * min(count, MAX_TAGS)), {}
    for position in range(len(block) // size):
        tag, kind, length, value = struct.unpack_from(order + entry, block, position * size)
        if kind not in TYPES or tag not in WANTED or tag in found:
            continue
        dtype = np.dtype(order + TYPES[kind])
        if length * dtype.itemsize > inline:
            file.seek(struct.unpack(f"{order}{'Q' if big else 'I'}", value)[0])
            value = file.read(min(length * dtype.itemsize, MAX_VALUE))
        found[tag] = np.frombuffer(value, dtype, min(length, len(value) // dtype.itemsize))
    return found


def _grey(data, width, height, packing, fill_order):
    """Pillow's image of a strip's bytes, shown to it as a grey TIFF of `width` bytes a row."""
    from PIL import TiffImagePlugin

    tags = {WIDTH: width, LENGTH: height, BITS: 8, COMPRESSION: packing, PHOTOMETRIC: 1, FILL_ORDER: fill_order}
    tags |= {OFFSETS: 0, SAMPLES: 1, ROWS: height, COUNTS: len(data)}
    tags[OFFSETS] = 8 + 2 + 12 * len(tags) + 4  # header, count, entries, no further directory
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    content = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + data
    return TiffImagePlugin.TiffImageFile(io.BytesIO(content))
