"""Processes that make batches: shared memory for the images, a pipe for orders and labels."""

import contextlib
import mmap
import multiprocessing
import os
import signal
import traceback
import warnings

import cv2
import numpy as np

from ..errors import FasterNetError
from ..runtime import machine

SPARE_BATCHES = 2  # batches ready or in the making beyond one a worker


class Workers:
    """Processes that write batches into shared slots; batch number i is the business of worker i modulo their number.

    Each has a pipe of its own: no lock is shared that a dying process could keep, and its end of the pipe closes with
    it. Processes are forked, so that the images are not copied; where a system cannot fork they are spawned, which
    copies the images into each and takes it some seconds to begin.
    """

    def __init__(self, dataset, batch_size, count):
        forks = "fork" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("fork" if forks else "spawn")
        image, _ = dataset[0]  # for its shape
        self.slots = count + SPARE_BATCHES
        shape = (self.slots, batch_size, *image.shape)  # (slots, N, 3, S, S)
        size = int(np.prod(shape)) * image.itemsize
        # Shared with children, freed with the last. Anonymous memory cannot be handed to a spawned process.
        memory = mmap.mmap(-1, size) if forks else context.RawArray("B", size)
        self.memory = _slots(memory, image.dtype, shape)
        self.dealt = self.collected = 0
        self.owner = os.getpid()
        self.pipes, self.processes = [], []
        for _ in range(count):
            ours, theirs = context.Pipe()
            # A spawned process gets no copy of our end, so there is none that it would have to close.
            slots = (memory, image.dtype, shape)
            arguments = (_Beginning(), dataset, slots, theirs, ours if forks else None)
            process = context.Process(target=_work, args=arguments, daemon=True)
            with warnings.catch_warnings():  # Python 3.12 warns of threads; the workers call none of their libraries
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    @property
    def busy(self):
        return self.dealt - self.collected

    def deal(self, keys):
        worker = self.dealt % len(self.pipes)
        try:
            self.pipes[worker].send((self.dealt % self.slots, keys))
        except OSError:
            self._report_death(worker)
        self.dealt += 1

    def collect(self):
        """The next batch in order; its images lie in shared memory until ``slots`` more batches are dealt."""
        worker, slot = self.collected % len(self.pipes), self.collected % self.slots
        try:
            labels, failure = self.pipes[worker].recv()
        except (EOFError, OSError):
            self._report_death(worker)
        self.collected += 1
        if failure is not None:
            raise failure
        return self.memory[slot, : len(labels)], labels

    def _report_death(self, worker):
        process = self.processes[worker]
        process.join(1)
        self.collected = self.dealt  # nothing more will come
        raise FasterNetError(
            f"a loading process ended with exit code {process.exitcode}, often for want of memory; fewer "
            "workers or a smaller batch need less",
            change=("num_workers", "batch_size"),
        )

    def drain(self):
        while self.busy:
            with contextlib.suppress(Exception):  # of an iteration that nobody follows any more
                self.collect()

    def close(self):
        if os.getpid() != self.owner:  # a forked copy of this object; the processes are not its children
            return
        for pipe in self.pipes:
            with contextlib.suppress(OSError):
                pipe.send(None)
            pipe.close()
        for process in self.processes:
            process.join(1)
            if process.is_alive():
                process.kill()


def _slots(memory, dtype, shape):
    return np.frombuffer(memory, dtype).reshape(shape)


class _Beginning:
    """What a worker does first. A spawned one unpickles its arguments in order: this before what imports Paddle."""

    def __reduce__(self):
        return _begin, ()


def _begin():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides
    machine.quieten()


def _work(_, dataset, slots, pipe, parents_end):
    """A worker's life: make the batches it is told to, until it is told to end or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Paddle's handler would print a stack trace
    if parents_end is not None:
        parents_end.close()
    memory = _slots(*slots)
    cv2.setNumThreads(0)
    with contextlib.suppress(EOFError, OSError):
        while (task := pipe.recv()) is not None:
            slot, keys = task
            labels, failure = np.empty(len(keys), np.int64), None
            try:
                for position, key in enumerate(keys):
                    memory[slot, position], labels[position] = dataset[key]
            except MemoryError:
                failure = FasterNetError(
                    "a loading process ran out of memory; fewer workers or a smaller batch need less",
                    change=("num_workers", "batch_size"),
                )
            except FasterNetError as error:  # a file that cannot be read: one sentence, as without processes
                failure = error
            except Exception:
                failure = RuntimeError(f"a loading process failed:\n{traceback.format_exc()}")
            pipe.send((labels, failure))
