"""A file holds an explanation exactly, and anything else is refused."""

import json

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining.explanation import ARRAYS, load_explanation
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.files.arrays import read_arrays, write_arrays
from fasternet_paddle.inference.predictor import Predictor
from tests.photographs import photograph, same, tiles, trained


def test_file_holds_the_explanation_exactly(tmp_path):
    explainer = Lime(Predictor(trained()), segment=tiles, class_names=["猫", "coffee", "rocket", "a\0"])
    for explanation in (
        explainer.explain(photograph("coffee"), [1, 3], 60, true_class=np.int64(1), seed=2**32 - 1),
        explainer.explain(np.full((9, 9, 3), 7, np.uint8), num_samples=60),  # its R2 is NaN
    ):
        explanation.save(tmp_path / "e.npz")
        assert same(load_explanation(tmp_path / "e.npz"), explanation)


@pytest.fixture(scope="module")
def explanation():
    return Lime(Predictor(trained()), segment=tiles).explain(photograph("coffee"), num_samples=60)


@pytest.mark.parametrize("damage", ["cut", "other", "text", "missing", "folder"])
def test_broken_files_are_refused_with_one_sentence(explanation, damage, tmp_path):
    path = tmp_path / "e.npz"
    explanation.save(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-400])
    elif damage == "other":
        np.savez(path, weights=np.zeros(3))
    elif damage == "text":
        path.write_text("weights")
    elif damage == "missing":
        path.unlink()
    else:
        path = tmp_path
    with pytest.raises(FasterNetError, match=str(path)):
        load_explanation(path)


WRONG = {  # what is no explanation: (settings, arrays) that replace its own, and the reason
    "superpixel without weight": ({}, {"superpixels": np.full((224, 224), 36)}, "a superpixel has no weight"),
    "negative superpixel": ({}, {"superpixels": np.full((224, 224), -1)}, "a superpixel has no weight"),
    "superpixels of another size": ({}, {"superpixels": np.zeros((3, 3), int)}, "superpixels has the shape"),
    "image of four channels": ({}, {"image": np.zeros((224, 224, 4), np.uint8)}, "image has the shape"),
    "image of floats": ({}, {"image": np.zeros((224, 224, 3))}, "image.npy is float64 with 3 axes"),
    "weights of two classes": ({}, {"weights": np.zeros((2, 36))}, "weights has the shape"),
    "pixels of another size": ({}, {"pixels": np.zeros((1, 9, 9), np.float32)}, "pixels has the shape"),
    "no weights": ({}, {"weights": None}, "it has no weights"),
    "class without probability": ({"classes": [4]}, {}, "a class has no probability"),
    "negative class": ({"classes": [-1]}, {}, "its classes"),
    "no class": ({"classes": []}, {}, "its classes"),
    "names that are numbers": ({"class_names": [1, 2, 3, 4]}, {}, "its class_names"),
    "unknown method": ({"method": "guess"}, {}, "its method"),
    "method that is a list": ({"method": []}, {}, "its method"),
    "seed in words": ({"seed": "7"}, {}, "its seed"),
    "label in words": ({"true_class": "cat"}, {}, "its true_class"),
    "one setting more": ({"more": 1}, {}, "its settings"),
}


@pytest.mark.parametrize("case", WRONG)
def test_arrays_that_are_no_explanation_are_refused(explanation, case, tmp_path):
    changed, replaced, reason = WRONG[case]
    explanation.save(tmp_path / "e.npz")
    settings, arrays = read_arrays(tmp_path / "e.npz", ARRAYS)
    arrays = {name: array for name, array in {**arrays, **replaced}.items() if array is not None}
    write_arrays(tmp_path / "wrong.npz", {**settings, **changed}, arrays)
    with pytest.raises(FasterNetError, match=reason):
        load_explanation(tmp_path / "wrong.npz")


def test_files_of_before_are_read(explanation, tmp_path):
    """Written out as every version has written them."""
    settings = {"method": "lime", "classes": [2], "num_samples": 60, "seed": 0, "class_names": [], "true_class": None}
    arrays = {name: getattr(explanation, name) for name in ARRAYS if name != "pixels"}
    text = np.frombuffer(json.dumps(settings).encode(), np.uint8)
    np.savez_compressed(tmp_path / "e.npz", settings=text, **arrays)
    read = load_explanation(tmp_path / "e.npz")
    assert read.classes == (2,) and (read.weights == explanation.weights).all()
    read.weights[:] = 0  # and are the reader's own
