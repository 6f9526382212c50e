"""Figures of ``ClassMetrics``: confusion matrix, reliability diagram, and the classes from the weakest on.

Each takes the metrics and returns a matplotlib Figure; entries save it, notebooks show it. Usable with 2 classes as
with 100: names give way to a list of the most frequent confusions where they would be too small to read.
"""

import numpy as np
from matplotlib.colors import to_rgb

from ..runtime.drawing import new_figure
from ..runtime.text import legible, name_ticks, shorten

MOST_NUMBERS = 20  # classes up to which each cell shows its number
MOST_NAMES = 100  # classes up to which the axes show names
MOST_LISTED = 40  # confusions beside the matrix
MOST_BARS = 60  # classes in the figure of classes: the weakest ones
NAME = 24  # columns of a name on an axis
RIGHT, WRONG = "#1b7837", "#b2182b"  # told apart by the colour-blind, since the diagonal is where it is
GREY = "0.45"


def plot_confusion(metrics):
    """The confusion matrix: a row a true class, shaded by its share; right answers green, wrong ones red."""
    classes = len(metrics.class_names)
    side = min(14.0, 3.5 + 0.45 * classes if classes <= MOST_NUMBERS else 4.0 + 0.12 * classes)  # inches
    listed = metrics.confusions()[:MOST_LISTED] if classes > MOST_NUMBERS else metrics.cells[:0]
    # Compressed: the matrix stays square, and the layout must know that to leave room for the names below it.
    figure = new_figure(figsize=(side + (4.2 if len(listed) else 0), side + 0.5), layout="compressed")
    axes, beside = figure.subplots(1, 2, width_ratios=(side, 4)) if len(listed) else (figure.add_subplot(), None)
    axes.imshow(_shaded(metrics), interpolation="nearest")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(f"{metrics.images:,} images, top-1 {metrics.top1:.2%}")
    if classes <= MOST_NAMES:
        _name_axes(axes, metrics.class_names, fontsize=10 if classes <= MOST_NUMBERS else max(4.5, 11 - classes / 14))
    if classes <= MOST_NUMBERS:
        for true, answer, count in metrics.cells.tolist():
            light = count / metrics.classes["images"][true] > 0.55
            axes.text(answer, true, count, ha="center", va="center", fontsize=9, color="white" if light else "black")
    if beside is not None:
        _list_confusions(beside, metrics, listed)
    return figure


def plot_reliability(metrics):
    """How often answers are right, against how sure they are; below, how many images are how sure."""
    bins, count = metrics.bins, len(metrics.bins["images"])
    figure = new_figure(figsize=(6, 6.5), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    held = bins["images"] > 0
    middles, width = (np.arange(count) + 0.5) / count, 1 / count
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="as sure as right")
    axes.bar(middles[held], bins["accuracy"][held], width, color="tab:blue", edgecolor="white", label="right answers")
    axes.plot(bins["confidence"][held], bins["accuracy"][held], "o", color="black", markersize=4, label="mean of a bin")
    axes.set_ylabel("share of right answers")
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0, 1)
    warm = "" if metrics.temperature is None else f", temperature {metrics.temperature:.3f}"
    axes.set_title(f"expected calibration error {metrics.ece:.4f}{warm}")
    axes.legend(loc="upper left")
    below.bar(middles, bins["images"], width, color=GREY, edgecolor="white")
    below.set_xlabel("probability of the answer")
    below.set_ylabel("images")
    for each in (axes, below):
        each.grid(alpha=0.3)
        each.set_axisbelow(True)
    return figure


def plot_classes(metrics):
    """F1 of each class with its 95 % interval, the weakest first; recall and precision as marks."""
    table, images = metrics.classes, metrics.classes["images"]
    order = weakest_first(metrics)[:MOST_BARS]
    figure = new_figure(figsize=(8, 1.6 + 0.24 * len(order)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(order))
    f1 = table["f1"][order]
    reach = np.maximum(0, [f1 - table["f1_low"][order], table["f1_high"][order] - f1])
    axes.barh(places, f1, color="tab:blue", alpha=0.55, xerr=reach, ecolor=GREY, label="F1, with its 95 % interval")
    axes.plot(table["recall"][order], places, "|", color=RIGHT, markersize=9, markeredgewidth=2, label="recall")
    axes.plot(table["precision"][order], places, "x", color=WRONG, markersize=5, label="precision")
    names = [f"{shorten(metrics.class_names[number], NAME)}  ({images[number]})" for number in order]
    name_ticks(axes.yaxis, names, fontsize=8)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    axes.set_ylabel("class (images)")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    left_out = len(weakest_first(metrics)) - len(order)
    axes.set_title(f"the {len(order)} weakest classes; {left_out} others are better" if left_out else "classes by F1")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def weakest_first(metrics):
    """Indices of the classes that occur, by F1, the lowest first; of equals the one with more images."""
    occurs = np.flatnonzero(metrics.classes["images"] + metrics.classes["predicted"])
    return occurs[np.lexsort((-metrics.classes["images"][occurs], metrics.classes["f1"][occurs]))]


def cell_colour(share, right):
    """RGB in 0..1 of a cell with ``share`` of its true class: white at 0, and by its root, so that a single one shows.

    Args:
        share: a number, or an array ``(P,)``.
        right: whether it lies on the diagonal.

    Returns:
        float64 ``(3,)`` or ``(P, 3)``.
    """
    return 1 - np.sqrt(share)[..., None] * (1 - np.array(to_rgb(RIGHT if right else WRONG)))


def _shaded(metrics):
    """Float RGB ``(K, K, 3)`` of the matrix."""
    rows, columns, counts = metrics.cells.T
    shares = counts / metrics.classes["images"][rows]
    shaded = np.ones((len(metrics.class_names),) * 2 + (3,))
    for right in (True, False):
        chosen = (rows == columns) == right
        shaded[rows[chosen], columns[chosen]] = cell_colour(shares[chosen], right)
    return shaded


def _name_axes(axes, class_names, fontsize):
    names = [shorten(name, NAME) for name in class_names]
    name_ticks(axes.xaxis, names, fontsize=fontsize, rotation=90)
    name_ticks(axes.yaxis, names, fontsize=fontsize)
    axes.tick_params(length=0 if len(names) > MOST_NUMBERS else 3)


def _list_confusions(axes, metrics, listed):
    """The most frequent confusions in words, beside a matrix whose names are small."""
    axes.set_axis_off()
    axes.set_title("most frequent confusions", fontsize=11, loc="left")
    lines = []
    for place, (true, answer, count) in enumerate(listed.tolist()):
        names = [shorten(metrics.class_names[number], 18) for number in (true, answer)]
        share = count / metrics.classes["images"][true]
        line = f"{count} × {names[0]} → {names[1]} ({share:.0%})"
        lines.append(axes.text(0, 1 - (place + 0.5) / MOST_LISTED, line, fontsize=9, va="center"))
    legible(lines)
