"""What an evaluation leaves in a folder: numbers as JSON and CSV, figures as PNG, and the report.

    paths = write_results("work/model", Report("digits", metrics=metrics), logits, labels, image_at=images.__getitem__)

Each file is written whole or not at all, and replaces the one of an evaluation before it.
"""

import dataclasses
import io
from pathlib import Path

import numpy as np

from ..files.writing import atomic_path, write_text
from .answers import least_sure, log_probabilities, worst_mistakes
from .figures import plot_classes, plot_confusion, plot_reliability
from .report import Picture, write_report

RESULT_FILES = (
    *("evaluation.json", "classes.csv", "confusion.csv"),
    *("confusion.png", "reliability.png", "classes.png", "report.html"),
)
PICTURES = 24  # of each kind in the report


def write_results(folder, report, logits, labels, *, image_at=None, name_at=None, pictures=PICTURES):
    """Write ``RESULT_FILES`` into a folder that exists.

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
    figures = {
        "confusion": png(plot_confusion(metrics)),
        "reliability": png(plot_reliability(metrics)),
        "classes": png(plot_classes(metrics)),
    }
    filled = {"figures": figures}
    if image_at is not None:
        for name, choose in (("worst", worst_mistakes), ("least_sure", least_sure)):
            chosen = choose(logits, labels, pictures, metrics.temperature)
            filled[name] = pictures_of(chosen, logits, labels, metrics, image_at, name_at or str)
    texts = {
        "evaluation.json": metrics.to_json(),
        "classes.csv": metrics.classes_csv(),
        "confusion.csv": metrics.confusion_csv(),
    }
    for name, text in texts.items():
        # A name that no encoding has (a file system's stray byte) is written as \udc.., which JSON reads back.
        write_text(folder / name, text.encode("utf-8", "backslashreplace").decode())
    for name, content in figures.items():
        with atomic_path(folder / f"{name}.png") as temporary:
            temporary.write_bytes(content)
    write_report(folder / "report.html", dataclasses.replace(report, **filled))
    return [folder / name for name in RESULT_FILES]


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


def png(figure):
    """A matplotlib Figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
