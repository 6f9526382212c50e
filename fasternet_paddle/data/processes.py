"""Calling a function on many things in processes: for decoding, which takes a core's whole time.

    for place, results in in_processes(look, chunks, count=2): ...        # as they are ready, each with its place

Like ``workers`` each process has a pipe of its own, so that nothing hangs on one that dies, and ends with this one.
"""

import contextlib
import multiprocessing
import os
import signal
import warnings
from multiprocessing.connection import wait

import cv2

from ..errors import FasterNetError
from ..runtime.machine import count_cores


def in_processes(function, chunks, count=None):
    """Yields (place, [function(item) for each item of chunks[place]]) in the order in which they are ready.

    Args:
        function: of one item; what it returns must pickle, and what it raises is raised here.
        chunks: sequence of sequences of items.
        count: processes; None: a core each. 1, or a system that cannot fork, does it in this process.

    Raises:
        FasterNetError: a process died; the items that it had are named by their first.
    """
    count = min(count or count_cores(), len(chunks))
    if count <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        for place, items in enumerate(chunks):
            yield place, [function(item) for item in items]
        return
    context = multiprocessing.get_context("fork")
    pipes, processes, owner = {}, [], os.getpid()
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(function, chunks, theirs, ours), daemon=True)
            with warnings.catch_warnings():  # Python 3.12 warns of threads; the processes call none of their libraries
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            theirs.close()
            pipes[ours] = process
            processes.append(process)
        yield from _deal(pipes, chunks)
    finally:
        if os.getpid() == owner:
            for pipe in pipes:
                pipe.close()  # the end of the orders
            for process in processes:
                process.join(1)
                if process.is_alive():
                    process.kill()
                    process.join()


def _deal(pipes, chunks):
    """Give each process a chunk, and another when it has answered."""
    waiting, busy = iter(range(len(chunks))), {}
    for pipe in pipes:
        _order(pipe, waiting, busy, chunks, pipes)
    while busy:
        for pipe in wait(list(busy)):
            place = busy.pop(pipe)
            try:
                results, failure = pipe.recv()
            except (EOFError, OSError):
                raise _died(pipes[pipe], chunks[place]) from None
            if failure is not None:
                raise failure
            _order(pipe, waiting, busy, chunks, pipes)
            yield place, results


def _order(pipe, waiting, busy, chunks, pipes):
    place = next(waiting, None)
    if place is None:
        return
    busy[pipe] = place
    try:
        pipe.send(place)
    except OSError:
        raise _died(pipes[pipe], chunks[place]) from None


def _died(process, items):
    process.join(1)
    return FasterNetError(
        f"a process ended with exit code {process.exitcode}, often for want of memory, at one of {len(items)} items "
        f"from {items[0]!r} on"
    )


def _work(function, chunks, pipe, parents_end):
    """A process's life: answer orders until they end, or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parents_end.close()
    cv2.setNumThreads(0)
    with contextlib.suppress(EOFError, OSError):
        while True:
            items, results, failure = chunks[pipe.recv()], None, None
            try:
                results = [function(item) for item in items]
            except Exception as error:
                failure = error
            pipe.send((results, failure))
