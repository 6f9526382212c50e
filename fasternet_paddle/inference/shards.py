"""Answers for many images, by one process or by several that take the batches in turn.

    answered = several(open_and_answer, (flags,), config, "auto")     # what ``answer`` returned in each process
    parts, (loop, model) = rates_of(answered)
    logits, labels = parts["val"]                                     # as one process would give them

A batch is computed whole by one process, so that its answers are the same to the last bit however many there are.
"""

import time
from typing import NamedTuple

import numpy as np

from ..data.samplers import DealtSampler
from ..errors import FasterNetError
from ..runtime import machine, ranks
from ..runtime.launch import device_of, launch, processes_for
from .throughput import model_throughput


class Answered(NamedTuple):
    """What one process has answered."""

    parts: dict
    """Name of a part -> list of (logits ``(n, K)``, labels ``(n,)``), a batch each."""
    seconds: float
    """That the first part took, loading included."""
    model: float
    """Images/s of the network alone."""


def answer(predictor, loaders, config):
    """``Answered``: the share of this process in every loader's batches.

    Args:
        predictor: ``Predictor``.
        loaders: name of a part -> ``Loader``.
        config: ``TrainConfig``, for the shape of a batch.
    """
    parts, seconds = {}, None
    for name, loader in loaders.items():
        began = time.perf_counter()
        batches = []
        loader.sampler = DealtSampler(loader.sampler)
        for images, labels in loader:
            if len(labels):
                batches.append((predictor.logits(np.asarray(images)), np.asarray(labels)))
        parts[name] = batches
        seconds = time.perf_counter() - began if seconds is None else seconds
        loader.close()
    return Answered(parts, seconds, model_throughput(predictor, config.batch_size, config.image_size))


def several(function, arguments, config, count):
    """``function(*arguments, device)`` in several processes: the list of what they return, ``Answered`` each.

    Args:
        function: one of a module's, which ends with ``answer``; ``device`` is the process's own card, None on a CPU.
        config: ``TrainConfig``, for the device.
        count: how many, as text, or "auto".

    Raises:
        FasterNetError: ``count`` is no number from 1 on, or whatever one of the processes raises.
    """
    check_count(count)
    count = processes_for(config.device) if count == "auto" else int(count)
    device = device_of(config.device, count)
    threads = max(1, machine.available_threads() // count) if device == "cpu" else None
    print(f"{count} processes share the images", flush=True)
    return launch(_on_own_device, (function, arguments, device), count, threads=threads, together=False)


def check_count(count):
    """Raise ``FasterNetError`` unless ``count`` is "auto" or a number from 1 on, as text."""
    if count != "auto" and not (count.isdecimal() and int(count) >= 1):
        raise FasterNetError(f"nproc must be a number from 1 on or auto, got {count!r}", change="nproc")


def _on_own_device(function, arguments, device):
    return function(*arguments, None if device == "cpu" else f"gpu:{ranks.number()}")


def rates_of(answered):
    """What several processes answered, together: (part -> (logits, labels), (loop, model) in images/s)."""
    parts = {name: _in_order([one.parts[name] for one in answered]) for name in answered[0].parts}
    first = next(iter(parts.values()))
    return parts, (len(first[0]) / max(one.seconds for one in answered), sum(one.model for one in answered))


def _in_order(dealt):
    """Batches that were dealt out in turn, put together: (logits ``(N, K)``, labels ``(N,)``)."""
    total = sum(map(len, dealt))
    batches = [dealt[place % len(dealt)][place // len(dealt)] for place in range(total)]
    logits, labels = zip(*batches, strict=True)
    return np.concatenate(logits), np.concatenate(labels)
