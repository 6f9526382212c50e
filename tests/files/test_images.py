"""Pictures: the table of ``tests/picture_table``, OpenCV as a second witness, and damaged ones.

Each row of the table holds its own reference, the array before it was written. More than 400 files, 3 s.
"""

import io
import warnings
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.colours import rgb_of
from fasternet_paddle.files.images import is_image_file, read_image
from fasternet_paddle.files.opening import RefusedFile
from tests import hostile
from tests.files.damage import cases, damaged, read_or_refused
from tests.picture_table import PARTS, pictures
from tests.picture_table.common import (
    COLOURS,
    COLOURS12,
    COLOURS16,
    GREY,
    GREY12,
    GREY16,
    OPACITY,
    H,
    W,
    over_white,
    three,
)
from tests.picture_table.pngs import chunk, png, sbit
from tests.picture_table.profiles import PROFILES, icc
from tests.picture_table.tiffs import tiff


def test_images_as_opencv_reads_them(file, tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (11, 7, 3), np.uint8)
    for suffix in (".png", ".bmp", ".ppm", ".tiff"):
        assert cv2.imwrite(str(tmp_path / f"a{suffix}"), colours[..., ::-1])
        np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), colours, strict=True)
    grey16 = np.random.default_rng(0).integers(0, 65536, (11, 7), np.uint16)
    for suffix in (".png", ".pgm", ".tiff"):
        assert cv2.imwrite(str(tmp_path / f"b{suffix}"), grey16)
        np.testing.assert_array_equal(read_image(tmp_path / f"b{suffix}"), np.stack([grey16 >> 8] * 3, -1))
    assert cv2.imwrite(str(tmp_path / "c.png"), np.stack([grey16] * 3, -1))
    np.testing.assert_array_equal(read_image(tmp_path / "c.png"), np.stack([grey16 >> 8] * 3, -1))


def test_the_orientation_of_a_photograph(tmp_path):
    ramp = np.linspace(0, 255, 48 * 32).reshape(48, 32).astype(np.uint8)
    upright = np.stack([ramp, ramp[:, ::-1], np.full_like(ramp, 90)], -1)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(upright).save(tmp_path / "a.jpg", exif=exif, quality=95)
        expected = cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1]  # OpenCV turns by itself
        result = read_image(tmp_path / "a.jpg")
        assert result.shape == expected.shape == ((48, 32, 3) if orientation < 5 else (32, 48, 3))
        assert np.abs(result.astype(int) - expected).max() <= 3


def _saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("part", PARTS)
def test_every_picture_is_what_it_was_written_from(file, part):
    wrong = {}
    for row in PARTS[part]():
        try:
            image, said = read_image(file(row.content)), ""
        except RefusedFile as error:
            image, said = None, str(error)
        if row.expected is None or image is None:
            sound = image is None and row.sentence and row.sentence in said and "\n" not in said
        else:
            sound = image.shape == row.expected.shape and _distance(image, row.expected) <= row.levels
            sound = sound and image.dtype == np.uint8 and image.flags.c_contiguous
        if not sound:
            wrong[row.name] = said or ("read" if row.expected is None else f"unlike {row.reference}")
    assert wrong == {}


def _distance(image, expected):
    return np.abs(image.astype(int) - expected).max()


def test_the_table_is_long_enough():
    rows = pictures()
    assert len({row.name for row in rows}) == len(rows) > 400
    assert sum(row.expected is not None for row in rows) >= len(rows) * 74 / 80


def test_images_of_every_mode_in_memory():
    """Pillow's images that came from no file; each mode by its own arithmetic."""
    colours = Image.fromarray(COLOURS)
    palette = Image.fromarray(GREY).convert("P")
    rgba = np.dstack([COLOURS, OPACITY])
    thin = np.uint8(np.rint(COLOURS * (OPACITY[..., None] / 255.0)))
    for image, expected, levels in [
        (colours, COLOURS, 0),
        (colours.convert("RGBX"), COLOURS, 0),
        (colours.convert("YCbCr"), COLOURS, 3),
        (colours.convert("HSV"), COLOURS, 6),  # hues have 256 steps
        (Image.fromarray(GREY), three(GREY), 0),
        (Image.fromarray(GREY > 99), three(255 * (GREY > 99)), 0),
        (palette, three(GREY), 0),
        (palette.convert("PA"), three(GREY), 0),
        (Image.fromarray(GREY16), three(GREY16 >> 8), 0),
        (Image.fromarray(rgba), over_white(COLOURS, OPACITY), 0),
        (Image.fromarray(rgba[..., [0, 3]]), over_white(GREY, OPACITY), 0),
        (Image.fromarray(rgba[..., [0, 3]]).convert("La"), over_white(GREY, OPACITY), 1),
        (Image.frombytes("RGBa", (W, H), np.dstack([thin, OPACITY]).tobytes()), over_white(COLOURS, OPACITY), 1),
        (Image.frombytes("CMYK", (W, H), np.dstack([255 - COLOURS, 0 * GREY]).tobytes()), COLOURS, 0),
    ]:
        result = rgb_of(image)
        assert result.dtype == np.uint8 and result.shape == (H, W, 3), image.mode
        assert _distance(result, expected) <= levels, image.mode
    for mode in ("I", "F"):
        with pytest.raises(FasterNetError, match="32-bit"):
            rgb_of(Image.new(mode, (3, 3)))


