"""What is done after each epoch: callbacks of ``fit``, of which the files of a run are the first.

def tell(epoch):
    print(epoch.number, epoch.row["val_top1"], epoch.is_best)

fit(*parts, epochs=2, work_path=None, after_epoch=[tell])
"""

from dataclasses import dataclass

import paddle

from ..runs import folder
from ..runs.folder import save_history, save_metrics, save_model, save_weights_file
from .metrics import History


@dataclass(frozen=True)
class Epoch:
    """An epoch that has ended, as callbacks are given it."""

    model: paddle.nn.Layer
    """The network, in training mode."""
    row: dict
    """Its line of ``history.csv``."""
    history: History
    """Of the run so far."""
    is_best: bool
    """Whether no epoch before had this validation accuracy."""
    ema_model: paddle.nn.Layer | None = None
    """The network of averaged weights, where the recipe keeps one."""
    is_best_ema: bool = False
    """Whether no epoch before had this accuracy of the averaged weights."""

    @property
    def number(self):
        """Counted from 0."""
        return self.row["epoch"]


class RunFiles:
    """The files of a run in ``work_path``: history and best weights after each epoch, the rest at its end."""

    def __init__(self, work_path, model, optimizer):
        self.work_path, self.model, self.optimizer = work_path, model, optimizer

    def __call__(self, epoch):
        save_history(epoch.history.csv(), self.work_path)
        if epoch.is_best:
            save_model(self.model, self.optimizer, self.work_path, folder.BEST)
        if epoch.is_best_ema:
            save_weights_file(epoch.ema_model, self.work_path, folder.BEST_EMA_MODEL)

    def finish(self, history, ema_model=None):
        """Write the final weights, averaged ones among them where there are any, and ``metrics.json``."""
        save_model(self.model, self.optimizer, self.work_path, folder.FINAL)
        if ema_model is not None:
            save_weights_file(ema_model, self.work_path, folder.FINAL_EMA_MODEL)
        save_metrics(history.summary(), self.work_path)
