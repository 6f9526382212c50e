"""The folder that a run writes: the name of every file in it, whether it may be written, its recipe and its numbers.

A work path holds the notebook's four files of weights, ``config.yaml`` (the recipe and the class names, enough to
rebuild model and transforms), ``files.csv`` and ``checks.json`` (which files it trains on and what was found in them,
where the images are your own), ``history.csv``, ``metrics.json``, the figures, ``report.html``, and ``checkpoints`` to
go on from. An evaluation may leave its files there as well.
No name of these stands anywhere else.
"""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import yaml

from ..config import BEST_MODEL, EVALUATION_FILES, FINDINGS, LISTING, REPORT, TEST_EVALUATION, config_from
from ..errors import FasterNetError
from ..files.configs import read_yaml
from ..files.lists import write_listing
from ..files.writing import longest_name, write_text
from ..record import BEYOND_THE_RECIPE, Record, check_format
from ..weights.pdparams import save_state, save_weights

CONFIG, HISTORY, METRICS = "config.yaml", "history.csv", "metrics.json"
BEST, FINAL = "best", "final"
# Averaged weights, where the recipe keeps them.
BEST_EMA_MODEL, FINAL_EMA_MODEL = "best_ema_model.pdparams", "final_ema_model.pdparams"
FINAL_MODEL = "final_model.pdparams"  # beside BEST_MODEL, which entries name before they read anything (config.py)
BEST_OPTIMIZER, FINAL_OPTIMIZER = "best_optimizer.pdopt", "final_optimizer.pdopt"
LOSS_FIGURE, ACC_FIGURE, PREDICTIONS_FIGURE = "loss.png", "acc.png", "predictions.png"
FIGURES = (LOSS_FIGURE, ACC_FIGURE, PREDICTIONS_FIGURE)
FAILED_STEP = "failed_step.safetensors"  # the batch whose loss was not finite, and the weights it met
RUN_FILES = (
    CONFIG,
    LISTING,
    FINDINGS,
    HISTORY,
    METRICS,
    BEST_MODEL,
    BEST_OPTIMIZER,
    FINAL_MODEL,
    BEST_EMA_MODEL,
    FINAL_EMA_MODEL,
    FINAL_OPTIMIZER,
    *FIGURES,
    REPORT,
    *(name for name in EVALUATION_FILES if name != REPORT),
    TEST_EVALUATION,
    FAILED_STEP,
)

PANEL = "visualdl"  # a folder of its own: what VisualDL shows
PANEL_FILES = "*vdlrecords*"  # as it names them
CHECKPOINTS = "checkpoints"  # a folder of its own, ``checkpoints.py`` names what is in it
CHECKPOINT_FILES, HALF_WRITTEN = f"{CHECKPOINTS}/step-*.safetensors", f"{CHECKPOINTS}/.step-*"
LOCK = ".lock"
LONGEST_PATH = 4095  # bytes of a whole path on Linux, where it is the longest
LONGEST_INNER = 100  # bytes of the longest path within the folder, that of a checkpoint's temporary file
LOG = "log.txt"  # what training prints, where it is not shown (the ablation)


def check_work_path(work_path, overwrite=False, resume=False):
    """Refuse a work path that cannot be written or holds another run, before any long work; nothing is made yet.

    Args:
        overwrite: a run that is there is to be replaced.
        resume: a run that is there is to be gone on with.
    """
    path = Path(work_path)
    existing = next(folder for folder in (path, *path.absolute().parents) if os.path.exists(folder))
    if not existing.is_dir():
        raise FasterNetError(f"work_path must be a folder, got {path}, but {existing} is a file", change="work_path")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise FasterNetError(f"work_path must be writable, got {path}", change="work_path")
    _check_length(path)
    held = [name for name in RUN_FILES if (path / name).exists()]
    if resume and CONFIG not in held:
        raise FasterNetError(f"{path} holds no run to resume", change="work_path")
    if not resume and not overwrite and _has_results(path, held):
        resumable = ("resume",) if CONFIG in held else ()
        raise FasterNetError(
            f"{path} holds another run ({', '.join(held)})", change=(*resumable, "overwrite", "work_path")
        )


def _check_length(path):
    """Refuse a folder whose name, or whose files' whole paths, are longer than the system takes."""
    name, whole = max((len(os.fsencode(part)) for part in path.parts), default=0), len(os.fsencode(path.absolute()))
    for length, most, what in (
        (name, longest_name(path), "a name in it"),
        (whole, LONGEST_PATH - LONGEST_INNER, "its whole path"),
    ):
        if length > most:
            raise FasterNetError(
                f"work_path is too long for this system: {what} has {length} bytes, at most {most} are taken",
                change="work_path",
            )


