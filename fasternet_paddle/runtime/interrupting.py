"""How an entry ends by Ctrl-C and SIGTERM where nobody else receives them."""

import atexit
import contextlib
import os
import signal
import threading


class Terminated(BaseException):
    """SIGTERM came, as KeyboardInterrupt says that SIGINT did: no ``except Exception`` may take it for a failure."""


@contextlib.contextmanager
def interruptible():
    """Let Ctrl-C and SIGTERM end the process in one sentence wherever it is, while nobody else receives them.

    While a module is imported they end it at once: some packages take an exception that comes then for a failed import
    and go on, others print it as their own error.
    """
    owner, before = os.getpid(), {}

    def end(signum, frame):
        if os.getpid() != owner:  # a process that was forked from this one ends as it would by itself
            signal.signal(signum, before[signum])
            os.kill(os.getpid(), signum)
            return
        CAME.append(signum)
        if HELD:
            return
        while frame is not None:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                with contextlib.suppress(OSError):
                    os.write(2, f"{TOLD[signum]}\n".encode())
                os._exit(128 + signum)
            frame = frame.f_back
        raise KeyboardInterrupt if signum == signal.SIGINT else Terminated

    try:
        for signum, handler in UNTOUCHED.items():  # not where it is ignored, as under nohup, or somebody else's
            if signal.getsignal(signum) is handler:
                before[signum] = signal.signal(signum, end)
    except ValueError:  # not the main thread
        pass
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        if before:  # else an entry around this one has received them
            CAME.clear()


CAME, HELD = [], []  # the signals that the entry under way received; whether they wait, an item each ``held``
UNTOUCHED = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
TOLD = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped by SIGTERM; what was saved before is as it was"}


@contextlib.contextmanager
def held():
    """While entered, a signal that an entry receives waits for the end of it.

    For what Paddle's C++ part does by calling Python, as compiling a network: it survives no exception there. Signals
    reach the main thread alone, so that for any other nothing is held.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    HELD.append(True)
    try:
        yield
    finally:
        HELD.pop()
        if CAME and not HELD:
            raise as_a_signal(None)


def as_a_signal(error):
    """What to raise in the place of ``error``: the signal that came, if one did.

    Where a library's C++ part has called Python, it makes an error of its own of an exception that comes then.
    """
    if not CAME:
        return error
    return KeyboardInterrupt() if CAME[0] == signal.SIGINT else Terminated()


def end_quietly_with(code):
    """See to it that a signal while the interpreter exits, all work done, ends the process at once with ``code``.

    Paddle takes a moment to part, and an exception in the middle of that can end in a segmentation fault.
    """
    atexit.register(_end_quietly, code)


def _end_quietly(code):
    for signum, handler in UNTOUCHED.items():
        if signal.getsignal(signum) is handler:
            signal.signal(signum, lambda *_: os._exit(code))
