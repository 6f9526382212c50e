"""Checkpoints that continue a run to the bit: written whole, verified when read, free of pickle.

A checkpoint is one safetensors file: the model's arrays under ``model/``, the optimizer's under ``optimizer/``, and
in its header the rest as JSON (epoch, step, sums of the epoch, history, schedule). Its name carries the step and the
first 16 digits of the SHA-256 of its content. No generator's state is in it, for none is needed: every random draw of
a run is a function of seed, epoch, step and index (``loaders.py``, ``trainer.step_seed``).
"""

import dataclasses
import hashlib
import json
import math
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from ..errors import FasterNetError
from ..files.opening import open_file
from ..files.writing import atomic_path
from .metrics import History, Tally

FOLDER = "checkpoints"
NAME = re.compile(r"step-(\d{9})-([0-9a-f]{16})\.safetensors")
FAILURE = "failed_step.safetensors"
FORMAT = 1
LARGEST = 4 << 30  # bytes; FasterNet-L with its moments takes 1.1 GB


@dataclass
class Progress:
    """Where a run stands: ``step`` steps of ``epoch`` are done, with the sums of that epoch in ``tally``;
    ``learning_rate`` is the epoch's first."""

    epoch: int = 0
    step: int = 0
    learning_rate: float = 0.0
    tally: Tally = field(default_factory=Tally)
    history: History = field(default_factory=History)


class Checkpoints:
    """Saves every ``every`` seconds and keeps the last ``keep``.

    Args:
        work_path: the run's folder.
        every: seconds between two checkpoints; 0 saves after each step.
        keep: how many to keep, at least 1.
        identity: dict that must be the same for a run to be continued: recipe and data.
    """

    def __init__(self, work_path, every=60.0, keep=2, identity=None):
        self.folder = Path(work_path) / FOLDER
        self.every = every
        self.keep = keep
        self.identity = identity or {}
        self.last = time.monotonic()

    def is_due(self):
        return time.monotonic() - self.last >= self.every

    def save(self, model, optimizer, scheduler, progress, steps):
        """Write a checkpoint after ``steps`` optimizer steps of the run and remove the oldest ones beyond ``keep``.

        Raises:
            FasterNetError: the disk refuses it, or a value is not finite; the earlier ones are then intact.
        """
        arrays = {f"model/{name}": value.numpy() for name, value in model.state_dict().items()}
        names = {parameter.name: name for name, parameter in model.named_parameters()}
        state = optimizer.state_dict()
        schedule = state.pop("LR_Scheduler") | {"T_max": scheduler.T_max}
        for key, value in state.items():
            arrays["optimizer/" + _structured(key, names)] = np.asarray(value)
        broken = [name for name, value in arrays.items() if not np.isfinite(value).all()]
        if broken:
            raise FasterNetError(
                f"after step {steps} {broken[0]} holds values that are not finite; "
                f"no checkpoint is written; lower --learning-rate and --resume from the last one"
            )
        header = {
            "format": FORMAT,
            "identity": self.identity,
            "schedule": schedule,
            "progress": dataclasses.asdict(progress),
        }
        content = safetensors.numpy.save(arrays, {"fasternet_paddle": json.dumps(header)})
        digest = hashlib.sha256(content).hexdigest()[:16]
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise FasterNetError(f"cannot write {self.folder}: {error.strerror}") from error
        with atomic_path(self.folder / f"step-{steps:09d}-{digest}.safetensors") as temporary:
            temporary.write_bytes(content)
        for old in _newest_first(self.folder)[self.keep :]:
            old.unlink(missing_ok=True)
        self.last = time.monotonic()


def _structured(key, names):
    """``conv2d_0.w_0_moment1_0`` -> ``stem.0.weight/moment1_0``: Paddle's own names count layers ever made."""
    parameter = next(name for name in names if key.startswith(f"{name}_"))
    return f"{names[parameter]}/{key[len(parameter) + 1 :]}"


