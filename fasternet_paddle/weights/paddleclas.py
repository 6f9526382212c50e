"""Weights under the names of PaddleClas and PaddleX (Paddle, converted from the authors'), and back.

    weights = from_paddleclas(arrays)   # "stages.0.blocks.0.mlp.1._mean" -> "feature.0.0.bn._mean"
    arrays = to_paddleclas(weights)

The authors' names of layers; parts and layout are Paddle's, as in the notebook.
"""

from .authors import LAYERS, inverse, renamed

PADDLE_PARTS = {part: part for part in ("weight", "bias", "_mean", "_variance")}


def from_paddleclas(arrays):
    """Arrays by the notebook's names; what is no name of PaddleClas's keeps it."""
    return renamed(arrays, LAYERS, PADDLE_PARTS)


def to_paddleclas(weights):
    """The inverse of ``from_paddleclas``."""
    return renamed(weights, inverse(LAYERS), PADDLE_PARTS)
