"""Pictures and figures inside a page: each as a ``data:`` address, so that the page is one file."""

import base64
import io

import numpy as np
from PIL import Image

from ..runtime.drawing import png
from ..runtime.text import shown

THUMBNAIL = 176  # pixels of a picture's longer side
PIXELATED = 64  # pixels up to which a picture is kept as it is and enlarged in squares


def thumbnail(picture):
    """A ``Picture`` for the template: its thumbnail as text, its names as they can be shown."""
    image = Image.fromarray(np.ascontiguousarray(picture.image))
    small = max(image.size) <= PIXELATED
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    image.save(file, format="PNG" if small else "JPEG", quality=88)
    return {
        "source": _data(file.getvalue(), "png" if small else "jpeg"),
        "small": small,
        "probability": picture.probability,
        "true_probability": picture.true_probability,
        **{name: shown(getattr(picture, name)) for name in ("name", "answer", "true")},
    }


def embedded(figure):
    """A Figure, the bytes of a PNG file, or an image as a ``data:`` address."""
    if isinstance(figure, bytes):
        return _data(figure, "png")
    if not isinstance(figure, np.ndarray):
        return _data(png(figure, dpi=110), "png")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(figure)).save(file, format="PNG")
    return _data(file.getvalue(), "png")


def _data(content, kind):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
