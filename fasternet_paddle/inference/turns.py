"""A compiled network that any thread may call.

    run = InTurn(load_exported(...))            # run(x), from any thread, one at a time

Paddle's engine has one place for the input and one for the output, so that calls which overlap get one another's
answers. Engines of their own would not make threads faster: Paddle holds Python's lock through a run (3.3.1), and
oneDNN packs all weights again for each thread (55 MB for a network of 55 MB, three times the time of a single image).
So the thread that made the engine runs it, and one more thread does it for all the others.
"""

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

_all = weakref.WeakSet()  # of this process, for what a forked one begins with


class InTurn:
    """Calls ``run(x)`` for whoever calls it; the caller waits, and what ``run`` raises is raised there."""

    def __init__(self, run):
        self._run = run
        self._home = threading.get_ident()
        self._begin()
        _all.add(self)

    def _begin(self):
        self._lock = threading.Lock()
        self._others = ThreadPoolExecutor(1, thread_name_prefix="predictor")  # its thread starts when it is needed

    def __call__(self, x):
        if threading.get_ident() == self._home:
            return self._alone(x)
        return self._others.submit(self._alone, x).result()

    def _alone(self, x):
        with self._lock:
            return self._run(x)


def _begin_anew():
    """In a forked process only the thread that forked is there, and a lock may be held by one that is not."""
    for each in _all:
        each._begin()


if hasattr(os, "register_at_fork"):  # nowhere but where processes can be forked
    os.register_at_fork(after_in_child=_begin_anew)
