"""Writing a file whole or not at all, on file systems that promise less than Linux' own as well.

What a file system cannot promise (NFS without locks, vboxsf, FAT sticks, ...) is said once a process, and work goes on.
"""

import contextlib
import errno
import os
import sys
import tempfile
from pathlib import Path

from ..errors import FasterNetError

# Answers of a file system that does not know a call, as opposed to those of one that failed at it.
UNKNOWN_HERE = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOTTY, errno.EBADF}
NO_REPLACING = {errno.EEXIST, errno.EACCES, errno.EPERM}
NAME_MAX = 255  # bytes, where the system does not say
PREFIX = 40  # characters of a file's name in its temporary one, which must not be too long where the file's fits
_said = set()


def say_once(text):
    """A note on standard error, the first time that it is made in this process."""
    if text not in _said:
        _said.add(text)
        print(f"note: {text}", file=sys.stderr, flush=True)


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
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:PREFIX]}.", dir=path.parent)
        os.close(handle)
        yield Path(temporary)
        with open(temporary, "rb+") as file:  # Windows flushes no file that is open for reading alone
            _flush(file.fileno(), "a file")
        with contextlib.suppress(PermissionError):  # FAT keeps no modes
            os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's files are for the owner alone
        _replace(temporary, path)
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


def _replace(temporary, path):
    """Rename over what is there; where a file system refuses that, the old file steps aside for a moment."""
    try:
        os.replace(temporary, path)
        return
    except OSError as error:
        if error.errno not in NO_REPLACING or not path.is_file():
            raise
    aside = f"{temporary}.old"
    os.rename(path, aside)
    try:
        os.rename(temporary, path)
    except OSError:
        os.rename(aside, path)
        raise
    os.unlink(aside)
    say_once(
        f"the file system of {path.parent} cannot rename over a file: an old file is moved aside first, and after a "
        f"crash in that moment it is found beside its place as .NAME.*.old"
    )


def _flush(handle, what):
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNKNOWN_HERE:
            raise
        say_once(f"this file system cannot flush {what} to its disk: a power cut may take what was written last")


def _flush_folder(folder):
    if os.name != "posix":  # a folder cannot be opened elsewhere
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _flush(handle, "a folder")
    finally:
        os.close(handle)


def make_folder(folder, change="output"):
    """Make a folder for results before the work that gives them, with its parents; refuse one that takes no file.

    Args:
        folder: path.
        change: setting that names it.

    Raises:
        FasterNetError: it cannot be made or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise FasterNetError(f"cannot write the folder {folder}: {error.strerror}", change=change) from error


def longest_name(folder):
    """Bytes that the name of a file may have in a folder, which need not exist yet."""
    existing = next(one for one in (Path(folder), *Path(folder).absolute().parents) if os.path.exists(one))
    try:
        return os.pathconf(existing, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # not on Windows, not on every file system
        return NAME_MAX


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path, text):
    """Write a text file as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def flush_file(file):
    """Have an open file's content on its disk, where the file system can; ``OSError`` where the disk is full."""
    _flush(file.fileno(), "a file")
