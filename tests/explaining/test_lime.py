"""LIME gives InterpretDL's own numbers, finds known reasons, and leaves everything as it found it."""

import subprocess
import sys
import tracemalloc
import warnings

import cv2
import matplotlib.pyplot as plt
import numpy as np
import paddle
import pytest

from fasternet_paddle.data.transforms import test_transform as validation_transform
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining import interpretdl as interpretdl_compat
from fasternet_paddle.explaining import perturbation
from fasternet_paddle.explaining.explanation import Explanation, load_explanation
from fasternet_paddle.explaining.interpretdl import load_interpretdl
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.explaining.perturbation import Perturber, as_picture, mean_colours, prepare
from fasternet_paddle.inference.predictor import Predictor
from tests.explaining import PHOTOGRAPHS, depends_on, normalised, photograph, stock_lime, tiles, trained

SIZE = perturbation.SUPERPIXEL_SIZE


def same(first, second):
    """Whether two explanations agree in every field, dtypes and NaNs included."""
    for name in Explanation.__dataclass_fields__:
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, np.ndarray):
            nan = a.dtype.kind == "f"
            if not isinstance(b, np.ndarray) or a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=nan):
                return False
        elif a != b or type(a) is not type(b):
            return False
    return True


@pytest.mark.parametrize("name", PHOTOGRAPHS[:3])
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


@pytest.mark.parametrize("seed", range(5))
def test_known_reason_is_the_top_superpixel(seed):
    image = photograph("coffee")
    superpixels = Lime(lambda batch: batch).superpixels(image)
    reason = int(superpixels[112, 150])
    explanation = Lime(depends_on(superpixels == reason, image)).explain(image, [1, 0], 200, seed=seed)
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
    one_object = Lime(classifier).explain_many(images, [2, None], num_samples=100)
    for image, label, got in zip(images, (2, None), one_object, strict=True):
        assert same(got, Lime(classifier).explain(image, num_samples=100, true_class=label))
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


def test_file_holds_the_explanation_exactly(tmp_path):
    explainer = Lime(Predictor(trained()), segment=tiles, class_names=["猫", "coffee", "rocket", "a\0"])
    for explanation in (
        explainer.explain(photograph("coffee"), [1, 3], 60, true_class=np.int64(1), seed=2**32 - 1),
        explainer.explain(np.full((9, 9, 3), 7, np.uint8), num_samples=60),  # its R2 is NaN
    ):
        explanation.save(tmp_path / "e.npz")
        assert same(load_explanation(tmp_path / "e.npz"), explanation)


@pytest.mark.parametrize("damage", ["cut", "other", "text", "missing", "mismatch", "folder"])
def test_broken_files_are_refused_with_one_sentence(damage, tmp_path):
    path = tmp_path / "e.npz"
    explanation = Lime(Predictor(trained()), segment=tiles).explain(photograph("coffee"), num_samples=60)
    explanation.save(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-400])
    elif damage == "other":
        np.savez(path, weights=np.zeros(3))
    elif damage == "text":
        path.write_text("weights")
    elif damage == "missing":
        path.unlink()
    elif damage == "mismatch":
        arrays = dict(np.load(path))
        arrays["superpixels"] = arrays["superpixels"] + 1
        np.savez(path, **arrays)
    else:
        path = tmp_path
    with pytest.raises(FasterNetError, match=str(path)):
        load_explanation(path)


# ---- perturbations ----


