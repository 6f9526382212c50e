"""The training loop, in sight: one epoch, one validation, and the run made of them (notebook 2.4).

    loss, top1 = train_one_epoch(...)     # over the training images
    loss, top1 = validate(...)            # over the validation images
    history = fit(...)                    # epochs of both; best and final weights under work/model

The notebook's recipe reaches 92.8 % on CIFAR-10 in 100 epochs, by its own account (one seed, best epoch chosen on the
validation images).
"""

import math
import sys
import time
import warnings

import numpy as np
import paddle
from tqdm import tqdm

from ..errors import FasterNetError, Stopped
from ..files.writing import write_text
from ..runs.folder import save_metrics
from ..runs.run import save_model
from .metrics import Tally, count_correct
from .resuming import Progress, save_failure

FORECAST_STEPS = 3  # steps timed, after a first one that warms up, before the run's length is foretold
FORECAST_FROM = 120  # seconds; a shorter run needs no warning
LOWER = "lower --learning-rate, and go on with --resume or start again with --overwrite"


class DivergedError(FasterNetError):
    """The loss of ``step`` is NaN or infinite; ``images`` and ``labels`` are its batch."""

    def __init__(self, value, step, images, labels):
        super().__init__(f"the loss of step {step} is {value}; {LOWER}")
        self.images, self.labels = images, labels


def make_optimizer(model, config, steps_per_epoch):
    """The notebook's AdamW and cosine schedule.

    The learning rate falls from ``config.learning_rate`` to 0 over all steps of the run, step by step.

    Returns:
        (optimizer, scheduler)
    """
    scheduler = paddle.optimizer.lr.CosineAnnealingDecay(config.learning_rate, T_max=steps_per_epoch * config.epochs)
    optimizer = paddle.optimizer.AdamW(
        parameters=model.parameters(), learning_rate=scheduler, weight_decay=config.weight_decay
    )
    return optimizer, scheduler


