"""Watch processes that share a work: print what the first prints, notice one that ends or stands still, end them all.

    with Watch(count=2) as watch:
        watch.start(place, work)                   # twice
        results = watch.until_the_end()            # or the error that explains why there are none

When the block is left, none of them lives on.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from ..errors import FasterNetError, Stopped
from . import member

BEAT_LIMIT = 60.0  # seconds without a sign of life: reading Paddle's library from a slow disk gives none
STOPPED_LIMIT = 5.0  # seconds without one, of a process that the system calls stopped
LAST_WORDS = 3.0  # seconds for the others to end, once one has, before they are killed
CAUSES = ("refused", "memory", "system", "gone", "still", "stopped", "failed")  # an end explains those behind it


class EndedError(FasterNetError):
    """One of several processes ended, stood still or failed, and took the others with it."""


@dataclass
class Child:
    """A process, what is known of it, and how it ended."""

    number: int
    process: BaseProcess
    pipe: multiprocessing.connection.Connection
    heard: float = field(default_factory=time.monotonic)
    end: tuple | None = None
    """Its last message: what ``member.live`` sends when its work is over, for good or ill."""
    network: bool | None = None
    """Whether it could make a network, once it has told."""
    joined: bool = False
    """Whether it has met the others."""


class Watch:
    """The processes of a launch, as a context manager."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, count, patience=BEAT_LIMIT):
        self.patience = patience  # seconds until a process must have met the others, in which it gives no sign of life
        self.count, self.children, self.asked, self.told = count, [], None, False
        self.woke, self.beat = time.monotonic(), 0.0

    def __enter__(self):
        self._before = {}
        with contextlib.suppress(ValueError):  # not the main thread: signals keep their meaning
            for signum in self.SIGNALS:
                self._before[signum] = signal.signal(signum, self._receive)
        return self

    def _receive(self, signum, _frame):
        if self.asked is not None:
            self._kill()
            os._exit(128 + signum)
        self.asked = signum

    def __exit__(self, *_):
        self._kill()
        for child in self.children:
            child.process.join()
            child.pipe.close()
        for signum, handler in self._before.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)

    def _kill(self):
        for child in self.children:
            child.process.kill()

    def start(self, place, work):
        """Start the process of a ``Place``."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        terminals = sys.stdout.isatty(), sys.stderr.isatty()
        arguments = (member.Beginning(os.getpid()), theirs, terminals, place, work)
        # Not a daemon, since those may have no loading processes of their own.
        process = context.Process(target=member.live, args=arguments, daemon=False)
        process.start()
        theirs.close()
        self.children.append(Child(place.number, process, ours))

    def network_of_first(self):
        """Whether the first process could make a network for all."""
        while self.children[0].network is None:
            self._look()
        return self.children[0].network

    def until_the_end(self):
        """Wait for all; the list of their results.

        Raises:
            FasterNetError, Stopped, MemoryError, OSError: as ``launch``.
        """
        while not all(child.end for child in self.children):
            self._look()
        return [child.end[1] for child in self.children]

    def _look(self):
        """Wait a moment and see how everyone does; raise where one ended that should not have."""
        self._take_turns(0.5)
        if self.asked is not None and not all(child.joined or child.end for child in self.children):
            raise Stopped(self.asked, saved=False)  # while it waits for the others, a process hears nothing
        if any(child.end is not None and child.end[0] != "result" for child in self.children):
            limit = time.monotonic() + LAST_WORDS
            while time.monotonic() < limit and not all(child.end for child in self.children):
                self._take_turns(0.1)
            self._raise_end()

    def _take_turns(self, seconds):
        now = time.monotonic()
        if now - self.woke > seconds + member.ASLEEP:  # this process was stopped: what the others sent is still unread
            for child in self.children:
                child.heard = now
        self.woke = now
        living = [child for child in self.children if child.end is None]
        if self.asked is not None and not self.told:
            self._tell(living, "stop", self.asked)
            self.told = True
        if now - self.beat > member.BEAT_EVERY:  # no oftener: a stopped process reads none, and its pipe fills
            self._tell(living, "beat")
            self.beat = now
        ready = multiprocessing.connection.wait([child.pipe for child in living], seconds)
        for child in living:
            ended = child.process.exitcode
            if child.pipe in ready or ended is not None:
                self._read(child)
            if child.end is None and ended is not None:
                child.end = ("gone", ended)
            if child.end is None and self._is_still(child):
                child.end = ("still",)

    def _tell(self, children, *message):
        for child in children:
            with contextlib.suppress(OSError):  # it has ended
                child.pipe.send(message)

    def _read(self, child):
        """Take every message of ``child`` that has come."""
        with contextlib.suppress(EOFError, OSError):
            while child.end is None and child.pipe.poll():
                child.heard = time.monotonic()
                word, *values = message = child.pipe.recv()
                if word == "said":
                    stream, text = values
                    getattr(sys, stream).write(text)
                    getattr(sys, stream).flush()
                elif word == "network":
                    child.network = values[0]
                elif word == "joined":
                    child.joined = True
                elif word != "beat":
                    child.end = message

    def _is_still(self, child):
        """Whether a process gives no sign of life any more."""
        silent = time.monotonic() - child.heard
        if silent > STOPPED_LIMIT and _is_stopped(child.process.pid):
            return True
        return silent > (BEAT_LIMIT if child.joined else self.patience)

    def _raise_end(self):
        """Raise what is the matter: of all ends the one that explains the others, which lose their partner by it."""
        ends = [child for child in self.children if child.end is not None]
        for word in CAUSES:
            for child in ends:
                if child.end[0] == word:
                    self._raise_one(child)

    def _raise_one(self, child):
        word, *values = child.end
        who = f"process {child.number + 1} of {self.count} (number {child.process.pid})"
        if word == "refused":
            raise FasterNetError(values[0], change=values[1])
        if word == "memory":
            raise MemoryError
        if word == "system":
            raise values[0]
        if word == "stopped":
            raise Stopped(*values)
        if word == "gone" and self.asked is not None and values[0] in (128 + self.asked, -self.asked):
            raise Stopped(self.asked, saved=False)
        if word == "gone":
            raise EndedError(f"{who} {_ending(values[0])}, so the others were ended")
        if word == "still":
            raise EndedError(f"{who} was stopped or gives no sign of life, so all were ended")
        print(values[1], file=sys.stderr)
        raise EndedError(f"{who} failed: {values[0].splitlines()[0]}")


def _ending(code):
    if code == member.ORPHANED:
        return f"heard nothing of this one for {member.PARENT_LIMIT:.0f} s, which was stopped"
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        return f"was ended by {name}" + (", often for want of memory" if name == "SIGKILL" else "")
    return f"was ended by signal {-code}"


def _is_stopped(pid):
    """Whether the system says of a process that it is stopped; False where the system does not tell."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(") ")[2][:1] in ("T", "t")
    return False
