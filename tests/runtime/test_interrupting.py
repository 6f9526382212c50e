"""Signals that wait, and that are forgotten with the entry that received them."""

import os
import signal
import threading

import pytest

from fasternet_paddle.runtime.interrupting import Terminated, held, interruptible

ENDS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@pytest.fixture(autouse=True)
def _untouched():
    """A test run in the background begins with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for signum, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(signum, handler)


@pytest.mark.parametrize("signum", ENDS)
def test_a_signal_waits_for_the_end_and_is_forgotten_with_the_entry(signum):
    done = []
    with pytest.raises(ENDS[signum]), interruptible(), held():
        os.kill(os.getpid(), signum)
        done.append("the work that it survives nothing in")
    assert done
    with held():
        done.append("a call of the library, later in the same process")
    assert len(done) == 2


def test_what_another_thread_does_holds_nothing():
    entered, leave = threading.Event(), threading.Event()

    def work():
        with held():
            entered.set()
            leave.wait(30)

    with interruptible():
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(30)
        try:
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                leave.wait(5)
        finally:
            leave.set()
            thread.join()