def step_seed(seed, step):
    """Seed of Paddle's generator for optimizer step ``step`` of a run: what is random in a step (drop path) depends
    on seed and step alone, so that a resumed run needs no generator's state."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1)[0])


def train_one_epoch(
    model, loader, criterion, optimizer, scheduler, progress=None, *, seed=None, steps_before=0, after_step=None
):
    """One pass over ``loader`` in training mode; the model is left in that mode.

    Args:
        loader: yields (images ``(N, 3, H, W)``, labels ``(N,)``).
        progress: ``Progress`` to go on from: its tally, steps and history grow. By default a new one.
        seed: of the run; None leaves Paddle's generator alone.
        steps_before: optimizer steps that the run took before this epoch.
        after_step: called after each step, without arguments.

    Returns:
        ``Tally`` of the epoch: losses and right answers as they were when each batch was met.

    Raises:
        DivergedError: a loss is NaN or infinite; weights and optimizer are as before that step.
    """
    progress = Progress() if progress is None else progress
    model.train()
    warnings.filterwarnings("ignore", message="When training, we now always track global")  # Paddle, at every step
    for images, labels in _bar(loader, "train"):
        batch = progress.step
        if seed is not None:
            paddle.seed(step_seed(seed, steps_before + batch))
        logits = model(images)
        loss = criterion(logits, labels)
        value = float(loss)
        if not math.isfinite(value):
            raise DivergedError(value, steps_before + batch, images, labels)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        scheduler.step()

        progress.tally.add(value, count_correct(logits.detach(), labels), len(labels))
        progress.history.add_step(batch, steps_before + batch, value)
        progress.step += 1
        if after_step is not None:
            after_step()
    return progress.tally


@paddle.no_grad()
def validate(model, loader, criterion, after_batch=None):
    """One pass over ``loader`` in evaluation mode; the model's mode is put back afterwards.

    Returns:
        ``Tally`` whose loss and accuracy weigh every image alike.
    """
    was_training = model.training
    model.eval()
    tally = Tally()
    try:
        for images, labels in _bar(loader, "val"):
            logits = model(images)
            tally.add(float(criterion(logits, labels)), count_correct(logits, labels), len(labels))
            if after_batch is not None:
                after_batch()
    finally:
        if was_training:
            model.train()
    return tally


def fit(
    model,
    train_loader,
    val_loader,
    criterion,
    optimizer,
    scheduler,
    epochs,
    work_path,
    *,
    seed=None,
    progress=None,
    checkpoints=None,
    stop=None,
):
    """Train for ``epochs``, validate after each, and keep the best and the final weights under ``work_path``.

    Prints the notebook's three lines an epoch, and before a long run how long it will take.

    Args:
        seed: of the run, for what is random in a step.
        progress: where a resumed run stands; by default at its beginning.
        checkpoints: ``Checkpoints`` that save the run from time to time and at its end.
        stop: ``StopRequest`` that is asked between steps.

    Returns:
        ``History`` of the run.

    Raises:
        Stopped: ``stop`` was asked to; the run is saved.
        FasterNetError: a loss is not finite, or the disk refuses a file; what was saved before is intact.
    """
    progress = Progress() if progress is None else progress
    history = progress.history
    if progress.epoch >= epochs:  # the last checkpoint is written last, so all else is there
        return history
    steps_per_epoch = train_loader.sampler.steps
    forecast = Forecast(train_loader, val_loader, epochs - progress.epoch)

    def save():
        if checkpoints is not None:
            checkpoints.save(model, optimizer, scheduler, progress, progress.epoch * steps_per_epoch + progress.step)

    def after_step():
        forecast()
        if checkpoints is not None and checkpoints.is_due():
            save()
        leave_if_asked()

    def leave_if_asked():
        if stop is not None and stop.signal is not None:
            save()
            raise Stopped(stop.signal)

    while progress.epoch < epochs:
        epoch, steps_before = progress.epoch, progress.epoch * steps_per_epoch
        if progress.step == 0:
            progress.learning_rate = optimizer.get_lr()
        print(f"#===epoch: {epoch}, lr={progress.learning_rate:.10f}===#", flush=True)

        train_loader.sampler.set_epoch(epoch, progress.step)
        try:
            train = train_one_epoch(
                model,
                train_loader,
                criterion,
                optimizer,
                scheduler,
                progress,
                seed=seed,
                steps_before=steps_before,
                after_step=after_step,
            )
            print(f"#===epoch: {epoch}, train loss is: {train.loss:.6f}, train acc is: {train.top1 * 100:2.2f}%===#")
            val = validate(model, val_loader, criterion, after_batch=leave_if_asked)
        except DivergedError as error:
            path = save_failure(work_path, model, error.images, error.labels)
            raise FasterNetError(f"{error}; the batch and the weights before it are in {path}") from None
        except FasterNetError:
            leave_if_asked()  # the signal that reached this process may have ended a loading one
            raise
        if not math.isfinite(val.loss):
            raise FasterNetError(
                f"the validation loss after step {steps_before + progress.step} is {val.loss}; {LOWER}"
            )
        print(f"#===epoch: {epoch}, val loss is: {val.loss:.6f}, val acc is: {val.top1 * 100:2.2f}%===#", flush=True)

        best = history.best()
        history.add_epoch(epoch, steps_before + steps_per_epoch, progress.learning_rate, train, val)
        write_text(f"{work_path}/history.csv", history.csv())
        if best is None or val.top1 > best["val_top1"]:
            save_model(model, optimizer, work_path, "best")
        progress.epoch, progress.step, progress.tally = epoch + 1, 0, Tally()

    save_model(model, optimizer, work_path, "final")
    save_metrics(summary(history), work_path)
    save()
    return history


def summary(history):
    """What ``metrics.json`` holds; accuracies are fractions of 1, losses in nats."""
    best, last = history.best(), history.rows[-1]
    return {
        "best_epoch": best["epoch"],
        "best_val_top1": best["val_top1"],
        "final_val_top1": last["val_top1"],
        "final_val_loss": last["val_loss"],
        "final_train_top1": last["train_top1"],
        "final_train_loss": last["train_loss"],
        "epochs": len(history.rows),
        "steps": last["steps"],
    }


class Forecast:
    """Called after each step; times a few and says once how long an epoch and the whole run will take here."""

    def __init__(self, train_loader, val_loader, epochs):
        # a forward pass is a third of a training step
        self.steps_per_epoch = train_loader.sampler.steps + val_loader.sampler.steps / 3
        self.epochs = epochs
        self.steps = 0

    def __call__(self):
        self.steps += 1
        if self.steps == 1:
            self.began = time.perf_counter()
        elif self.steps == 1 + FORECAST_STEPS:
            an_epoch = (time.perf_counter() - self.began) / FORECAST_STEPS * self.steps_per_epoch
            if an_epoch * self.epochs >= FORECAST_FROM:
                print(
                    f"On this machine an epoch takes about {duration(an_epoch)} and the whole run of {self.epochs} "
                    f"about {duration(an_epoch * self.epochs)}.",
                    flush=True,
                )


def duration(seconds):
    """A length of time to read: "45 s", "12 min", "3.4 h", "2.1 days"."""
    for unit, size, below in (("s", 1, 90), ("min", 60, 90 * 60), ("h", 3600, 48 * 3600)):
        if seconds < below:
            return f"{seconds / size:.0f} {unit}" if size < 3600 else f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86400:.1f} days"


def _bar(loader, name):
    """A progress bar on a terminal; nothing in a log."""
    return tqdm(loader, desc=name, unit="step", leave=False, file=sys.stderr, disable=None)
