"""A finished run: the network, and what it was trained with (notebook 2.5).

run = load_run("work/model/best_model.pdparams")      # run.model, run.config, run.class_names
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paddle

from ..config import CIFAR10_NAMES, DATASETS, TrainConfig, config_from
from ..errors import FasterNetError
from ..model.fasternet import build_model, variant_of
from ..weights.pdparams import load_weights, set_weights
from ..weights.shapes import read_shapes
from .folder import CONFIG, load_config


@dataclass(frozen=True)
class Run:
    """A trained network, in eval mode, with the recipe and the class names that it was trained with."""

    model: paddle.nn.Layer
    config: TrainConfig
    class_names: tuple[str, ...]
    history: Any = None
    """``History`` of the training, where it was done here (``run_training``)."""


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
    shapes = read_shapes(arrays, weights)
    config_path = weights.parent / CONFIG
    if config_path.exists():
        config, class_names = load_config(config_path)
    else:
        config, class_names = config_from(_settings(shapes, weights, variant), weights), None

    given = {"variant": variant, "mixer": mixer, "embed_dim": embed_dim, "image_size": image_size}
    config = dataclasses.replace(config, **{name: value for name, value in given.items() if value is not None})
    if num_classes is not None and num_classes < 1:
        raise FasterNetError(f"num_classes must be at least 1, got {num_classes}")
    if num_classes is None:
        num_classes = len(class_names) if class_names else shapes.num_classes
    if class_names is None or len(class_names) != num_classes:
        class_names = CIFAR10_NAMES if num_classes == 10 else tuple(f"class {number}" for number in range(num_classes))

    model = build_model(config, num_classes)
    set_weights(model, arrays, weights)
    model.eval()
    return Run(model, config, class_names)


def exported_run(record):
    """The ``Run`` of an exported network, without a model: what its ``Record`` tells of recipe and classes."""
    known = {name: getattr(record, name) for name in ("variant", "mixer", "embed_dim", "image_size", "resize")}
    if record.dataset in DATASETS:
        known["dataset"] = record.dataset
    return Run(None, TrainConfig(**known), record.class_names)


def _settings(shapes, source, variant):
    """Fields of ``TrainConfig`` that the shapes of a bare weights file tell."""
    if variant is not None:  # its width holds, unless embed_dim says otherwise; a file of another does not fit
        return {"mixer": shapes.mixer}
    name = variant_of(shapes.embed_dim, shapes.depths)
    if name is None:
        raise FasterNetError(
            f"{source} has {shapes.embed_dim} channels and stages of {shapes.depths} blocks, which is no known variant",
            change=("variant", "embed_dim"),
        )
    return {"mixer": shapes.mixer, "variant": name}
