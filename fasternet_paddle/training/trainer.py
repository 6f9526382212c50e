"""The training loop, in sight: one epoch, one validation, and the run made of them (notebook 2.4).

    config = TrainConfig(dataset="digits", image_size=32, batch_size=32, epochs=1)
    parts = make_parts(config, load_dataset("digits"))
    history = fit(*parts, config.epochs, work_path=None)        # epochs of training and validation
    history.best()["val_top1"]

The notebook's recipe reaches 92.8 % on CIFAR-10 in 100 epochs, by its own account (one seed, best epoch chosen on the
validation images).
"""

import contextlib
import math
import sys
import warnings

import numpy as np
import paddle
from tqdm import tqdm

from ..errors import FasterNetError
from ..model.summary import eval_mode
from ..runs.checkpoints import save_failure
from ..runtime import ranks
from .averaging import average_statistics
from .batches import batches_of, check_seen, from_step
from .forecast import Forecast
from .freezing import rest_frozen
from .keeping import Epoch, RunFiles
from .metrics import Progress, Tally, count_correct
from .session import Unguarded
from .steps import Stepper, extras_of


class DivergedError(FasterNetError):
    """The loss of ``step`` is NaN or infinite; ``images`` and ``labels`` are its batch."""

    def __init__(self, value, step, images, labels):
        super().__init__(f"the loss of step {step} is {value}", change="learning_rate")
        self.images, self.labels = images, labels


