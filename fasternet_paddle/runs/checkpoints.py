"""Checkpoints on disk: written whole, verified when read, the oldest removed, free of pickle.

A checkpoint is one safetensors file: arrays by name, and in its header a JSON object with the rest. Its name carries
the optimizer step and the first 16 digits of the SHA-256 of its content. What is in arrays and header is decided by
``training/resuming.py``; here it is kept.
"""

import hashlib
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from ..config import CHECKPOINT_EVERY, KEEP_CHECKPOINTS
from ..errors import FasterNetError
from ..files.opening import open_file
from ..files.tensors import ask_for_memory, safetensors_bytes
from ..files.writing import atomic_path
from . import folder

NAME = re.compile(r"step-(\d{9})-([0-9a-f]{16})\.safetensors")
FORMAT = 1
LARGEST = 4 << 30  # bytes; FasterNet-L with its moments takes 1.1 GB


class Checkpoints:
    """Saves every ``every`` seconds and keeps the last ``keep``.

    Args:
        work_path: the run's folder.
        every: seconds between two checkpoints; 0 saves after each step.
        keep: how many to keep, at least 1.
    """

    def __init__(self, work_path, every=CHECKPOINT_EVERY, keep=KEEP_CHECKPOINTS):
        if not every >= 0:
            raise FasterNetError(f"checkpoint_every must be 0 or more seconds, got {every}")
        if keep < 1:
            raise FasterNetError(f"keep_checkpoints must be at least 1, got {keep}")
        self.folder = Path(work_path) / folder.CHECKPOINTS
        self.every = every
        self.keep = keep
        self.last = time.monotonic()

    def is_due(self):
        """Whether ``every`` seconds have passed since the last one."""
        return time.monotonic() - self.last >= self.every

    def save(self, steps, arrays, header):
        """Write a checkpoint after ``steps`` optimizer steps of the run and remove the oldest ones beyond ``keep``.

        Args:
            arrays: dict of name to numpy array.
            header: dict that JSON can hold; ``format`` is added.

        Raises:
            FasterNetError: the disk refuses it, or a value is not finite; the earlier ones are then intact.
        """
        broken = [name for name, value in arrays.items() if not np.isfinite(value).all()]
        if broken:
            raise FasterNetError(
                f"after step {steps} {broken[0]} holds values that are not finite; no checkpoint is written, "
                f"the last one is kept",
                change="learning_rate",
            )
        content = safetensors_bytes(arrays, {"fasternet_paddle": json.dumps({"format": FORMAT, **header})})
        digest = hashlib.sha256(content).hexdigest()[:16]
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise FasterNetError(f"cannot write {self.folder}: {error.strerror}") from error
        with atomic_path(self.folder / f"step-{steps:09d}-{digest}.safetensors") as temporary:
            temporary.write_bytes(content)
        for old in _newest_first(self.folder.parent)[self.keep :]:
            old.unlink(missing_ok=True)
        self.last = time.monotonic()


def _newest_first(work_path):
    found = [path for path in Path(work_path).glob(folder.CHECKPOINT_FILES) if NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (path.name[:14], path.stat().st_mtime_ns), reverse=True)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and verified: ``arrays`` by name, and the header."""

    path: Path
    arrays: dict
    header: dict


def latest_checkpoint(work_path, check=None):
    """The newest checkpoint that is whole; a damaged one is passed over with a warning.

    Args:
        check: as for ``read_checkpoint``.

    Returns:
        ``Checkpoint``, or None where the run was ended before its first.

    Raises:
        FasterNetError: there are checkpoints, but none is whole.
    """
    paths = _newest_first(work_path)
    for path in paths:
        try:
            return read_checkpoint(path, check)
        except FasterNetError as error:
            print(f"warning: {error}; trying the one before", file=sys.stderr)
    if paths:
        raise FasterNetError(f"no checkpoint in {work_path} is whole; the run must start again", change="overwrite")
    return None


def read_checkpoint(path, check=None):
    """Read and verify one checkpoint.

    Args:
        check: called with the header; raises ``KeyError``, ``TypeError`` or ``ValueError`` where it is none.

    Raises:
        FasterNetError: its content is not what its name or its format says.
    """
    with open_file(path, LARGEST) as (file, _):
        return parse_checkpoint(path, file.read(), check)


def parse_checkpoint(path, content, check=None):
    """``read_checkpoint`` of a file's content, which another process has read."""
    if hashlib.sha256(content).hexdigest()[:16] != NAME.fullmatch(Path(path).name)[2]:
        raise FasterNetError(f"{path} is damaged: its checksum is not the one in its name")
    try:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["fasternet_paddle"])
        ask_for_memory(2 * len(content))
        arrays = safetensors.numpy.load(content)
        if header["format"] != FORMAT:
            raise FasterNetError(f"{path} has format {header['format']!r:.20}, this version reads {FORMAT}")
        if check is not None:
            check(header)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, FasterNetError):
            raise
        raise FasterNetError(f"{path} is not a checkpoint of this package ({type(error).__name__})") from error
    return Checkpoint(Path(path), arrays, header)


def save_failure(work_path, arrays):
    """Write ``arrays`` (dict of name to array) of a step that failed, to look into; returns the file's path."""
    path = Path(work_path) / folder.FAILED_STEP
    with atomic_path(path) as temporary:
        temporary.write_bytes(safetensors_bytes(arrays))
    return path
