"""The state of a run to arrays and back, so that a run goes on to the bit.

The model's arrays stand under ``model/``, the optimizer's under ``optimizer/`` by the names of the network's
parameters; the rest (identity, schedule, epoch, step, sums of the epoch, history) is a dict that JSON can hold. No
generator's state is in it, for none is needed: every random draw of a run is a function of seed, epoch, step and index
(``data/loaders.py``, ``trainer.step_seed``). ``runs/checkpoints.py`` keeps both on disk.
"""

import dataclasses
import json

import numpy as np

from ..config import TrainConfig
from ..data.classes import shortened
from ..errors import FasterNetError
from ..record import Record
from .averaging import own_statistics, put_back_own
from .metrics import History, Progress, Tally
from .schedules import rate_at
from .steps import extras_of, put_back, state_of

# What a resumed run may change: where things lie and what computes them, and epochs, which may grow. The learning rate
# may change too, which is said: it is what mends a run that diverged.
MAY_CHANGE = ("data_path", "checks", "epochs", "num_workers", "work_path", "device")
RATE = "learning_rate"


def run_identity(config, data):
    """What must not change when a run is resumed: the recipe but for ``MAY_CHANGE``, and the training images.

    Images in files are known by paths and sizes, those in memory by their pixels.
    """
    recipe = {name: value for name, value in dataclasses.asdict(config).items() if name not in MAY_CHANGE}
    recipe = json.loads(json.dumps(recipe))  # as a checkpoint holds it: tuples are lists
    return recipe | {"training images (CRC-32)": data.train.fingerprint()}


def snapshot(model, optimizer, scheduler, progress, identity):
    """The state of a run as (arrays, header), as ``Checkpoints.save`` takes them."""
    arrays = {f"model/{name}": value.numpy() for name, value in model.state_dict().items()}
    names = {parameter.name: name for name, parameter in model.named_parameters()}
    state = optimizer.state_dict()
    schedule = state.pop("LR_Scheduler") | {"T_max": scheduler.T_max}
    for key, value in state.items():
        arrays["optimizer/" + _structured(key, names)] = np.asarray(value)
    extras = extras_of(optimizer)
    more, extra = state_of(extras)
    arrays |= more | own_statistics(model, extras)
    header = {"identity": identity, "schedule": schedule, "progress": dataclasses.asdict(progress), **extra}
    if (record := getattr(model, "record", None)) is not None:
        header["record"] = record.to_json()
    return arrays, header


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
    if "record" in header:  # not in those of releases before it
        Record.from_json(header["record"])


def _progress(header):
    values = dict(header["progress"])
    tally, history = Tally(**values.pop("tally")), History(**values.pop("history"))
    return Progress(**values, tally=tally, history=history)


def restore(checkpoint, model, optimizer, scheduler, identity):
    """Put model, optimizer and schedule where ``checkpoint`` left them.

    A schedule of another length (``epochs`` has grown) or of another learning rate is entered where its own cosine
    stands at this step.

    Args:
        checkpoint: ``Checkpoint`` whose header ``check_header`` has seen.
        identity: what ``snapshot`` was given; a run with another one is not continued.

    Returns:
        ``Progress``.

    Raises:
        FasterNetError: recipe or data differ (each difference is named), or the arrays do not fit.
    """
    run = checkpoint.path.parent.parent
    slowed = _check_identity(checkpoint.header["identity"], identity, run)
    _check_classes(checkpoint.header, model, run)
    schedule = _schedule(checkpoint.header["schedule"], scheduler, run, slowed)
    wanted = {f"model/{name}": tuple(value.shape) for name, value in model.state_dict().items()}
    weights = {name: value for name, value in checkpoint.arrays.items() if name.startswith("model/")}
    if {name: value.shape for name, value in weights.items()} != wanted:
        raise FasterNetError(f"{checkpoint.path} does not fit this network", change=("variant", "mixer"))
    state = _optimizer_state(checkpoint, dict(model.named_parameters()))
    model.set_state_dict({name.removeprefix("model/"): value for name, value in weights.items()})
    optimizer.set_state_dict(state | {"LR_Scheduler": schedule})
    put_back(extras_of(optimizer), checkpoint)
    put_back_own(model, extras_of(optimizer), checkpoint)
    return _progress(checkpoint.header)


def _check_identity(then, now, run):
    """Whether the learning rate is another one, which is said; any other difference is refused."""
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    then = defaults | then  # a setting that did not exist when the run was begun
    changed = {k: f"{k} was {then.get(k)}, is {value}" for k, value in now.items() if then.get(k) != value}
    if changed.keys() - {RATE}:
        differences = "; ".join(changed.values())
        raise FasterNetError(
            f"{run} holds a run with another recipe ({differences}), and a run goes on with its own alone",
            change=("nproc", "work_path") if "nproc" in changed else "work_path",
        )
    if changed:
        print(f"{changed[RATE]}: from this step on along the cosine of the new one")
    return bool(changed)


def _check_classes(header, model, run):
    """The classes that a checkpoint was made with, where it says, are those of the network, in their order."""
    record = Record.from_json(header["record"]) if "record" in header else None
    now = getattr(model, "record", None)
    if record is not None and now is not None and record.class_names != now.class_names:
        raise FasterNetError(
            f"{run} holds a run on the classes {shortened(record.class_names)}, now they are "
            f"{shortened(now.class_names)}",
            change=("dataset", "data_path", "work_path"),
        )


def _schedule(then, scheduler, run, is_another_rate):
    """What Paddle's schedule is set to: where it stood, on the cosine of this run's length."""
    if then["T_max"] > scheduler.T_max:
        raise FasterNetError(
            f"epochs may grow when a run is resumed, not shrink: {run} was begun for {then['T_max']} steps, now it is "
            f"{scheduler.T_max}",
            change="epochs",
        )
    step, rate = then["last_epoch"], then["last_lr"]
    if then["T_max"] < scheduler.T_max or is_another_rate:
        rate = rate_at(scheduler, step)
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