@pytest.mark.parametrize("size", [32, 100, 224, 288])
def test_perturbed_images_are_what_a_loop_makes(size):
    image = photograph("rocket")
    picture, x = prepare(image, size)
    segments = tiles(picture)
    masks = np.random.RandomState(0).randint(0, 2, (4, 36)).astype(bool)
    masks[0] = True
    got = Perturber(picture, x, segments)(masks)
    assert got.dtype == np.float32 and got.shape == (4, 3, size, size)
    assert (got[0] == x).all()  # with nothing hidden it is the image, to the bit
    filled = mean_colours(picture, segments)
    for superpixel in range(36):
        assert (filled[segments == superpixel] == picture[segments == superpixel].mean(axis=0).astype(np.uint8)).all()
    for sample, mask in enumerate(masks):
        wanted = np.where(mask[segments][..., None], picture, filled)
        if size == SIZE:
            assert np.allclose(got[sample], normalised(wanted[None])[0], atol=1e-6)
            continue
        change = (normalised(wanted[None]) - normalised(picture[None]))[0].transpose(1, 2, 0)
        if size < SIZE:  # cv2's area interpolation is a witness of its own
            wanted = x + cv2.resize(change, (size, size), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
            assert np.allclose(got[sample], wanted, atol=1e-4)
        else:
            rows = np.arange(size) * SIZE // size
            hidden = ~mask[segments][rows][:, rows]
            assert (got[sample][:, ~hidden] == x[:, ~hidden]).all()
            assert np.allclose(
                got[sample][:, hidden], normalised(filled[None])[0][:, rows][:, :, rows][:, hidden], atol=1e-6
            )


def test_network_sees_what_validation_shows_it():
    image = photograph("coffee", 50)
    picture, x = prepare(image, 32)
    assert (x == validation_transform(32)(image)).all()
    assert picture.shape == (SIZE, SIZE, 3)
    assert Lime(Predictor(trained(), image_size=32)).superpixels(picture).max() > 20  # not the three of 32 pixels


def test_every_form_of_an_image_is_the_same_picture():
    image = photograph("chelsea", 40)
    x = normalised(image[None])
    for form in (image, image[None], image.astype(np.int64), x, x[0], x[0].astype(np.float64), image / 255.0):
        assert (as_picture(form) == image).all()
    grey = image[..., 0]
    for form in (grey, grey[..., None], grey / 255.0):
        assert (as_picture(form) == grey[..., None]).all() and as_picture(form).shape == image.shape
    clear = np.dstack([image, np.zeros_like(grey)])
    assert (as_picture(clear) == 255).all()  # over white
    assert (as_picture(np.dstack([image, np.full_like(grey, 255)])) == image).all()


def test_floats_outside_the_range_are_clipped_with_a_warning():
    image = np.full((40, 40, 3), 250, np.uint8)
    brighter = normalised(image[None]) + 107 / 255 / 0.229  # 357 in the red channel, which would wrap to 101
    with pytest.warns(UserWarning, match="clipped") as caught:
        picture = as_picture(brighter)
    assert (picture[..., 0] == 255).all() and len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_picture(normalised(image[None]))


# ---- bad input ----


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((10, 10, 5), np.uint8), "an image must be"),
        (np.zeros(10, np.uint8), "an image must be"),
        (np.zeros((0, 10, 3), np.uint8), "must have pixels"),
        (np.full((10, 10, 3), 300), "0..255"),
        (np.full((3, 10, 10), np.nan), "NaN"),
        (np.zeros((10, 10, 3), bool), "integers or floats"),
        (np.array("cat"), "integers or floats"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(FasterNetError, match=message):
        Lime(Predictor(trained())).explain(image)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": 4}, "no class 4; classes are numbered 0 to 3"),
        ({"classes": [-1]}, "no class -1"),
        ({"classes": "dog"}, "chelsea, coffee"),
        ({"classes": 1.5}, "no class 1.5"),
        ({"classes": []}, "at least one"),
        ({"num_samples": 36}, "more samples than superpixels, got 36 samples for 36 superpixels"),
        ({"num_samples": 0}, "num_samples must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"seed": -1}, "seed must lie"),
    ],
)
def test_wrong_settings_are_one_sentence(settings, message):
    explainer = Lime(Predictor(trained()), class_names=PHOTOGRAPHS, segment=tiles)
    with pytest.raises(FasterNetError, match=message):
        explainer.explain(photograph("coffee"), **settings)


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (lambda batch: np.full((len(batch), 2), np.nan), "NaN or infinity"),
        (lambda batch: np.full((len(batch), 2), 3.0), "softmax"),
        (lambda batch: np.zeros(len(batch)), r"\(1, K\)"),
        (lambda batch: np.zeros((len(batch) + 1, 2)), r"\(1, K\)"),
    ],
)
def test_wrong_classifiers_are_one_sentence(classifier, message):
    with pytest.raises(FasterNetError, match=message):
        Lime(classifier, segment=tiles).explain(photograph("coffee"), num_samples=60)


def test_network_in_place_of_a_classifier_is_refused():
    for wrong in (trained(), None):
        with pytest.raises(FasterNetError, match=r"Predictor\(model\)"):
            Lime(wrong)


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


# ---- InterpretDL ----


def test_interpreter_takes_the_notebooks_call(tmp_path, monkeypatch):
    model, image = trained(), photograph("coffee")
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    monkeypatch.setattr(plt, "show", lambda: None)
    from fasternet_paddle.explaining.lime_interpreter import LIMECVInterpreter

    interpreter = LIMECVInterpreter(model, random_seed=4)
    assert isinstance(interpreter, load_interpretdl().LIMECVInterpreter)
    weights = interpreter.interpret(
        normalised(image[None])[0],
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


def test_release_candidates_of_paddle_are_no_obstacle(monkeypatch):
    monkeypatch.setattr(paddle, "__version__", "3.4.0rc1")
    explanation = Lime(Predictor(trained()), segment=tiles).explain(photograph("coffee"), num_samples=60)
    assert np.isfinite(explanation.weights).all()


def test_missing_interpretdl_is_one_sentence(monkeypatch):
    for package in interpretdl_compat.NEEDS:
        monkeypatch.setattr(
            interpretdl_compat.importlib.util, "find_spec", lambda name, gone=package: None if name == gone else name
        )
        with pytest.raises(FasterNetError, match=rf"{package} is not installed: pip install -e '.\[explain\]' && "):
            load_interpretdl()


def test_interpretdl_is_imported_late_and_in_silence():
    work = (
        "import sys\n"
        "import fasternet_paddle.explaining.lime, fasternet_paddle.explaining.perturbation\n"
        "assert not {'interpretdl', 'IPython', 'skimage', 'sklearn'} & set(sys.modules), 'imported early'\n"
        "from fasternet_paddle.explaining.interpretdl import load_interpretdl\n"
        "assert load_interpretdl().__version__ == '0.8.0'\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore:No ccache", "-c", work], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
