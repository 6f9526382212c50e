"""The files under a folder, found at 100,000 a second, and what was seen in them, kept.

    found = find_files("photographs", "cat")              # paths, sizes, times; links that run in a circle are left

What decoding a file told (``checks.py``) is kept in the cache folder under the file's path, size and time, so that a
file is decoded again only after it has changed.
"""

import contextlib
import hashlib
import json
import os
import stat
import struct
from dataclasses import dataclass, field

import numpy as np

from ..errors import FasterNetError
from ..files.cache import cache_root
from ..files.images import is_image_file
from ..files.writing import atomic_path

IGNORED = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found"})  # by systems


@dataclass
class Found:
    """Images under a folder, by path, and what was passed over."""

    paths: list = field(default_factory=list)
    """Relative to the root, parts joined by "/"."""
    sizes: list = field(default_factory=list)
    """Bytes."""
    times: list = field(default_factory=list)
    """Of the last change, in nanoseconds."""
    unreadable: list = field(default_factory=list)
    """(path, reason) of images that cannot be: empty files, links that lead nowhere."""
    strangers: list = field(default_factory=list)
    """Paths of files that are no images."""
    circles: list = field(default_factory=list)
    """Paths of links to a folder that is being read already."""

    def add(self, path, status):
        """Book a file by its ``os.stat``."""
        if not stat.S_ISREG(status.st_mode):
            self.strangers.append(path)
        elif not status.st_size:
            self.unreadable.append((path, "it is empty"))
        else:
            self.paths.append(path)
            self.sizes.append(status.st_size)
            self.times.append(status.st_mtime_ns)


def is_hidden(name):
    """Whether a file or folder belongs to a system or a tool and not to the data."""
    return name.startswith(".") or name.lower() in IGNORED


def scan(folder):
    """The entries of a folder by name, without hidden ones; one sentence where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not is_hidden(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise FasterNetError(f"the folder {folder!r} cannot be read: {error.strerror}", change="data_path") from None


def find_files(root, below, found=None, above=None):
    """All images in the folder ``root/below`` and the folders under it; links are followed, each folder once.

    Args:
        root: folder that paths are relative to.
        below: folder under it, its parts joined by "/".
        found: a ``Found`` to add to.
        above: ``chain`` of the folder that ``below`` lies in, where it was computed already.

    Raises:
        FasterNetError: a folder that cannot be read.
    """
    found = Found() if found is None else found
    seen = set(chain(os.path.dirname(os.path.join(root, below))) if above is None else above)
    stack = [below]
    while stack:
        below = stack.pop()
        folder = os.path.join(root, below)
        try:
            status = os.stat(folder)
        except OSError as error:  # a link to itself, or a folder that just went
            found.unreadable.append((below, error.strerror))
            continue
        if (status.st_dev, status.st_ino) in seen:
            found.circles.append(below)
            continue
        seen.add((status.st_dev, status.st_ino))
        folders = []
        for entry in scan(folder):
            path = f"{below}/{entry.name}"
            try:
                if entry.is_dir():
                    folders.append((entry.is_symlink(), path))
                elif is_image_file(entry.path):
                    found.add(path, entry.stat())
                else:
                    found.strangers.append(path)
            except OSError as error:
                found.unreadable.append((path, error.strerror))
        stack += [path for _, path in sorted(folders, reverse=True)]  # by name, what is no link first
    return found


def chain(folder):
    """(device, number) of a folder and every folder above it: a link to any of them would run in a circle."""
    folder, seen, last = os.path.abspath(folder), set(), None
    while folder != last:
        with contextlib.suppress(OSError):
            status = os.stat(folder)
            seen.add((status.st_dev, status.st_ino))
        folder, last = os.path.dirname(folder), folder
    return seen


def keys(paths, sizes, times):
    """A number for each state of a file, uint64 ``(N,)``: 64 bits of BLAKE2b of its path, size and time."""
    numbers = np.empty(len(paths), np.uint64)
    for place, (path, size, time) in enumerate(zip(paths, sizes, times, strict=True)):
        content = path.encode("utf-8", "surrogateescape") + struct.pack("<qq", size, time)
        numbers[place] = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
    return numbers


class Kept:
    """What decoding the files of a folder told: digests of pictures, or why there is none.

    Args:
        root: the folder; its absolute path names the entry in the cache folder.
    """

    def __init__(self, root):
        name = hashlib.sha256(os.path.realpath(root).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self.path = cache_root() / "pictures" / f"{name}.npz"
        self.keys, self.digests, self.failures = np.empty(0, np.uint64), np.empty((0, 2), np.uint64), {}
        with contextlib.suppress(Exception):  # it only saves time: what is absent or damaged is made again
            with open(self.path, "rb") as file, np.load(file, allow_pickle=False) as kept:
                keys, digests, text = kept["keys"], kept["digests"], kept["failures"].tobytes()
            failures = {int(key): str(reason) for key, reason in json.loads(text).items()}
            if keys.dtype == digests.dtype == np.uint64 and keys.ndim == 1 and digests.shape == (len(keys), 2):
                self.keys, self.digests, self.failures = keys, digests, failures

    def look_up(self, keys):
        """(known, digests, failures) for ``keys``: bool ``(N,)``, uint64 ``(N, 2)``, dict of place to reason."""
        known, digests = np.zeros(len(keys), bool), np.zeros((len(keys), 2), np.uint64)
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            known = self.keys[places] == keys
            digests[known] = self.digests[places[known]]
        failures = {}
        if self.failures:
            failures = {place: self.failures[key] for place, key in enumerate(keys.tolist()) if key in self.failures}
            known[list(failures)] = True
        return known, digests, failures

    def save(self, keys, digests, failures):
        """Keep the state of these files in place of what was kept; ``failures``: dict of place to reason.

        Raises:
            FasterNetError: the cache folder cannot be written.
        """
        good = np.ones(len(keys), bool)
        good[list(failures)] = False
        order = np.argsort(keys[good])
        text = json.dumps({str(keys[place]): reason for place, reason in failures.items()}).encode()
        try:
            cache_root().mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise FasterNetError(f"cannot write {self.path.parent}: {error.strerror}") from None
        with atomic_path(self.path) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                keys=keys[good][order],
                digests=digests[good][order],
                failures=np.frombuffer(text, np.uint8),
            )
