"""Images that stay on the disk until they are needed.

    images = FileImages("photographs", ["cat/tom.jpg", "dog/rex.png"], sizes=[81034, 9120])
    images[0]                                             # uint8 (H, W, 3), decoded now

So no more than the batches in flight is in memory, and a worker process is handed names alone.
"""

import os
import zlib
from array import array

import numpy as np

from ..files.images import read_image


class PackedNames:
    """A sequence of names in one block of bytes and one of offsets.

    A list of str would do, but its million objects are written to when they are merely read (their reference counts),
    and so are copied page by page into each forked worker.
    """

    def __init__(self, names):
        block, ends = bytearray(), array("q")  # of an iterator no list is made
        for name in names:
            block += name.encode("utf-8", "surrogateescape")
            ends.append(len(block))
        self.block = bytes(block)
        self.ends = np.array(ends, np.int64)

    def __len__(self):
        return len(self.ends)

    def __getitem__(self, number):
        number = range(len(self))[number]  # negative ones count from the end; IndexError beyond it
        start = int(self.ends[number - 1]) if number else 0
        return self.block[start : int(self.ends[number])].decode("utf-8", "surrogateescape")

    def checksum(self):
        """CRC-32 of all names and where each ends."""
        return zlib.crc32(self.ends, zlib.crc32(self.block))


class FileImages:
    """A sequence of images that are decoded when they are asked for: uint8 ``(H, W, 3)`` RGB, of many sizes.

    Args:
        root: folder of the files.
        names: paths relative to it (absolute ones stay what they are), a ``PackedNames`` or a list.
        sizes: of the files, in bytes, int64 ``(N,)``.
        at_least: pixels that the shorter side of a large JPEG needs (``files.images.read_image``); None: all.
    """

    def __init__(self, root, names, sizes, at_least=None):
        self.root = str(root)
        self.names = names if isinstance(names, PackedNames) else PackedNames(names)
        self.sizes = np.asarray(sizes, np.int64)
        self.at_least = at_least

    def __len__(self):
        return len(self.names)

    def __getitem__(self, which):
        """An image by number, or a ``FileImages`` of a slice."""
        if isinstance(which, slice):
            numbers = range(len(self))[which]
            names = [self.names[number] for number in numbers]
            return FileImages(self.root, names, self.sizes[which], self.at_least)
        return read_image(self.path(which), at_least=self.at_least)

    def path(self, number):
        """Where an image lies."""
        return os.path.join(self.root, self.names[number])

    def decoded_to(self, at_least):
        """The same images, decoded no larger than needed for ``at_least`` pixels."""
        return FileImages(self.root, self.names, self.sizes, at_least)

    def fingerprint(self):
        """CRC-32 of paths and sizes: what makes these images these images, without reading them."""
        return zlib.crc32(self.sizes, self.names.checksum())