def _has_results(path, held):
    """Whether a run got far enough to be lost: beyond its recipe, its list of files and a first step that failed."""
    return bool(set(held) - {CONFIG, LISTING, FINDINGS, FAILED_STEP} or next(path.glob(CHECKPOINT_FILES), None))


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
        for old in (*(path / name for name in RUN_FILES), *path.glob(CHECKPOINT_FILES)):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(work_path, error) from error
    clear_panel(path / PANEL)


def clear_panel(panel):
    """Take away what VisualDL shows of another run in this folder."""
    try:
        for old in Path(panel).glob(PANEL_FILES):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(panel, error) from error


def sweep_work_path(work_path):
    """Remove the temporary files of a process that was killed while it wrote; call it as the only writer."""
    path = Path(work_path)
    for name in RUN_FILES:  # a file that stepped aside while it was replaced (files.writing) comes back
        for aside in () if (path / name).exists() else path.glob(f".{name}.*.old"):
            os.replace(aside, path / name)
            break
    for half_written in (*(found for name in RUN_FILES for found in path.glob(f".{name}.*")), *path.glob(HALF_WRITTEN)):
        half_written.unlink(missing_ok=True)


def _unwritable(work_path, error):
    return FasterNetError(f"cannot write work_path {work_path}: {error.strerror}", change="work_path")


def save_config(config, class_names, work_path, record=None):
    """Write ``config.yaml``: the fields of a ``TrainConfig``, the class names, what else the model's record says."""
    values = {**dataclasses.asdict(config), "class_names": list(class_names)}
    if config.depths is not None:
        values["depths"] = list(config.depths)
    if record is not None:
        values["record"] = record.beyond_the_recipe()
    write_text(Path(work_path) / CONFIG, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def load_config(path):
    """Read a ``config.yaml`` -> (``TrainConfig``, class names or None)."""
    return read_recipe(path)[:2]


def read_recipe(path):
    """Read a ``config.yaml`` -> (``TrainConfig``, class names or None, ``Record`` or None where it keeps none)."""
    values = read_yaml(path)
    beyond = values.pop("record", None)
    class_names = values.pop("class_names", None)
    if class_names is not None:
        if not isinstance(class_names, list) or not class_names or not all(isinstance(n, str) for n in class_names):
            raise FasterNetError(f"class_names in {path} must be a list of names, got {class_names!r:.80}")
        class_names = tuple(class_names)
    config = config_from(values, path)
    return config, class_names, _record(config, class_names, beyond, path)


def _record(config, class_names, beyond, path):
    """The record of a config whose key ``record`` holds ``beyond``; what later releases add is passed over."""
    if beyond is None or class_names is None:
        return None
    if not isinstance(beyond, dict):
        raise FasterNetError(f"record in {path} must be a mapping, got {beyond!r:.80}")
    try:
        check_format(beyond.get("format"))
        known = {name: value for name, value in beyond.items() if name in BEYOND_THE_RECIPE}
        return Record.of(config, class_names, **known)
    except FasterNetError as error:
        raise FasterNetError(f"{path}: {error}") from None


def save_model(model, optimizer, work_path, which):
    """Write the notebook's two files of weights and of the optimizer's state; ``which`` is ``BEST`` or ``FINAL``."""
    names = {BEST: (BEST_MODEL, BEST_OPTIMIZER), FINAL: (FINAL_MODEL, FINAL_OPTIMIZER)}[which]
    model_path, optimizer_path = (Path(work_path) / name for name in names)
    save_weights(model, model_path)
    # As arrays in one order: a resumed optimizer that took no step yet holds its state in another form and order.
    state = {
        name: value if isinstance(value, dict) else np.asarray(value) for name, value in optimizer.state_dict().items()
    }
    save_state(dict(sorted(state.items())), optimizer_path)


def save_weights_file(model, work_path, name):
    """Write weights without an optimizer's state, such as averaged ones."""
    save_weights(model, Path(work_path) / name)


def save_listing(rows, work_path):
    """Write ``files.csv``: (part, path, class, bytes) of every file of a data set that lies in files."""
    write_listing(Path(work_path) / LISTING, rows)


def save_findings(values, work_path):
    """Write ``checks.json``: what the checks of a folder of images found, as plain values."""
    write_text(Path(work_path) / FINDINGS, json.dumps(values) + "\n")  # ASCII: a name may be no text


def save_history(text, work_path):
    """Write ``history.csv``."""
    write_text(Path(work_path) / HISTORY, text)


def save_metrics(values, work_path):
    """Write ``metrics.json``."""
    write_text(Path(work_path) / METRICS, json.dumps(values, indent=2) + "\n")
