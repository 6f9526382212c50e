"""LIME gives InterpretDL's own numbers, finds known reasons, and leaves everything as it found it."""

import copy
import functools
import pickle
import tracemalloc

import cv2
import matplotlib.pyplot as plt
import numpy as np
import paddle
import pytest
from PIL import Image

from fasternet_paddle.data.preparation import Preparation
from fasternet_paddle.data.transforms import test_transform as validation_transform
from fasternet_paddle.explaining import lime
from fasternet_paddle.explaining.interpretdl import load_interpretdl
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.inference.predictor import Predictor
from fasternet_paddle.record import Record
from tests.photographs import PHOTOGRAPHS, crops, depends_on, normalised, photograph, same, stock_lime, tiles, trained


@pytest.mark.parametrize("name", ["chelsea", "rocket"])  # of different numbers of superpixels
def test_weights_equal_interpretdls(name):
    model, image, classes, seed = trained(), photograph(name), (0, 1, 2), 5
    stock = stock_lime(model, seed)
    wanted = stock.interpret(image[None], interpret_class=list(classes), num_samples=300, batch_size=50, visual=False)
    model.train()  # InterpretDL leaves it in eval mode
    explanation = Lime(Predictor(model)).explain(image, classes, 300, 50, seed)
    assert (explanation.superpixels == stock.lime_results["segmentation"]).all()
    assert (explanation.image == image).all() and explanation.classes == classes
    for row, label in enumerate(classes):
        column = np.array([weight for _, weight in sorted(wanted[label])])
        assert np.abs(explanation.weights[row] - column).max() <= 1e-5 * np.abs(column).max()
        assert explanation.r2[row] == pytest.approx(stock.lime_results["r2_scores"][label], abs=1e-5)
        assert explanation.probabilities[label] == pytest.approx(stock.lime_results["probability"][label], rel=1e-5)
        order = [superpixel for superpixel, _ in explanation.lime_weights()[label]]
        assert order == list(np.argsort(-np.abs(explanation.weights[row])))
    mask = load_interpretdl("data_processor.visualizer").sp_weights_to_image_explanation(
        image, explanation.lime_weights(), 1, explanation.superpixels
    )
    positive = [index for index, weight in explanation.lime_weights()[1] if weight > 0]
    assert set(np.unique(explanation.superpixels[mask == 1])) == set(positive[: explanation.default_top()])
    assert (explanation.top_mask(label=1) == (mask == 1)).all()


def test_weights_equal_an_independent_least_squares():
    """The normal equations, written out: masks by the same law, cosine distance, exponential kernel."""
    model, image, seed, samples = trained(), photograph("chelsea"), 3, 120
    explanation = Lime(Predictor(model, engine="dygraph"), segment=tiles).explain(image, (0, 1), samples, 32, seed)
    segments = tiles(image)
    masks = np.random.RandomState(seed).randint(0, 2, (samples, 36))
    masks[0] = 1
    perturbed = np.repeat(image[None], samples, axis=0)
    for sample, mask in enumerate(masks):
        for superpixel in np.flatnonzero(mask == 0):
            inside = segments == superpixel
            perturbed[sample, inside] = image[inside].mean(axis=0)
    model.eval()
    with paddle.no_grad():
        probabilities = paddle.nn.functional.softmax(model(paddle.to_tensor(normalised(perturbed)))).numpy()
    model.train()
    cosine = 1 - masks.sum(axis=1) / np.sqrt(36 * np.maximum(masks.sum(axis=1), 1))
    root = np.sqrt(np.sqrt(np.exp(-((cosine / 0.25) ** 2))))
    design = np.column_stack([np.ones(samples), masks])
    for row, label in enumerate((0, 1)):
        y = probabilities[:, label].astype(np.float64)
        solution, *_ = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)
        largest = np.abs(solution[1:]).max()
        assert np.abs(explanation.weights[row] - solution[1:]).max() <= 1e-5 * largest
        assert explanation.intercepts[row] == pytest.approx(solution[0], abs=1e-5 * largest)
        residual = (root**2 * (y - design @ solution) ** 2).sum()
        total = (root**2 * (y - np.average(y, weights=root**2)) ** 2).sum()
        assert explanation.r2[row] == pytest.approx(1 - residual / total, abs=1e-5)


