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

from ..config import config_from
from ..errors import FasterNetError
from ..files.configs import read_yaml
from ..files.writing import write_text

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
    "failed_step.safetensors",
)
CHECKPOINTS, HALF_WRITTEN = "checkpoints/step-*.safetensors", "checkpoints/.step-*"


def check_work_path(work_path, overwrite=False, resume=False):
    """Refuse a work path that cannot be written or holds another run, before any long work; nothing is made yet."""
    path = Path(work_path)
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise FasterNetError(
            f"work_path must be a folder, got {path}, but {existing} is a file; choose another --work-path"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise FasterNetError(f"work_path must be writable, got {path}; choose another --work-path")
    if overwrite and resume:
        raise FasterNetError("--resume goes on with a run and --overwrite replaces it; give one of them")
    held = [name for name in RUN_FILES if (path / name).exists()]
    if resume and "config.yaml" not in held:
        raise FasterNetError(f"{path} holds no run to resume; start one without --resume")
    if held and not overwrite and not resume:
        raise FasterNetError(
            f"{path} holds another run ({', '.join(held)}); go on with it with --resume, replace it with --overwrite, "
            f"or choose another --work-path"
        )


def make_work_path(work_path):
    """Make the folder of a run."""
    try:
        Path(work_path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(work_path, error) from error


def clear_work_path(work_path):
    """Take away what another run left in the folder (``check_work_path`` has asked); other files stay."""
    path = Path(work_path)
    try:
        for old in (*(path / name for name in RUN_FILES), *path.glob(CHECKPOINTS)):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(work_path, error) from error


def sweep_work_path(work_path):
    """Remove the temporary files of a process that was killed while it wrote; call it as the only writer."""
    path = Path(work_path)
    for half_written in (*(found for name in RUN_FILES for found in path.glob(f".{name}.*")), *path.glob(HALF_WRITTEN)):
        half_written.unlink(missing_ok=True)


def _unwritable(work_path, error):
    return FasterNetError(f"cannot write work_path {work_path}: {error.strerror}; choose another --work-path")


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
