"""Rates of several ways as a table, a CSV file and bars: what the subjects that compare ways share.

rates = rates_of(results)            # {(way, settings, figure): [images/s, one a round]}
report("training", rates, output)    # prints the table, saves training.csv and training.png
"""

import numpy as np
from matplotlib.figure import Figure

from ..files.tables import csv_table, text_table
from ..files.writing import make_folder, write_text
from ..results.plots import save_figure
from . import measuring

NOTEBOOK = "notebook"  # the way that others are held against, but for LIME's
COLOURS = {"f32": "tab:red", "bf16": "tab:orange"}  # of this package's ways; other engines are blue


def rates_of(results):
    """Dict of (way, settings, figure) to rates, one a round, from workers that return ``{"rates": {figure: rate}}``."""
    return {
        (*way, figure): [result["rates"][figure] for result in rounds]
        for way, rounds in results.items()
        for figure in rounds[0]["rates"]
    }


def report(name, rates, output, sentences=(), unit="images/s", more=None):
    """Print ``rates_table`` and sentences below it; save the rates as ``<name>.csv`` and as bars, ``<name>.png``."""
    print(rates_table(rates, unit, more))
    print("\n".join(sentences))
    save_results(output, name, _header(unit), _rows(rates), draw_rates(rates, unit))


def saving(name, output, unit="images/s", read=rates_of):
    """A function of the results so far that saves their rates as ``<name>.csv``: what ``measuring.in_turns`` keeps."""
    return lambda results: save_rows(output, name, _header(unit), _rows(read(results)))


def _header(unit):
    return ("way", "settings", "figure", "round", unit)


def _rows(rates):
    return [(*way, number + 1, rate) for way, values in rates.items() for number, rate in enumerate(values)]


def save_rows(output, name, header, rows):
    """Save rows as ``<name>.csv`` in the folder ``output``; returns its path."""
    make_folder(output)
    path = output / f"{name}.csv"
    write_text(path, csv_table(header, rows))
    return path


def save_results(output, name, header, rows, figure=None):
    """Save rows as ``<name>.csv`` in the folder ``output``, and a figure as ``<name>.png``; prints the paths."""
    print(save_rows(output, name, header, rows))
    if figure is not None:
        print(save_figure(figure, output / f"{name}.png"))


def rates_table(rates, unit="images/s", more=None):
    """Text table, a block a figure: medians, ranges, and ratios to the first way with no settings and with the same.

    Args:
        rates: (way, settings, figure) to rates, one a round; a figure's first way is there with no settings, first,
            and with all settings that the others have.
        unit: of the rates.
        more: (title of one more column, function of (way, figure, rates) to its text).
    """
    header = ("way", "settings", "figure", unit, "from", "to", "to no settings", "to same settings")
    rows = []
    for figure in dict.fromkeys(figure for *_, figure in rates):
        block = {(way, settings): values for (way, settings, name), values in rates.items() if name == figure}
        first = next(iter(block))
        for (way, settings), values in block.items():
            bases = (first if first[1] == "no settings" else None, (first[0], settings))  # one may have failed
            ratios = (str(measuring.compare(values, block[base])) if base in block else "" for base in bases)
            row = (way, settings, figure, *(f"{f(values):.1f}" for f in (np.median, min, max)), *ratios)
            rows.append(row if more is None else (*row, more[1](way, figure, values)))
    return text_table(header if more is None else (*header, more[0]), rows)


def draw_rates(rates, unit="images/s"):
    """Bars of the medians, a panel a figure, with the range over rounds.

    Args:
        rates: as for ``rates_table``.
        unit: of the rates.
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
            axes.barh(place, middle, xerr=spread, capsize=3, color=_colour(way, ways[0][0]))
            axes.text(max(values), place, f"  {middle:.0f}", va="center", fontsize=9)
        axes.set_title(figure, fontsize=11)
        axes.set_xlabel(unit)
        axes.margins(x=0.18)
        axes.grid(axis="x", alpha=0.3)
    first = page.axes[0]
    first.set_yticks(range(len(ways)), [f"{way}\n{settings}" for way, settings in ways], fontsize=8)
    first.invert_yaxis()
    return page


def _colour(way, baseline):
    if way == baseline:
        return "tab:gray"
    return COLOURS.get(way.split(", ")[-1], COLOURS["f32"]) if way.startswith("ours") else "tab:blue"
