"""Writing a file whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from ..errors import FasterNetError


@contextlib.contextmanager
def atomic_path(path):
    """Yield a temporary path beside ``path``; when the block succeeds it is flushed to disk and renamed to ``path``.

    After a crash, a full disk or an exception ``path`` is what it was before.

    Raises:
        FasterNetError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        yield Path(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's files are for the owner alone
        os.replace(temporary, path)
        temporary = None
        _flush_folder(path.parent)  # else a power cut could undo the renaming
    except OSError as error:
        raise FasterNetError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another path"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _flush_folder(folder):
    if os.name != "posix":  # a folder cannot be opened elsewhere
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path, text):
    """Write a text file as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
