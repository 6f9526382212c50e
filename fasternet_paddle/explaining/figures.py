"""Figures of explanations. Each takes a record and returns a matplotlib Figure; entries save it, notebooks show it.

A weight's colour is red where it speaks for the class, blue where it speaks against it, white at zero: the colour
scale is symmetric about zero, so that two figures compare at a glance. A sensitivity, which has no sign, goes from
dark at zero to yellow. Heat maps are opaque, so their colours are those of the colour bar; grey lines between the
superpixels show where in the image one is.
"""

import numpy as np
from matplotlib.colors import ListedColormap, Normalize
from skimage.segmentation import find_boundaries

from ..errors import FasterNetError
from ..runtime.drawing import new_figure
from ..runtime.text import legible, shorten
from .explanation import METHODS

COLOURS = "RdBu_r"  # diverging, white in the middle, told apart by the colour-blind
SENSITIVITY_COLOURS = "viridis"  # one direction, for what has no sign
EDGE = "0.45"  # of a superpixel: a grey that neither scale has
SMALLEST_LIMIT = 1e-6  # of the colour scale: rounding errors of an image that nothing changes stay white
PIXELS_WITHIN = 99.5  # percent of a map's pixels that the colour scale tells apart; gradients have a few spikes
PAGE_NAME, SHEET_NAME = 20, 12  # columns of a class's name that fit above an image
DIMMED = 0.3  # brightness of what is not a top superpixel


def plot_explanation(explanation, k=None):
    """One image, a row a class: itself, the heat map under its superpixels' boundaries, and its k top superpixels.

    Args:
        explanation: ``Explanation``.
        k: top superpixels to show; by default a fifth of them.
    """
    rows = len(explanation.classes)
    figure = _page(11.5, 4.0 * rows + 0.5)
    grid = figure.subplots(rows, 3, squeeze=False)
    for label, (picture, heat, top) in zip(explanation.classes, grid, strict=True):
        drawn = _draw_heat(heat, explanation, label)
        method = METHODS[explanation.method]
        what = "what speaks for" if method.signed else f"{method.unit} of"
        title = [f"{what} {_with_probability(explanation, label)}"]
        if rows > 1:
            title.append(_score(explanation, label))
        heat.set_title("\n".join(filter(None, title)), fontsize=11)
        bar = figure.colorbar(drawn, ax=heat, shrink=0.82, pad=0.02)
        bar.set_label(method.unit)
        bar.ax.tick_params(labelsize=8)
        best = explanation.top(k, label)
        top.imshow(overlay(explanation, best))
        top.set_title(_count_top(len(best), method.signed), fontsize=11)
        for axes in (picture, heat, top):
            axes.set_axis_off()
    grid[0, 0].imshow(explanation.image)
    grid[0, 0].set_title(_verdict(explanation), fontsize=11)
    figure.supxlabel(caption(explanation), fontsize=10)
    legible(axes.title for axes in grid.flat)
    return figure


