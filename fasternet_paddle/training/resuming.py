"""The state of a run to arrays and back, so that a run goes on to the bit.

The model's arrays stand under ``model/``, the optimizer's under ``optimizer/`` by the names of the network's
parameters; the rest (identity, schedule, epoch, step, sums of the epoch, history) is a dict that JSON can hold. No
generator's state is in it, for none is needed: every random draw of a run is a function of seed, epoch, step and index
(``data/loaders.py``, ``trainer.step_seed``). ``runs/checkpoints.py`` keeps both on disk.
"""

import dataclasses
import math

import numpy as np

from ..config import TrainConfig
from ..errors import FasterNetError
from .metrics import History, Progress, Tally

# What a resumed run may change: where things lie and what computes them, and epochs, which may grow.
MAY_CHANGE = ("data_path", "checks", "epochs", "num_workers", "work_path", "device")


def run_identity(config, data):
    """What must not change when a run is resumed: the recipe but for ``MAY_CHANGE``, and the training images.

    Images in files are known by paths and sizes, those in memory by their pixels.
    """
    recipe = {name: value for name, value in dataclasses.asdict(config).items() if name not in MAY_CHANGE}
    return recipe | {"training images (CRC-32)": data.train.fingerprint()}


def snapshot(model, optimizer, scheduler, progress, identity):
    """The state of a run as (arrays, header), as ``Checkpoints.save`` takes them."""
    arrays = {f"model/{name}": value.numpy() for name, value in model.state_dict().items()}
    names = {parameter.name: name for name, parameter in model.named_parameters()}
    state = optimizer.state_dict()
    schedule = state.pop("LR_Scheduler") | {"T_max": scheduler.T_max}
    for key, value in state.items():
        arrays["optimizer/" + _structured(key, names)] = np.asarray(value)
    return arrays, {"identity": identity, "schedule": schedule, "progress": dataclasses.asdict(progress)}


def _structured(key, names):
    """``conv2d_0.w_0_moment1_0`` -> ``stem.0.weight/moment1_0``: Paddle's own names count layers ever made."""
    parameter = next(name for name in names if key.startswith(f"{name}_"))
    return f"{names[parameter]}/{key[len(parameter) + 1 :]}"


def check_header(header):
    """Raise ``TypeError`` or ``KeyError`` where the header is not what ``snapshot`` makes."""
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

    A schedule of another length (``epochs`` has grown) is entered where its own cosine stands at this step.

    Args:
        checkpoint: ``Checkpoint`` whose header ``check_header`` has seen.
        identity: what ``snapshot`` was given; a run with another one is not continued.

    Returns:
        ``Progress``.

    Raises:
        FasterNetError: recipe or data differ (each difference is named), or the arrays do not fit.
    """
    run = checkpoint.path.parent.parent
    _check_identity(checkpoint.header["identity"], identity, run)
    schedule = _schedule(checkpoint.header["schedule"], scheduler, run)
    wanted = {f"model/{name}": tuple(value.shape) for name, value in model.state_dict().items()}
    weights = {name: value for name, value in checkpoint.arrays.items() if name.startswith("model/")}
    if {name: value.shape for name, value in weights.items()} != wanted:
        raise FasterNetError(f"{checkpoint.path} does not fit this network", change=("variant", "mixer"))
    state = _optimizer_state(checkpoint, dict(model.named_parameters()))
    model.set_state_dict({name.removeprefix("model/"): value for name, value in weights.items()})
    optimizer.set_state_dict(state | {"LR_Scheduler": schedule})
    return _progress(checkpoint.header)


def _check_identity(then, now, run):
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    then = defaults | then  # a setting that did not exist when the run was begun
    changed = [f"{key} was {then.get(key)}, is {value}" for key, value in now.items() if then.get(key) != value]
    if changed:
        raise FasterNetError(
            f"{run} holds a run with another recipe ({'; '.join(changed)}), and a run goes on with its own alone",
            change="work_path",
        )


def _schedule(then, scheduler, run):
    """What Paddle's schedule is set to: where it stood, on the cosine of this run's length."""
    if then["T_max"] > scheduler.T_max:
        raise FasterNetError(
            f"epochs may grow when a run is resumed, not shrink: {run} was begun for {then['T_max']} steps, now it is "
            f"{scheduler.T_max}",
            change="epochs",
        )
    step, rate = then["last_epoch"], then["last_lr"]
    if then["T_max"] < scheduler.T_max:
        rate = scheduler.base_lr * (1 + math.cos(math.pi * step / scheduler.T_max)) / 2
    return {"last_epoch": step, "last_lr": rate}


def _optimizer_state(checkpoint, parameters):
    """The optimizer's arrays under Paddle's own names, which the parameters of this process carry."""
    state = {}
    for name, value in checkpoint.arrays.items():
        if not name.startswith("optimizer/"):
            continue
        owner, _, moment = name.removeprefix("optimizer/").rpartition("/")
        if owner not in parameters or value.shape not in ((1,), tuple(parameters[owner].shape)):
            raise FasterNetError(f"{checkpoint.path} does not fit this network: {name} {value.shape}")
        state[f"{parameters[owner].name}_{moment}"] = value
    return state
