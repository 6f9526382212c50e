"""The images that a user names, files and folders, as an index of some tens of bytes a file.

    given = find_given(["photo.jpg", "photographs"], recursive=True)
    given.names[0]                                       # "photo.jpg"
    Places(given.names).find("/home/me/photo.jpg")       # 0, where /home/me is the current folder

The order is the arguments', within a folder the names'; a million files are listed in some seconds.
"""

import hashlib
import os
from dataclasses import dataclass, field

import numpy as np

from ..errors import FasterNetError
from ..files.images import is_image_file
from ..files.lists import printable
from .file_images import PackedNames
from .index import chain, is_hidden


@dataclass
class Given:
    """Images that were named, and what was passed over."""

    names: PackedNames = field(default_factory=lambda: PackedNames(()))
    """Paths as they were given, or below a folder that was."""
    repeated: int = 0
    """How often a file came that was there already."""
    circles: list = field(default_factory=list)
    """Links to a folder that is being read already, which are not followed."""
    unreadable: list = field(default_factory=list)
    """(path, reason) of folders below a given one that cannot be read."""
    bare: list = field(default_factory=list)
    """(path, folders in it) of given folders without an image."""

    def remarks(self):
        """What a user should know, as lines."""
        lines = [f"{self.repeated:,} files are given more than once, and are answered once"] if self.repeated else []
        lines += [
            f"{printable(path)} leads to a folder that is read already, and is not followed" for path in self.circles
        ]
        return lines + [
            f"{printable(path)} holds no images" + (f" itself; its {count:,} folders are not looked into" * bool(count))
            for path, count in self.bare
        ]


def find_given(paths, recursive=False):
    """Find the images of files and folders.

    Args:
        paths: of files, which are taken whatever their names are, and of folders: the images in them, by name.
        recursive: take the folders below them as well; links are followed, each folder once.

    Returns:
        ``Given``; a file that comes again, by its absolute path, is left out.

    Raises:
        FasterNetError: a path that is not there, a folder that cannot be read, or no images at all.
    """
    paths, given = [os.fspath(path) for path in paths], Given()
    given.names = PackedNames(_once(paths, recursive, given) if len(paths) > 1 else _all(paths, recursive, given))
    if not len(given.names):
        folders = "; ".join([f"{printable(path)}: {reason}" for path, reason in given.unreadable] + given.remarks())
        inside = any(count for _, count in given.bare)
        raise FasterNetError(
            f"there is no image to read: {folders or 'no file or folder was named'}",
            change="recursive" if inside else (),
        )
    return given


def _once(paths, recursive, given):
    """The names in order, each file once."""
    seen = set()
    for name in _all(paths, recursive, given):
        digest = _digest(name, 16)
        if digest in seen:
            given.repeated += 1
        else:
            seen.add(digest)
            yield name


def _all(paths, recursive, given):
    for path in paths:
        if os.path.isdir(path):
            yield from _below(path, recursive, given)
        elif os.path.lexists(path):
            yield path
        else:
            raise FasterNetError(f"{printable(path)} is no file and no folder")


def _below(root, recursive, given):
    """The images of a folder by name, then those of the folders in it."""
    seen = chain(os.path.dirname(os.path.abspath(root)))
    stack, count, below = [root], 0, 0
    while stack:
        folder = stack.pop()
        try:
            status = os.stat(folder)
            if folder != root and (status.st_dev, status.st_ino) in seen:
                given.circles.append(folder)
                continue
            seen.add((status.st_dev, status.st_ino))
            files, folders = _listed(folder)
        except OSError as error:
            if folder == root:
                raise FasterNetError(f"the folder {printable(root)} cannot be read: {error.strerror}") from None
            given.unreadable.append((folder, error.strerror))
            continue
        for name in files:
            path = os.path.join(folder, name)
            if is_image_file(path):
                count += 1
                yield path
        below += 0 if recursive else len(folders)
        stack += [os.path.join(folder, name) for name in reversed(folders)] if recursive else []
    if not count:
        given.bare.append((root, below))


def _listed(folder):
    """Names of files and of folders, no links first; without hidden ones."""
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_dir():
                folders.append((entry.is_symlink(), entry.name))
            else:
                files.append(entry.name)
    return sorted(files), [name for _, name in sorted(folders)]


def _digest(path, size):
    absolute = os.path.abspath(path).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(absolute, digest_size=size).digest()


class Places:
    """Where a file stands in a sequence of paths, in 16 bytes a file; paths are compared as absolute ones."""

    def __init__(self, names):
        self.names = names
        keys = np.fromiter((int.from_bytes(_digest(name, 8), "little") for name in names), np.uint64, len(names))
        self.order = np.argsort(keys, kind="stable")
        self.keys = keys[self.order]

    def find(self, path):
        """The number of a path, or None."""
        key = np.uint64(int.from_bytes(_digest(path, 8), "little"))
        place = int(np.searchsorted(self.keys, key))
        while place < len(self.keys) and self.keys[place] == key:
            number = int(self.order[place])
            if os.path.abspath(self.names[number]) == os.path.abspath(path):
                return number
            place += 1
        return None
