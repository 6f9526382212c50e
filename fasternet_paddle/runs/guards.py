"""What protects a run: one writer a folder, and a stop that lets the step under way finish."""

import contextlib
import errno
import os
import signal
from pathlib import Path

from ..errors import FasterNetError
from ..files.writing import say_once
from .folder import LOCK

HELD = {errno.EACCES, errno.EAGAIN}  # what POSIX answers where another process holds the lock


class StopRequest:
    """While entered, the first Ctrl-C or SIGTERM only sets ``signal``; a second one ends the process at once.

    The loop asks ``signal`` between steps (None: go on). Outside the main thread signals keep their meaning.

    Args:
        quiet: another process tells the user.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, quiet=False):
        self.signal, self.quiet = None, quiet

    def __enter__(self):
        self._before = {}
        with contextlib.suppress(ValueError):  # not the main thread: a notebook's kernel, a test's thread
            for signum in self.SIGNALS:
                self._before[signum] = signal.signal(signum, self._receive)
        return self

    def _receive(self, signum, _frame):
        if self.signal is not None:
            os._exit(128 + signum)
        self.signal = signum
        if self.quiet:
            return
        said = f"\n{signal.Signals(signum).name}: finishing this step; once more to end at once"
        try:
            print(said, flush=True)
        except (OSError, RuntimeError):  # nobody reads; or the signal came in the middle of another line's writing
            with contextlib.suppress(OSError):
                os.write(2, f"{said}\n".encode())

    def __exit__(self, *_):
        for signum, handler in self._before.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)


@contextlib.contextmanager
def only_writer(work_path):
    """Hold the folder's lock; the kernel takes it back when the process ends, however it ends.

    Raises:
        FasterNetError: another process writes this folder.
    """
    try:
        import fcntl
    except ImportError:
        say_once(f"this system has no such locks: see that one process alone writes {work_path}")  # Windows
        yield
        return
    path = Path(work_path) / LOCK
    try:
        file = open(path, "a+")  # noqa: SIM115, closed by the with below
    except OSError as error:
        raise FasterNetError(f"cannot write {path}: {error.strerror}", change="work_path") from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by the loading processes, as flock's is
        except OSError as error:
            if error.errno not in HELD:  # NFS without lockd, Lustre without flock
                say_once(f"the file system of {work_path} keeps no locks: see that one process alone writes there")
                yield
                return
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            raise FasterNetError(
                f"process {holder} is writing {work_path}; wait until it has ended", change="work_path"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
