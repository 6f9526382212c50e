"""Files decoded and prepared in processes, batch by batch in their order, while the network computes.

    for batch in decoded_batches(names, range(len(names)), prepare, batch_size=32, num_workers=2):
        predictor.logits(batch.x)                        # (M, 3, S, S) of batch.numbers; batch.broken: number, reason

No more than the batches in flight is in memory (``workers``), and a broken file costs itself alone.
"""

import contextlib
import itertools
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..files.images import read_image
from .workers import Workers

READ, BROKEN = 0, 1  # what takes a label's place


@dataclass(frozen=True)
class Decoded:
    """A batch: M images that could be read, and those that could not."""

    numbers: list
    """Of the M images, ascending places among the names."""
    x: np.ndarray
    """float32 ``(M, 3, S, S)``; it may be written over when the next batch is asked for."""
    broken: list
    """(number, reason) of the others."""


class Files:
    """What ``Workers`` take items of: image number i, prepared, and ``READ`` or ``BROKEN``."""

    def __init__(self, names, prepare):
        self.names = names
        self.prepare = prepare

    def read(self, number):
        """The network's input, float32 ``(3, S, S)``; raises ``FasterNetError`` for a file that cannot be read."""
        return self.prepare(read_image(self.names[number], at_least=self.prepare.at_least))

    def __getitem__(self, number):
        try:
            return self.read(number), READ
        except FasterNetError:
            return np.zeros((3, self.prepare.size, self.prepare.size), np.float32), BROKEN


def decoded_batches(names, numbers, prepare, batch_size, num_workers=0):
    """Yield ``Decoded`` batches.

    Args:
        names: sequence of paths, such as ``PackedNames``.
        numbers: iterable of which of them, in order.
        prepare: ``data.preparation.Preparation``.
        batch_size: files a batch.
        num_workers: processes that decode; 0 decodes in this one.

    Raises:
        FasterNetError: a process died.
    """
    files = Files(names, prepare)
    numbers = iter(numbers)
    chunks = iter(lambda: list(itertools.islice(numbers, batch_size)), [])
    if not num_workers:
        for chunk in chunks:
            items = [files[number] for number in chunk]
            yield _decoded(files, chunk, np.stack([x for x, _ in items]), np.array([state for _, state in items]))
        return
    with contextlib.closing(Workers(files, batch_size, num_workers)) as workers:
        flying = []  # chunks that were dealt
        for chunk in chunks:
            if workers.busy == workers.slots:
                yield _decoded(files, flying.pop(0), *workers.collect())
            workers.deal(chunk)
            flying.append(chunk)
        while flying:
            yield _decoded(files, flying.pop(0), *workers.collect())


def _decoded(files, numbers, x, states):
    """A batch without its broken images, each of which is read once more for the reason: a process hands on none."""
    if not states.any():
        return Decoded(numbers, x, [])
    good, broken, x = [], [], x.copy()
    for place, number in enumerate(numbers):
        try:
            if states[place] == BROKEN:
                x[place] = files.read(number)  # may succeed by now
            good.append(place)
        except FasterNetError as error:
            broken.append((number, str(error)))
    return Decoded([numbers[place] for place in good], x[good], broken)
