"""From a config and data to a run: the one place where a ``TrainConfig`` becomes model, loaders, loss and optimizer.

    run = run_training(TrainConfig(dataset="digits", image_size=32, batch_size=32, epochs=15))
    run.history.best()["val_top1"]                 # 0.98 after two minutes on two cores
    run.model, run.class_names                     # the best epoch's network, in eval mode

or step by step, as the notebook's cells are:

    parts = make_parts(config, data)
    history = fit(*parts, config.epochs, config.work_path, seed=config.seed)
"""

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle

from ..config import CHECKPOINT_EVERY, KEEP_CHECKPOINTS, TrainConfig
from ..data.datasets import load_data
from ..data.loaders import Loader, make_loaders
from ..data.preparation import preparation
from ..data.randaugment import RandAugment
from ..data.samplers import balanced_weights
from ..errors import FasterNetError
from ..model.fasternet import check_names
from ..model.losses import LabelSmoothingCrossEntropy
from ..results.plots import show_predictions
from ..results.trial import drawable
from ..runs import folder
from ..runs.run import load_run
from ..runtime import group, machine, ranks
from .beginning import begin_model
from .forecast import Rate
from .optimizers import make_optimizer
from .panel import Panel, log_writer
from .reporting import report_run
from .session import Session
from .several import of_the_first, train_in_processes
from .steps import make_extras
from .trainer import fit


class Parts(NamedTuple):
    """What a run is made of, in the order in which ``fit`` takes it."""

    model: paddle.nn.Layer
    train_loader: Loader
    val_loader: Loader
    criterion: paddle.nn.Layer
    optimizer: paddle.optimizer.Optimizer
    scheduler: Any
    """``paddle.optimizer.lr.LRScheduler``, stepped every iteration."""

    def close(self):
        """End the loading processes; iterating again starts new ones."""
        self.train_loader.close()
        self.val_loader.close()


def make_parts(config, data):
    """``Parts`` of a run of ``config`` (a ``TrainConfig``) on ``data`` (an ``ImageData``).

    Seeds every generator with ``config.seed`` first: the same config gives the same first weights each time.

    Raises:
        FasterNetError: an unknown variant or mixer, or fewer training images than a batch holds.
    """
    machine.seed_everything(config.seed)
    model = _spread(begin_model(config, data.class_names), config)
    train_loader, val_loader = make_loaders(data, config, preparation(model.record))
    _warn_of_worthless(config, data)
    balanced = config.class_weights == "balanced"
    weight = balanced_weights(data.train.labels, len(data.class_names)) if balanced else None
    criterion = LabelSmoothingCrossEntropy(config.label_smoothing, weight)
    steps_per_epoch = len(data.train) // config.batch_size  # the notebook's number, also when max_steps ends it early
    optimizer, scheduler = make_optimizer(model, config, steps_per_epoch)
    optimizer.extras = make_extras(config, model, model.record)
    optimizer.extras.share = train_loader.share
    return Parts(model, train_loader, val_loader, criterion, optimizer, scheduler)


