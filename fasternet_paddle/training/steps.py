"""What follows a batch: its loss, and from gradients to a step of the optimizer, with all that a recipe adds.

    step = Stepper(model, optimizer, scheduler)
    logits, loss = step.forward(criterion, images, labels)
    if step(loss, len(labels)): ...                # a step was taken

Of the notebook's recipe there is nothing to add, and a step is the notebook's four lines. Where several processes share
a batch, each takes the gradient of its samples, and their sum is what all of them step by.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

import paddle

from ..errors import FasterNetError
from ..runtime import ranks
from .distilling import Distillation, read_teacher
from .ema import Ema


@dataclass
class Extras:
    """What a recipe adds to the loop. ``make_parts`` puts it on the optimizer, so that the notebook's call has it."""

    accumulate: int = 1
    """Batches a step."""
    ema: Ema | None = None
    distil: Distillation | None = None
    patience: int | None = None
    """Epochs without a gain after which a run ends."""
    least_gain: float = 0.0
    amp: str | None = None
    """"bfloat16" or "float16" on a GPU."""
    scaler: Any = None
    """``paddle.amp.GradScaler`` of float16."""
    share: ranks.Share | None = None
    """Which part of each batch this process computes; None: all of it."""
    waiting: int = 0
    """Batches whose gradients wait for a step; no checkpoint holds these."""

    def is_over(self, history):
        """Whether no epoch of the last ``patience`` was better by more than ``least_gain`` than the best before."""
        if self.patience is None:
            return False
        best, waited = -1.0, 0
        for row in history.rows:
            best, waited = (row["val_top1"], 0) if row["val_top1"] > best + self.least_gain else (best, waited + 1)
        return waited >= self.patience


def make_extras(config, model, record):
    """The ``Extras`` of a ``TrainConfig`` for ``model``, whose first weights are set.

    Raises:
        FasterNetError: mixed precision is asked for on a CPU, or the teacher cannot be used.
    """
    extras = Extras(config.accumulate, patience=config.patience, least_gain=config.least_gain)
    if config.amp != "off":
        if not paddle.get_device().startswith("gpu"):
            raise FasterNetError(
                f"amp {config.amp} needs a GPU: Paddle has no training in half precision on a CPU", change="amp"
            )
        extras.amp = {"bf16": "bfloat16", "fp16": "float16"}[config.amp]
        extras.scaler = paddle.amp.GradScaler() if config.amp == "fp16" else None
    if config.ema_decay is not None:
        extras.ema = Ema(model, config.ema_decay)
    if config.teacher is not None:
        extras.distil = Distillation(read_teacher(config.teacher, record), config.temperature, config.alpha)
    return extras


def extras_of(optimizer):
    """The ``Extras`` that ``make_parts`` put on an optimizer; none for one of the user's own."""
    return getattr(optimizer, "extras", None) or Extras()


class Stepper:
    """Steps of one epoch; the gradients of ``accumulate`` batches are averaged over their samples."""

    def __init__(self, model, optimizer, scheduler):
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.extras = extras_of(optimizer)
        if self.extras.waiting:  # of an epoch that was broken off
            optimizer.clear_grad()
        self._samples = self.extras.waiting = 0  # of whose gradients a step is to be made

    def forward(self, criterion, images, labels):
        """(logits, loss) of a batch; (None, None) of a share without samples."""
        if not len(labels):
            return None, None
        amp = self.extras.amp
        cast = contextlib.nullcontext() if amp is None else paddle.amp.auto_cast(dtype=amp)
        with ranks.computing(self.extras.share), cast:
            logits = self.model(images)  # (N, 3, H, W) -> (N, K)
            loss = criterion(logits, labels)
        if self.extras.distil is not None:
            loss = self.extras.distil(loss, logits.astype("float32"), images)
        return logits, loss

    def __call__(self, loss, samples):
        """Take the gradient of the mean loss over so many samples; whether a step was taken."""
        if samples:
            loss = loss * samples if self._sums else loss
            (loss if self.extras.scaler is None else self.extras.scaler.scale(loss)).backward()
        self._samples += samples
        self.extras.waiting += 1
        return self.extras.waiting == self.extras.accumulate and self._step()

    def finish(self):
        """Take the step of the batches that are left at an epoch's end; whether there were any."""
        return self.extras.waiting > 0 and self._step()

    @property
    def _sums(self):
        """Whether gradients are of sums over samples, of which a mean over a step's is made at its end."""
        return self.extras.accumulate > 1 or self.extras.share is not None

    def _step(self):
        if self._sums:
            samples = ranks.summed([self._samples])[0]
            ranks.sum_gradients([parameter for parameter in self.model.parameters() if not parameter.stop_gradient])
            with paddle.no_grad():
                for parameter in self.model.parameters():
                    if parameter.grad is not None:
                        parameter.grad.scale_(1 / samples)
        if self.extras.scaler is None:
            self.optimizer.step()
        else:
            self.extras.scaler.step(self.optimizer)
            self.extras.scaler.update()
        self.optimizer.clear_grad()
        self.scheduler.step()
        if self.extras.ema is not None:
            self.extras.ema.update(self.model)
        self._samples = self.extras.waiting = 0
        return True


def state_of(extras):
    """(arrays, header) of what changes while a run trains; ``put_back`` takes them again."""
    arrays, header = {}, {}
    if extras.ema is not None:
        arrays = {f"ema/{name}": value.numpy() for name, value in extras.ema.model.state_dict().items()}
        header["ema_updates"] = extras.ema.updates
    if extras.scaler is not None:
        header["scaler"] = {name: float(value) for name, value in extras.scaler.state_dict().items()}
    return arrays, header


def put_back(extras, checkpoint):
    """Put ``extras`` where a ``Checkpoint`` left them.

    Raises:
        FasterNetError: the checkpoint lacks them.
    """
    if extras.ema is not None:
        arrays = {name[4:]: value for name, value in checkpoint.arrays.items() if name.startswith("ema/")}
        wanted = {name: tuple(value.shape) for name, value in extras.ema.model.state_dict().items()}
        if {name: value.shape for name, value in arrays.items()} != wanted:
            raise FasterNetError(f"{checkpoint.path} does not hold the average of this network", change="ema_decay")
        extras.ema.model.set_state_dict(arrays)
        extras.ema.updates = int(checkpoint.header["ema_updates"])
    if extras.scaler is not None:
        extras.scaler.load_state_dict(checkpoint.header["scaler"])
