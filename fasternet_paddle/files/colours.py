"""From any mode of Pillow to sRGB: palettes, ink, L*a*b*, transparency, colour profiles.

rgb_of(Image.open("photo.jpg"))  # uint8 (H, W, 3)
"""

import functools
import io

import numpy as np

from .opening import Refusal, refusals_name

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}  # mode: the name of its space in a profile
EXACTLY = 0x0100  # LittleCMS's cmsFLAGS_NOOPTIMIZE: L*a*b* through a table of 33 steps is up to 31 levels off
EMPTY_BITS = 4  # of 16: samples that leave so many upper bits empty were hardly meant to have 16


def rgb_of(image):
    """Any image of Pillow's as uint8 (H, W, 3) sRGB; what is transparent is laid over white. It is not turned.

    Raises:
        FasterNetError: its numbers have no agreed range (modes I and F), or it cannot be loaded.
    """
    with refusals_name("the image", "image of Pillow's"):
        return rgb(image)


def rgb(image):
    """`rgb_of` for the readers, which name the file; raises `Refusal`."""
    from PIL import Image, ImageChops

    if image.mode.startswith("I;16"):
        image = Image.fromarray(narrow(np.asarray(image).astype(np.uint16), 16))
    if image.mode in ("I", "F"):
        raise Refusal(f"its pixels are 32-bit numbers (mode {image.mode}), for which no range is agreed")
    profile = image.info.get("icc_profile")
    premultiplied = image.mode in ("La", "RGBa") and not profile
    if premultiplied:
        alpha = image.getchannel(len(image.getbands()) - 1)
        grey_or_rgb = image.split()[:-1]
        image = Image.merge("RGB", grey_or_rgb * (3 // len(grey_or_rgb)))
    elif image.mode.endswith(("A", "a")) or "transparency" in image.info:
        image = image.convert("LA" if image.mode in ("La", "LA") else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert(image.mode[:-1])
    else:
        alpha = None
    image = _srgb(image, profile)
    if premultiplied:  # the colours are already thinned: what they lack is white
        image = ImageChops.add(image, Image.merge("RGB", [ImageChops.invert(alpha)] * 3))
    elif alpha is not None:
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    return np.array(image)


def narrow(samples, bits, certain=False):
    """The upper 8 of `bits` bits: unsigned integers of any shape -> uint8.

    Raises:
        Refusal: 16 bits are claimed, by a file that may not mean it (not `certain`), of which the upper ones are empty:
            most often 12 bits of a camera or a scanner, which would come out black.
    """
    largest = int(samples.max(initial=0))
    if bits == 16 and not certain and 0 < largest < 1 << (bits - EMPTY_BITS):
        raise Refusal(
            f"it has 16 bits a sample, but no value above {largest:,}: whether it is almost black or has fewer bits "
            f"is not declared; save it with 8 bits"
        )
    return np.right_shift(samples, bits - 8, out=np.empty(samples.shape, np.uint8), casting="unsafe")


def _srgb(image, profile):
    """RGB of a mode without alpha, by the file's colour profile where it has one that fits."""
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in SPACES:
        image = image.convert("RGB")
    transform = _transform(image.mode, profile)
    if transform is not None:
        return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.lru_cache(maxsize=8)  # making one takes some 10 ms, and the pictures of a folder share a few profiles
def _transform(mode, profile):
    """LittleCMS's transform to sRGB; None where there is no profile, a broken one, another space's, or sRGB itself."""
    if not profile and mode != "LAB":
        return None
    from PIL import Image, ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
        if source.profile.xcolor_space.strip() != SPACES[mode]:
            return _transform(mode, None)
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        flags = EXACTLY if mode == "LAB" else 0
        transform = ImageCms.ImageCmsTransform(source, target, mode, "RGB", ImageCms.Intent.PERCEPTUAL, flags=flags)
    except (OSError, ImageCms.PyCMSError):
        return _transform(mode, None)
    except ImportError:
        raise Refusal("it has a colour profile, for which Pillow needs LittleCMS, and this one lacks it") from None
    if mode in ("RGB", "L"):  # a profile that changes nothing shall change nothing, by rounding neither
        steps = np.linspace(0, 255, 18).astype(np.uint8)
        probe = Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 18, 3)).convert(mode)
        after = np.asarray(transform.apply(probe)).astype(int)
        if np.abs(after - np.asarray(probe.convert("RGB"))).max() <= 1:
            return None
    return transform
