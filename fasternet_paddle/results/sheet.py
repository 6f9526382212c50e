"""A contact sheet: pictures with the names and probabilities that the network gave them.

save_figure(plot_contact_sheet(predictions, read), "sheet.png")
"""

import os

import numpy as np
from matplotlib.figure import Figure

from ..errors import FasterNetError
from ..runtime.text import legible, shorten

MOST = 48  # pictures; more take a longer look than a sheet is for
COLUMNS = 6
SHOWN = 3  # classes a picture
NAME = 17  # columns of a name that fit beside its percentage


def plot_contact_sheet(predictions, read, columns=COLUMNS):
    """Draw at most ``MOST`` pictures, each over its file's name and its most probable classes.

    Args:
        predictions: list of ``Prediction``, one or more.
        read: path -> uint8 ``(H, W, 3)``; what it refuses is drawn as an empty frame.
        columns: pictures a row.

    Returns:
        matplotlib ``Figure``.
    """
    if not predictions:
        raise FasterNetError("a contact sheet needs at least one picture, got none")
    predictions = predictions[:MOST]
    columns = min(columns, len(predictions))
    rows = -(-len(predictions) // columns)
    lines = min(SHOWN, len(predictions[0].names))
    figure = Figure(figsize=(2.0 * columns, (2.2 + 0.17 * lines) * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.set_axis_off()
    for ax, prediction in zip(axes, predictions, strict=False):
        try:
            ax.imshow(_square(read(prediction.path)))
        except FasterNetError:  # it was there when it was predicted
            ax.set(xlim=(0, 1), ylim=(0, 1))
            ax.text(0.5, 0.5, "gone", ha="center", va="center", fontsize=8)
        ax.set_title("\n".join(_lines(prediction)), fontsize=7)
    legible(ax.title for ax in figure.axes)
    return figure


def _lines(prediction):
    pairs = list(zip(prediction.names, prediction.probabilities.tolist(), strict=True))[:SHOWN]
    return [shorten(os.path.basename(prediction.path), NAME + 6)] + [
        f"{shorten(name, NAME)} {value:.1%}" for name, value in pairs
    ]


def _square(image):
    """The picture on a white square, so that all are in line."""
    height, width = image.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square
