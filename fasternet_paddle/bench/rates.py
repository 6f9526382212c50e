"""Rates of several ways as a table and as CSV rows: what the subjects ``pipeline`` and ``training`` share."""

import numpy as np

from ..files.tables import text_table
from . import measuring as machine

HEADER = ("way", "settings", "figure", "images/s", "from", "to", "to no settings", "to same settings")
CSV_HEADER = ("way", "settings", "figure", "round", "images/s")
NOTEBOOK = "notebook"  # the way that the others are held against


def rates_table(rates):
    """Text table of images/s with two ratios: to the notebook's way with no settings and with the way's own ones.

    Args:
        rates: (way, settings, figure) to images/s, one a round; for each figure and settings ``NOTEBOOK`` is there,
            with no settings first.
    """
    rows = []
    for figure in dict.fromkeys(figure for *_, figure in rates):
        notebook = {
            settings: values for (way, settings, name), values in rates.items() if (way, name) == (NOTEBOOK, figure)
        }
        bare = next(iter(notebook.values()))
        for (way, settings, name), values in rates.items():
            if name == figure:
                ratios = (str(machine.compare(values, base)) for base in (bare, notebook[settings]))
                rows.append((way, settings, name, *(f"{f(values):.1f}" for f in (np.median, min, max)), *ratios))
    return text_table(HEADER, rows)


def rates_rows(rates):
    """Rows for ``CSV_HEADER``: one a way, settings, figure and round."""
    return [(*way, number + 1, rate) for way, values in rates.items() for number, rate in enumerate(values)]
