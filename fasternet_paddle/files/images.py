"""Reading a picture of any common format as RGB.

    read_image("photo.jpg")  # uint8 (H, W, 3), upright, in sRGB

Its claims are checked before they are believed: kind and size of the file, width and height by its own header. What
Pillow reads rightly Pillow reads; deep samples are read by ``depths`` (PNG, PPM) and ``tiffs``, and ``colours`` brings
every mode to RGB.
"""

import os

import numpy as np

from ..errors import FasterNetError
from . import colours, depths, tiffs
from .kinds import JPEG, PNG, refuse_other
from .opening import MIB, Refusal, open_file, refusals_name

IMAGE_BYTES = 256 * MIB
IMAGE_PIXELS = 50_000_000  # of today's cameras; 150 MB decoded, at most 910 MB while it is converted (measured)
ORIENTATION = 0x0112  # the EXIF tag
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)  # of the formats below, in lower case
# How files of some formats begin.
MAGIC = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)  # how their files begin
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # no EPS: for that Pillow runs a program
UPRIGHT = {  # orientation: what makes the picture upright, as transposing (or not) and a step along rows and columns
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


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
    """An image as uint8 (H, W, 3) RGB, upright by its EXIF orientation; of an animation or a series the first frame.

    What is transparent is laid over white, a colour profile is converted to sRGB, and of samples of more than 8 bits,
    by the file's own declaration of their number, the upper 8 are taken. Samples whose range no declaration gives are
    refused: floats, signed and 32-bit numbers, and 16-bit ones that are all so small that they look like fewer bits.
    With `at_least` a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, the smallest that leaves so many pixels to its
    shorter side.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: none of `IMAGE_FORMATS`, damaged, of an unknown range, or of more than `max_pixels` pixels by its
            own header.
    """
    with open_file(path, limit_bytes) as (file, _), refusals_name(path, "image"):
        tiff = tiffs.Tiff.opened(file, max_pixels)
        if tiff is not None and tiff.is_ours:
            return _upright(colours.rgb(tiff.image()), tiff.orientation)
        image = _opened(file, max_pixels, tiff)
        if at_least is not None:
            image.draft(None, (at_least, at_least))  # JPEG alone; the decoder then skips what is not asked for
        deep = depths.narrowed(image, file)
        if tiff is not None:
            tiff.mend_palette(image)
        image.load()  # here what is damaged is found; the EXIF block alone may be broken
        return _upright(colours.rgb(deep or image), _orientation(image))


def upright_rgb(image):
    """A picture that Pillow has opened, of any mode, as ``read_image`` would give it: uint8 (H, W, 3) sRGB, upright.

    Raises:
        FasterNetError: its numbers have no agreed range, or it cannot be loaded.
    """
    with refusals_name("the image", "image of Pillow's"):
        if 0 in image.size:
            raise Refusal(f"it has no pixels ({image.width} x {image.height})")
        return _upright(colours.rgb(image), _orientation(image))


def _opened(file, max_pixels, tiff):
    """Pillow's image, of which only the header has been read."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    try:
        image = Image.open(file, formats=IMAGE_FORMATS)
    except UnidentifiedImageError:
        if tiff is not None:
            raise Refusal(f"it is a TIFF of a kind that is not read ({tiff})") from None
        refuse_other(file, "an image", but=(PNG, JPEG))
        raise Refusal(f"it is damaged or is no image of the formats {', '.join(IMAGE_FORMATS)}") from None
    except Image.DecompressionBombError:  # Pillow's own bound of 179 million
        raise Refusal(f"it claims to have more than {max_pixels:,} pixels") from None
    if image.width * image.height > max_pixels:
        raise Refusal(f"it claims to have {image.width} x {image.height} pixels, over {max_pixels:,}")
    return image


def _orientation(image):
    """The EXIF orientation of a loaded image, 1 (upright) where the block is broken; Pillow turns TIFFs by itself."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken block reaches every exception there is, and the pixels are sound
        return 1


def _upright(rgb, orientation):
    if orientation not in UPRIGHT:
        return rgb
    transposed, down, right = UPRIGHT[orientation]
    rgb = rgb.transpose(1, 0, 2) if transposed else rgb  # (H, W, 3) -> (W, H, 3)
    return np.ascontiguousarray(rgb[::down, ::right])
