"""The life of one of several processes: begun quietly, watched, and ended with the process that started it.

It writes to nobody but that one (``launch.py``), through a pipe: signs of life, what process 0 prints, and how it
ended. So no failure is printed in the middle of another's lines, and in a notebook the lines stand in the cell. A
thread of its own gives the signs of life, since Paddle lets Python go on while it computes and while it waits.
"""

import contextlib
import ctypes
import importlib
import io
import os
import pickle
import signal
import sys
import threading
import time
import traceback

from tqdm import tqdm

from ..errors import FasterNetError, Stopped, is_out_of_memory
from . import group, machine

BEAT_EVERY = 1.0  # seconds between two signs of life
PARENT_LIMIT = 20.0  # seconds without one of the parent, after which its processes end
ASLEEP = 5.0  # seconds; a pause of a second that took longer: this process itself was stopped, or the machine slept
ORPHANED = 71  # exit code of a process whose parent has gone or was stopped
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Beginning:
    """What a spawned process does first: its arguments are unpickled in order, and this one stands before the others.

    Args:
        parent: process number of who starts it.
    """

    def __init__(self, parent):
        self.parent = parent

    def __reduce__(self):
        return _begin, (self.parent,)


def _begin(parent):
    if sys.platform == "linux":  # elsewhere the end of the pipe tells
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that call
        os._exit(ORPHANED)
    machine.quieten()
    # Progress bars of one process need no lock between processes, which a kill would leave behind with a warning.
    tqdm.set_lock(threading.RLock())


def live(_, pipe, terminals, place, work):
    """Be one of several processes: do ``work`` and tell how it ended.

    Args:
        pipe: to the process that started this one.
        terminals: whether its standard output and error are terminals.
        place: ``launch.Place`` of this process.
        work: bytes, a pickled pair of a function and its arguments; what it returns is sent back.
    """
    line = Line(pipe)
    _speak_through(line if place.number == 0 else None, terminals)
    try:
        _enter_network(line, place.network)
        line.start()
        function, arguments = pickle.loads(work)
        group.join(place.number, place.count, place.port, place.host, place.device, place.interface)
        line.send("joined")
        line.send("result", named(function)(*arguments))
        threading.Event().wait()  # to be ended with the others: these may still read what this process sent them
    except FasterNetError as error:
        line.send("refused", str(error), error.change)
    except Stopped as stop:
        line.send("stopped", stop.signal, stop.saved)
    except KeyboardInterrupt:
        line.send("stopped", signal.SIGINT, False)
    except BaseException as error:
        if is_out_of_memory(error):
            line.send("memory")
        elif isinstance(error, OSError) and error.filename is not None:
            line.send("system", error)
        else:
            line.send("failed", f"{type(error).__name__}: {error}", traceback.format_exc())
    os._exit(0)  # whatever Paddle still has running may wait for processes that have gone


def named(function):
    """A function that may be given as "module:name"."""
    if isinstance(function, str):
        module, _, name = function.partition(":")
        function = getattr(importlib.import_module(module), name)
    return function


def _enter_network(line, network):
    """True: make a network for all of them, and tell whether the system let it; a number: join that process's."""
    if network is None:
        return
    from . import namespaces

    if network is True:
        line.send("network", namespaces.make_private())
    else:
        namespaces.join_private(network)


def _speak_through(line, terminals):
    """Python's standard output and error go to ``line``, or nowhere; what C++ writes goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    if line is not None:
        sys.stdout, sys.stderr = (Told(line, *each) for each in zip(("stdout", "stderr"), terminals, strict=True))


class Told(io.TextIOBase):
    """A text stream that the parent prints."""

    encoding = "utf-8"

    def __init__(self, line, name, is_terminal):
        self.line, self.name, self.is_terminal = line, name, is_terminal

    def write(self, text):
        self.line.send("said", self.name, text)
        return len(text)

    def isatty(self):
        return self.is_terminal

    def writable(self):
        return True


class Line:
    """The pipe to the parent, and the thread that listens to it and gives signs of life."""

    def __init__(self, pipe):
        self.pipe, self.lock = pipe, threading.Lock()

    def start(self):
        """Give signs of life from now on."""
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, *message):
        """Tell the parent; one that has gone is the thread's business."""
        with contextlib.suppress(OSError), self.lock:
            self.pipe.send(message)

    def _beat(self):
        heard = before = told = time.monotonic()
        while True:
            if self._listen():
                heard = time.monotonic()
            now = time.monotonic()
            if now - before > BEAT_EVERY + ASLEEP:
                heard = now  # the parent may have been stopped with this process: it has the whole time again
            before = now
            if now - heard > PARENT_LIMIT:
                os._exit(ORPHANED)
            if now - told > BEAT_EVERY and self.lock.acquire(timeout=BEAT_EVERY):  # held while the pipe is full
                told = now
                with contextlib.suppress(OSError):
                    self.pipe.send(("beat",))
                self.lock.release()

    def _listen(self):
        """Take what the parent says within ``BEAT_EVERY``; whether it said something."""
        try:
            if not self.pipe.poll(BEAT_EVERY):
                return False
            word, *values = self.pipe.recv()
        except (EOFError, OSError):  # the parent has ended
            os._exit(ORPHANED)
        if word == "stop" and not group.ask(*values):
            os._exit(128 + values[0])
        return True