def step_seed(seed, step):
    """Seed of Paddle's generator for optimizer step ``step`` of a run: what is random in a step (drop path) depends
    on seed and step alone, so that a resumed run needs no generator's state."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1)[0])


def train_one_epoch(model, loader, criterion, optimizer, scheduler, progress=None, *, seed=None, after_step=None):
    """One pass over ``loader`` in training mode; the model is left in that mode.

        model, train_loader, val_loader, criterion, optimizer, scheduler = parts
        tally = train_one_epoch(model, train_loader, criterion, optimizer, scheduler)
        tally.loss, tally.top1

    Args:
        loader: any iterable of (images ``(N, 3, H, W)``, labels ``(N,)``), such as a ``paddle.io.DataLoader``.
        progress: ``Progress`` to go on from: its tally, steps and history grow. By default a new one.
        seed: of the run; None leaves Paddle's generator alone.
        after_step: called after each step, without arguments.

    Returns:
        ``Tally`` of the epoch: losses and right answers as they were when each batch was met. Where labels are shares
        of classes ``(N, K)``, as of mixed images, the class with the largest share is the right one.

    Raises:
        DivergedError: a loss is NaN or infinite; weights and optimizer are as before that step.
        FasterNetError: there is no batch, or one that is no pair.
    """
    progress = Progress() if progress is None else progress
    model.train()
    rest_frozen(model)
    step = Stepper(model, optimizer, scheduler)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="When training, we now always track global")  # Paddle, at every step
        for images, labels in batches_of(_bar(loader, "train")):
            if seed is not None:
                paddle.seed(step_seed(seed, progress.steps))
            logits, loss = step.forward(criterion, images, labels)
            value, correct, seen = _of_the_whole_batch(_measured(logits, loss, labels))
            if not math.isfinite(value):
                raise DivergedError(value, progress.steps, images, labels)
            stepped = step(loss, len(labels))

            progress.tally.add(value, correct, seen)
            progress.history.add_step(progress.step, progress.steps, value)
            progress.step += 1
            if stepped and after_step is not None:
                after_step()
        if step.finish() and after_step is not None:
            after_step()
    return check_seen(progress.tally)


@paddle.no_grad()
def validate(model, loader, criterion, after_batch=None):
    """One pass over ``loader`` in evaluation mode; the mode of every sublayer is put back afterwards.

        tally = validate(model, val_loader, criterion)
        tally = validate(model, [(images, labels) for images, labels in val_loader], criterion)

    Args:
        loader: any iterable of (images ``(N, 3, H, W)``, labels ``(N,)``), such as a ``paddle.io.DataLoader``.

    Returns:
        ``Tally`` whose loss and accuracy weigh every image alike.

    Raises:
        FasterNetError: there is no batch, or one that is no pair.
    """
    rows = []  # loss, right answers and samples of each batch
    weighs = isinstance(criterion, paddle.nn.Layer)  # classes by weights, in training alone
    with eval_mode(model), eval_mode(criterion) if weighs else contextlib.nullcontext():
        for images, labels in batches_of(_bar(loader, "val")):
            logits = model(images) if len(labels) else None  # (N, 3, H, W) -> (N, K)
            rows.append(_measured(logits, None if logits is None else criterion(logits, labels), labels))
            if after_batch is not None:
                after_batch()
    tally = Tally()
    for loss, correct, seen in ranks.dealt(rows):
        tally.add(loss, int(correct), int(seen))
    return check_seen(tally)


def _measured(logits, loss, labels):
    """(mean loss, right answers, samples) of a batch, or of the share of one; of an empty share nothing."""
    return (0.0, 0, 0) if loss is None else (float(loss), count_correct(logits.detach(), labels), len(labels))


def _of_the_whole_batch(measured):
    """``_measured`` of the batch, of whose share this process has its own."""
    if ranks.count() == 1:
        return measured
    loss, correct, seen = measured
    losses, correct, seen = ranks.summed((loss * seen, correct, seen))
    return losses / seen, int(correct), int(seen)


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
    session=None,
    after_epoch=(),
):
    """Train for ``epochs``, validate after each, and keep the best and the final weights under ``work_path``.

    Prints the notebook's three lines an epoch, and before a long run how long it will take.

        history = fit(model, train_loader, val_loader, criterion, optimizer, scheduler, epochs=1, work_path=None)

    Args:
        train_loader, val_loader: iterables of (images, labels) that give an epoch each time they are iterated, such as
            ``make_loaders``'s, a ``paddle.io.DataLoader`` or a list.
        work_path: an existing folder for weights, ``history.csv`` and ``metrics.json``; None writes nothing.
        seed: of the run, for what is random in a step.
        session: ``Session`` that was started with these parts: checkpoints, and an end when a signal asks for it.
        after_epoch: callables that are given an ``Epoch`` after each, once its files are written.

    Returns:
        ``History`` of the run.

    Raises:
        Stopped: a signal asked ``session`` to end the run; it is saved.
        FasterNetError: a loss is not finite, or the disk refuses a file; what was saved before is intact.
    """
    session = Unguarded() if session is None else session
    progress = session.progress
    if progress is None:
        raise FasterNetError("a session must be started with the run's parts before fit is called")
    extras = extras_of(optimizer)
    # The last checkpoint is written last, so all else is there.
    if progress.epoch >= epochs or extras.is_over(progress.history):
        return progress.history
    forecast = Forecast(train_loader, val_loader, epochs - progress.epoch, extras.accumulate)
    files = RunFiles(work_path, model, optimizer) if work_path is not None and ranks.is_first() else None

    def after_step():
        forecast()
        session.after_step()

    while progress.epoch < epochs and not extras.is_over(progress.history):
        epoch = f"#===epoch: {progress.epoch},"
        if progress.step == 0:
            progress.learning_rate = optimizer.get_lr()
        print(f"{epoch} lr={progress.learning_rate:.10f}===#", flush=True)

        batches = from_step(train_loader, progress.epoch, progress.step)
        with _failures_told(model, session, work_path):
            train = train_one_epoch(
                model, batches, criterion, optimizer, scheduler, progress, seed=seed, after_step=after_step
            )
            print(f"{epoch} train loss is: {train.loss:.6f}, train acc is: {train.top1 * 100:2.2f}%===#")
            average_statistics(model, extras)
            val = validate(model, val_loader, criterion, after_batch=session.leave_if_asked)
            ema = extras.ema and validate(extras.ema.model, val_loader, criterion, after_batch=session.leave_if_asked)
        _check_finite(val.loss, progress.steps)
        print(f"{epoch} val loss is: {val.loss:.6f}, val acc is: {val.top1 * 100:2.2f}%===#", flush=True)
        if ema:
            print(f"{epoch} averaged: val loss is: {ema.loss:.6f}, val acc is: {ema.top1 * 100:2.2f}%===#", flush=True)

        is_best, is_best_ema = progress.end_epoch(val, ema)
        ema_model = extras.ema and extras.ema.model
        ended = Epoch(model, progress.history.rows[-1], progress.history, is_best, ema_model, is_best_ema)
        for callback in (*filter(None, [files]), *after_epoch):
            callback(ended)

    if progress.epoch < epochs:
        print(f"no better validation accuracy in {extras.patience} epochs: the run ends before epoch {progress.epoch}")
    if files is not None:
        files.finish(progress.history, extras.ema and extras.ema.model)
    session.save()
    return progress.history


@contextlib.contextmanager
def _failures_told(model, session, work_path):
    """Keep the batch that made the loss break, and take the end of a loading process for the stop that it may be."""
    try:
        yield
    except DivergedError as error:
        if work_path is None:
            raise
        arrays = {f"model/{name}": value.numpy() for name, value in model.state_dict().items()}
        arrays |= {"images": error.images.numpy(), "labels": error.labels.numpy()}
        path = save_failure(work_path, arrays)
        raise FasterNetError(
            f"{error}; the batch and the weights before it are in {path}", change=error.change
        ) from None
    except FasterNetError:
        session.leave_if_asked(alone=True)  # the signal that reached this process may have ended a loading one
        raise


def _check_finite(loss, steps):
    if not math.isfinite(loss):
        raise FasterNetError(f"the validation loss after step {steps} is {loss}", change="learning_rate")


def _bar(loader, name):
    """A progress bar on a terminal; nothing in a log."""
    return tqdm(loader, desc=name, unit="step", leave=False, file=sys.stderr, disable=None)
