"""The training loop, in sight: one epoch, one validation, and the run made of them (notebook 2.4).

    loss, top1 = train_one_epoch(...)     # over the training images
    loss, top1 = validate(...)            # over the validation images
    history = fit(...)                    # epochs of both; best and final weights under work/model

The notebook's recipe reaches 92.8 % on CIFAR-10 in 100 epochs, by its own account (one seed, best epoch chosen on the
validation images).
"""

import sys
import time
import warnings

import paddle
from tqdm.auto import tqdm

from .checkpoint import save_model
from .files import write_text
from .metrics import History, Tally, count_correct
from .run_folder import save_metrics

FORECAST_STEPS = 3  # steps timed, after a first one that warms up, before the run's length is foretold
FORECAST_FROM = 120  # seconds; a shorter run needs no warning


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


def train_one_epoch(model, loader, criterion, optimizer, scheduler, history=None, steps_before=0, after_step=None):
    """One pass over ``loader`` in training mode; the model is left in that mode.

    Args:
        loader: yields (images ``(N, 3, H, W)``, labels ``(N,)``).
        history: where every tenth loss is recorded.
        steps_before: optimizer steps that the run took before this epoch.
        after_step: called with the number of steps taken in this epoch, after each one.

    Returns:
        ``Tally`` of the epoch: losses and right answers as they were when each batch was met.
    """
    model.train()
    warnings.filterwarnings("ignore", message="When training, we now always track global")  # Paddle, at every step
    tally = Tally()
    for batch, (images, labels) in enumerate(_bar(loader, "train")):
        logits = model(images)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        scheduler.step()

        tally.add(float(loss), count_correct(logits.detach(), labels), len(labels))
        if history is not None:
            history.add_step(batch, steps_before + batch, float(loss))
        if after_step is not None:
            after_step(batch + 1)
    return tally


@paddle.no_grad()
def validate(model, loader, criterion):
    """One pass over ``loader`` in evaluation mode; the model's mode is put back afterwards.

    Returns:
        ``Tally`` whose loss and accuracy weigh every image alike.
    """
    was_training = model.training
    model.eval()
    tally = Tally()
    for images, labels in _bar(loader, "val"):
        logits = model(images)
        tally.add(float(criterion(logits, labels)), count_correct(logits, labels), len(labels))
    if was_training:
        model.train()
    return tally


def fit(model, train_loader, val_loader, criterion, optimizer, scheduler, epochs, work_path):
    """Train for ``epochs``, validate after each, and keep the best and the final weights under ``work_path``.

    Prints the notebook's three lines an epoch, and before a long run how long it will take.

    Returns:
        ``History`` of the run.
    """
    history = History()
    steps_per_epoch = len(train_loader)
    for epoch in range(epochs):
        steps = epoch * steps_per_epoch
        learning_rate = optimizer.get_lr()
        print(f"#===epoch: {epoch}, lr={learning_rate:.10f}===#", flush=True)

        train_loader.sampler.set_epoch(epoch)
        forecast = Forecast(train_loader, val_loader, epochs) if epoch == 0 else None
        train = train_one_epoch(
            model, train_loader, criterion, optimizer, scheduler, history, steps, after_step=forecast
        )
        print(f"#===epoch: {epoch}, train loss is: {train.loss:.6f}, train acc is: {train.top1 * 100:2.2f}%===#")

        val = validate(model, val_loader, criterion)
        print(
            f"#===epoch: {epoch}, val loss is: {val.loss:.6f}, val acc is: {val.top1 * 100:2.2f}%===#",
            flush=True,
        )

        best = history.best()
        history.add_epoch(epoch, steps + steps_per_epoch, learning_rate, train, val)
        write_text(f"{work_path}/history.csv", history.csv())
        if best is None or val.top1 > best["val_top1"]:
            save_model(model, optimizer, work_path, "best")

    save_model(model, optimizer, work_path, "final")
    save_metrics(summary(history), work_path)
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
        self.steps = len(train_loader) + len(val_loader) / 3  # a forward pass is a third of a training step
        self.epochs = epochs
        self.began = None

    def __call__(self, step):
        if step == 1:
            self.began = time.perf_counter()
        elif step == 1 + FORECAST_STEPS:
            an_epoch = (time.perf_counter() - self.began) / FORECAST_STEPS * self.steps
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
