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


NEEDS_PADDLE = (
    "fasternet_paddle needs PaddlePaddle, which is not installed here; run pip install paddlepaddle (CPU), or install "
    "the paddlepaddle-gpu that suits your CUDA as https://www.paddlepaddle.org.cn/install tells"
)
NEEDS_OPENMP = (
    "PaddlePaddle needs the system's OpenMP library libgomp.so.1, which is not installed; on Debian and Ubuntu run "
    "sudo apt-get install libgomp1"
)
