"""What the integrations hold a tool's answers to."""

import functools
import hashlib

import numpy as np

from fasternet_paddle import Predictor, load_run
from fasternet_paddle.data.preparation import preparation
from fasternet_paddle.files.images import read_image

BOUND = 1e-4


@functools.cache
def model_answers(weights, pictures):
    """(inputs ``(100, 3, S, S)``, logits, probabilities) of a run's model as it is, on a tuple of paths."""
    run = load_run(weights)
    prepare = preparation(run.record)
    x = np.stack([prepare(read_image(path)) for path in pictures])
    predictor = Predictor(run.model, engine="dygraph")
    logits = predictor.logits(x)
    assert len(np.unique(logits.argmax(axis=1))) >= 8
    return x, logits, predictor.probabilities(x)


def agree(found, wanted):
    """Hold outputs to the model's: to 1e-4 of the largest, and every class."""
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < BOUND * max(1, np.abs(wanted).max())
    assert np.array_equal(found.argmax(axis=1), wanted.argmax(axis=1))


def checksums(folder):
    """Name of every file in a folder to the sha256 of its bytes."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
