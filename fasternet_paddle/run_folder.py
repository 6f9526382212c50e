"""The folder that a run writes: what belongs into it, whether it may be written, its recipe and its numbers.

A work path holds ``best_model.pdparams``, ``best_optimizer.pdopt``, ``final_model.pdparams``,
``final_optimizer.pdopt`` (the notebook's names and format), ``config.yaml`` (the recipe and the class names, enough
to rebuild model and transforms), ``history.csv``, ``metrics.json`` and the figures.
"""

import dataclasses
import json
import os
from pathlib import Path

import yaml

from .config import config_from
from .errors import FasterNetError
from .files import write_text
from .safe_read import read_yaml

RUN_FILES = (
    "config.yaml",
    "history.csv",
    "metrics.json",
    "best_model.pdparams",
    "best_optimizer.pdopt",
    "final_model.pdparams",
    "final_optimizer.pdopt",
    "loss.png",
    "acc.png",
    "predictions.png",
)


def check_work_path(work_path, overwrite=False):
    """Refuse a work path that cannot be written or holds another run, before any long work; nothing is made yet."""
    path = Path(work_path)
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise FasterNetError(
            f"work_path must be a folder, got {path}, but {existing} is a file; choose another --work-path"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise FasterNetError(f"work_path must be writable, got {path}; choose another --work-path")
    held = [name for name in RUN_FILES if (path / name).exists()]
    if held and not overwrite:
        raise FasterNetError(
            f"{path} holds another run ({', '.join(held)}); choose another --work-path or replace it with --overwrite"
        )


def open_work_path(work_path):
    """Make the folder of a run and take away what another run left in it (``check_work_path`` has asked)."""
    path = Path(work_path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in RUN_FILES:
            (path / name).unlink(missing_ok=True)
    except OSError as error:
        raise FasterNetError(f"cannot write work_path {path}: {error.strerror}; choose another --work-path") from error


def save_config(config, class_names, work_path):
    """Write ``config.yaml``: the fields of a ``TrainConfig`` and the class names."""
    values = {**dataclasses.asdict(config), "class_names": list(class_names)}
    write_text(Path(work_path) / "config.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def save_metrics(values, work_path):
    """Write ``metrics.json``."""
    write_text(Path(work_path) / "metrics.json", json.dumps(values, indent=2) + "\n")


def load_config(path):
    """Read a ``config.yaml`` -> (``TrainConfig``, class names or None)."""
    values = read_yaml(path)
    class_names = values.pop("class_names", None)
    if class_names is not None:
        if not isinstance(class_names, list) or not class_names or not all(isinstance(n, str) for n in class_names):
            raise FasterNetError(f"class_names in {path} must be a list of names, got {class_names!r:.80}")
        class_names = tuple(class_names)
    return config_from(values, path), class_names
