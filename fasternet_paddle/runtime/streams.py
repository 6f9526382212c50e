"""Standard output and error that no encoding, closed pipe or full disk turns into a traceback.

    with kept() as lost:
        ...                       # print as usual; work goes on where nobody reads any more
    if lost: ...                  # the reason why what was printed did not arrive, "" where it did

A character that the stream's encoding lacks is written as its number (``\\u732b``). A stream that was closed before the
start is /dev/null, so that no file opened later takes its number. A reader who left, as ``| head`` does, has seen
enough; on a full disk, however, something is lost, and that is told.
"""

import contextlib
import errno
import io
import os
import select
import sys

GONE = {errno.EPIPE, errno.EBADF, errno.ECONNRESET}  # the reader left, or closed the stream


class Kept(io.FileIO):
    """A stream's descriptor whose errors are kept, the first one, in place of being raised."""

    def __init__(self, descriptor):
        super().__init__(descriptor, "w", closefd=False)
        self.error = None

    def write(self, data):
        try:
            while (written := super().write(data)) is None:  # a terminal that another program made non-blocking
                select.select((), (self,), ())
            return written
        except OSError as error:
            self.error = self.error or error
            return len(data)


class Lost:
    """Why what was printed did not arrive; false where it did, or where the reader did not want more."""

    def __init__(self):
        self.reason = ""

    def __bool__(self):
        return bool(self.reason)

    def __str__(self):
        return self.reason


@contextlib.contextmanager
def kept():
    """Make ``sys.stdout`` and ``sys.stderr`` safe for a while; yields a ``Lost``, filled when the block has ended."""
    lost = Lost()
    _open_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_safe, before)
    try:
        yield lost
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        error = getattr(_raw(sys.stdout), "error", None)
        if error is not None and error.errno not in GONE:
            lost.reason = error.strerror or str(error)
        sys.stdout, sys.stderr = before


def reader_left():
    """Whether who read standard output has gone, so that more of it is of no use to anybody."""
    error = getattr(_raw(sys.stdout), "error", None)
    return error is not None and error.errno in GONE


def _raw(stream):
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _open_closed():
    """Give descriptors 0 to 2 something to be, and Python's streams too."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, for the rest of the process


def _safe(stream):
    """The same stream, safe; one that is no file of the system (a test's, a notebook's) only as to its encoding."""
    raw = _raw(stream)
    if not isinstance(raw, io.FileIO) or isinstance(raw, Kept):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return stream
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
    unbuffered = stream.buffer is raw  # python -u
    return io.TextIOWrapper(
        Kept(raw.fileno()) if unbuffered else io.BufferedWriter(Kept(raw.fileno())),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
