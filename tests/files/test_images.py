"""Pictures: as OpenCV and Pillow read them, of every mode, and damaged ones."""

import io
import warnings
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from fasternet_paddle.files.images import is_image_file, read_image
from fasternet_paddle.files.opening import RefusedFile
from tests import hostile
from tests.files.damage import cases, damaged, read_or_refused


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


def test_modes_that_are_not_rgb(file):
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (9, 5, 4), np.uint8)
    over_white = 255 - (255 - rgba[..., :3].astype(float)) * rgba[..., 3:] / 255
    result = read_image(file(_saved(Image.fromarray(rgba), "PNG")))
    assert np.abs(result - over_white).max() <= 1
    grey = rgba[..., 0]
    for mode in ("LA", "L"):
        image = Image.fromarray(rgba[..., [0, 3]] if mode == "LA" else grey)
        expected = 255 - (255 - grey.astype(float)) * rgba[..., 3] / 255 if mode == "LA" else grey
        result = read_image(file(_saved(image, "PNG")))
        assert np.abs(result - expected[..., None]).max() <= 1
    palette = Image.fromarray(grey % 3).convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    expected = 255 * np.eye(3)[grey % 3]
    np.testing.assert_array_equal(read_image(file(_saved(palette, "PNG"))), expected)
    expected[grey % 3 == 1] = 255
    np.testing.assert_array_equal(read_image(file(_saved(palette, "PNG", transparency=1))), expected)
    bits = Image.fromarray(255 * (grey > 99).astype(np.uint8)).convert("1")
    np.testing.assert_array_equal(read_image(file(_saved(bits, "PNG")))[..., 1], 255 * (grey > 99))
    cmyk = Image.merge("CMYK", [Image.fromarray(rgba[..., i]) for i in range(4)])
    ink = 255 - rgba.astype(float)
    assert np.abs(read_image(file(_saved(cmyk, "TIFF"))) - ink[..., :3] * ink[..., 3:] / 255).max() <= 1
    rows = zlib.compress(b"\0\x00\x07\x01\x2c" + b"\0\xff\xff\x00\x00")  # 7, 300; 65535, 0 of 16 bits, 300 transparent
    chunks = hostile.png_chunk(b"tRNS", b"\x01\x2c") + hostile.png_chunk(b"IDAT", rows)
    result = read_image(file(hostile.png(2, 2, chunks, depth=16, colour=0)))
    assert result[..., 0].tolist() == [[0, 255], [255, 0]]
    for mode in ("F", "I"):
        with pytest.raises(RefusedFile, match="32-bit"):
            read_image(file(_saved(Image.new(mode, (3, 3)), "TIFF")))


def test_the_first_frame_of_an_animation(file):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP"):
        content = _saved(
            frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )
        np.testing.assert_array_equal(read_image(file(content)), np.full((4, 6, 3), [255, 0, 0]))


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
    return [*found, _saved(image.convert("CMYK"), "JPEG"), _saved(image, "TIFF", compression="tiff_lzw")]


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
