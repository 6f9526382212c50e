"""Figures show what the record holds: true colours, a scale centred on zero, readable words inside the page."""

import dataclasses
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining.explanation import Explanation
from fasternet_paddle.explaining.faithfulness import Faithfulness
from fasternet_paddle.explaining.figures import (
    caption,
    colour_limit,
    overlay,
    plot_explanation,
    plot_faithfulness,
    plot_sheet,
    plot_stability,
)
from fasternet_paddle.explaining.stability import Stability
from tests.photographs import photograph, tiles


def made(method="lime", classes=(1,), **settings):
    """An explanation with weights -17 to 18 for its 36 tiles."""
    image = photograph("coffee")
    weights = np.tile(np.arange(36.0) - 17, (len(classes), 1))
    values = dict(
        method=method,
        image=image,
        superpixels=tiles(image).astype(np.int32),
        classes=classes,
        weights=weights,
        intercepts=np.zeros(len(classes)),
        r2=np.full(len(classes), 0.8125),
        probabilities=np.array([0.1, 0.25, 0.65], np.float32),
        num_samples=500,
        seed=7,
        class_names=("cat", "coffee", "a name that is much longer than a title can be"),
        true_class=1,
    )
    return Explanation(**{**values, **settings})


def drawn(figure):
    """Draw the figure, warnings being errors; its words, after seeing that each lies inside the page."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as of a missing glyph
        canvas.draw()
    texts = [figure._supxlabel] if figure._supxlabel else []
    for axes in figure.axes:
        texts += [axes.title, *axes.texts]
        texts += [axes.xaxis.label, axes.yaxis.label] if axes.axison else []
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
    texts = [text for text in texts if text.get_text().strip()]
    for text in texts:
        box, page = text.get_window_extent(canvas.get_renderer()), figure.bbox
        assert page.x0 <= box.x0 and box.x1 <= page.x1, f"{text.get_text()!r} leaves the page sideways"
        assert page.y0 <= box.y0 and box.y1 <= page.y1, f"{text.get_text()!r} leaves the page above or below"
    return [text.get_text() for text in texts]


def test_image_is_in_true_colours_and_scale_is_centred_on_zero():
    explanation = made()
    figure = plot_explanation(explanation)
    texts = drawn(figure)
    picture, heat, top, *_ = figure.axes
    assert (picture.images[0].get_array() == explanation.image).all()
    values = heat.images[1]
    assert (values.get_array() == explanation.weights[0][explanation.superpixels]).all()
    assert (values.norm.vmin, values.norm.vmax) == (-18.0, 18.0)
    red, _, blue, _ = values.cmap(values.norm(18.0))
    assert red > blue  # red speaks for the class
    middle = values.cmap(values.norm(0.0))
    assert min(middle[:3]) > 0.95  # white at zero
    assert (top.images[0].get_array() == overlay(explanation, explanation.top())).all()
    words = "\n".join(texts)
    for wanted in (
        "predicted “a name that i…can be” 65.0 %",
        "true “coffee” 25.0 %",
        "what speaks for “coffee” 25.0 %",
    ):
        assert wanted in words
    for wanted in (
        "R² 0.812",
        "500 samples, seed 7",
        "36 superpixels",
        "LIME",
        "the 7 top superpixels",
        "change of prob",
    ):
        assert wanted in words


def seen(figure, axes, row, column):
    """RGB that the page shows at a pixel of an image in ``axes``."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    x, y = axes.transData.transform((column, row))
    page = np.asarray(canvas.buffer_rgba())
    return page[int(page.shape[0] - y), int(x), :3].astype(int)


