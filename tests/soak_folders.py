"""Many small files: the index's rate, and memory and descriptors over an epoch.

    python -m tests.soak_folders 200000 200          # files, steps; writes 0.8 GB, takes minutes

The test of the same name runs it small. Expect an index of 50,000 files a second or more, and memory that stays where
the first steps left it.
"""

import os
import struct
import sys
import tempfile
import time
import zlib
from pathlib import Path

import psutil

from fasternet_paddle.data.folder_data import load_folder
from fasternet_paddle.data.index import find_files
from fasternet_paddle.data.loaders import make_loader
from fasternet_paddle.data.preparation import preparation
from fasternet_paddle.record import Record
from tests.pictures import descriptors

CLASSES = 100
WARM = 10  # steps after which memory is taken for settled
BATCH = 32


def png(number):
    """A PNG of 8 x 8 grey pixels, another for each number."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + struct.pack("<Q", number * 0x9E3779B97F4A7C15 + row & 2**64 - 1) for row in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def write_files(root, count):
    """Write ``count`` pictures into ``CLASSES`` folders."""
    for number in range(count):
        folder = root / f"class {number % CLASSES:02d}"
        if number < CLASSES:
            folder.mkdir(parents=True)
        (folder / f"picture {number:06d}.png").write_bytes(png(number))


def memory():
    """Resident MB of this process, and of its workers without what they share."""
    process = psutil.Process()
    own = sum(child.memory_full_info().uss for child in process.children())
    return (process.memory_info().rss + own) / 1e6


def soak(root, count, steps):
    """Write, index, load and read for ``steps``; returns a dict of figures."""
    write_files(root, count)
    start = time.process_time()
    found = [len(find_files(root, folder).paths) for folder in sorted(os.listdir(root))]
    seconds = time.process_time() - start
    data = load_folder(root, val_fraction=0.1, checks=False)
    record = Record(data.class_names, image_size=32)
    loader = make_loader(data.train, preparation(record), BATCH, shuffle=True, num_workers=2, max_steps=steps)
    marks = []
    for step, _ in enumerate(loader):
        if step in (WARM, steps - 1):
            marks.append((memory(), descriptors()))
    loader.close()
    (before, opened), (after, still) = marks
    return {
        "files": sum(found),
        "files a second": sum(found) / seconds,
        "steps": step + 1,
        "MB after the first steps": before,
        "MB more at the end": after - before,
        "descriptors more": still - opened,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for name, value in soak(Path(scratch) / "many", int(sys.argv[1]), int(sys.argv[2])).items():
            print(f"{name}: {value:,.0f}")
