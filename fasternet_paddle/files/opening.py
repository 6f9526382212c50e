"""Opening a stranger's file, and the one sentence for all that may be wrong with it."""

import os
import stat
import warnings
from contextlib import contextmanager

from ..errors import FasterNetError

MIB = 2**20


class RefusedFile(FasterNetError):
    """A file whose content is damaged, or is nothing that is read; the text names the file and the reason."""


class Refusal(Exception):
    """The reason alone, and the settings whose change mends it; `refusals_name` adds the file."""

    def __init__(self, reason, change=()):
        super().__init__(reason)
        self.change = change


@contextmanager
def refusals_name(source, kind):
    """Whatever goes wrong inside comes out as one `RefusedFile` sentence on `source`; no warning escapes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stranger's file does not decide what is printed
            yield
    except FasterNetError:
        raise
    except Refusal as error:
        raise RefusedFile(f"{source} is refused: {error}", change=error.change) from None
    except Exception as error:  # hostile bytes reach every exception there is, MemoryError included
        reason = f"{type(error).__name__}: {shown(str(error))}"
        raise RefusedFile(f"{source} is refused: it is damaged or is no {kind} ({reason})") from None


def shown(text):
    """A stranger's text made fit for a terminal: one line of at most 100 printable ASCII characters."""
    line = " ".join(text[:200].split())
    return "".join(c if " " <= c <= "~" else "?" for c in line[:100])


@contextmanager
def open_file(path, limit):
    """The file object and size of an existing regular file of at most `limit` bytes."""
    try:
        status = os.stat(path)  # before opening, which would wait for ever on a pipe
        if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
            file = open(path, "rb")  # noqa: SIM115, closed by the `with` below
        elif stat.S_ISREG(status.st_mode):
            raise FasterNetError(f"{path} has {status.st_size:,} bytes, at most {limit:,} are read")
        else:
            what = "is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file"
            raise FasterNetError(f"{path} {what}, the path of a file is needed")
    except FasterNetError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FasterNetError(f"{path} cannot be opened: {reason}") from None
    with file:
        yield file, status.st_size


class Part:
    """The next `left` bytes of a file, by the two calls that a pickle is read with."""

    def __init__(self, file, left):
        self.file, self.left = file, left

    def read(self, count):
        data = self.file.read(min(count, self.left))  # a claim of 2**60 bytes allocates no more than there is
        self.left -= len(data)
        return data

    def readline(self, count=None):
        data = self.file.readline(self.left if count is None else min(count, self.left))
        self.left -= len(data)
        return data

    def skip(self, count):
        while count:
            data = self.read(min(count, MIB))
            if not data:
                raise Refusal("it ends too early")
            count -= len(data)
