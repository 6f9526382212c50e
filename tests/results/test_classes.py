"""Metrics of classes against scikit-learn, against counting by hand, and against the law that intervals obey."""

import csv
import io
import json
import math

import numpy as np
import pytest
import sklearn.metrics as witness
from scipy.stats import binomtest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.results.answers import least_sure, per_image, worst_mistakes
from fasternet_paddle.results.classes import measure_classes
from fasternet_paddle.results.intervals import bootstrap, wilson
from tests.results.numbers import NAMES, made_up

LOGITS, LABELS = made_up()
ANSWERS = LOGITS.argmax(axis=1)
METRICS = measure_classes(LOGITS, LABELS, NAMES, k=2, temperature=1.7, resamples=60)


def softmax_by_hand(row, temperature=1.0):
    largest = max(float(value) / temperature for value in row)
    exponentials = [math.exp(float(value) / temperature - largest) for value in row]
    return [value / sum(exponentials) for value in exponentials]


def test_figures_equal_scikit_learn_to_the_last_bit():
    assert METRICS.top1 == witness.accuracy_score(LABELS, ANSWERS)
    assert METRICS.top_k == witness.top_k_accuracy_score(LABELS, LOGITS, k=2, labels=range(5))
    np.testing.assert_array_equal(METRICS.matrix(), witness.confusion_matrix(LABELS, ANSWERS, labels=range(5)))
    for kind in ("macro", "weighted"):
        values = witness.precision_recall_fscore_support(LABELS, ANSWERS, average=kind, zero_division=0)
        assert list(getattr(METRICS, kind).values()) == list(values[:3])
    each = witness.precision_recall_fscore_support(LABELS, ANSWERS, labels=range(5), zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "images"), each, strict=True):
        assert METRICS.classes[name].tolist() == values.tolist(), name
    assert METRICS.classes["predicted"].tolist() == np.bincount(ANSWERS, minlength=5).tolist()


def test_losses_and_calibration_error_equal_those_by_hand():
    losses, likelihoods, bins = [], [], [[] for _ in range(15)]
    for row, label in zip(LOGITS, LABELS, strict=True):
        plain, warm = softmax_by_hand(row), softmax_by_hand(row, 1.7)
        losses.append(-0.9 * math.log(plain[label]) - 0.1 * sum(math.log(p) for p in plain) / 5)
        likelihoods.append(-math.log(warm[label]))
        confidence = max(warm)
        (place,) = (n for n in range(15) if n / 15 < confidence <= (n + 1) / 15)
        bins[place].append((confidence, warm.index(confidence) == label))
    error = sum(abs(sum(c for c, _ in held) - sum(r for _, r in held)) for held in bins) / len(LABELS)
    assert METRICS.loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert METRICS.nll == pytest.approx(np.mean(likelihoods), rel=1e-12)
    assert METRICS.ece == pytest.approx(error, rel=1e-10)
    assert METRICS.bins["images"].tolist() == [len(held) for held in bins]


def test_the_temperature_changes_probabilities_alone():
    plain = measure_classes(LOGITS, LABELS, NAMES, k=2, resamples=1)
    assert (plain.top1, plain.top_k, plain.loss) == (METRICS.top1, METRICS.top_k, METRICS.loss)
    assert plain.nll != METRICS.nll and plain.ece != METRICS.ece


def test_classes_that_no_image_has_or_no_answer_names():
    logits, labels = np.eye(4, dtype=np.float32)[[0, 0, 1, 1]], np.array([0, 0, 1, 2])
    metrics = measure_classes(logits, labels, "abcd", resamples=5)
    assert metrics.classes["images"].tolist() == [2, 1, 1, 0] and metrics.classes["f1"][3] == 0
    assert metrics.macro["f1"] == witness.f1_score(labels, [0, 0, 1, 1], average="macro")  # d occurs nowhere
    assert (metrics.classes["recall_low"][3], metrics.classes["recall_high"][3]) == (0, 1)
    assert metrics.k == 4 and metrics.top_k == 1.0  # five are more than there are


def test_of_equal_logits_the_first_is_the_answer_for_every_k():
    logits = np.zeros((3, 3), np.float32)
    found = per_image(logits, np.array([0, 1, 2]), 2, 0.0, None)
    assert found["top1"].tolist() == [True, False, False] and found["top_k"].tolist() == [True, True, False]


def test_ten_thousand_classes():
    logits, labels = made_up(images=200, classes=10_000)
    metrics = measure_classes(logits, labels, [f"c{n}" for n in range(10_000)], resamples=2)
    assert metrics.top1 == witness.accuracy_score(labels, logits.argmax(axis=1))
    assert len(metrics.cells) <= 200 and metrics.cells[:, 2].sum() == 200
    order = np.argsort(-logits, axis=1)[:, :5]
    assert metrics.top_k == (order == labels[:, None]).any(axis=1).mean()


@pytest.mark.parametrize(("right", "total"), [(0, 10), (10, 10), (1, 3), (98, 100), (9_999, 10_000), (7, 7)])
def test_wilson_equals_scipy(right, total):
    low, high = wilson(right, total)
    wanted = binomtest(right, total).proportion_ci(0.95, "wilson")
    assert (low, high) == (pytest.approx(wanted.low, abs=1e-12), pytest.approx(wanted.high, abs=1e-12))
    assert low <= right / total <= high