def test_the_bound_of_pixels(file):
    content = _saved(Image.new("L", (100, 100)), "PNG")
    assert read_image(file(content), max_pixels=10_000).shape == (100, 100, 3)
    with pytest.raises(RefusedFile, match="100 x 100 pixels, over 9,999"):
        read_image(file(content), max_pixels=9_999)
    # Pillow warns above 89 million pixels; here warnings are errors, and none must get out.
    with pytest.raises(RefusedFile, match="OSError"):
        read_image(file(hostile.png(10_000, 9_500)), max_pixels=10**8)


def _photographs():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), np.uint8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6
    found = [_saved(image, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    found += [_saved(image, kind) for kind in ("GIF", "BMP", "PPM")] + [_saved(image.convert("RGBA"), "PNG")]
    found += [_saved(image.convert("CMYK"), "JPEG"), _saved(image, "TIFF", compression="tiff_lzw")]
    found += [  # what is read by our own code
        tiff(GREY12, 12, 0, ">", packing=8, rows=5),
        tiff(COLOURS16, 16, 2, tile=(16, 16), planar=2, packing=8, predictor=2),
        tiff(np.dstack([GREY16, GREY16]), 16, 1, ">", t338=[1], t34675=icc(1.8)),
        png(COLOURS12, 16, 2, sbit(12, 12, 12), interlaced=True),
        png(np.dstack([GREY12, GREY12]), 16, 4, sbit(12, 12)),
        png(COLOURS, 8, 2, chunk(b"iCCP", b"p\0\0" + zlib.compress(icc(*PROFILES["Display P3"])))),
        b"P6 26 19 4095\n" + COLOURS12.astype(">u2").tobytes(),
    ]
    return found


@cases(250)
@given(content=damaged(_photographs()))
def test_damaged_images(file, content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_or_refused(read_image, file(content))
    if image is not None:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size <= 3 * 50_000_000


def _gradient(width, height):
    ramp = np.linspace(0, 255, width * height).reshape(height, width).astype(np.uint8)
    return Image.fromarray(np.stack([ramp, ramp[::-1], ramp[:, ::-1]], -1))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_at_a_reduced_scale(tmp_path, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    _gradient(800, 600).convert(mode).save(tmp_path / "a.jpg", exif=exif, quality=95)
    full = read_image(tmp_path / "a.jpg")
    for at_least, scale in ((601, 1), (301, 1), (300, 2), (151, 2), (150, 4), (75, 8), (1, 8)):
        reduced = read_image(tmp_path / "a.jpg", at_least=at_least)
        assert reduced.shape == (full.shape[0] // scale, full.shape[1] // scale, 3)
        blocks = full.reshape(reduced.shape[0], scale, reduced.shape[1], scale, 3).mean(axis=(1, 3))
        assert np.abs(reduced - blocks).mean() < 1.5


def test_what_is_no_jpeg_is_not_reduced(tmp_path):
    for suffix in (".png", ".bmp", ".webp", ".gif", ".tiff"):
        _gradient(80, 60).save(tmp_path / f"a{suffix}")
        path = tmp_path / f"a{suffix}"
        np.testing.assert_array_equal(read_image(path, at_least=8), read_image(path), strict=True)


def test_what_is_an_image_file(tmp_path):
    for suffix in (".png", ".jpg", ".bmp", ".webp", ".gif", ".tiff"):
        content = _saved(_gradient(8, 6), {".jpg": "JPEG", ".tiff": "TIFF"}.get(suffix, suffix[1:].upper()))
        (tmp_path / "a.txt").write_bytes(content)
        assert is_image_file(tmp_path / "a.txt"), suffix
    for content in (b"", b"BM is a text", b"RIFF a sound", b"%PDF-1.7", b"hello"):
        (tmp_path / "a.txt").write_bytes(content)
        assert not is_image_file(tmp_path / "a.txt")
    assert is_image_file("missing.JPG") and not is_image_file("missing") and not is_image_file(tmp_path)
