"""Accuracy by counting samples, the notebook's two records of a run, and where a run stands (notebook 2.4)."""

import csv
import io
from dataclasses import dataclass, field

TRAIN_LOSS_EVERY = 10  # iterations between two recorded training losses (notebook 2.4)


def count_correct(logits, labels, k=1):
    """How many of N samples have their label among the k largest of their ``logits``.

    Args:
        logits: ``(N, K)``; where K is below ``k``, all K count.
        labels: ``(N,)`` int64, or ``(N, K)`` float, shares of classes whose largest (the first of equals) counts.

    Returns:
        int, 0 to N.
    """
    if labels.ndim == 2:
        labels = labels.argmax(axis=-1)  # (N, K) -> (N,)
    top = logits.topk(min(k, logits.shape[-1]), axis=-1)[1]  # (N, K) -> (N, k)
    return int((top == labels.unsqueeze(1)).sum())


@dataclass
class Tally:
    """Sums over samples; an average weighs each sample alike, however the batches fall."""

    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0

    def add(self, loss, correct, count):
        """Add a batch: its mean loss, its number of right answers and its number of samples."""
        self.loss_sum += loss * count
        self.correct += correct
        self.seen += count

    @property
    def loss(self):
        """Mean loss over the samples seen, in nats."""
        return self.loss_sum / self.seen

    @property
    def top1(self):
        """Share of right answers among the samples seen, 0 to 1."""
        return self.correct / self.seen


@dataclass
class History:
    """What a run measured.

    ``loss_record`` and ``acc_record`` are the notebook's, ready for ``plot_learning_curve``: training losses every
    tenth iteration and validation losses an epoch, both against optimizer steps; accuracies (0 to 1) against epochs.
    ``rows`` holds one dict an epoch, the lines of ``history.csv``.
    """

    loss_record: dict = field(default_factory=lambda: _empty_record("loss"))
    acc_record: dict = field(default_factory=lambda: _empty_record("acc"))
    rows: list = field(default_factory=list)

    def add_step(self, batch, steps, loss):
        """Record the loss of an epoch's every tenth ``batch``; ``steps`` were taken in the run before it."""
        if batch % TRAIN_LOSS_EVERY == 0:
            _append(self.loss_record["train"], "loss", loss, steps)

    def add_epoch(self, epoch, steps, learning_rate, train, val, ema=None):
        """Record an epoch: ``steps`` taken in the run so far, and the tallies; ``ema`` is of averaged weights."""
        _append(self.loss_record["val"], "loss", val.loss, steps)
        _append(self.acc_record["train"], "acc", train.top1, epoch)
        _append(self.acc_record["val"], "acc", val.top1, epoch)
        self.rows.append(
            {
                "epoch": epoch,
                "steps": steps,
                "learning_rate": learning_rate,
                "train_loss": train.loss,
                "train_top1": train.top1,
                "val_loss": val.loss,
                "val_top1": val.top1,
                **({} if ema is None else {"ema_val_loss": ema.loss, "ema_val_top1": ema.top1}),
            }
        )

    def best(self, of="val_top1"):
        """The row with the highest validation accuracy, the first of equals; None before the first epoch.

        Args:
            of: "val_top1", or "ema_val_top1" where averaged weights are kept.
        """
        return max(self.rows, key=lambda row: row[of], default=None)

    def summary(self):
        """What ``metrics.json`` holds; accuracies are fractions of 1, losses in nats."""
        best, last = self.best(), self.rows[-1]
        return {
            "best_epoch": best["epoch"],
            "best_epoch_chosen_by": "val_top1",
            "best_val_top1": best["val_top1"],
            "final_val_top1": last["val_top1"],
            "final_val_loss": last["val_loss"],
            "final_train_top1": last["train_top1"],
            "final_train_loss": last["train_loss"],
            "epochs": len(self.rows),
            "steps": last["steps"],
            **({"best_ema_val_top1": self.best("ema_val_top1")["ema_val_top1"]} if "ema_val_top1" in last else {}),
        }

    def csv(self):
        """``history.csv`` as text: one line an epoch, no clock in it, so that equal runs give equal files."""
        text = io.StringIO()
        if self.rows:
            writer = csv.DictWriter(text, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        return text.getvalue()


@dataclass
class Progress:
    """Where a run stands: ``step`` steps of ``epoch`` are done, with the sums of that epoch in ``tally``;
    ``learning_rate`` is the epoch's first."""

    epoch: int = 0
    step: int = 0
    learning_rate: float = 0.0
    tally: Tally = field(default_factory=Tally)
    history: History = field(default_factory=History)

    @property
    def steps(self):
        """Batches of the run so far: steps of the optimizer, where none are accumulated."""
        return (self.history.rows[-1]["steps"] if self.history.rows else 0) + self.step

    def end_epoch(self, val, ema=None):
        """Record the epoch with the tallies of its validations, and stand at the beginning of the next one.

        Args:
            val, ema: of the weights, and of the averaged ones where there are any.

        Returns:
            (whether no epoch before had this validation accuracy, whether none had this one of averaged weights)
        """
        rows = self.history.rows
        is_best = all(val.top1 > row["val_top1"] for row in rows)
        is_best_ema = ema is not None and all(ema.top1 > row["ema_val_top1"] for row in rows)
        self.history.add_epoch(self.epoch, self.steps, self.learning_rate, self.tally, val, ema)
        self.epoch, self.step, self.tally = self.epoch + 1, 0, Tally()
        return is_best, is_best_ema


def _empty_record(key):
    return {"train": {key: [], "iter": []}, "val": {key: [], "iter": []}}


def _append(record, key, value, position):
    record[key].append(value)
    record["iter"].append(position)