@functools.cache
def _superpixels_of_coffee():
    return Lime(lambda batch: batch).superpixels(photograph("coffee"))


@pytest.mark.parametrize("seed", range(5))
def test_known_reason_is_the_top_superpixel(seed):
    image = photograph("coffee")
    superpixels = _superpixels_of_coffee()
    reason = int(superpixels[112, 150])
    segment = None if seed == 0 else lambda picture: superpixels  # found once: it takes longer than all else
    explanation = Lime(depends_on(superpixels == reason, image), segment=segment).explain(image, [1, 0], 200, seed=seed)
    assert (explanation.superpixels == superpixels).all()
    weights = explanation.weights[0]
    assert explanation.top(1)[0] == reason and weights[reason] > 0.01
    assert np.abs(np.delete(weights, reason)).max() < 1e-6 * weights[reason]
    assert (explanation.top_mask(3) == (superpixels == reason)).all()  # no other speaks for it
    assert explanation.r2[0] == pytest.approx(1.0)
    assert np.allclose(explanation.weights[1], -weights, atol=1e-6)
    assert explanation.intercepts[0] == pytest.approx(1 - weights[reason], abs=1e-6)


def test_second_image_is_explained_as_by_a_fresh_object():
    classifier, images = Predictor(trained()), [photograph("rocket"), photograph("chelsea")]
    segment = lambda picture: tiles(picture, 5 + (picture[0, 0, 0] > 60))  # noqa: E731, quick, and not alike
    one_object = Lime(classifier, segment=segment).explain_many(images, [2, None], num_samples=100)
    for image, label, got in zip(images, (2, None), one_object, strict=True):
        assert same(got, Lime(classifier, segment=segment).explain(image, num_samples=100, true_class=label))
    assert one_object[0].weights.shape != one_object[1].weights.shape


def test_seed_decides_every_bit_and_numpys_state_is_left():
    explainer, image = Lime(Predictor(trained()), segment=tiles), photograph("coffee")
    np.random.seed(1)
    first = explainer.explain(image, num_samples=60, seed=9)
    assert np.random.rand() == np.random.RandomState(1).rand()
    np.random.seed(2)
    assert same(explainer.explain(image, num_samples=60, seed=9), first)
    assert not np.allclose(explainer.explain(image, num_samples=60, seed=10).weights, first.weights, rtol=1e-3)


def test_several_classes_come_from_one_set_of_perturbations():
    calls = []
    classifier = Predictor(trained())

    def counting(batch):
        calls.append(len(batch))
        return classifier(batch)

    explainer, image = Lime(counting, segment=tiles, class_names=PHOTOGRAPHS), photograph("coffee")
    both = explainer.explain(image, ["rocket", 0], 70, batch_size=32)
    assert calls == [1, 32, 32, 6]
    assert both.classes == (2, 0) and both.name(2) == "rocket"
    alone = explainer.explain(image, "2", 70, batch_size=32)
    assert (alone.weights[0] == both.weights[0]).all() and alone.classes == (2,)
    assert explainer.explain(image, num_samples=70).classes == (both.predicted_class,)
    assert (both.heatmap(0) == both.weights[1][both.superpixels]).all()


def test_uniform_image_has_weights_of_zero():
    uniform = np.full((60, 80, 3), 90, np.uint8)
    for segment in (None, lambda picture: np.full(picture.shape[:2], 7)):  # one superpixel with any label
        explanation = Lime(Predictor(trained()), segment=segment).explain(uniform, num_samples=150)
        assert np.abs(explanation.weights).max() < 1e-6
        assert np.isnan(explanation.r2[0])  # nothing varies, so no share of it is explained
    assert explanation.weights.shape == (1, 1) and (explanation.superpixels == 0).all()


def test_memory_does_not_grow_with_samples():
    """Beyond the masks, probabilities and design of the fit: some 40 numbers a sample, against 150,528 of its image."""
    explainer, image = (
        Lime(depends_on(tiles(photograph("coffee")) == 3, photograph("coffee")), segment=tiles),
        photograph("coffee"),
    )
    explainer.explain(image, num_samples=50, batch_size=8)
    peaks = []
    for samples in (48, 192):
        tracemalloc.start()
        explainer.explain(image, num_samples=samples, batch_size=8)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 144 * 40 * 8 * 10 < 0.01 * 144 * 150_528 * 4


