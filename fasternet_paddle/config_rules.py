"""What a recipe's settings may be, one by one and together: the rules of ``TrainConfig``. Standard library only.

    check_settings(config)                 # by the dataclass itself, so that no recipe exists that breaks one

A new setting needs a line here where its type does not say everything: in ``CHOICES``, in ``RANGES``, or below.
"""

import dataclasses
import math
import types
import typing

from .errors import FasterNetError
from .record import RESIZES

DATASETS = ("cifar10", "cifar100", "cifar100-coarse", "digits", "mnist", "folder")
AUGMENTATIONS = ("notebook", "fast", "light")
CHOICES = {  # settings that are one of a few words
    "checks": ("on", "off"),
    "resize": tuple(RESIZES),
    "augment": AUGMENTATIONS,
    "erasing_mode": ("const", "pixel"),
    "class_weights": ("none", "balanced"),
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "constant"),
    "decay": ("all", "weights"),
    "initializer": ("notebook", "paper"),
    "amp": ("off", "bf16", "fp16"),
}
RANGES = {  # settings that are numbers within bounds, where they are given
    "lie in [0, 1)": (
        lambda value: 0 <= value < 1,
        ("val_fraction", "test_fraction", "drop_path", "momentum", "ema_decay", "least_gain"),
    ),
    "lie in (0, 1]": (lambda value: 0 < value <= 1, ("layer_decay",)),
    "lie in [0, 1]": (
        lambda value: 0 <= value <= 1,
        ("label_smoothing", "alpha", "random_erasing", "mix_probability", "mix_switch"),
    ),
    "be at least 1": (
        lambda value: value >= 1,
        ("batch_size", "epochs", "embed_dim", "max_steps", "train_images", "accumulate", "patience", "nproc"),
    ),
    "be above 0": (lambda value: value > 0, ("learning_rate", "clip_norm", "temperature")),
    "be 0 or more": (
        lambda value: value >= 0,
        (
            "weight_decay",
            "num_workers",
            "min_learning_rate",
            "warmup_epochs",
            "warmup_learning_rate",
            "backbone_rate",
            "mixup",
            "cutmix",
        ),
    ),
}
MIN_IMAGE_SIZE = 32  # pixels: the network divides both sides by 32


def check_settings(config):
    """Check every value of a ``TrainConfig`` that can be checked without Paddle or the data.

    Raises:
        FasterNetError: the first rule that is broken; where flags can mend it, with the settings to change.
    """
    for field in dataclasses.fields(config):
        _check_type(field, getattr(config, field.name))
    if config.dataset not in DATASETS:
        raise FasterNetError(f"unknown dataset {config.dataset!r}; known datasets: {', '.join(DATASETS)}")
    for name, known in CHOICES.items():
        if getattr(config, name) not in known:
            raise FasterNetError(f"unknown {name} {getattr(config, name)!r}; known: {', '.join(known)}", change=name)
    for name in ("image_size", "early_image_size"):
        if (size := getattr(config, name)) is not None and size < MIN_IMAGE_SIZE:
            raise FasterNetError(
                f"{name} must be at least {MIN_IMAGE_SIZE} pixels, since the network divides by 32, got {size}"
            )
    for rule, (holds, names) in RANGES.items():
        for name in names:
            value = getattr(config, name)
            if value is not None and not holds(value):
                raise FasterNetError(f"{name} must {rule}, got {value}", change=name)
    _check_together(config)
    if config.depths is not None and (not config.depths or min(config.depths) < 1):
        raise FasterNetError(f"depths must hold at least one block a stage, got {list(config.depths)}")
    if not 0 <= config.seed < 2**32:
        raise FasterNetError(f"seed must lie in [0, 2**32), got {config.seed}")
    if not config.work_path:
        raise FasterNetError("work_path must name a folder, got an empty string")


def _check_together(config):
    """Check what values say of each other; raise ``FasterNetError``."""
    if config.val_fraction + config.test_fraction >= 1:
        raise FasterNetError(
            f"val_fraction and test_fraction must leave something to train on, got {config.val_fraction} and "
            f"{config.test_fraction}",
            change=("val_fraction", "test_fraction"),
        )
    for name in ("min_learning_rate", "warmup_learning_rate"):
        if getattr(config, name) > config.learning_rate:
            raise FasterNetError(
                f"{name} must not be above learning_rate, got {getattr(config, name)} and {config.learning_rate}",
                change=(name, "learning_rate"),
            )
    if config.warmup_epochs and config.warmup_epochs >= config.epochs:
        raise FasterNetError(
            f"warmup_epochs must be fewer than epochs, got {config.warmup_epochs:g} and {config.epochs}",
            change=("warmup_epochs", "epochs"),
        )
    if (config.early_image_size is None) != (config.early_epochs == 0) or not 0 <= config.early_epochs <= config.epochs:
        raise FasterNetError(
            f"early_image_size and early_epochs go together, the epochs from 1 to {config.epochs}, got "
            f"{config.early_image_size} and {config.early_epochs:g}",
            change=("early_image_size", "early_epochs"),
        )
    if config.balanced_sampling and config.class_weights != "none":
        raise FasterNetError(
            "balanced_sampling and class_weights make up for the same thing, so only one of them can be on",
            change=("balanced_sampling", "class_weights"),
        )
    if config.patience is None and config.least_gain:
        raise FasterNetError("least_gain needs patience, which it is a part of", change="patience")
    if config.teacher is None and (config.alpha, config.temperature) != (0.5, 1.0):
        raise FasterNetError("alpha and temperature need a teacher to learn from", change="teacher")


def _check_type(field, value):
    """A config file may hold anything; refuse a value whose type is not the field's."""
    kind = field.type
    may_be_none = isinstance(kind, types.UnionType)
    if may_be_none:
        if value is None:
            return
        kind = typing.get_args(kind)[0]
    is_row = kind not in (str, int, float, bool)
    one = typing.get_args(kind)[0] if is_row else kind
    wanted = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[one]
    allowed = {float: (int, float)}.get(one, one)
    values = value if is_row and isinstance(value, tuple) else (value,)
    sound = all(isinstance(item, allowed) and isinstance(item, bool) == (one is bool) for item in values)
    if not sound or is_row != isinstance(value, tuple):
        wanted = {"text": "words", "a whole number": "whole numbers"}[wanted] if is_row else wanted
        raise FasterNetError(f"{field.name} must be {wanted}{' or nothing' if may_be_none else ''}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise FasterNetError(f"{field.name} must be finite, got {value}")
