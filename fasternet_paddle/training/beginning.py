"""Where a training begins: the first weights, of a recipe's initializer or of a file.

model = begin_model(config, class_names)       # a FasterNet with its record
"""

import dataclasses

import paddle
from paddle import nn

from ..errors import FasterNetError
from ..model.fasternet import build_model
from ..record import Record
from ..weights.fitting import fit, open_weights
from .freezing import freeze

DEVIATION = 0.02  # of the truncated normal distribution (the authors' code, by timm's trunc_normal_: cut at -2 and 2)
PAPER_DROP_PATH = {"t0": 0.0, "t1": 0.02, "t2": 0.05, "s": 0.1, "m": 0.2, "l": 0.3}


def begin_model(config, class_names):
    """The network of a ``TrainConfig`` for these classes, as its training begins, with its record.

    Raises:
        FasterNetError: weights that cannot be read or do not fit, or an unknown part to freeze.
    """
    if config.drop_path is None and config.initializer == "paper":
        config = dataclasses.replace(config, drop_path=PAPER_DROP_PATH[config.variant])
    found = None if config.init_weights is None else open_weights(config.init_weights)
    record = Record.of(config, class_names)
    if found is None:
        model = build_model(config, len(class_names))
        if config.initializer == "paper":
            set_paper_weights(model)
    else:
        model = _from_weights(config, class_names, found)
        record = dataclasses.replace(record, stem_act=found.stem_act)
    model.record = record
    if config.freeze:
        freeze(model, config.freeze)
        if all(parameter.stop_gradient for parameter in model.parameters()):
            raise FasterNetError("nothing is left to learn: every part is frozen", change="freeze")
    return model


def _from_weights(config, class_names, found):
    """The network with the weights of ``found``, whose head is kept where it has these very classes."""
    model = build_model(config, len(class_names), stem_act=found.stem_act)
    its_names = None if found.record is None else found.record.class_names
    if its_names is not None and found.num_classes == len(class_names) and its_names != tuple(class_names):
        found = _without_head(found)
    fit(model, found, config.variant)
    return model


def _without_head(found):
    weights = {name: array for name, array in found.weights.items() if not name.startswith("fc.")}
    return dataclasses.replace(found, weights=weights)


@paddle.no_grad()
def set_paper_weights(model):
    """The paper's first weights: convolutions and classifier from a truncated normal distribution, biases 0."""
    draw = nn.initializer.TruncatedNormal(std=DEVIATION)
    for layer in model.sublayers():
        if isinstance(layer, nn.Conv2D | nn.Linear):
            draw(layer.weight)
            if layer.bias is not None:
                layer.bias.set_value(paddle.zeros_like(layer.bias))
