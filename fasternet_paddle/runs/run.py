"""Weights on disk: saved in the notebook's format, loaded without trusting the file (notebook 2.4)."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paddle

from ..config import CIFAR10_NAMES, TrainConfig, config_from
from ..errors import FasterNetError
from ..files.pickles import read_pickle
from ..files.writing import atomic_path
from ..model.fasternet import VARIANTS, create_model
from .folder import load_config

NOTES = "StructuredToParameterName@@"  # a table that Paddle keeps beside the weights


def save_state(state, path):
    """Write a ``state_dict`` in the notebook's format (``paddle.save``), whole or not at all."""
    with atomic_path(path) as temporary:
        paddle.save(state, str(temporary))


def save_model(model, optimizer, work_path, which):
    """Write ``<which>_model.pdparams`` and ``<which>_optimizer.pdopt``; ``which`` is "best" or "final"."""
    save_state(model.state_dict(), Path(work_path) / f"{which}_model.pdparams")
    # As arrays in one order: a resumed optimizer that took no step yet holds its state in another form and order.
    state = {
        name: value if isinstance(value, dict) else np.asarray(value) for name, value in optimizer.state_dict().items()
    }
    save_state(dict(sorted(state.items())), Path(work_path) / f"{which}_optimizer.pdopt")


def load_weights(path):
    """Read a ``.pdparams`` file, the notebook's or this package's, without running anything that it may carry.

    Returns:
        Dict of parameter name to numpy array.

    Raises:
        FasterNetError: the file is missing, damaged, refused, or holds something other than named arrays.
    """
    state = read_pickle(path)
    if not isinstance(state, dict):
        raise FasterNetError(f"{path} must hold a dict of named arrays, got a {type(state).__name__}")
    weights = {name: value for name, value in state.items() if name != NOTES}
    wrong = [str(name) for name, value in weights.items() if not (isinstance(name, str) and _is_float_array(value))]
    if wrong or not weights:
        raise FasterNetError(
            f"{path} must hold named arrays of floats, got {_some(wrong) if wrong else 'none'} that are not; "
            f"is it a model's .pdparams file?"
        )
    return weights


def _is_float_array(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def set_weights(model, weights, source):
    """Copy ``weights`` (a dict as from ``load_weights``) into ``model``; every key and shape must match.

    Raises:
        FasterNetError: keys that are missing, extra or misshapen, each listed; the model is then unchanged.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    problems = []
    if missing := [name for name in wanted if name not in weights]:
        problems.append(f"missing {_some(missing)}")
    if extra := [name for name in weights if name not in wanted]:
        problems.append(f"extra {_some(extra)}")
    misshapen = [
        f"{name} {weights[name].shape} for {shape}"
        for name, shape in wanted.items()
        if name in weights and weights[name].shape != shape
    ]
    if misshapen:
        problems.append(f"misshapen {_some(misshapen)}")
    if problems:
        raise FasterNetError(
            f"{source} does not fit this network: {'; '.join(problems)}; name its --variant, --mixer and --num-classes"
        )
    model.set_state_dict({name: weights[name].astype(np.float32) for name in wanted})


def _some(names, most=6):
    """List names, the first few of many."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


@dataclass(frozen=True)
class Run:
    """A trained network, in eval mode, with the recipe and the class names that it was trained with."""

    model: paddle.nn.Layer
    config: TrainConfig
    class_names: tuple[str, ...]


def load_run(weights, variant=None, mixer=None, embed_dim=None, num_classes=None, image_size=None):
    """Rebuild the network that a weights file belongs to.

    What is not given comes from the ``config.yaml`` beside the file and, where there is none (the notebook's own
    files), from the shapes in it; 224 pixels are assumed then.

    Args:
        weights: path of a ``.pdparams`` file.
        variant, mixer, embed_dim, num_classes, image_size: what to take in place of config and shapes.

    Raises:
        FasterNetError: the file or its config cannot be read, or it does not fit the network.
    """
    weights = Path(weights)
    arrays = load_weights(weights)
    config_path = weights.parent / "config.yaml"
    if config_path.exists():
        config, class_names = load_config(config_path)
    else:
        config, class_names = config_from(_shape_settings(arrays, weights, variant), weights), None

    given = {"variant": variant, "mixer": mixer, "embed_dim": embed_dim, "image_size": image_size}
    config = dataclasses.replace(config, **{name: value for name, value in given.items() if value is not None})
    if num_classes is not None and num_classes < 1:
        raise FasterNetError(f"num_classes must be at least 1, got {num_classes}")
    if num_classes is None:
        num_classes = len(class_names) if class_names else _num_classes(arrays, weights)
    if class_names is None or len(class_names) != num_classes:
        class_names = CIFAR10_NAMES if num_classes == 10 else tuple(f"class {number}" for number in range(num_classes))

    model = build_model(config, num_classes)
    set_weights(model, arrays, weights)
    model.eval()
    return Run(model, config, class_names)


def build_model(config, num_classes):
    """The network that a ``TrainConfig`` names, with fresh weights."""
    overrides = {} if config.embed_dim is None else {"embed_dim": config.embed_dim}
    return create_model(config.variant, num_classes, mixer=config.mixer, **overrides)


def _num_classes(arrays, source):
    if "fc.bias" not in arrays or arrays["fc.bias"].ndim != 1:
        raise FasterNetError(f"{source} is not a FasterNet: it lacks the classifier's fc.bias")
    return len(arrays["fc.bias"])


def _shape_settings(arrays, source, variant):
    """Read variant, mixer and width off the shapes of a bare weights file."""
    stem, mixer = arrays.get("stem.0.weight"), arrays.get("feature.0.0.pconv.conv.weight")
    if stem is None or mixer is None or stem.ndim != 4 or mixer.ndim != 4:
        raise FasterNetError(f"{source} is not a FasterNet: it lacks stem.0.weight or feature.0.0.pconv.conv.weight")
    width = stem.shape[0]
    settings = {"mixer": {1: "dwconv", width: "conv"}.get(mixer.shape[1], "pconv")}
    if variant is not None:  # its width holds, unless embed_dim says otherwise; a file of another does not fit
        return settings
    depths = tuple(_depth(arrays, 2 * stage) for stage in range(4))
    for name, sizes in VARIANTS.items():
        if (sizes["embed_dim"], sizes["depths"]) == (width, depths):
            return settings | {"variant": name}
    raise FasterNetError(
        f"{source} has {width} channels and stages of {depths} blocks, which is no known variant; "
        f"name its --variant and --embed-dim"
    )


def _depth(arrays, stage):
    """Number of blocks of ``feature.<stage>``."""
    depth = 0
    while f"feature.{stage}.{depth}.conv1.weight" in arrays:
        depth += 1
    return depth
