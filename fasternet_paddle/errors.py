"""What a user can mend, and how a run that was asked to stop says so.

The text of a ``FasterNetError`` is a single sentence that states the rule and the value that broke it. In a notebook it
is an ordinary ``ValueError``; the command-line entries print it with the flags that mend it and exit with code 2.
"""

import signal


class FasterNetError(ValueError):
    """Something the caller can put right: an argument, a file, a path, a missing package.

    Args:
        message: one sentence: the rule and the value that broke it.
        change: names of the settings whose change mends it; an entry turns them into its flags.
    """

    def __init__(self, message, *, change=()):
        super().__init__(message)
        self.change = (change,) if isinstance(change, str) else tuple(change)


class Stopped(Exception):
    """A signal asked the run to end.

    Args:
        signum: the signal's number, afterwards ``signal``.
        saved: whether the run's state is saved.
        way_on: how it goes on from there, where a run of one folder is not gone on with; an entry prints it.
    """

    def __init__(self, signum, saved=True, way_on=None):
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signal, self.saved, self.way_on = signum, saved, way_on


# What says so where it is no MemoryError: the dynamic linker, Python's and C++'s threads (EAGAIN), the allocator;
# PyO3, which panics where an object could not be made and has by then printed the MemoryError and let go of it; and
# Python itself, where what found no memory said nothing.
NO_MEMORY = (
    *("failed to map segment", "Cannot allocate memory", "bad_alloc"),
    *("can't start new thread", "Resource temporarily unavailable", "PyObject pointer is null"),
    *("error return without exception set", "NULL without setting an exception"),
)


def is_out_of_memory(error):
    """Whether the system had no memory for what ended in ``error``, an exception, in whichever form that reached it.

    Besides a ``MemoryError`` that is one of the texts above, or an exception that began as one: Paddle and NumPy wrap
    what they catch.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError) or any(text in str(error) for text in NO_MEMORY):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


NEEDS_PADDLE = (
    "fasternet_paddle needs PaddlePaddle, which is not installed here; run pip install paddlepaddle (CPU), or install "
    "the paddlepaddle-gpu that suits your CUDA as https://www.paddlepaddle.org.cn/install tells"
)
NEEDS_OPENMP = (
    "PaddlePaddle needs the system's OpenMP library libgomp.so.1, which is not installed; on Debian and Ubuntu run "
    "sudo apt-get install libgomp1"
)
