"""What an image given from Python means, by one rule for all who show, classify or explain it.

    picture = as_picture(image)                     # any form -> uint8 (H, W, 3) RGB
    x = as_input(image, preparation(record))        # any form -> what the network is given: float32 (3, S, S)

- A path is read, and an image of Pillow's taken in any mode, as ``files.images`` does: upright, in sRGB, over white.
- Integers ``(H, W, 3)`` or ``(3, H, W)`` are colours in 0..255, ``(H, W)`` or ``(H, W, 1)`` grey, and ``(H, W, 4)``
  colours with an opacity, laid over white.
- Floats ``(3, H, W)`` are the network's normalised input.
- Floats ``(H, W, 3)`` are in [0, 1] where all of them lie there, else the network's input with its channels last.
- Floats of the other forms are in [0, 1].

A leading axis of one image is dropped. Refused is what cannot be told: floats that mean 0..255, and floats
``(3, H, W)`` that all lie in [0, 1], as a picture's do, and an even picture's after normalisation too. Of several
images all floats are in [0, 1], or none: a mixture is refused.
"""

import os
import warnings

import numpy as np
from PIL import Image

from ..errors import FasterNetError
from ..files.images import read_image, upright_rgb
from .preparation import Preparation

OVERSHOOT = 0.1  # beyond [0, 1], that cubic interpolation leaves; normalised images reach from -2.1 to 2.6
FARTHEST_OF_BATCH = 50.0  # the same of a batch that is given as the network's input: 20 times, a fifth of 255
CONTRAST = 0.5  # between values of an image in [0, 1]: below it may be an even picture, normalised
FARTHEST = 10.0  # from 0: four times what a normalised image reaches, a 25th of 255
NOTEBOOKS_SIZE = 224  # pixels: for larger pictures where nothing is known of the network
NOTEBOOKS = Preparation(NOTEBOOKS_SIZE)
SMALLEST = 32  # pixels: the network divides both sides by 32
PATH = (str, bytes, os.PathLike)
READ = (*PATH, Image.Image)  # what is no array yet, and never floats


def as_picture(image, preparation=None):
    """Any form of an image, array or tensor -> uint8 ``(H, W, 3)`` RGB; the head of this module lists the forms.

    Floats a little outside their range are clipped, with a warning. The network's input is brought back by the mean and
    deviation of its ``Preparation``, by default ImageNet's.

    Raises:
        FasterNetError: another shape or dtype, integers outside 0..255, floats far outside their range, NaN, floats of
            which it cannot be told what they are, or a file that is none of a picture.
    """
    return as_pictures([image], preparation)[0]


def as_pictures(images, preparation=None):
    """Several images of one form -> list of uint8 ``(H, W, 3)``; whether floats lie in [0, 1] is asked of all at once.

    Args:
        images: sequence, array or tensor ``(N, ...)``; sizes may differ.
    """
    units = _units(images)
    pictures = []
    for image in images:  # no comprehension, which is a frame of its own on some Pythons (see stacklevel)
        pictures.append(_to_rgb(_levels(_as_array(image), units, preparation)))
    return pictures


def as_input(image, preparation=None):
    """Any form of an image -> what the network is given: normalised float32 ``(3, H, W)``.

    What is the network's input already is neither resized nor rounded. Anything else is prepared; where no
    ``Preparation`` is known it keeps its own size, up to the notebook's 224 pixels a side, to which it is brought else.
    """
    return next(as_inputs([image], preparation))


def as_inputs(images, preparation=None):
    """Yields ``as_input`` of each of several images of one form, files being read one by one."""
    units = _units(images)
    for image in images:
        array = _as_array(image)  # of a file once
        if is_input(array, units):
            x = array.transpose(2, 0, 1) if array.shape[2] == 3 else array
            yield np.ascontiguousarray(x, np.float32)
        else:
            yield _prepared(_to_rgb(_levels(array, units, preparation)), preparation)


def _prepared(picture, preparation):
    if preparation is not None:
        return preparation(picture)
    keeps_size = SMALLEST <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= NOTEBOOKS_SIZE
    return NOTEBOOKS.normalized(picture) if keeps_size else NOTEBOOKS(picture)


def is_input(image, units=None):
    """Whether an image is the network's normalised input, its channels first or last."""
    if isinstance(image, READ):
        return False
    array = _as_array(image)
    if not np.issubdtype(array.dtype, np.floating):
        return False
    units = _units([array]) if units is None else units
    _check_floats(array, units)
    return _is_planes(array) or (array.shape[2:] == (3,) and not units[False])


def check_input(x, prepare):
    """Refuse a batch ``(N, 3, H, W)`` of floats that nobody can have normalised; warn where all lie in [0, 1]."""
    if not x.size:
        return
    farthest = FARTHEST_OF_BATCH if prepare is None else max(FARTHEST_OF_BATCH, 4 / float(prepare.std.min()))
    # Image by image: what lies in the processor's cache is read again for nothing.
    bounds = [(float(image.min()), float(image.max())) for image in x]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if not all(-farthest <= low and high <= farthest for low, high in bounds):  # NaN is not
        if not np.isfinite(bounds).all():
            raise FasterNetError("the network's input holds NaN or infinity; look at what made it")
        raise FasterNetError(
            f"the network's input must be normalised floats (-2.1 to 2.6), got {low:.3g} to {high:.3g}; give "
            f"0..255 as integers: images.astype('uint8')"
        )
    if low >= 0 and high <= 1 and high - low >= CONTRAST:
        warnings.warn(
            f"the network's input lies between {low:.3g} and {high:.3g}, as pictures in [0, 1] do that are not "
            f"normalised; give those with their channels last, x.transpose(0, 2, 3, 1), or as integers",
            stacklevel=3,  # who called logits
        )