def test_interpreter_takes_the_notebooks_call(tmp_path, monkeypatch):
    model, image = trained(), photograph("coffee")
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    monkeypatch.setattr(plt, "show", lambda: None)
    interpreter = lime.LIMECVInterpreter(model, random_seed=4)
    assert isinstance(interpreter, load_interpretdl().LIMECVInterpreter)
    assert isinstance(interpreter, lime.LIMECVInterpreter)
    assert pickle.loads(pickle.dumps(lime.LIMECVInterpreter)) is type(interpreter)
    weights = interpreter.interpret(
        validation_transform(224)(image),
        interpret_class=np.int64(1),
        batch_size=100,
        num_samples=120,
        visual=True,
        save_path=str(tmp_path / "lime.png"),
    )
    assert weights == Lime(Predictor(model)).explain(image, 1, 120, seed=4).lime_weights()
    assert set(interpreter.lime_results) == {"probability", "input", "segmentation", "r2_scores", "lime_weights"}
    assert (tmp_path / "lime.png").stat().st_size > 10_000
    assert plt.get_fignums() == []
    assert [layer.training for layer in model.sublayers(include_self=True)] == modes and modes[0]
    assert paddle.get_device() == "cpu"
    cv2.imwrite(str(tmp_path / "image.png"), image[..., ::-1])
    two = interpreter.interpret(str(tmp_path / "image.png"), top_k=2, num_samples=100, visual=False)
    assert len(two) == 2 and (interpreter.lime_results["input"] == image).all()


SMALL = crops()[0][3]  # 32 x 32, as the network was trained


@pytest.mark.parametrize("size", [None, 32], ids=["size unknown", "size in the record"])
def test_what_is_explained_is_the_probability_that_the_network_gives(size):
    """Not that of the image enlarged to 224 pixels, which is another."""
    model = copy.deepcopy(trained())
    model.record = None if size is None else Record(class_names=PHOTOGRAPHS, image_size=size)
    classifier = Predictor(model, engine="dygraph")
    x = validation_transform(32)(SMALL)
    wanted = classifier(x[None])[0]
    assert np.abs(classifier(validation_transform(224)(SMALL)[None])[0] - wanted).max() > 0.05
    interpreter = lime.LIMECVInterpreter(model, engine="dygraph")
    for image in (SMALL, x, x.transpose(1, 2, 0), Image.fromarray(SMALL)):
        explanation = Lime(classifier, segment=tiles).explain(image, num_samples=40)
        assert np.array_equal(explanation.probabilities, wanted)
        interpreter._lime = Lime(classifier, segment=tiles)
        interpreter.interpret(image, num_samples=40, visual=False)
        (label,) = interpreter.lime_results["probability"]
        assert interpreter.lime_results["probability"][label] == wanted[label]
    assert Lime(classifier).class_names == (() if size is None else PHOTOGRAPHS)


def test_inputs_of_any_shape_are_explained_as_they_are():
    classifier = Predictor(trained(), 32, engine="dygraph")
    x = np.random.RandomState(0).uniform(-1.5, 1.5, (3, 40, 64)).astype(np.float32)
    explanation = Lime(classifier, segment=tiles).explain(x, num_samples=40)
    assert np.array_equal(explanation.probabilities, classifier(x[None])[0])
    assert explanation.image.shape == (224, 224, 3) and np.abs(explanation.weights).max() > 0


def test_a_cropping_network_is_explained_on_what_it_sees():
    wide = photograph("rocket", 300)[100:200]
    prepare = Preparation(64, "crop")
    explainer = Lime(Predictor(trained(), engine="dygraph", prepare=prepare), segment=tiles)
    explanation = explainer.explain(wide, num_samples=40)
    assert np.array_equal(explanation.probabilities, explainer.classifier(prepare(wide)[None])[0])
    assert np.array_equal(explanation.image, Preparation(224, "crop").picture(wide))
    assert explanation.weights.shape == (1, 36)
