"""Which process of a run am I, and sums over all of them.

    ranks.count(), ranks.number()        # 1 and 0, unless this process was started as one of several
    ranks.is_first()                     # who writes and prints
    ranks.summed([loss, correct, seen])  # float64 array, the same bits in every process

One process alone is the ordinary case: every function here then gives back what it was given and imports nothing. The
sums are Paddle's collective communication, gloo on a CPU and NCCL on GPUs. Whoever calls one waits for all the others,
so all of them make the same calls in the same order. How processes become a group: ``group.py``.
"""

import contextlib
import time
from dataclasses import dataclass

from .group import GROUP as _group


@dataclass(frozen=True)
class Share:
    """Which of a training batch's ``total`` samples this process computes: their ``positions``, rising."""

    positions: tuple[int, ...]
    total: int


_share = None  # the Share of the batch that is computed just now; None: all of it


def number():
    """Number of this process among those of the run, from 0."""
    return _group.number


def count():
    """How many processes share the run."""
    return _group.count


def is_first():
    """Whether this process writes and prints for all."""
    return _group.number == 0


def seconds():
    """Time that this process spent in collective calls, in seconds, waiting for slower processes included."""
    return _group.seconds


def share_of(total, paired=False):
    """The ``Share`` of this process in a batch of ``total`` samples; None for one process, whose share is the batch.

    Shares are runs of neighbours whose lengths differ by one at most; together they are the batch, each sample once.

    Args:
        paired: a sample and its mirror image, i and total - 1 - i, go to the same process, as ``data/mixing.py`` needs
            it; lengths then differ by two at most.
    """
    if _group.count == 1:
        return None
    return _share_of(total, paired, _group.number, _group.count)


def _share_of(total, paired, number, count):
    units = -(-total // 2) if paired else total
    own = range(units * number // count, units * (number + 1) // count)
    return Share(tuple(sorted({*own, *(total - 1 - unit for unit in own)} if paired else own)), total)


@contextlib.contextmanager
def computing(share):
    """While entered, this process computes ``share`` of a training batch, which decides ``draw``."""
    global _share
    _share = share
    try:
        yield
    finally:
        _share = None


def draw(shape, dtype):
    """Uniform numbers in [0, 1) for the samples of a batch, as ``paddle.rand``: those that the whole batch would give
    these samples, which the seed decides and not how the batch is shared.

    Args:
        shape: the first is the number of samples here, a tensor or an int.
        dtype: of the tensor that is returned.
    """
    import paddle

    if _share is None:
        return paddle.rand(shape, dtype=dtype)
    whole = paddle.rand([_share.total, *shape[1:]], dtype=dtype)
    return paddle.gather(whole, paddle.to_tensor(_share.positions, "int64"))


def summed(values):
    """Sum over all processes, float64 of the shape of ``values``; adding zeros changes no bit."""
    return _reduced(values, "SUM")


def largest(values):
    """Largest of all processes, float64 of the shape of ``values``."""
    return _reduced(values, "MAX")


def _reduced(values, operation):
    import numpy as np

    values = np.asarray(values, np.float64)
    if _group.count == 1:
        return values
    import paddle

    tensor = paddle.to_tensor(values.reshape(-1))
    with _timed():
        paddle.distributed.all_reduce(tensor, getattr(paddle.distributed.ReduceOp, operation))
    return tensor.numpy().reshape(values.shape)


def stacked(values):
    """What every process gives, in their order: array ``(count, *shape)``; float32 and float64 alone."""
    import numpy as np

    values = np.asarray(values)
    if _group.count == 1:
        return values[None]
    import paddle

    parts = []
    with _timed():
        paddle.distributed.all_gather(parts, paddle.to_tensor(values.reshape(-1)))
    return np.stack([part.numpy().reshape(values.shape) for part in parts])


def dealt(rows):
    """Rows of numbers that were dealt out in turn, one to each process, back in their order: float64 ``(N, width)``.

    Args:
        rows: of this process, lists of equally many numbers; every process has as many.
    """
    import numpy as np

    if not rows:
        return np.empty((0, 0))
    return np.swapaxes(stacked(np.asarray(rows, np.float64)), 0, 1).reshape(-1, len(rows[0]))


def from_first(content):
    """The bytes that process 0 gives, in every process; None where it gives None."""
    if _group.count == 1:
        return content
    import numpy as np
    import paddle

    length = int(summed([0 if content is None or not is_first() else 1 + len(content)])[0])
    if length <= 1:
        return b"" if length else None
    mine = np.frombuffer(content, np.uint8) if is_first() else np.zeros(length - 1, np.uint8)
    tensor = paddle.to_tensor(mine)
    with _timed():
        paddle.distributed.broadcast(tensor, src=0)
    return tensor.numpy().tobytes()


def spread(tensors):
    """Give the Paddle tensors of process 0 to all the others, in place."""
    if _group.count > 1:
        import paddle

        for tensor in tensors:
            paddle.distributed.broadcast(tensor, src=0)


def wait():
    """Wait until every process has come here."""
    summed([0.0])


@contextlib.contextmanager
def first_goes_first():
    """Process 0 runs the block before the others do, which then find what it kept."""
    if not is_first():
        wait()
    yield
    if is_first():
        wait()


def sum_gradients(parameters):
    """Replace the gradient of every parameter by its sum over all processes, which ends with the same bits in each.

    One message for all of them; a process without a gradient, whose share of the batch was empty, adds zeros.
    """
    import paddle

    if _group.count == 1:
        return
    with paddle.no_grad():
        mine = [(paddle.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        together = paddle.concat(mine)
        with _timed():
            paddle.distributed.all_reduce(together)
        for parameter, part in zip(parameters, paddle.split(together, [p.size for p in parameters]), strict=True):
            parameter.grad = part.reshape(parameter.shape)


@contextlib.contextmanager
def _timed():
    began = time.perf_counter()
    yield
    _group.seconds += time.perf_counter() - began