@pytest.mark.parametrize(("share", "images"), [(0.5, 100), (0.9, 360), (0.98, 200)])
def test_wilson_covers_the_true_share_as_often_as_it_says(share, images):
    right = np.random.default_rng(1).binomial(images, share, 20_000)
    low, high = wilson(right, np.full(len(right), images))
    assert 0.93 < np.mean((low <= share) & (share <= high)) < 0.975


def test_bootstrap_covers_the_true_loss_as_often_as_it_says():
    """The mean of exponential losses is 1; 200 worlds of 80 images each. Percentiles are known to be a little short."""
    generator, covered = np.random.default_rng(2), 0
    for world in range(200):
        losses = generator.exponential(size=80)
        low, high = bootstrap(lambda weights, x=losses: {"m": (weights * x).sum() / 80}, 80, 200, world)["m"]
        covered += low <= 1 <= high
    assert 0.86 <= covered / 200 <= 0.98


def test_bootstrap_is_the_metric_of_the_drawn_images():
    """One resample: its macro F1 is that of scikit-learn on the same images, drawn again."""
    one = measure_classes(LOGITS, LABELS, NAMES, resamples=1, seed=7)
    drawn = np.random.default_rng(7).integers(0, len(LABELS), len(LABELS))
    again = measure_classes(LOGITS[drawn], LABELS[drawn], NAMES, resamples=1)
    for kind in ("macro", "weighted"):
        for name, value in getattr(again, kind).items():
            assert one.intervals[f"{kind} {name}"][0] == pytest.approx(value, rel=1e-12)
    for name in ("loss", "nll", "ece"):
        assert one.intervals[name][1] == pytest.approx(getattr(again, name), rel=1e-9)
    np.testing.assert_allclose(one.classes["f1_low"], again.classes["f1"])


def test_intervals_hold_their_figures_and_the_seed_decides():
    figures = {"top1": METRICS.top1, "loss": METRICS.loss, "nll": METRICS.nll, "macro f1": METRICS.macro["f1"]}
    for name, value in figures.items():
        low, high = METRICS.intervals[name]
        assert low < value < high, name
    again = measure_classes(LOGITS, LABELS, NAMES, k=2, temperature=1.7, resamples=60)
    other = measure_classes(LOGITS, LABELS, NAMES, k=2, temperature=1.7, resamples=60, seed=1)
    assert again.to_json() == METRICS.to_json() != other.to_json()


def test_json_and_csv_hold_every_number():
    values = json.loads(METRICS.to_json())
    assert values["class_names"] == list(NAMES) and values["top1"] == METRICS.top1
    assert values["intervals"]["ece"] == list(METRICS.intervals["ece"])
    rows = list(csv.DictReader(io.StringIO(METRICS.classes_csv())))
    assert [row["class"] for row in rows] == list(NAMES)
    assert [float(row["f1"]) for row in rows] == METRICS.classes["f1"].tolist()
    cells = list(csv.DictReader(io.StringIO(METRICS.confusion_csv())))
    matrix = np.zeros((5, 5), int)
    for cell in cells:
        matrix[NAMES.index(cell["true"]), NAMES.index(cell["predicted"])] = int(cell["images"])
    np.testing.assert_array_equal(matrix, METRICS.matrix())
    assert [int(cell["images"]) for cell in cells] == sorted(METRICS.cells[:, 2].tolist(), reverse=True)


def test_worst_mistakes_and_least_sure_are_sorted():
    confidence = np.array([max(softmax_by_hand(row)) for row in LOGITS])
    wrong = np.flatnonzero(ANSWERS != LABELS)
    worst = worst_mistakes(LOGITS, LABELS, most=10)
    assert worst.tolist() == wrong[np.argsort(-confidence[wrong])][:10].tolist()
    assert least_sure(LOGITS, LABELS, most=10).tolist() == np.argsort(confidence)[:10].tolist()
    assert len(worst_mistakes(np.eye(3, dtype=np.float32), np.arange(3))) == 0  # none is wrong


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"logits": np.full_like(LOGITS, np.nan)}, "logits must be finite"),
        ({"labels": LABELS + 1}, r"labels must lie in 0\.\.4, got 1\.\.5"),
        ({"labels": LABELS[:-1]}, "logits must be"),
        ({"labels": LABELS.astype(float)}, "labels must be integers"),
        ({"logits": LOGITS[:0], "labels": LABELS[:0]}, "both with at least one image"),
        ({"class_names": NAMES[:2]}, "name each of the 5 outputs, got 2"),
        ({"k": 0}, "k must be at least 1"),
        ({"resamples": 0}, "resamples must be at least 1"),
    ],
)
def test_refuses(change, sentence):
    with pytest.raises(FasterNetError, match=sentence):
        measure_classes(**{"logits": LOGITS, "labels": LABELS, "class_names": NAMES} | change)


def test_counts_are_whole_numbers_where_no_answer_is_right():
    """scikit-learn's support is floats then."""
    metrics = measure_classes(np.float32([[1, 0], [1, 0]]), np.int64([1, 1]), ("a", "b"), resamples=2)
    assert json.loads(metrics.to_json())["classes"]["images"] == [0, 2] and '"images": [0, 2]' in metrics.to_json()
