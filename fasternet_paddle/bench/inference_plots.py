"""Figures of ``bench inference``."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

COLOURS = {"notebook": "tab:gray", "ours, f32": "tab:red", "ours, bf16": "tab:orange"}
OTHER = "tab:blue"


def draw_inference(rates):
    """Bars of images/s, a panel a figure, with the range over rounds.

    Args:
        rates: (way, settings, figure) to images/s, one a round.
    """
    figures = list(dict.fromkeys(name for *_, name in rates))
    ways = list(dict.fromkeys((way, settings) for way, settings, _ in rates))
    page = Figure(figsize=(4.2 * len(figures) + 1.5, 0.55 * len(ways) + 1.4), layout="constrained")
    for axes, figure in zip(page.subplots(1, len(figures), sharey=True, squeeze=False)[0], figures, strict=True):
        for place, (way, settings) in enumerate(ways):
            values = rates.get((way, settings, figure))
            if values is None:
                continue
            middle = float(np.median(values))
            spread = [[middle - min(values)], [max(values) - middle]]
            axes.barh(place, middle, xerr=spread, capsize=3, color=COLOURS.get(way, OTHER))
            axes.text(max(values), place, f"  {middle:.0f}", va="center", fontsize=9)
        axes.set_title(figure, fontsize=11)
        axes.set_xlabel("images/s")
        axes.margins(x=0.18)
        axes.grid(axis="x", alpha=0.3)
    first = page.axes[0]
    first.set_yticks(range(len(ways)), [f"{way}\n{settings}" for way, settings in ways], fontsize=8)
    first.invert_yaxis()
    return page


def draw_sweep(panels):
    """Lines of images/s, a panel a kind of work.

    Args:
        panels: list of (title, name of the x axis, {precision: [(x, images/s), ...]}); x may be a name.
    """
    page = Figure(figsize=(4.6 * len(panels), 4.0), layout="constrained")
    for axes, (title, label, lines) in zip(page.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for precision, points in lines.items():
            where = range(len(points)) if isinstance(points[0][0], str) else [x for x, _ in points]
            axes.plot(where, [rate for _, rate in points], "o-", color=COLOURS[f"ours, {precision}"], label=precision)
            if isinstance(points[0][0], str):
                axes.set_xticks(where, [name for name, _ in points])
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(label)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    page.axes[0].set_ylabel("images/s")
    return page