def _newest_first(folder):
    found = [path for path in folder.glob("step-*.safetensors") if NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (path.name[:14], path.stat().st_mtime_ns), reverse=True)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and verified: ``arrays`` by name, and the header."""

    path: Path
    arrays: dict
    header: dict


def latest_checkpoint(work_path):
    """The newest checkpoint that is whole; a damaged one is passed over with a warning.

    Returns:
        ``Checkpoint``, or None where the run was ended before its first.

    Raises:
        FasterNetError: there are checkpoints, but none is whole.
    """
    paths = _newest_first(Path(work_path) / FOLDER)
    for path in paths:
        try:
            return read_checkpoint(path)
        except FasterNetError as error:
            print(f"warning: {error}; trying the one before", file=sys.stderr)
    if paths:
        raise FasterNetError(f"no checkpoint in {work_path} is whole; start again with --overwrite")
    return None


def read_checkpoint(path):
    """Read and verify one checkpoint.

    Raises:
        FasterNetError: its content is not what its name or its format says.
    """
    with open_file(path, LARGEST) as (file, _):
        content = file.read()
    if hashlib.sha256(content).hexdigest()[:16] != NAME.fullmatch(Path(path).name)[2]:
        raise FasterNetError(f"{path} is damaged: its checksum is not the one in its name")
    try:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["fasternet_paddle"])
        arrays = safetensors.numpy.load(content)
        if header["format"] != FORMAT:
            raise FasterNetError(f"{path} has format {header['format']}, this version reads {FORMAT}")
        _check(header)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, FasterNetError):
            raise
        raise FasterNetError(f"{path} is not a checkpoint of this package ({type(error).__name__})") from error
    return Checkpoint(Path(path), arrays, header)


def _check(header):
    """Raise ``TypeError`` or ``KeyError`` where the header is not what ``save`` writes."""
    progress, schedule = _progress(header), header["schedule"]
    counts = [progress.epoch, progress.step, progress.tally.correct, progress.tally.seen, schedule["last_epoch"]]
    history = progress.history
    numbers = [progress.learning_rate, progress.tally.loss_sum, schedule["last_lr"], schedule["T_max"]]
    numbers += [value for row in history.rows for value in row.values()]
    for record in (history.loss_record, history.acc_record):
        numbers += [value for part in ("train", "val") for values in record[part].values() for value in values]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise TypeError("a count is no whole number")
    if not all(type(number) in (int, float) for number in numbers) or schedule["T_max"] < 1:
        raise TypeError("a value is no number")
    if not isinstance(header["identity"], dict):
        raise TypeError("the identity is no dict")


def _progress(header):
    values = dict(header["progress"])
    tally, history = Tally(**values.pop("tally")), History(**values.pop("history"))
    return Progress(**values, tally=tally, history=history)


def restore(checkpoint, model, optimizer, scheduler, identity):
    """Put model, optimizer and schedule where ``checkpoint`` left them.

    A schedule of another length (``--epochs`` has grown) is entered where its own cosine stands at this step.

    Args:
        identity: what ``Checkpoints`` was given; a run with another one is not continued.

    Returns:
        ``Progress``.

    Raises:
        FasterNetError: recipe or data differ (each difference is named), or the arrays do not fit.
    """
    then = checkpoint.header["identity"]
    changed = [f"{key} was {then.get(key)}, is {now}" for key, now in identity.items() if then.get(key) != now]
    if changed:
        raise FasterNetError(
            f"{checkpoint.path.parent.parent} holds a run with another recipe ({'; '.join(changed)}); "
            f"give its settings, or start a new run in another --work-path"
        )
    parameters = dict(model.named_parameters())
    wanted = {f"model/{name}": tuple(value.shape) for name, value in model.state_dict().items()}
    weights = {name: value for name, value in checkpoint.arrays.items() if name.startswith("model/")}
    if {name: value.shape for name, value in weights.items()} != wanted:
        raise FasterNetError(f"{checkpoint.path} does not fit this network; give the run's --variant and --mixer")
    model.set_state_dict({name.removeprefix("model/"): value for name, value in weights.items()})

    state = {}
    for name, value in checkpoint.arrays.items():
        owner, _, moment = name.removeprefix("optimizer/").rpartition("/")
        if name.startswith("optimizer/"):
            if owner not in parameters or value.shape not in ((1,), tuple(parameters[owner].shape)):
                raise FasterNetError(f"{checkpoint.path} does not fit this network: {name} {value.shape}")
            state[f"{parameters[owner].name}_{moment}"] = value
    schedule = dict(checkpoint.header["schedule"])
    if schedule["T_max"] > scheduler.T_max:
        raise FasterNetError(
            f"--epochs may grow when a run is resumed, not shrink: {checkpoint.path.parent.parent} was begun for "
            f"{schedule['T_max']} steps, now it is {scheduler.T_max}"
        )
    if schedule["T_max"] < scheduler.T_max:
        share = schedule["last_epoch"] / scheduler.T_max
        schedule["last_lr"] = scheduler.base_lr * (1 + math.cos(math.pi * share)) / 2
    state["LR_Scheduler"] = {key: schedule[key] for key in ("last_epoch", "last_lr")}
    optimizer.set_state_dict(state)
    return _progress(checkpoint.header)


def save_failure(work_path, model, images, labels):
    """Write the batch whose loss was not finite and the weights it met, to look into; returns the file's path."""
    path = Path(work_path) / FAILURE
    arrays = {f"model/{name}": value.numpy() for name, value in model.state_dict().items()}
    arrays |= {"images": images.numpy(), "labels": labels.numpy()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(safetensors.numpy.save(arrays))
    return path
