"""Figures of classes: what they show, with few classes and with many, whatever the names are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fasternet_paddle.results import figures
from fasternet_paddle.results.classes import measure_classes
from tests.results.numbers import NAMES, made_up

LOGITS, LABELS = made_up()
METRICS = measure_classes(LOGITS, LABELS, NAMES, resamples=30)
MANY = measure_classes(
    *made_up(images=900, classes=60), [f"class {n} of sixty, with a name" for n in range(60)], resamples=2
)


def drawn(figure, tmp_path):
    """Drawn without a warning and without pyplot."""
    before = plt.get_fignums()
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert plt.get_fignums() == before
    return figure


def test_confusion_shows_every_count_and_name(tmp_path):
    axes = drawn(figures.plot_confusion(METRICS), tmp_path).axes[0]
    numbers = {(round(t.get_position()[1]), round(t.get_position()[0])): int(t.get_text()) for t in axes.texts}
    matrix = METRICS.matrix()
    assert numbers == {(true, answer): matrix[true, answer] for true, answer in np.argwhere(matrix).tolist()}
    assert axes.get_yticklabels()[0].get_text() == "cat"
    assert axes.get_yticklabels()[2].get_text() == "a $rather_long$ name of a class"[:16] + "…" + "a class"[-7:]
    colours = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(colours[matrix == 0], 1.0)  # white where nothing is
    full = figures.cell_colour(1.0, True)
    np.testing.assert_allclose(full, to_rgb(figures.RIGHT))


def test_confusion_of_many_classes_lists_what_is_mistaken(tmp_path):
    matrix, beside = drawn(figures.plot_confusion(MANY), tmp_path).axes
    assert not matrix.texts and len(matrix.get_yticklabels()) == 60
    counts = [int(text.get_text().split(" × ")[0]) for text in beside.texts]
    off = MANY.matrix() * (1 - np.eye(60, dtype=int))
    assert counts == sorted(off[off > 0].tolist(), reverse=True)[: figures.MOST_LISTED]


def test_reliability_shows_the_bins(tmp_path):
    axes, below = drawn(figures.plot_reliability(METRICS), tmp_path).axes
    held = METRICS.bins["images"] > 0
    assert [bar.get_height() for bar in axes.patches] == METRICS.bins["accuracy"][held].tolist()
    assert [bar.get_height() for bar in below.patches] == METRICS.bins["images"].tolist()
    assert f"{METRICS.ece:.4f}" in axes.get_title()


def test_bars_of_classes_are_sorted_the_weakest_first(tmp_path):
    axes = drawn(figures.plot_classes(METRICS), tmp_path).axes[0]
    lengths = [bar.get_width() for bar in axes.patches]
    assert lengths == sorted(METRICS.classes["f1"].tolist())
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first one on top
    weakest = NAMES[int(METRICS.classes["f1"].argmin())]
    assert axes.get_yticklabels()[0].get_text().startswith(weakest[:8])


@pytest.mark.parametrize("classes", [1, 2, 150])
def test_every_number_of_classes(classes, tmp_path):
    logits, labels = made_up(images=300, classes=classes)
    metrics = measure_classes(logits, labels, [f"$c_{n}" for n in range(classes)], resamples=2)
    for plot in (figures.plot_confusion, figures.plot_reliability, figures.plot_classes):
        drawn(plot(metrics), tmp_path)
    shown = len(figures.plot_classes(metrics).axes[0].patches)
    assert shown == min(figures.MOST_BARS, len(figures.weakest_first(metrics)))