def run_training(
    config,
    *,
    resume=False,
    overwrite=False,
    checkpoint_every=CHECKPOINT_EVERY,
    keep_checkpoints=KEEP_CHECKPOINTS,
    visualdl=False,
):
    """Train as ``python -m fasternet_paddle.train`` does: the same lines, files, checkpoints and numbers.

    Args:
        config: ``TrainConfig``.
        resume: go on with the run in ``config.work_path``, to the end that it would have had (``epochs`` may grow).
        overwrite: replace the run that is there.
        checkpoint_every: seconds between two checkpoints; 0 saves after each step.
        keep_checkpoints: how many to keep, at least 1.
        visualdl: also write what VisualDL's panel shows, into the folder ``visualdl`` there.

    Returns:
        ``Run`` with the best epoch's network, as ``load_run`` reads it from ``best_model.pdparams``, its history, and
        what it does on test images.

    Raises:
        FasterNetError: whatever a user can mend; found before any long work where that can be.
        Stopped: Ctrl-C or SIGTERM ended the run; it is saved, and ``resume=True`` goes on with it.
    """
    check_names(config.variant, config.mixer)
    if visualdl:
        log_writer()  # refuse now what is not installed
    options = {"resume": resume, "overwrite": overwrite}
    options |= {"checkpoint_every": checkpoint_every, "keep_checkpoints": keep_checkpoints}
    if config.nproc > 1 and ranks.count() == 1:
        return _as_run(config, *train_in_processes(config, options | {"visualdl": visualdl}))
    if config.auto_augment:
        RandAugment.read(config.auto_augment)  # refused before the data are loaded
    session = Session(config, **options)
    machine.begin(group.device(config.device), config.seed, train_size=config.image_size)
    with ranks.first_goes_first():  # what it finds in the files, and keeps, the others need not look for
        data = load_data(config, config.work_path if resume else None)
    data = session.match(data)
    print(f"train_dataset: {len(data.train)}\nval_dataset: {len(data.val)}")
    if data.checked is not None:
        print("\n".join(data.checked.lines()))
    with drawable(data.class_names), contextlib.closing(make_parts(config, data)) as parts, session:
        session.start(parts, data)
        rate = Rate(session.progress, config.batch_size)
        shows = visualdl and ranks.is_first()
        with _panel(config, data) if shows else contextlib.nullcontext() as panel:
            after = [panel] if shows else []
            history = fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session, after_epoch=after)
        speed = rate.described()
        if not ranks.is_first():
            return None
        session.end()
        best = load_run(Path(config.work_path) / folder.BEST_MODEL)
        test = report_run(best, history, data, parts.val_loader, speed=speed, after_batch=session.leave_if_asked)
    return dataclasses.replace(best, history=history, test=test)


def train_share(config, options):
    """``run_training`` in one of several processes: (``History``, ``ClassMetrics`` or None) in the first, else None."""
    config, options = of_the_first(config, options)
    run = run_training(config, **options)
    return None if run is None else (run.history, run.test)


def _as_run(config, history, test):
    """The best epoch's ``Run`` that other processes left in the work path."""
    best = load_run(Path(config.work_path) / folder.BEST_MODEL)
    return dataclasses.replace(best, history=history, test=test)


@paddle.no_grad()
def _spread(model, config):
    """``model`` with the first process's weights in all of them."""
    if config.sync_batch_norm:
        if not paddle.get_device().startswith("gpu"):
            raise FasterNetError("sync_batch_norm needs GPUs: Paddle has none on a CPU", change="sync_batch_norm")
        model = paddle.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    ranks.spread(model.state_dict().values())
    return model


def _panel(config, data):
    """VisualDL's panel of a run, with what its network answers for the first validation images."""

    def draw(model):
        return show_predictions(model, data, config.image_size, prepare=preparation(model.record))[0].figure

    return Panel(Path(config.work_path) / folder.PANEL, draw)


# Settings that do nothing without another one, and whether that is there.
NEEDS = {
    "mix_probability": ("mixup or cutmix", lambda config: config.mixup or config.cutmix),
    "mix_switch": ("mixup and cutmix", lambda config: config.mixup and config.cutmix),
    "erasing_mode": ("random_erasing", lambda config: config.random_erasing),
    "momentum": ("the optimizer sgd", lambda config: config.optimizer == "sgd"),
    "min_learning_rate": ("the schedule cosine", lambda config: config.schedule == "cosine"),
    "warmup_learning_rate": ("warmup_epochs", lambda config: config.warmup_epochs),
    "sync_batch_norm": ("several processes", lambda config: config.nproc > 1),
}


def _warn_of_worthless(config, data):
    """Recipes that train to the end and say nothing, and settings that do nothing."""
    said = [
        f"{name} {getattr(config, name)} does nothing without {what}"
        for name, (what, is_there) in NEEDS.items()
        if getattr(config, name) != getattr(TrainConfig, name) and not is_there(config)
    ]
    if config.freeze and config.init_weights is None:
        said.append(f"{', '.join(config.freeze)} stays as the seed made it; frozen parts need init_weights")
    if config.batch_size < 2 * config.nproc:
        said.append(
            "with one image a process batch norm takes mean and deviation of that image, which validation never sees: "
            "the accuracy will be near chance; take a batch_size of 8 or more for each"
        )
    if len(np.unique(data.train.labels)) == 1:
        name = data.class_names[int(data.train.labels[0])]
        said.append(
            f"all {len(data.train)} training images are of the class {name!r}: a network that always answers so is "
            f"right about them, and accuracy says nothing"
        )
    for sentence in said:
        print(f"warning: {sentence}", file=sys.stderr)