def bar_colours(figure, bar, vertical=True):
    """RGB of the colour bar on the page, at its lower end, middle and upper end."""
    canvas = FigureCanvasAgg(figure)
    bar.spines["outline"].set_visible(False)
    canvas.draw()
    page, box = np.asarray(canvas.buffer_rgba()), bar.get_window_extent()
    places = (0.01, 0.5, 0.99)
    if vertical:
        rows, columns = [page.shape[0] - box.y0 - share * box.height for share in places], [box.x0 + box.width / 2] * 3
    else:
        rows, columns = [page.shape[0] - box.y0 - box.height / 2] * 3, [box.x0 + share * box.width for share in places]
    return page[np.int64(rows), np.int64(columns), :3].astype(int)


STEP = 12  # levels between colours that are a hundredth of the bar apart


@pytest.mark.parametrize("sheet", [False, True])
@pytest.mark.parametrize("method", ["lime", "smooth_grad"])
def test_colours_on_the_page_are_those_of_the_colour_bar(sheet, method):
    weights = np.linspace(-2, 2, 36)[None].copy()
    weights[0, 7] = 0.0
    if method == "smooth_grad":
        weights = (weights + 2) / 2
        weights[0, 7] = 1.0  # the middle of a bar that begins at zero
    explanation = made(method, weights=weights, image=np.zeros((224, 224, 3), np.uint8))
    figure = plot_sheet([explanation]) if sheet else plot_explanation(explanation)
    bar = figure.axes[2 if sheet else 3]
    low, middle, high = bar_colours(figure, bar, vertical=not sheet)
    for superpixel, colour in ((0, low), (7, middle), (35, high)):
        row, column = np.argwhere(explanation.superpixels == superpixel).mean(axis=0).round()
        assert abs(seen(figure, figure.axes[1], row, column) - colour).max() <= STEP, superpixel
    assert (middle.min() > 240) == (method == "lime")  # white at zero
    assert abs(low - high).max() > 60


def test_sensitivity_has_no_sign():
    explanation = made("smooth_grad", weights=np.arange(36.0)[None], r2=np.array([np.nan]))
    figure = plot_explanation(explanation)
    words = "\n".join(drawn(figure))
    assert "sensitivity of “coffee” 25.0 %" in words and "speaks" not in words
    assert figure.axes[3].get_ylabel() == "sensitivity" and figure.axes[3].get_ylim() == (0.0, 35.0)
    nothing = made("smooth_grad", weights=np.zeros((1, 36)), r2=np.array([np.nan]))
    assert "it is sensitive to no superpixel" in drawn(plot_explanation(nothing))
    sheet = plot_sheet([made(), explanation])  # signed and not: a bar each
    assert "sensitivity of “coffee”" in drawn(sheet)
    assert {axes.get_xlabel().split(",")[0] for axes in sheet.axes[4:]} == {"weight", "sensitivity"}
    stability = Stability(explanation, 1, (0, 1), np.tile(np.arange(36.0), (2, 1)), np.ones(2))
    assert any(text.startswith("sensitivity of “coffee”: mean") for text in drawn(plot_stability(stability)))


def test_several_classes_have_a_row_each():
    figure = plot_explanation(made(classes=(2, 0, 1)))
    texts = "\n".join(drawn(figure))
    assert len(figure.axes) == 3 * 3 + 3  # a colour bar a row
    assert texts.count("R² 0.812") == 3 and "what speaks for “cat” 10.0 %" in texts


def test_overlay_keeps_the_top_and_dims_the_rest():
    explanation = made()
    shown = overlay(explanation, [35])
    inside, far = explanation.superpixels == 35, explanation.superpixels == 0
    assert (shown[inside] == explanation.image[inside]).all()
    assert (shown[far] == (explanation.image[far] * 0.3).astype(np.uint8)).all()


@pytest.mark.parametrize("r2", [0.5, np.nan])
def test_image_that_nothing_changes_stays_white(r2):
    explanation = made(weights=np.full((1, 36), 1e-12), r2=np.array([r2]))
    figure = plot_explanation(explanation)
    texts = "\n".join(drawn(figure))
    values = figure.axes[1].images[1]
    assert min(values.cmap(values.norm(1e-12))[:3]) > 0.95
    assert ("undefined" in texts) == np.isnan(r2)


