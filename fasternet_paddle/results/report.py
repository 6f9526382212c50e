"""A run as one page: ``report.html``, which opens in a browser without a network and prints.

    write_report("work/model/report.html", Report("Flowers", metrics=metrics, recipe={"epochs": 30}))

Everything lies in the one file: style, script and pictures. The page's own policy forbids it to fetch or to run
anything else, and every name in it is escaped, so a class called ``<script>`` is a class called ``<script>``.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import numpy as np

from ..files.writing import write_text
from ..runtime.text import shorten, shown
from .embedding import embedded, thumbnail
from .figures import cell_colour, plot_confusion, plot_reliability, weakest_first
from .wording import WORDS

MATRIX_CLASSES = 100  # in the page's matrix: 10,000 cells, which a browser still sorts at once
CONFUSIONS = 200  # lines in the table of confusions
FILES = 500  # lines in a table of files
DARK = 0.55  # shade from which a cell's number is white


@dataclass(frozen=True)
class Picture:
    """An image of the report with its answer: uint8 ``(H, W, 3)``, class names, probabilities in 0..1."""

    image: np.ndarray
    name: str
    answer: str
    probability: float
    true: str
    true_probability: float | None = None


@dataclass(frozen=True)
class Report:
    """What the page shows; what is empty is left out."""

    title: str
    metrics: object = None
    """``ClassMetrics`` of the images in ``measured_on``."""
    measured_on: str = ""
    """Data and number of images, in words."""
    chosen_on_these: bool = False
    """Whether the best epoch was chosen on these very images; the page then says so."""
    test: object = None
    """``ClassMetrics`` of images that neither training nor the choice of the epoch saw."""
    curves: dict = field(default_factory=dict)
    """Name -> matplotlib Figure."""
    figures: dict = field(default_factory=dict)
    """"confusion" and "reliability": Figure, or the bytes of a PNG file; drawn here where they are absent."""
    worst: tuple = ()
    """``Picture`` of each, as ``worst_mistakes`` orders them."""
    least_sure: tuple = ()
    """The same, as ``least_sure`` orders them."""
    explanations: dict = field(default_factory=dict)
    """Name -> matplotlib Figure, the bytes of a PNG file, or uint8 ``(H, W, 3)``."""
    damaged: tuple = ()
    """(file, reason) of each file that could not be read."""
    strangers: tuple = ()
    """Files that are no image of a class."""
    duplicates: tuple = ()
    """(file, the file that holds the same picture, kind): "leaks" (a training image is validation or test image, too),
    "conflicts" (the labels differ) or "repeats"; without a kind a repeat."""
    usage: str = ""
    """Lines of Python."""
    recipe: dict = field(default_factory=dict)
    speed: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)


def write_report(path, report):
    """Write the page of a ``Report``, whole or not at all; returns ``path``."""
    write_text(path, render_report(report))
    return path


def render_report(report):
    """The page of a ``Report``: HTML text."""
    script = _own_file("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_own_file("report.html.j2"))
    values = {
        "title": shown(report.title),
        "words": WORDS,
        "style": _own_file("report.css"),
        "script": script,
        "script_hash": f"sha256-{digest}",
        "measured_on": shown(report.measured_on),
        "chosen_on_these": report.chosen_on_these,
        "curves": [_named(name, figure) for name, figure in report.curves.items()],
        "worst": [thumbnail(each) for each in report.worst],
        "least_sure": [thumbnail(each) for each in report.least_sure],
        "explanations": [_named(name, figure) for name, figure in report.explanations.items()],
        **_files(report),
        "usage": report.usage,
        **{name: dict(_rows(getattr(report, name).items())) for name in ("recipe", "speed", "environment")},
    }
    values |= _measured(report)
    return template.render(values, sections=[name for name in _sections(values) if values[name]])


def _sections(values):
    """Headings in the order of the page."""
    values["classes"] = values["calibration"] = values["confusion"] = values["metrics"]
    values["data"] = values["damaged"] or values["strangers"] or values["duplicates"]
    return (
        *("curves", "classes", "confusion", "confusions", "calibration", "worst", "least_sure"),
        *("explanations", "data", "usage", "recipe", "speed", "environment"),
    )


def _measured(report):
    """What the page shows of the metrics; nothing without them."""
    metrics = report.metrics
    if metrics is None:
        return dict.fromkeys(("metrics", "tiles", "class_rows", "matrix", "confusions", "figures"))
    return {
        "metrics": metrics,
        "tiles": _tiles(metrics, report.test),
        "class_rows": _class_rows(metrics),
        "matrix": _matrix(metrics),
        "confusions": _confusions(metrics),
        "figures": {
            name: embedded(report.figures.get(name) or draw(metrics))
            for name, draw in (("confusion", plot_confusion), ("reliability", plot_reliability))
        },
    }


def _tiles(metrics, test):
    """The figures at the top: what each is, its value, and its interval."""
    shares, plain = "{:.2%}", "{:.4f}"
    rows = [
        ("top1", metrics.top1, "top1", shares),
        ("top_k", metrics.top_k, "top_k", shares),
        ("macro_f1", metrics.macro["f1"], "macro f1", plain),
        ("weighted_f1", metrics.weighted["f1"], "weighted f1", plain),
        ("loss", metrics.loss, "loss", plain),
        ("nll", metrics.nll, "nll", plain),
        ("ece", metrics.ece, "ece", plain),
    ]
    if test is not None:
        rows.insert(1, ("test_top1", test.top1, None, shares))
    tiles = []
    for key, value, name, form in rows:
        low, high = map(form.format, metrics.intervals[name] if name else test.intervals["top1"])
        tiles.append({"key": key, "k": metrics.k, "value": form.format(value), "low": low, "high": high})
    return tiles


def _class_rows(metrics):
    """A dict a class that occurs, the weakest first."""
    taken = {}
    for true, answer, count in metrics.confusions().tolist():
        name = shorten(metrics.class_names[answer], 30)
        taken.setdefault(true, f"{name} ({count})")
    return [
        {"name": shown(metrics.class_names[number]), "taken_for": taken.get(number, "")}
        | {name: column[number].item() for name, column in metrics.classes.items()}
        for number in weakest_first(metrics).tolist()
    ]


def _matrix(metrics):
    """The matrix's rows, each with a cell a column: None, or its number, colour and whether it is dark."""
    support = metrics.classes["images"]
    wrong = metrics.confusions()
    mistakes = np.bincount(wrong[:, 0], wrong[:, 2], len(support)).astype(int)
    involved = mistakes + np.bincount(wrong[:, 1], wrong[:, 2], len(support)).astype(int)
    order = np.sort(np.argsort(-involved, kind="stable")[:MATRIX_CLASSES]).tolist()
    counts = {(true, answer): count for true, answer, count in metrics.cells.tolist()}
    rows = [
        {
            "name": shown(metrics.class_names[true]),
            "recall": metrics.classes["recall"][true].item(),
            "images": support[true].item(),
            "mistakes": mistakes[true].item(),
            "cells": [_cell(counts.get((true, answer)), support[true], true == answer) for answer in order],
        }
        for true in order
    ]
    return {"rows": rows, "left_out": len(support) - len(order)}


def _cell(count, images, right):
    if count is None:
        return None
    red, green, blue = (round(255 * part) for part in cell_colour(count / images, right))
    return {"count": count, "colour": f"#{red:02x}{green:02x}{blue:02x}", "strong": count / images > DARK}


def _confusions(metrics):
    names, support = metrics.class_names, metrics.classes["images"]
    return [
        {"true": shown(names[true]), "answer": shown(names[answer]), "count": count, "share": count / support[true]}
        for true, answer, count in metrics.confusions()[:CONFUSIONS].tolist()
    ]


def _files(report):
    """The tables on files, each with ``FILES`` rows at most, and how many there are."""
    tables = {
        "damaged": _rows(report.damaged[:FILES]),
        "strangers": [shown(name) for name in report.strangers[:FILES]],
        "duplicates": [(*map(shown, row[:2]), (*row[2:], "repeats")[0]) for row in report.duplicates[:FILES]],
    }
    return tables | {"counts": {name: len(getattr(report, name)) for name in tables}}


def _rows(pairs):
    """Pairs as text that can be shown."""
    return [tuple(shown(value) for value in pair) for pair in pairs]


def _named(name, figure):
    return {"name": shown(name), "source": embedded(figure)}


def _own_file(name):
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
