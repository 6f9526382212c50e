"""Many small files: the index's rate, memory and descriptors over an epoch, and a prediction of all that is killed.

    python -m tests.soak_folders 200000 200          # files, steps; writes 0.8 GB, takes minutes

The test of the same name runs it small. Expect an index of 50,000 files a second or more, and memory that stays where
the first steps or rows left it.
"""

import csv
import os
import struct
import subprocess
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
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.record import Record
from fasternet_paddle.weights.pdparams import save_weights
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


def memory(process=None):
    """Resident MB of a process, by default this one, and of its workers without what they share."""
    process = process or psutil.Process()
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


def predict_all(root, scratch, count):
    """Predict the files below ``root``, killed half-way and resumed; returns a dict of figures."""
    names = tuple(sorted(os.listdir(root)))
    model = create_model("t0", len(names), embed_dim=4, depths=(1, 1, 1, 1))
    model.record = Record(names, image_size=32, embed_dim=4, depths=(1, 1, 1, 1))
    save_weights(model, scratch / "small.pdparams")
    command = [sys.executable, "-m", "fasternet_paddle.predict", str(root), "--recursive", "--topk", "1"]
    command += ["--weights", str(scratch / "small.pdparams"), "--output", str(scratch / "predictions")]
    command += ["--batch-size", str(BATCH)]
    rows = scratch / "predictions" / "predictions.csv"
    killed = _watched(command, rows, rows_until=count // 2)
    resumed = _watched([*command, "--resume"], rows)
    with open(rows, encoding="utf-8", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    return {
        "rows": len(paths),
        "files with a row": len(set(paths)),
        "exit code": resumed["code"],
        "rows of the killed process": killed["rows"],
        "MB more in the end (killed)": killed["growth"],
        "MB more in the end (resumed)": resumed["growth"],
        "descriptors more (predicting)": max(killed["descriptors"], resumed["descriptors"]),
    }


def _watched(command, rows, rows_until=None):
    """Run a prediction; what its memory and descriptors did from its first tenth of rows on.

    Args:
        command: list of arguments.
        rows: path of the file that it writes.
        rows_until: kill it when so many lines are there.
    """
    marks, size, lines = [], rows.stat().st_size if rows.exists() else 0, 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as started:
        process = psutil.Process(started.pid)
        while started.poll() is None:
            time.sleep(0.05)
            grown = rows.stat().st_size if rows.exists() else 0
            if grown > size:  # rows come, so its set-up is over
                try:
                    marks.append((memory(process), process.num_fds()))
                except psutil.NoSuchProcess:  # it ended, or a worker did
                    continue
            if rows_until is not None and grown > size and (lines := rows.read_bytes().count(b"\n")) > rows_until:
                started.kill()
                break
    settled = marks[len(marks) // 10 : max(len(marks) * 9 // 10, 1)]  # in the end workers leave
    return {
        "code": started.returncode,
        "rows": lines,
        "growth": settled[-1][0] - settled[0][0],
        "descriptors": settled[-1][1] - settled[0][1],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        root, count = Path(scratch) / "many", int(sys.argv[1])
        for name, value in (soak(root, count, int(sys.argv[2])) | predict_all(root, Path(scratch), count)).items():
            print(f"{name}: {value:,.0f}")