def plot_sheet(explanations, columns=4):
    """A contact sheet: each explanation's image above its heat map, with true and predicted class."""
    if not explanations:
        raise FasterNetError("a contact sheet needs at least one explanation, got none")
    columns = min(columns, len(explanations))
    rows = -(-len(explanations) // columns)
    figure = _page(2.6 * columns + 0.4, 5.6 * rows + 0.8)
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    scales = {}  # what each of the sheet's colour scales shows: a heat map with it
    for place, explanation in enumerate(explanations):
        picture, heat = (grid[2 * (place // columns) + below, place % columns] for below in (0, 1))
        label = explanation.classes[0]
        picture.imshow(explanation.image)
        picture.set_title(_verdict(explanation, SHEET_NAME), fontsize=9)
        method = METHODS[explanation.method]
        scales["weight" if method.signed else method.unit] = _draw_heat(heat, explanation, label, relative=True)
        r2 = explanation.r2[0]
        score = "" if np.isnan(r2) else f", R² {r2:.2f}"
        what = "for" if method.signed else f"{method.unit} of"
        heat.set_title(f"{what} {_quoted(explanation.name(label), SHEET_NAME)}{score}", fontsize=9)
    legible(axes.title for axes in grid.flat)
    for what, drawn in scales.items():
        ticks = (-1, 0, 1) if drawn.norm.vmin < 0 else (0, 1)
        bar = figure.colorbar(drawn, ax=list(grid.flat), location="bottom", shrink=0.5, aspect=40, ticks=ticks)
        bar.set_label(f"{what}, as a share of the image's largest", fontsize=9)
        bar.ax.tick_params(labelsize=8)
    return figure


def plot_stability(stability, k=15):
    """Mean and standard deviation over seeds of the k superpixels with the largest mean, and where they are."""
    explanation = stability.explanation
    order = np.argsort(-np.abs(stability.mean), kind="stable")[:k]
    order = order[np.argsort(-stability.mean[order], kind="stable")]
    figure = _page(11, 4.6)
    where, bars = figure.subplots(1, 2, width_ratios=(1, 1.9))
    where.imshow(_outlined(explanation.image, explanation.superpixels))
    for superpixel in order:
        rows, columns = np.nonzero(explanation.superpixels == superpixel)
        middle = np.hypot(rows - rows.mean(), columns - columns.mean()).argmin()  # in it even where it is bent
        where.text(
            columns[middle],
            rows[middle],
            superpixel,
            ha="center",
            va="center",
            fontsize=7,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )
    where.set_axis_off()
    where.set_title("superpixels", fontsize=11)
    method = METHODS[explanation.method]
    what, colours = f"{method.unit} of", "tab:gray"
    if method.signed:
        what, colours = "weights for", ["tab:red" if value > 0 else "tab:blue" for value in stability.mean[order]]
    bars.bar(range(len(order)), stability.mean[order], yerr=stability.std[order], color=colours, capsize=3)
    bars.axhline(0, color="black", linewidth=0.8)
    bars.set_xticks(range(len(order)), order, fontsize=8)
    bars.set_xlabel("superpixel")
    bars.set_ylabel(method.unit)
    bars.grid(axis="y", alpha=0.3)
    bars.set_title(
        f"{what} {_quoted(explanation.name(stability.label))}: mean and standard deviation over "
        f"{len(stability.seeds)} seeds",
        fontsize=11,
    )
    legible([bars.title])
    figure.supxlabel(stability.warning or "the top superpixels are the same for every seed", fontsize=10)
    return figure


def plot_faithfulness(faithfulness, explanation):
    """Deletion and insertion curves against random orders, with their areas."""
    figure = _page(10, 4.2)
    areas = faithfulness.areas()
    name = explanation.name(faithfulness.label)
    share = np.linspace(0, 100, len(faithfulness.deletion))
    for axes, kind, verb in zip(
        figure.subplots(1, 2, sharey=True), ("deletion", "insertion"), ("hidden", "shown"), strict=True
    ):
        curves = getattr(faithfulness, f"random_{kind}")
        random = areas[f"random_{kind}"]
        for curve in curves:
            axes.plot(share, curve, color="0.75", linewidth=0.8)
        spread = f" ± {random.std(ddof=1):.3f}" if len(random) > 1 else ""
        axes.plot(share, curves.mean(axis=0), color="0.35", label=f"random orders, area {random.mean():.3f}{spread}")
        label = f"{METHODS[explanation.method].title}, area {areas[kind]:.3f}"
        axes.plot(share, getattr(faithfulness, kind), color="tab:red", linewidth=2, label=label)
        axes.set_xlabel(f"superpixels {verb}, most important first (%)")
        better = "lower" if kind == "deletion" else "higher"
        axes.set_title(f"{kind} ({better} is better)", fontsize=11)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9)
    figure.axes[0].set_ylabel(f"probability of {_quoted(name)}")
    legible([figure.axes[0].yaxis.label])
    figure.axes[0].set_ylim(bottom=0)
    if faithfulness.warning:
        figure.supxlabel(faithfulness.warning, fontsize=10)
    return figure


def _page(width, height):
    """An empty figure, in inches, with a margin that words do not enter."""
    figure = new_figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure


def caption(explanation):
    """One line: method, superpixels, samples and seed; with a single class also R2."""
    parts = [METHODS[explanation.method].title]
    if len(explanation.classes) == 1 and explanation.method == "lime":
        parts.append(_score(explanation, explanation.classes[0]))
    if explanation.num_samples:
        parts.append(f"{explanation.num_samples} samples, seed {explanation.seed}")
    parts.append(f"{explanation.weights.shape[1]} superpixels")
    return "  ·  ".join(parts)


def _score(explanation, label):
    """R2 of the surrogate, in words where there is none."""
    r2 = explanation.r2[explanation.row(label)]
    if explanation.method != "lime":
        return ""
    return "R² undefined (the probability never moved)" if np.isnan(r2) else f"R² {r2:.3f}"


def colour_limit(explanation, label):
    """Where the colour scale ends: the largest absolute weight; for pixels, what all but a few stay below."""
    values = np.abs(explanation.heatmap(label))
    largest = values.max() if explanation.pixels is None else np.percentile(values, PIXELS_WITHIN)
    return max(float(largest), SMALLEST_LIMIT)


def overlay(explanation, superpixels):
    """uint8 ``(H, W, 3)``: the image, dimmed outside the given superpixels, which are outlined."""
    inside = np.isin(explanation.superpixels, superpixels)
    shown = np.where(inside[..., None], explanation.image, explanation.image * DIMMED)
    shown[find_boundaries(inside, mode="outer")] = (255, 230, 0)
    return shown.astype(np.uint8)


def _draw_heat(axes, explanation, label, relative=False):
    """The heat map under the superpixels' boundaries; relative to its own limit if so wanted."""
    signed, limit = METHODS[explanation.method].signed, colour_limit(explanation, label)
    values = explanation.heatmap(label) / (limit if relative else 1)
    end = 1 if relative else limit
    edges = np.ma.masked_equal(find_boundaries(explanation.superpixels, mode="inner"), False)
    axes.imshow(edges, cmap=ListedColormap([EDGE]), interpolation="nearest", zorder=1)
    return axes.imshow(
        values,
        cmap=COLOURS if signed else SENSITIVITY_COLOURS,
        norm=Normalize(-end if signed else 0, end),
        interpolation="nearest",  # each pixel's own colour
        zorder=0,
    )


def _outlined(image, superpixels):
    shown = image.copy()
    shown[find_boundaries(superpixels, mode="inner")] = (255, 230, 0)
    return shown


def _verdict(explanation, longest=PAGE_NAME):
    """Predicted and, where it is known, true class with their probabilities."""
    lines = [f"predicted {_with_probability(explanation, explanation.predicted_class, longest)}"]
    if explanation.true_class is not None:
        lines.append(f"true {_with_probability(explanation, explanation.true_class, longest)}")
    return "\n".join(lines)


def _with_probability(explanation, label, longest=PAGE_NAME):
    if not 0 <= label < len(explanation.probabilities):  # a label that the network does not know
        return _quoted(str(label))
    return f"{_quoted(explanation.name(label), longest)} {100 * explanation.probabilities[label]:.1f} %"


def _quoted(name, longest=PAGE_NAME):
    return f"“{shorten(name, longest)}”"


def _count_top(count, signed):
    if not count:
        return "no superpixel speaks for it" if signed else "it is sensitive to no superpixel"
    return "the top superpixel" if count == 1 else f"the {count} top superpixels"
