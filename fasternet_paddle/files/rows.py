"""A file to which rows are appended as they come, and which is its own record of what is done.

    with RowFile("predictions.csv", header=b"path,class", resume=True, quoted=True) as file:
        file.read(use)                       # use(row) of every whole row; a half-written last one is cut off
        file.append([b"a.jpg,cat"])

One process alone appends. What was appended survives the process's end, however it ends, and a power cut but for the
last seconds.
"""

import contextlib
import errno
import io
import os
import time
from pathlib import Path

from ..errors import FasterNetError
from .lists import printable
from .opening import MIB, RefusedFile
from .writing import flush_file, say_once

LONGEST = 16 * MIB  # bytes of a row; 10,000 classes and their probabilities take 0.5 MB
FLUSH_EVERY = 10.0  # seconds
HELD = {errno.EACCES, errno.EAGAIN}  # what POSIX answers where another process holds the lock


class RowFile:
    """Rows of bytes, one a line; the file is locked while it is open.

    Args:
        path: of the file, whose folder exists.
        header: the first line; b"" for none.
        resume: append to what is there; a file that is not there is begun.
        overwrite: begin anew.
        quoted: CSV: an end of a line within quotes is part of its row.

    Raises:
        FasterNetError: the file holds rows and neither ``resume`` nor ``overwrite`` is given, cannot be written, or is
            being written by another process.
    """

    def __init__(self, path, header=b"", resume=False, overwrite=False, quoted=False):
        self.path = Path(path)
        self.header = header
        self.quoted = quoted
        try:
            self.file = open(self.path, "a+b", buffering=0)  # noqa: SIM115, closed by close()
        except OSError as error:
            raise self._failure(error) from None
        try:
            self._lock()
            self.size = os.fstat(self.file.fileno()).st_size
            if self.size and not (resume or overwrite):
                raise FasterNetError(f"{self._name()} holds results already", change=("resume", "overwrite"))
            if overwrite:
                self._cut(0)
            self.flushed = time.monotonic()
            if not self.size and header:
                self.append([header])
        except BaseException:
            self.file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, use):
        """Call ``use(row)`` for every row but the header, in order; then cut off what is no whole row.

        Raises:
            RefusedFile: the header is another one, or a row is longer than any that was written.
        """
        self.file.seek(0)
        reader, whole, row, count = io.BufferedReader(self.file, MIB), 0, b"", 0
        try:
            while line := reader.readline(LONGEST):
                row += line
                if len(row) >= LONGEST:
                    raise RefusedFile(f"{self._name()} is refused: row {count + 1:,} has no end")
                if not line.endswith(b"\n") or (self.quoted and row.count(b'"') % 2):
                    continue
                if self.header and not count and row[:-1] != self.header:
                    raise RefusedFile(
                        f"{self._name()} is refused: its first line is not {printable(self.header.decode()[:80])}, so "
                        f"it was begun with other settings",
                        change="overwrite",
                    )
                if count or not self.header:
                    use(row[:-1])
                whole, row, count = whole + len(row), b"", count + 1
        finally:
            reader.detach()
        self._cut(whole)
        if not self.size and self.header:
            self.append([self.header])

    def append(self, rows):
        """Append rows in one write.

        Raises:
            FasterNetError: the disk is full or the file cannot be written; the rows before are whole.
        """
        data = b"".join(row + b"\n" for row in rows)
        try:
            written = 0
            while written < len(data):
                written += self.file.write(data[written:])
            if time.monotonic() - self.flushed > FLUSH_EVERY:
                flush_file(self.file)
                self.flushed = time.monotonic()
        except OSError as error:
            with contextlib.suppress(OSError):
                self.file.truncate(self.size)
            raise self._failure(error) from None
        self.size += len(data)

    def close(self):
        """Flush to the disk, and close."""
        if not self.file.closed:
            with self.file:
                try:
                    flush_file(self.file)
                except OSError as error:
                    raise self._failure(error) from None

    def _cut(self, size):
        self.file.truncate(size)
        self.size = size

    def _name(self):
        return printable(str(self.path))

    def _failure(self, error):
        return FasterNetError(f"cannot write {self._name()}: {error.strerror or error}", change="output")

    def _lock(self):
        """Hold the file alone; the kernel ends that with the process, and forked ones do not inherit it."""
        try:
            import fcntl

            fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            say_once(f"this system has no such locks: see that one process alone writes {self._name()}")  # Windows
        except OSError as error:
            if error.errno in HELD:
                raise FasterNetError(f"another process is writing {self._name()}", change="output") from None
            say_once(f"this file system keeps no locks: see that one process alone writes {self._name()}")
