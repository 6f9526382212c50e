"""What a data set is: labelled images in parts, in memory or in files."""

import zlib
from dataclasses import dataclass

import numpy as np

from .file_images import FileImages
from .findings import Checked
from .folders import Listing


@dataclass(frozen=True)
class Images:
    """``images``: uint8 ``(N, H, W, 3)`` RGB, or a ``FileImages``; ``labels``: int64 ``(N,)``."""

    images: np.ndarray | FileImages
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)

    def fingerprint(self):
        """CRC-32 of images and labels: of pixels in memory, of paths and sizes for files."""
        files = isinstance(self.images, FileImages)
        return (self.images.fingerprint() if files else zlib.crc32(self.images)) ^ zlib.crc32(self.labels)


@dataclass(frozen=True)
class ImageData:
    """A data set in two parts, or three; a label is an index into ``class_names``."""

    name: str
    class_names: tuple[str, ...]
    train: Images
    val: Images
    test: Images | None = None
    """Images that training never sees, where there are any."""
    listing: Listing | None = None
    """The files, where it is made of files."""
    checked: Checked | None = None
    """What was found in them."""
    named: bool = True
    """Whether the data name their classes; False where their numbers were given names here."""
