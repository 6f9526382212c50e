"""How well a network does, class by class, from its logits and the labels.

    metrics = measure_classes(logits, labels, class_names)
    metrics.top1, metrics.intervals["top1"]          # 0.9917, (0.976, 0.997)
    metrics.to_json(); metrics.classes_csv(); metrics.confusion_csv()

Numbers alone go in and come out, so what was saved by ``evaluate --logits`` gives the same numbers to the last bit.
scikit-learn counts precision, recall and F1; a class that was never predicted, or that no image has, counts as 0 there.
Shares of images (top-1, top-k, recall) have Wilson's interval, everything else the bootstrap's; both hold 95 %.
"""

import json
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from ..errors import FasterNetError
from ..files.tables import csv_table
from .answers import BINS, checked, per_image
from .intervals import bootstrap, wilson

RATES = ("precision", "recall", "f1")
CLASS_COLUMNS = ("class", "images", "predicted", *RATES, "recall_low", "recall_high", "f1_low", "f1_high")


@dataclass(frozen=True)
class ClassMetrics:
    """What ``measure_classes`` found. Shares and rates lie in 0..1; losses are in nats."""

    class_names: tuple[str, ...]
    """The K classes, in the order of the logits."""
    images: int
    """N, the images measured."""
    top1: float
    """Share of images whose largest logit is their label's."""
    k: int
    """Of ``top_k``; never more than the classes."""
    top_k: float
    """Share of images whose label is among the k largest logits."""
    loss: float
    """Mean cross-entropy with ``smoothing``, of the logits as they are: what training minimised. Training prints less
    for a network that is absurdly sure: on a CPU Paddle's log-softmax ends at -64."""
    smoothing: float
    """Label smoothing of ``loss``."""
    nll: float
    """Mean negative log-probability of the label, with the temperature."""
    ece: float
    """Expected calibration error: mean distance of confidence and accuracy over ``bins``, weighted by images."""
    temperature: float | None
    """What logits were divided by for probabilities; None: by nothing."""
    macro: dict
    """Precision, recall and F1: means over the classes that occur as a label or as an answer."""
    weighted: dict
    """The same, each class weighted by its images."""
    intervals: dict
    """(low, high) of each figure above, by its name: "top1", "ece", "macro f1", ..."""
    classes: dict
    """One array ``(K,)`` for each of ``CLASS_COLUMNS`` but the first."""
    cells: np.ndarray
    """int64 ``(P, 3)``: true class, answer and number of images of each cell of the confusion matrix that is not 0."""
    bins: dict
    """Arrays ``(15,)``: "images", "confidence" and "accuracy" of each bin of confidence; empty bins hold 0."""

    def matrix(self):
        """The confusion matrix, int64 ``(K, K)``: a row a true class, a column an answer."""
        matrix = np.zeros((len(self.class_names),) * 2, np.int64)
        matrix[self.cells[:, 0], self.cells[:, 1]] = self.cells[:, 2]
        return matrix

    def confusions(self):
        """int64 ``(Q, 3)``: the cells beside the diagonal, the most frequent first."""
        wrong = self.cells[self.cells[:, 0] != self.cells[:, 1]]
        return wrong[np.lexsort((wrong[:, 1], wrong[:, 0], -wrong[:, 2]))]

    def to_json(self):
        """All of it as JSON text, numbers at full precision; the confusion matrix as its cells."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values |= {"class_names": list(self.class_names), "cells": self.cells.tolist()}
        for name in ("classes", "bins"):
            values[name] = {key: array.tolist() for key, array in values[name].items()}
        lines = [
            f"{json.dumps(name)}: {json.dumps(values[name], ensure_ascii=False, allow_nan=False)}" for name in values
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"  # a line a figure: to be read, and compared by diff

    def classes_csv(self):
        """A line a class: ``CLASS_COLUMNS``."""
        columns = [self.classes[name].tolist() for name in CLASS_COLUMNS[1:]]
        return csv_table(CLASS_COLUMNS, zip(self.class_names, *columns, strict=True))

    def confusion_csv(self):
        """A line a cell that is not 0, the largest first: true class, answer, images, share of the true class."""
        cells = self.cells[np.lexsort((self.cells[:, 1], self.cells[:, 0], -self.cells[:, 2]))].tolist()
        support, names = self.classes["images"].tolist(), self.class_names
        rows = [(names[true], names[answer], count, count / support[true]) for true, answer, count in cells]
        return csv_table(("true", "predicted", "images", "share_of_true"), rows)


def measure_classes(
    logits, labels, class_names, *, k=5, smoothing=0.1, temperature=None, resamples=1000, seed=0
):  # eight, each of them a number of the result
    """Measure a classifier.

    Args:
        logits: floats ``(N, K)``.
        labels: integers ``(N,)``, each in 0..K-1.
        class_names: K names.
        k: of top-k; where there are fewer classes, all count.
        smoothing: label smoothing of the loss, 0 to 1.
        temperature: what logits are divided by for probabilities, above 0.
        resamples: of the bootstrap, at least 1.
        seed: of the bootstrap.

    Returns:
        ``ClassMetrics``.

    Raises:
        FasterNetError: shapes that do not fit, no image, a label that is no class, or logits that are not finite.
    """
    logits, labels = checked(logits, labels)
    if len(class_names) != logits.shape[1]:
        raise FasterNetError(f"class_names must name each of the {logits.shape[1]} outputs, got {len(class_names)}")
    for name, value in (("k", k), ("resamples", resamples)):
        if value < 1:
            raise FasterNetError(f"{name} must be at least 1, got {value}")
    k = min(k, logits.shape[1])
    images = per_image(logits, labels, k, smoothing, temperature)
    counts = _counts(labels, images["answer"], logits.shape[1])
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, images["answer"], labels=np.arange(logits.shape[1]), zero_division=0
    )
    support = support.astype(np.int64)  # floats where no answer is right
    figures = _figures(images, counts)
    averages = {kind: _average(labels, images["answer"], kind) for kind in ("macro", "weighted")}
    spread = _spread(images, labels, logits.shape[1], resamples, seed)
    f1_low, f1_high = spread.pop("f1")
    recall_low, recall_high = wilson(counts["right"], support)
    top = {name: tuple(map(float, wilson(images[name].sum(), len(labels)))) for name in ("top1", "top_k")}
    columns = (support, counts["predicted"], precision, recall, f1, recall_low, recall_high, f1_low, f1_high)
    return ClassMetrics(
        class_names=tuple(class_names),
        images=len(labels),
        k=k,
        smoothing=float(smoothing),
        temperature=temperature,
        **{name: figures[name] for name in ("top1", "top_k", "loss", "nll", "ece")},
        **averages,
        intervals=top | spread,
        classes=dict(zip(CLASS_COLUMNS[1:], columns, strict=True)),
        cells=_cells(labels, images["answer"]),
        bins=_bins(images),
    )


def _counts(labels, answer, classes, weights=None):
    """Arrays ``(K,)``: images of each class, answers of each class, and right ones."""
    right = (labels == answer) if weights is None else (labels == answer) * weights
    return {
        "images": np.bincount(labels, weights, classes),
        "predicted": np.bincount(answer, weights, classes),
        "right": np.bincount(labels, right, classes),
    }


def _figures(images, counts, weights=None):
    """The figures of one set of images: a dict of name to float, and the F1 of each class ``(K,)`` under "f1"."""
    count = len(images["answer"])

    def mean(name):
        values = images[name] if weights is None else images[name] * weights
        return float(values.sum() / count)

    gap = np.bincount(images["bin"], _weighted(images["confidence"] - images["top1"], weights), BINS)
    figures = {name: mean(name) for name in ("top1", "top_k", "loss", "nll")} | {
        "ece": float(np.abs(gap).sum() / count)
    }
    rates = {
        "precision": _ratio(counts["right"], counts["predicted"]),
        "recall": _ratio(counts["right"], counts["images"]),
        "f1": _ratio(2 * counts["right"], counts["images"] + counts["predicted"]),
    }
    occurs = (counts["images"] + counts["predicted"]) > 0
    for name, values in rates.items():
        figures[f"macro {name}"] = float(values[occurs].mean())
        figures[f"weighted {name}"] = float((values * counts["images"]).sum() / count)
    return figures | {"f1": rates["f1"]}


def _weighted(values, weights):
    return values if weights is None else values * weights


def _ratio(part, whole):
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _average(labels, answer, kind):
    values = precision_recall_fscore_support(labels, answer, average=kind, zero_division=0)
    return {name: float(value) for name, value in zip(RATES, values, strict=False)}


def _cells(labels, answer):
    pairs, counts = np.unique(np.stack([labels, answer], axis=1), axis=0, return_counts=True)
    return np.column_stack([pairs, counts])


def _bins(images):
    count = np.bincount(images["bin"], minlength=BINS)
    means = {name: np.bincount(images["bin"], images[name], BINS) for name in ("confidence", "top1")}
    return {
        "images": count,
        "confidence": _ratio(means["confidence"], count),
        "accuracy": _ratio(means["top1"], count),
    }


def _spread(images, labels, classes, resamples, seed):
    """Bootstrap intervals of all but the shares: dict of name to (low, high), "f1" float64 ``(2, K)``."""

    def measure(weights):
        figures = _figures(images, _counts(labels, images["answer"], classes, weights), weights)
        return {name: value for name, value in figures.items() if name not in ("top1", "top_k")}  # Wilson's

    ends = bootstrap(measure, len(labels), resamples, seed)
    return {name: ends[name] if name == "f1" else tuple(ends[name].tolist()) for name in ends}
