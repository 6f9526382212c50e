"""Reading a picture of any common format as RGB.

    read_image("photo.jpg")  # uint8 (H, W, 3), upright

Its claims are checked before they are believed: kind and size of the file, width and height by its own header.
"""

import os

import numpy as np

from ..errors import FasterNetError
from .opening import MIB, Refusal, open_file, refusals_name

IMAGE_BYTES = 256 * MIB
IMAGE_PIXELS = 50_000_000  # today's cameras; 150 MB decoded, up to 670 MB while it is converted
ORIENTATION = 0x0112  # the EXIF tag
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)  # of the formats below, in lower case
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*")  # how their files begin
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # no EPS: for that Pillow runs a program


def is_image_file(path):
    """Whether a file is an image by its suffix or, under another suffix, by its first bytes; False if unreadable."""
    if os.path.splitext(path)[1].lower() in SUFFIXES:
        return True
    try:
        with open_file(path, IMAGE_BYTES) as (file, _):
            first = file.read(16)
    except FasterNetError:
        return False
    bitmap, webp = first[:2] == b"BM" and first[6:10] == bytes(4), first[:4] == b"RIFF" and first[8:12] == b"WEBP"
    return first.startswith(MAGIC) or bitmap or webp


def read_image(path, max_pixels=IMAGE_PIXELS, limit_bytes=IMAGE_BYTES, at_least=None):
    """An image as uint8 (H, W, 3) RGB, upright by its EXIF orientation; of an animation the first frame.

    What is transparent is laid over white; 16 bits a channel are cut to their upper 8. With ``at_least`` a JPEG is
    decoded at 1/2, 1/4 or 1/8 of its size, whichever is the smallest that leaves so many pixels to its shorter side.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: none of `IMAGE_FORMATS`, damaged, or of more than `max_pixels` pixels by its own header.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    with open_file(path, limit_bytes) as (file, _), refusals_name(path, "image"):
        try:
            image = Image.open(file, formats=IMAGE_FORMATS)  # reads the header only
        except UnidentifiedImageError:
            raise Refusal(f"it is damaged or is no image of the formats {', '.join(IMAGE_FORMATS)}") from None
        except Image.DecompressionBombError:  # Pillow's own bound of 179 million
            raise Refusal(f"it claims to have more than {max_pixels:,} pixels") from None
        if image.width * image.height > max_pixels:
            raise Refusal(f"it claims to have {image.width} x {image.height} pixels, over {max_pixels:,}")
        if at_least is not None:
            image.draft(None, (at_least, at_least))  # JPEG alone; the decoder then skips what is not asked for
        sixteen_bit = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
        if image.getexif().get(ORIENTATION, 1) != 1:  # without this test an upright image would be copied
            image = ImageOps.exif_transpose(image)
        return _rgb_of_16_bit(image) if sixteen_bit else _rgb(image)


def _rgb_of_16_bit(image):
    """Grey of 16 bits to uint8 (H, W, 3): Pillow itself would clip at 255."""
    grey = np.asarray(image)
    grey = np.where(grey == image.info.get("transparency", -1), 65535, grey)
    return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)


def _rgb(image):
    """Any other of Pillow's modes to uint8 (H, W, 3)."""
    from PIL import Image

    if image.mode in ("I", "F"):
        raise Refusal(f"its pixels are 32-bit numbers (mode {image.mode}), for which no range is agreed")
    if image.mode.endswith(("A", "a")) or "transparency" in image.info:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))
