"""Batch-norm statistics of several processes, each of which has seen its own share of every batch.

    average_statistics(model, extras)              # before they are evaluated or saved as weights
    arrays |= own_statistics(model, extras)        # as a checkpoint keeps them, each process's own

Weights are the same in all processes, since all step by the same gradient; running means and variances are not. They
become their mean over the processes at the end of each epoch (as timm's ``--dist-bn reduce``), by samples where shares
are unequal. A checkpoint keeps each one's, so that a run goes on to the bit from the middle of an epoch.
"""

import numpy as np
import paddle

from ..errors import FasterNetError
from ..runtime import ranks
from .freezing import STATISTICS


def average_statistics(model, extras):
    """Make the batch-norm statistics of ``model``, and of its moving average, those of all processes together."""
    if ranks.count() == 1:
        return
    weight = len(extras.share.positions)
    for network in _networks(model, extras).values():
        mean = ranks.summed(np.append(_flat(network).astype(np.float64) * weight, weight))
        _set(network, (mean[:-1] / mean[-1]).astype(np.float32))


def own_statistics(model, extras):
    """Dict of name -> array with the statistics of every process but the first, whose own stand among the weights."""
    if ranks.count() == 1:
        return {}
    return {
        _name(number, kind): row
        for kind, network in _networks(model, extras).items()
        for number, row in enumerate(ranks.stacked(_flat(network)))
        if number
    }


def put_back_own(model, extras, checkpoint):
    """Put the statistics of this process where a ``Checkpoint`` left them.

    Raises:
        FasterNetError: it lacks them.
    """
    if ranks.is_first():
        return
    for kind, network in _networks(model, extras).items():
        values = checkpoint.arrays.get(_name(ranks.number(), kind))
        if values is None or values.shape != _flat(network).shape:
            raise FasterNetError(f"{checkpoint.path} lacks the batch-norm statistics of process {ranks.number()}")
        _set(network, values)


def _networks(model, extras):
    return {"model": model} if extras.ema is None else {"model": model, "ema": extras.ema.model}


def _name(number, kind):
    return f"process/{number}/{kind}"


def _statistics(network):
    return [value for name, value in network.named_parameters() if name.endswith(STATISTICS)]


def _flat(network):
    """float32 array of all running means and variances, one behind the other."""
    return np.concatenate([value.numpy() for value in _statistics(network)])


@paddle.no_grad()
def _set(network, flat):
    place = 0
    for value in _statistics(network):
        value.set_value(flat[place : place + value.size])
        place += value.size
