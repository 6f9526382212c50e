"""Processes that are handed work: all of it is done once, and the end of one is told, not waited for."""

import os
import signal
import time

import psutil
import pytest

from fasternet_paddle.data.processes import in_processes
from fasternet_paddle.errors import FasterNetError
from tests.pictures import descriptors


def double(item):
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "fail":
        raise FasterNetError("it fails", change="seed")
    return 2 * item


def children():
    """Of this process, but for Python's own that keeps account of what spawned processes share, for all its life."""
    return [child for child in psutil.Process().children() if "resource_tracker" not in " ".join(child.cmdline())]


@pytest.mark.parametrize("count", [1, 2, 5, None])
@pytest.mark.parametrize("chunks", [[], [[1]], [[n, n + 100] for n in range(40)]], ids=["none", "one", "many"])
def test_all_of_it_is_done_once(chunks, count):
    before = descriptors()
    results = sorted(in_processes(double, chunks, count))
    assert results == [(place, [2 * item for item in items]) for place, items in enumerate(chunks)]
    assert not children() and descriptors() == before


def test_what_one_raises_is_raised_here():
    with pytest.raises(FasterNetError, match="it fails") as caught:
        list(in_processes(double, [[1], ["fail"], [2]], 2))
    assert caught.value.change == ("seed",) and not children()


def test_one_that_dies_is_told_with_its_work():
    start = time.monotonic()
    with pytest.raises(FasterNetError, match=r"exit code -9.* one of 2 items from 'die' on"):
        list(in_processes(double, [[1], ["die", 3], [2]], 2))
    assert time.monotonic() - start < 5 and not children()


def test_an_iteration_that_is_left_leaves_nothing():
    results = in_processes(double, [[n] for n in range(100)], 2)
    next(results)
    results.close()
    assert not children()