def _as_array(image):
    """An image as an array without a leading axis of one image, and refused where it is no image."""
    if isinstance(image, PATH):
        return read_image(os.fsdecode(image))
    if isinstance(image, Image.Image):
        return upright_rgb(image)
    array = _numbers(image)
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if not array.size:
        raise FasterNetError(f"an image must have pixels, got the shape {array.shape}")
    if array.dtype == bool or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise FasterNetError(f"an image must hold integers or floats, got {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and not _is_planes(array) and array.shape[2] not in (1, 3, 4)):
        raise FasterNetError(
            f"an image must be (H, W, 3), (H, W, 4) or (H, W) integers, or (3, H, W) normalised floats, "
            f"got {array.dtype} {array.shape}"
        )
    if array.ndim == 2 and (isinstance(image, (list, tuple)) or array.shape[1] in (3, 4)):
        raise FasterNetError(
            f"{array.shape} may be a grey picture or a row of one in colours; give a whole picture as an array"
        )
    return array


def _numbers(image):
    """What is neither a file nor Pillow's as an array: tensors of Paddle or PyTorch, lists, other packages' arrays."""
    try:
        if hasattr(image, "detach") and hasattr(image, "cpu"):  # a tensor may need gradients, or lie on a GPU
            image = image.detach().cpu()
        if "bfloat16" in str(getattr(image, "dtype", "")):  # which Paddle gives to numpy as integers
            image = image.float() if hasattr(image, "float") else image.astype("float32")
        return np.asarray(image)
    except Exception as error:  # what a stranger's class, or numpy for lists of unequal rows, raises
        raise FasterNetError(f"an image must be an array, got a {type(image).__name__}: {error}") from None


def _is_planes(array):
    """Whether an image is ``(3, H, W)``."""
    return array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3


def _units(images):
    """Whether all floats lie in [0, 1], as far as interpolation keeps them there: of ``(3, H, W)``, and of the rest."""
    units, clear = {True: True, False: True}, {}  # by ``_is_planes``
    for image in images:
        if not isinstance(image, READ):
            array = _as_array(image)
            if np.issubdtype(array.dtype, np.floating):
                planes, low, high = _is_planes(array), array.min(), array.max()
                is_unit = bool(low >= -OVERSHOOT and high <= 1 + OVERSHOOT)
                units[planes] &= is_unit
                if is_unit and high - low >= CONTRAST:
                    clear[planes] = (low, high)
    for planes, (low, high) in clear.items():
        if not units[planes]:
            raise FasterNetError(
                f"of several images some floats lie in [0, 1] ({low:.3g} to {high:.3g}), as those of a picture do, and "
                f"some beyond it, as normalised ones do; give all of them in one form"
            )
    return units


def _levels(array, units, preparation):
    """uint8 in 0..255, channels last or none."""
    if np.issubdtype(array.dtype, np.integer):
        if array.min() < 0 or array.max() > 255:
            raise FasterNetError(f"an image of integers must lie in 0..255, got {array.min()} to {array.max()}")
        array = array.transpose(1, 2, 0) if _is_planes(array) else array
        return array.astype(np.uint8)
    if not is_input(array, units):
        return _rounded(array)
    planes = array if _is_planes(array) else array.transpose(2, 0, 1)
    return _rounded((preparation or NOTEBOOKS).denormalized(planes).transpose(1, 2, 0))


def _check_floats(array, units):
    if not np.isfinite(array).all():
        raise FasterNetError("the image holds NaN or infinity; look at what made it")
    if np.abs(array).max() > FARTHEST:
        raise FasterNetError(
            f"an image of floats must lie in [0, 1] or be normalised (-2.1 to 2.6), got {array.min():.3g} to "
            f"{array.max():.3g}; give 0..255 as integers: image.astype('uint8')"
        )
    if array.shape[2:] in ((), (1,), (4,)) and (array.min() < -OVERSHOOT or array.max() > 1 + OVERSHOOT):
        raise FasterNetError(
            f"grey floats, and those with an opacity, must lie in [0, 1], got {array.min():.3g} to {array.max():.3g}"
        )
    if _is_planes(array) and units[True]:
        raise FasterNetError(
            f"floats {array.shape} from {array.min():.3g} to {array.max():.3g} may be a picture in [0, 1] or the "
            f"network's normalised input; give a picture with its channels last, image.transpose(1, 2, 0), and input "
            f"as denormalize(image).transpose(1, 2, 0)"
        )


def _rounded(image):
    """Floats, [0, 1] being the valid range -> uint8."""
    levels = np.rint(image * 255.0)
    if levels.min() < 0 or levels.max() > 255:
        warnings.warn(
            f"the image reaches from {image.min():.3g} to {image.max():.3g} in units of its valid range 0 to 1, "
            f"and is clipped to it",
            stacklevel=5,  # who called as_picture
        )
    return np.clip(levels, 0, 255).astype(np.uint8)


def _to_rgb(image):
    """uint8 ``(H, W)`` or ``(H, W, 1 | 3 | 4)`` -> ``(H, W, 3)``."""
    if image.shape[2:] == (4,):
        alpha = image[..., 3:].astype(np.uint16)
        image = ((image[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    if image.shape[2:] != (3,):
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image)
