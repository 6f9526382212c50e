"""Figures: what they show, without a display, without warnings, without anything left open."""

import matplotlib.pyplot as plt
import numpy as np
import paddle
import pytest

from fasternet_paddle.data import transforms
from fasternet_paddle.data.datasets import ImageData, Images
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.results import plots
from tests.archives import NAMES, photograph_crops

LOSSES = {"train": {"loss": [2.3, 1.1], "iter": [0, 10]}, "val": {"loss": [1.4], "iter": [12]}}
ACCURACIES = {"train": {"acc": [0.4, 0.8], "iter": [0, 1]}, "val": {"acc": [0.5, 0.75], "iter": [0, 1]}}
IMAGES, LABELS = photograph_crops(18)


def test_loss_curve():
    axes = plots.plot_learning_curve(LOSSES, title="loss", ylabel="CE Loss").axes[0]
    train, val = axes.lines
    assert (list(train.get_xdata()), list(train.get_ydata())) == ([0, 10], [2.3, 1.1])
    assert (list(val.get_xdata()), list(val.get_ydata())) == ([12], [1.4])
    assert val.get_marker() == "o"  # one epoch: a line alone would not be seen
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Training steps", "CE Loss (nats)")


def test_accuracy_curve_is_in_percent_against_epochs():
    axes = plots.plot_learning_curve(ACCURACIES, title="acc", ylabel="Accuracy").axes[0]
    assert list(axes.lines[1].get_ydata()) == [50.0, 75.0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epoch", "Accuracy (%)")


def record(key, count):
    values = {key: [0.5] * count, "iter": list(range(count))}
    return {"train": values, "val": values}


@pytest.mark.parametrize("key", ["loss", "acc"])
def test_a_curve_of_one_point_is_visible(key):
    figure = plots.plot_learning_curve(record(key, 1), title=key)
    assert [line.get_marker() for line in figure.axes[0].lines] == ["o", "o"]
    broken = record(key, 100)
    broken["train"] = {**broken["train"], key: [2.0] + [np.nan] * 99}
    assert plots.plot_learning_curve(broken, title=key).axes[0].lines[0].get_marker() == "o"


@pytest.mark.parametrize("key", ["loss", "acc"])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_ticks_are_whole_epochs_and_steps(key, count):
    axes = plots.plot_learning_curve(record(key, count), title=key).axes[0]
    least, most = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if least <= tick <= most]
    assert ticks and all(tick == round(tick) for tick in ticks)
    assert len(ticks) >= min(count, 3)


@pytest.mark.parametrize("record", [{}, {"train": {"loss": [1]}, "val": {}}, ACCURACIES])
def test_record_without_the_values(record):
    with pytest.raises(FasterNetError, match="under 'loss'"):
        plots.plot_learning_curve(record)


@pytest.mark.parametrize("form", ["uint8", "normalised", "normalised tensor, channels last", "unit floats"])
def test_images_appear_in_their_true_colours(form):
    normalised = np.stack([transforms.test_transform(32)(image) for image in IMAGES])
    given = {
        "uint8": IMAGES,
        "normalised": normalised,
        "normalised tensor, channels last": paddle.to_tensor(normalised).transpose([0, 2, 3, 1]),
        "unit floats": IMAGES.astype("float32") / 255,
    }[form]
    axes = plots.show_images(given, 3, 6)
    shown = np.asarray(axes[5].images[0].get_array(), np.float64)
    np.testing.assert_array_equal(shown, IMAGES[5])


def test_predicted_and_true_class_with_wrong_ones_marked():
    axes = plots.show_images(IMAGES[:2], 1, 2, pred=["cat", "dog"], gt=["cat", "cat"])
    assert [ax.get_title() for ax in axes] == ["pt: cat\ngt: cat", "pt: dog\ngt: cat"]
    assert axes[0].title.get_color() != axes[1].title.get_color()


def test_names_of_every_kind_are_drawn_as_they_are(tmp_path):
    names = ["$x_1$ and \\frac{", "a name that is longer than an image is wide"]
    axes = plots.show_images(IMAGES[:2], 1, 2, pred=names, gt=names)
    plots.save_figure(axes[0].figure, tmp_path / "grid.png")  # mathematics would not be parsed, and end in an exception
    assert axes[0].get_title().startswith("pt: $x_1$ and \\frac{\n")
    assert "…" in axes[1].get_title() and max(map(len, axes[1].get_title().split("\n"))) <= 20


def test_one_image_alone_and_more_places_than_images():
    assert len(plots.show_images(IMAGES[:1], 1, 1)) == 1
    assert [len(ax.images) for ax in plots.show_images(IMAGES[:2], 2, 2)] == [1, 1, 0, 0]


def test_show_images_refuses():
    with pytest.raises(FasterNetError, match="pred must name each of the 18 images, got 1"):
        plots.show_images(IMAGES, 3, 6, pred=["cat"])
    with pytest.raises(FasterNetError, match=r"an image must be .* got float64 \(4, 4, 2\)"):
        plots.show_images(np.zeros((2, 4, 4, 2)), 1, 2)


def test_predictions_of_a_model(tmp_path):
    images = Images(IMAGES, LABELS)
    data, model = ImageData("photographs", tuple(NAMES), images, images), create_model("t0", 3)
    before = plt.get_fignums()
    model.feature[0].eval()  # frozen, as in fine-tuning
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    axes = plots.show_predictions(model, data, 32)
    assert [layer.training for layer in model.sublayers(include_self=True)] == modes and {*modes} == {True, False}
    model.eval()
    batch = paddle.to_tensor(np.stack([transforms.test_transform(32)(image) for image in IMAGES]))
    predicted = [NAMES[n] for n in model(batch).argmax(-1).tolist()]
    assert [ax.get_title().split("\n")[0] for ax in axes] == [f"pt: {name}" for name in predicted]
    path = plots.save_figure(axes[0].figure, tmp_path / "predictions.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert plt.get_fignums() == before
