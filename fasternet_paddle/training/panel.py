"""A run on VisualDL's panel, as AI Studio shows it: losses, accuracies, learning rate, and what the network answers.

    with Panel("work/model/visualdl", draw=lambda model: show_predictions(model, data, 224)[0].figure) as panel:
        fit(*parts, epochs=10, work_path=None, after_epoch=[panel])

``visualdl --logdir work/model/visualdl`` opens it. All of its numbers stand in ``history.csv`` as well: a run that is
gone on with draws its earlier epochs again, but for their pictures. The extra ``visualdl`` brings the package.
"""

import io

import numpy as np
from PIL import Image

from ..errors import FasterNetError
from ..runs.folder import clear_panel
from ..runtime.drawing import png

CURVES = {"top1/train": "train_top1", "top1/val": "val_top1", "learning rate": "learning_rate"}  # tag: of history.csv


def log_writer():
    """VisualDL's ``LogWriter``; raises ``FasterNetError`` where the package is not installed."""
    try:
        from visualdl import LogWriter
    except ImportError:
        raise FasterNetError(
            "the package visualdl is not installed; pip install visualdl, or the extra visualdl of this package"
        ) from None
    return LogWriter


class Panel:
    """A callback of ``fit`` that writes VisualDL's file; a context manager.

    Args:
        folder: for the file, made if need be; those of a run before it go.
        draw: model -> matplotlib Figure, the picture of each epoch; None: no pictures.

    Raises:
        FasterNetError: visualdl is not installed.
    """

    def __init__(self, folder, draw=None):
        self.folder, self.draw = folder, draw
        self._open, self._writer = log_writer(), None
        self._losses = self._rows = 0  # of the history, written

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._writer is not None:
            self._writer.close()

    def __call__(self, epoch):
        """Write what came since the last call; ``epoch`` is an ``Epoch`` of ``fit``."""
        if self._writer is None:  # a run that fails before its first epoch leaves nothing
            clear_panel(self.folder)
            self._writer = self._open(logdir=str(self.folder))
        history = epoch.history
        record = history.loss_record["train"]
        for loss, step in zip(record["loss"][self._losses :], record["iter"][self._losses :], strict=True):
            self._writer.add_scalar("loss/train", loss, step)
        for row in history.rows[self._rows :]:
            self._writer.add_scalar("loss/val", row["val_loss"], row["steps"])
            for tag, column in CURVES.items():
                self._writer.add_scalar(tag, row[column], row["epoch"])
        self._losses, self._rows = len(record["loss"]), len(history.rows)
        if self.draw is not None:
            with Image.open(io.BytesIO(png(self.draw(epoch.model), dpi=100))) as picture:
                self._writer.add_image("predictions", np.asarray(picture.convert("RGB")), epoch.number)  # (H, W, 3)
