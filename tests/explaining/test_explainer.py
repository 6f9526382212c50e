"""What all explainers share: methods by name, classes, classifiers, counts."""

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining import pixels
from fasternet_paddle.explaining.explainer import Explainer, make_explainer
from fasternet_paddle.explaining.explanation import METHODS, Method, load_explanation
from fasternet_paddle.explaining.faithfulness import measure_faithfulness
from fasternet_paddle.explaining.figures import caption
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.explaining.stability import measure_stability
from fasternet_paddle.inference.predictor import Predictor
from tests.photographs import PHOTOGRAPHS, photograph, same, tiles, trained


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


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (PHOTOGRAPHS[:3], "must name each of the 4 classes, got 3"),
        ((*PHOTOGRAPHS, "owl"), "must name each of the 4 classes, got 5"),
        (set(PHOTOGRAPHS), "in the order of the network's outputs, got a set"),
        ("cat.", "cat. cannot be opened"),  # four characters are no four names
    ],
)
def test_names_that_do_not_fit_are_refused(names, message):
    with pytest.raises(FasterNetError, match=message):
        Lime(Predictor(trained()), class_names=names, segment=tiles).explain(photograph("coffee"), num_samples=60)


def test_network_in_place_of_a_classifier_is_refused():
    for wrong in (trained(), None):
        with pytest.raises(FasterNetError, match=r"Predictor\(model\)"):
            Lime(wrong)


def test_every_method_is_made_by_its_name():
    model = trained()
    for method, (title, home) in {name: (known.title, known.home) for name, known in METHODS.items()}.items():
        made = make_explainer(method, model, Predictor(model, 64), class_names=PHOTOGRAPHS, segment=tiles)
        assert isinstance(made, Explainer) and made.method == method and title
        assert f"{type(made).__module__.rsplit('.', 1)[1]}:{type(made).__name__}" == home
        assert made.image_size == 64 and made.class_names == PHOTOGRAPHS
        assert isinstance(made, Lime) == (method == "lime")  # the others are no kind of LIME


def test_unknown_method_names_the_known_ones():
    with pytest.raises(FasterNetError, match="unknown method 'lrp'; known methods: lime, integrated_gradients, "):
        make_explainer("lrp", trained(), Predictor(trained()))


def test_a_new_explainer_is_a_class_and_a_line(monkeypatch, tmp_path):
    class Middle(Explainer):
        method, num_samples, batch_size = "middle", 3, 2

        def attribute(self, picture, x, superpixels, classes, num_samples, batch_size, seed, progress):
            assert picture.shape == (224, 224, 3) and x.shape == (3, 64, 64) and (num_samples, batch_size) == (3, 2)
            return {"weights": np.arange(36.0)[None].repeat(len(classes), axis=0)}

    monkeypatch.setattr(pixels, "Middle", Middle, raising=False)
    monkeypatch.setitem(METHODS, "middle", Method("The middle", "pixels:Middle"))
    model, image = trained(), photograph("coffee")
    made = make_explainer("middle", model, Predictor(model, 64), segment=tiles)
    explanation = made.explain(image, [1, 2], true_class=1)
    explanation.save(tmp_path / "e.npz")
    assert same(load_explanation(tmp_path / "e.npz"), explanation) and np.isnan(explanation.r2).all()
    assert caption(explanation).startswith("The middle")
    assert measure_faithfulness(made, image, explanation, orderings=1).label == 1
    assert measure_stability(made, image, seeds=(0, 1)).warning is None
