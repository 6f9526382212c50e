"""What an evaluation prints, and what it leaves in a folder: numbers as JSON and CSV, figures as PNG, and the report.

    print("\n".join(summary(metrics)))
    paths = write_results("work/model", Report("digits", metrics=metrics), logits, labels, image_at=images.__getitem__)

Each file is written whole or not at all, and replaces the one of an evaluation before it.
"""

import dataclasses
from pathlib import Path

import numpy as np

from ..config import (
    CLASSES_TABLE,
    CONFUSION_TABLE,
    EVALUATION,
    EVALUATION_FIGURES,
    EVALUATION_FILES,
    REPORT,
    TEST_EVALUATION,
)
from ..files.tables import text_table
from ..files.writing import atomic_path, write_text
from ..runtime import machine
from ..runtime.drawing import png
from ..runtime.text import shorten
from .answers import least_sure, log_probabilities, worst_mistakes
from .figures import plot_classes, plot_confusion, plot_reliability, weakest_first
from .plots import plot_learning_curve
from .report import Picture, Report, write_report

LISTED, CONFUSIONS = 20, 10  # classes and confusions in what is printed
LONGEST_NAME = 40  # columns of a class's name there
PICTURES = 24  # of each kind in the report


def write_results(folder, report, logits, labels, *, image_at=None, name_at=None, pictures=PICTURES):
    """Write ``EVALUATION_FILES``, and ``TEST_EVALUATION`` of the report's test images, into a folder that exists.

    Args:
        folder: where.
        report: ``Report`` with ``metrics``; pictures and figures are filled in here.
        logits: floats ``(N, K)`` that the metrics were measured from.
        labels: integers ``(N,)``.
        image_at: index -> uint8 ``(H, W, 3)``; None leaves pictures out of the report.
        name_at: index -> name of the image; by default its number.
        pictures: how many of the worst mistakes, and of the least sure.

    Returns:
        List of the paths written.
    """
    folder, metrics = Path(folder), report.metrics
    plots = zip(EVALUATION_FIGURES, (plot_confusion, plot_reliability, plot_classes), strict=True)
    figures = {name: png(plot(metrics), dpi=120) for name, plot in plots}
    report = dataclasses.replace(report, figures={Path(name).stem: content for name, content in figures.items()})
    if image_at is not None:
        report = with_pictures(report, logits, labels, image_at, name_at, pictures)
    texts = {
        EVALUATION: metrics.to_json(),
        CLASSES_TABLE: metrics.classes_csv(),
        CONFUSION_TABLE: metrics.confusion_csv(),
    }
    if report.test is not None:
        texts[TEST_EVALUATION] = report.test.to_json()
    for name, text in texts.items():
        # A name that no encoding has (a file system's stray byte) is written as \udc.., which JSON reads back.
        write_text(folder / name, text.encode("utf-8", "backslashreplace").decode())
    for name, content in figures.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    write_report(folder / REPORT, report)
    return [folder / name for name in (*EVALUATION_FILES, *((TEST_EVALUATION,) if report.test is not None else ()))]


def with_pictures(report, logits, labels, image_at, name_at=None, pictures=PICTURES):
    """The ``Report`` with its worst mistakes and its least sure answers; arguments as of ``write_results``."""
    metrics, filled = report.metrics, {}
    for name, choose in (("worst", worst_mistakes), ("least_sure", least_sure)):
        chosen = choose(logits, labels, pictures, metrics.temperature)
        filled[name] = pictures_of(chosen, logits, labels, metrics, image_at, name_at or str)
    return dataclasses.replace(report, **filled)


def pictures_of(chosen, logits, labels, metrics, image_at, name_at):
    """A ``Picture`` of each index in ``chosen``, with its answer and the true class."""
    pictures = []
    for number in map(int, chosen):
        row = np.exp(log_probabilities(logits[number : number + 1], metrics.temperature))[0]  # (K,)
        answer, true = int(np.argmax(logits[number])), int(labels[number])
        names = {"answer": metrics.class_names[answer], "true": metrics.class_names[true]}
        shares = {"probability": float(row[answer]), "true_probability": float(row[true])}
        pictures.append(Picture(image_at(number), str(name_at(number)), **names, **shares))
    return tuple(pictures)


