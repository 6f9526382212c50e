"""Where a training begins: the first weights, of a recipe's initializer or of a file.

model = begin_model(config, class_names)       # a FasterNet with its record
"""

import dataclasses

import paddle
from paddle import nn

from ..data.classes import shortened
from ..errors import FasterNetError
from ..model.fasternet import build_model, variant_of
from ..record import Record
from ..weights.fitting import HEAD, fit_head, foreign_record, open_weights
from ..weights.pdparams import set_weights
from ..weights.shapes import read_shapes
from .freezing import freeze

DEVIATION = 0.02  # of the truncated normal distribution (the authors' code, by timm's trunc_normal_: cut at -2 and 2)
PAPER_DROP_PATH = {"t0": 0.0, "t1": 0.02, "t2": 0.05, "s": 0.1, "m": 0.2, "l": 0.3}


def begin_model(config, class_names):
    """The network of a ``TrainConfig`` for these classes, as its training begins, with its record.

    Of weights that it begins from, the head is kept where it is of the same classes, in the order of these.

    Raises:
        FasterNetError: weights that cannot be read or do not fit, or an unknown part to freeze.
    """
    if config.drop_path is None and config.initializer == "paper":
        config = dataclasses.replace(config, drop_path=PAPER_DROP_PATH[config.variant])
    record = Record.of(config, class_names)
    if config.init_weights is None:
        model = build_model(config, len(class_names))
    else:
        found = _opened(config.init_weights)
        record = dataclasses.replace(record, stem_act=found.stem_act, **_preparation(found, config))
        model = build_model(config, len(class_names), stem_act=found.stem_act)
    if config.initializer == "paper":  # a new head, too, begins as the paper's
        set_paper_weights(model)
    if config.init_weights is not None:
        _take_weights(model, found, record.class_names)
    model.record = record
    if config.freeze:
        freeze(model, config.freeze)
        if all(parameter.stop_gradient for parameter in model.parameters()):
            raise FasterNetError("nothing is left to learn: every part is frozen", change="freeze")
    return model


def settings_of_weights(init_weights):
    """Which network is in a file and for which images, as settings of a ``TrainConfig``: what a user need not repeat.

    Args:
        init_weights: path or name, as of ``TrainConfig``.

    Returns:
        dict of variant, mixer, embed_dim, depths, image_size and resize, as far as the file tells them.

    Raises:
        FasterNetError: it cannot be read.
    """
    found = _opened(init_weights)
    record = _record(found)
    if record is not None:
        names = ("variant", "mixer", "embed_dim", "depths", "image_size", "resize")
        return {name: getattr(record, name) for name in names}
    shapes = read_shapes(found.weights, found.source)
    variant = variant_of(shapes.embed_dim, shapes.depths)
    return {} if variant is None else {"variant": variant, "mixer": shapes.mixer}


def _opened(init_weights):
    try:
        return open_weights(init_weights)
    except FasterNetError as error:
        raise FasterNetError(str(error), change="init_weights") from None


def _record(found):
    """``Record`` of ``Recognised`` weights; None of those that say nothing, as the notebook's own."""
    if found.record is not None or found.family == "notebook" or found.num_classes is None:
        return found.record
    shapes = read_shapes(found.weights, found.source)
    return foreign_record(found.source, found.weights, variant_of(shapes.embed_dim, shapes.depths) or "t0")


def _preparation(found, config):
    """What a record says of the preparation beyond the settings, where these are the same; differences are told."""
    its = _record(found)
    if its is None:
        return {}
    plain = Record(its.class_names, its.image_size)
    if (its.mean, its.std) != (plain.mean, plain.std):
        raise FasterNetError(f"{found.source} was trained on images normalised otherwise", change="init_weights")
    for name in ("image_size", "resize"):
        if getattr(its, name) != getattr(config, name):
            print(f"note: {name} of {found.source} is {getattr(its, name)}, of this run {getattr(config, name)}")
    return {"interpolation": its.interpolation, "crop_ratio": its.crop_ratio} if its.resize == config.resize else {}


def _take_weights(model, found, class_names):
    """Set the weights of ``model``; a head of other classes is left as it began, which a printed line says."""
    fresh = {name: value.numpy() for name, value in model.state_dict().items()}
    weights, told = fit_head(found, fresh)
    its = _record(found)
    if not told and its is not None and its.class_names != class_names:
        head = _in_order(weights, its.class_names, class_names)
        if head is None:
            head = {name: fresh[name] for name in HEAD}
            told = (
                f"{found.source} knows the classes {shortened(its.class_names)}: its backbone is kept, a new head of "
                f"{len(class_names)} classes begins"
            )
        weights = weights | head
    try:
        set_weights(model, weights, found.source)
    except FasterNetError as error:
        raise FasterNetError(str(error), change=("init_weights", "variant", "mixer")) from None
    if told:
        print(told)


def _in_order(weights, its_names, class_names):
    """The head with its outputs in the order of ``class_names``; None where these are other classes."""
    if sorted(its_names) != sorted(class_names):
        return None
    order = [its_names.index(name) for name in class_names]
    return {"fc.weight": weights["fc.weight"][:, order], "fc.bias": weights["fc.bias"][order]}  # (1280, K), (K,)


@paddle.no_grad()
def set_paper_weights(model):
    """The paper's first weights: convolutions and classifier from a truncated normal distribution, biases 0."""
    draw = nn.initializer.TruncatedNormal(std=DEVIATION)
    for layer in model.sublayers():
        if isinstance(layer, nn.Conv2D | nn.Linear):
            draw(layer.weight)
            if layer.bias is not None:
                layer.bias.set_value(paddle.zeros_like(layer.bias))