def test_maps_of_pixels_ignore_a_few_spikes():
    pixels = np.full((1, 224, 224), 0.01, np.float32)
    pixels[0, :4, :4] = 100.0
    explanation = made("integrated_gradients", pixels=pixels, r2=np.array([np.nan]))
    assert colour_limit(explanation, 1) == pytest.approx(0.01)
    texts = drawn(plot_explanation(explanation))
    assert "attribution" in texts and not any("R²" in text for text in texts)
    assert caption(explanation) == "Integrated gradients  ·  500 samples, seed 7  ·  36 superpixels"


def test_unknown_names_and_labels_are_drawn_as_numbers():
    texts = "\n".join(drawn(plot_explanation(made(class_names=(), true_class=12))))
    assert "predicted “2” 65.0 %" in texts and "true “12”" in texts


@pytest.mark.parametrize("count", [1, 3, 6])
def test_sheet_holds_every_image(count):
    explanations = [made(image=np.full((224, 224, 3), shade, np.uint8)) for shade in range(count)]
    figure = plot_sheet(explanations)
    texts = "\n".join(drawn(figure))
    assert texts.count("true “coffee” 25.0 %") == count and texts.count("R² 0.81") == count
    shades = {
        int(axes.images[0].get_array().max())
        for axes in figure.axes
        if axes.images and axes.images[0].get_array().ndim == 3
    }
    assert shades == set(range(count))


def test_sheet_of_nothing_is_refused():
    with pytest.raises(FasterNetError, match="at least one"):
        plot_sheet([])


def test_stability_shows_mean_and_spread():
    weights = np.stack([np.arange(36.0), np.arange(36.0) + 2])
    figure = plot_stability(Stability(made(), 1, (0, 1), weights, np.ones(2)), k=5)
    texts = drawn(figure)
    bars = figure.axes[1].patches
    assert [bar.get_height() for bar in bars] == [36, 35, 34, 33, 32]
    assert {"35", "34", "33", "32", "31"} <= set(texts)  # where they are in the image
    assert any("same for every seed" in text for text in texts) and any("2 seeds" in text for text in texts)
    shaky = Stability(made(), 1, (0, 1), np.stack([np.arange(36.0), -np.arange(36.0)]), np.ones(2))
    assert any("change with the seed" in text for text in drawn(plot_stability(shaky)))


def test_faithfulness_shows_curves_and_areas():
    ramp = np.linspace(1, 0, 37, dtype=np.float32)
    result = Faithfulness(1, ramp**3, ramp[::-1] ** 0.5, np.stack([ramp, ramp]), np.stack([ramp[::-1]] * 2))
    figure = plot_faithfulness(result, made())
    texts = "\n".join(drawn(figure))
    areas = result.areas()
    assert f"LIME, area {areas['deletion']:.3f}" in texts and f"LIME, area {areas['insertion']:.3f}" in texts
    assert "random orders, area 0.500 ± 0.000" in texts and "probability of “coffee”" in texts
    lines = figure.axes[0].get_lines()
    assert len(lines) == 4 and (lines[-1].get_ydata() == result.deletion).all()
    worse = dataclasses.replace(result, deletion=ramp**0.1)
    assert "no better than a random order in deletion" in "\n".join(drawn(plot_faithfulness(worse, made())))


def test_names_of_every_kind_are_drawn_as_they_are(capsys):
    names = ("$x_1$ and \\frac{", "猫和狗", "हिन्दी \u202e\x1b[31m")
    explanation = made(class_names=names, classes=(0, 1, 2), r2=np.full(3, 0.5))
    words = "\n".join(drawn(plot_explanation(explanation)) + drawn(plot_sheet([explanation])))
    assert "“$x_1$ and \\frac{” 10.0 %" in words and "\x1b" not in words and "\u202e" not in words
