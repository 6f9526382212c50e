"""Figures of a run: learning curves and a grid of predictions (notebook 2.5).

Each function draws and returns; a notebook shows what it drew (``runtime.drawing``), entries save.
"""

import numpy as np
import paddle

from ..data.pictures import as_pictures
from ..data.transforms import test_transform
from ..errors import FasterNetError
from ..files.writing import atomic_path
from ..model.summary import eval_mode
from ..runtime.drawing import new_figure, png
from ..runtime.text import legible, shorten

TRAIN_COLOR, VAL_COLOR = "tab:red", "tab:cyan"  # the notebook's
NAME = 16  # columns of a class's name that fit above an image


def plot_learning_curve(record, title="loss", ylabel="CE Loss"):
    """Draw a record of ``History``: ``loss_record`` with title "loss", ``acc_record`` with title "acc".

    Losses are in nats against optimizer steps; accuracies in percent against epochs.

    Args:
        record: ``{"train": {title: [...], "iter": [...]}, "val": {...}}``.
        title: the records' key.
        ylabel: label of the vertical axis.

    Returns:
        matplotlib ``Figure``.

    Raises:
        FasterNetError: the record lacks ``title`` or holds no value.
    """
    for part in ("train", "val"):
        if title not in record.get(part, {}) or not len(record[part][title]):
            raise FasterNetError(f"the record has no {part} values under {title!r}; it holds {_keys(record)}")
    is_accuracy = title == "acc"
    scale = 100.0 if is_accuracy else 1.0  # a fraction of 1 -> percent
    figure = new_figure(figsize=(10, 6), layout="constrained")
    axes = figure.add_subplot()
    for part, color in (("train", TRAIN_COLOR), ("val", VAL_COLOR)):
        positions = [int(position) for position in record[part]["iter"]]
        values = [float(value) * scale for value in record[part][title]]
        lone = np.isfinite(values).sum() == 1  # no line without two points: a dot
        few = len(values) <= 60 and (part == "val" or is_accuracy)
        marker = "o" if lone or few else None
        axes.plot(positions, values, color=color, label=part, marker=marker, markersize=4)
    axes.set_xlabel("Epoch" if is_accuracy else "Training steps")
    axes.set_ylabel(f"{ylabel} (%)" if is_accuracy else f"{ylabel} (nats)")
    axes.set_title(f"Learning curve of {title}")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # without the 1 a short axis has fractions
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _keys(record):
    return ", ".join(f"{part}: {', '.join(map(str, values))}" for part, values in record.items()) or "nothing"


def show_images(imgs, num_rows, num_cols, pred=None, gt=None, scale=1.5):
    """Draw images in their true colours, with predicted (``pt``) and true (``gt``) class; wrong ones in red.

    Args:
        imgs: N images, tensor, array or list, in any form that ``data.pictures`` knows: integers ``(N, H, W, 3)``,
            the network's normalised input ``(N, 3, H, W)``, floats ``(N, H, W, 3)`` in [0, 1] or normalised.
        num_rows, num_cols: of the grid; images that do not fit are left out.
        pred, gt: N names each, optional.
        scale: side of an image, in inches.

    Returns:
        Flat array of the matplotlib axes; ``axes[0].figure`` is the figure.
    """
    for name, names in (("pred", pred), ("gt", gt)):
        if names is not None and len(names) != len(imgs):
            raise FasterNetError(f"{name} must name each of the {len(imgs)} images, got {len(names)}")
    shown = as_pictures(imgs)
    size = num_cols * scale, num_rows * scale * (1.25 if pred or gt else 1.0)
    figure = new_figure(figsize=size, layout="constrained")
    axes = np.atleast_1d(figure.subplots(num_rows, num_cols)).flatten()
    for position, ax in enumerate(axes):
        ax.set_axis_off()
        if position >= len(shown):
            continue
        ax.imshow(shown[position])
        lines = [f"{tag}: {shorten(names[position], NAME)}" for tag, names in (("pt", pred), ("gt", gt)) if names]
        wrong = pred and gt and pred[position] != gt[position]
        # Its place is given: to find it matplotlib would make every tick of the axes, which are off.
        ax.set_title("\n".join(lines), fontsize=5.5 * scale, color="tab:red" if wrong else "black", y=1.0)
    legible(ax.title for ax in axes)
    return axes


def show_predictions(model, data, image_size, num_rows=3, num_cols=6, prepare=None):
    """Grid of the first validation images with predicted and true class (notebook 2.5).

    Args:
        model: network, ``(N, 3, S, S)`` -> ``(N, K)``; every sublayer's mode is put back afterwards.
        data: ``ImageData`` that the model was trained on.
        image_size: S, in pixels.
        prepare: what makes an image the network's input; by default the notebook's resize.

    Returns:
        Flat array of the matplotlib axes, as ``show_images``.
    """
    count = min(num_rows * num_cols, len(data.val))
    transform = prepare or test_transform(image_size)
    batch = np.stack([transform(image) for image in data.val.images[:count]])  # (N, 3, S, S)
    with eval_mode(model), paddle.no_grad():
        predicted = model(paddle.to_tensor(batch)).argmax(axis=-1).numpy()
    names = [[data.class_names[number] for number in numbers] for numbers in (predicted, data.val.labels[:count])]
    return show_images(batch, num_rows, num_cols, pred=names[0], gt=names[1])


def save_figure(figure, path):
    """Write a figure as PNG, whole or not at all, instead of showing it; returns ``path``."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(png(figure, dpi=120))
    return path