def summary(metrics):
    """A ``ClassMetrics`` as lines to print: the figures with their intervals, the weakest classes, the confusions."""
    lines = []
    for name, value, interval in (
        ("top-1", metrics.top1, "top1"),
        (f"top-{metrics.k}", metrics.top_k, "top_k"),
        ("macro F1", metrics.macro["f1"], "macro f1"),
        ("weighted F1", metrics.weighted["f1"], "weighted f1"),
        ("calibration error", metrics.ece, "ece"),
    ):
        lines.append("{}: {:.4f} (95 %: {:.4f} to {:.4f})".format(name, value, *metrics.intervals[interval]))
    lines.append(f"loss: {metrics.loss:.4f} nats (label smoothing {metrics.smoothing})")
    order, table = weakest_first(metrics), metrics.classes
    rows = [
        [shorten(metrics.class_names[number], LONGEST_NAME)]
        + [f"{table[name][number]:.4f}" for name in ("precision", "recall", "f1")]
        + [table["images"][number]]
        for number in order[:LISTED]
    ]
    lines.append(text_table(("class", "precision", "recall", "F1", "images"), rows))
    if len(order) > LISTED:
        lines.append(f"and {len(order) - LISTED:,} classes with a higher F1")
    names = [shorten(name, LONGEST_NAME) for name in metrics.class_names]
    for true, answer, count in metrics.confusions()[:CONFUSIONS].tolist():
        lines.append(f"{names[true]} taken for {names[answer]}: {count} of {table['images'][true]}")
    return lines


def curves(rows):
    """Name -> Figure of the learning curves, from the rows of a ``history.csv``, a dict an epoch."""
    figures = {}
    for title, column, position, label in (("loss", "loss", "steps", "CE Loss"), ("acc", "top1", "epoch", "Accuracy")):
        record = {
            part: {title: [row[f"{part}_{column}"] for row in rows], "iter": [row[position] for row in rows]}
            for part in ("train", "val")
        }
        if rows:
            figures[title] = plot_learning_curve(record, title, label)
    return figures


def run_report(config, metrics, weights, checked=None, **others):
    """A ``Report`` with what a run knows: its title, recipe, how to use it, and what was found in its files.

    Args:
        config: ``TrainConfig`` of the run and of the data that were measured.
        metrics: ``ClassMetrics``.
        weights: path of the weights that were measured.
        checked: ``Checked`` of the files, where they are files.
        others: further fields of the ``Report``.
    """
    found = {}
    if checked is not None:
        kinds = ("leaks", "conflicts", "repeats")
        equal = tuple((other, first, kind) for kind in kinds for first, other in getattr(checked, kind))
        found = {"damaged": checked.unreadable, "strangers": checked.strangers, "duplicates": equal}
    data = Path(config.data_path).resolve().name if config.dataset == "folder" else config.dataset
    return Report(
        title=f"FasterNet-{config.variant.upper()}: {data}",
        metrics=metrics,
        measured_on=f"{data}, {metrics.images:,} validation images, {Path(weights).name}",
        usage=usage(weights),
        recipe={name: value for name, value in dataclasses.asdict(config).items() if value is not None},
        environment=machine.environment(),
        **(found | others),
    )


def test_line(metrics):
    """The line on a ``ClassMetrics`` of images that neither training nor the choice of the best epoch saw."""
    low, high = metrics.intervals["top1"]
    return f"top-1 on {metrics.images:,} untouched test images: {metrics.top1:.4f} (95 %: {low:.4f} to {high:.4f})"


def usage(weights):
    """Lines of Python that use a model: what the report shows."""
    return (
        "from fasternet_paddle import Predictor, load_run\n\n"
        f"predictor = Predictor(load_run({str(weights)!r}))\n"
        'print(predictor.predict(["picture.jpg"], top_k=3))\n'
    )


def names_of(images):
    """A function of an image's number to its name: its path where it is a file, else its number."""
    files = getattr(images, "names", None)
    return str if files is None else files.__getitem__
