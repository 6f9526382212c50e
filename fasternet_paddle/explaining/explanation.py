"""What an explanation is: a small record that every method fills, every figure draws and one file holds.

    explanation.weights              # (C, S): how much each of S superpixels speaks for each of C classes
    explanation.top_mask(3)          # (H, W) bool: the three that speak most for the first class
    explanation.save("cat.npz"); load_explanation("cat.npz")        # equal, bit for bit

LIME's weights are the coefficients of its linear surrogate. A method that marks pixels gives them as ``pixels``; its
weights are the means over each superpixel.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..files.arrays import read_arrays, write_arrays
from ..files.opening import Refusal, refusals_name


@dataclass(frozen=True)
class Method:
    """A way to explain: where it is, and how figures speak of it."""

    title: str
    """As figures name it."""
    home: str
    """``module:class`` in this folder."""
    unit: str = "attribution"
    """What a weight is."""
    signed: bool = True
    """Whether a weight speaks for the class or against it; else it has no sign and says how much something matters."""


METHODS = {  # by their names in files and flags: a new explainer is its own file and a line here
    "lime": Method("LIME", "lime:Lime", "change of probability"),
    "integrated_gradients": Method("Integrated gradients", "pixels:IntegratedGradients"),
    "smooth_grad": Method("SmoothGrad", "pixels:SmoothGrad", "sensitivity", signed=False),
    "gradient_shap": Method("GradSHAP", "pixels:GradientShap"),
    "grad_cam": Method("Grad-CAM", "pixels:GradCam"),
    "score_cam": Method("Score-CAM", "pixels:ScoreCam"),
    "occlusion": Method("Occlusion", "pixels:Occlusion"),
}
TOP_SHARE = 0.2  # of the superpixels are shown as the top ones, as InterpretDL does
NEGLIGIBLE = 1e-6  # of the largest weight: what rounding in float32 leaves where nothing depends on a superpixel
ARRAYS = {  # name: kinds of dtype, number of axes
    "image": ("u", 3),
    "superpixels": ("i", 2),
    "weights": ("f", 2),
    "intercepts": ("f", 1),
    "r2": ("f", 1),
    "probabilities": ("f", 1),
    "pixels": ("f", 3),
}


def find_method(name):
    """The ``Method`` of a name.

    Raises:
        FasterNetError: there is none.
    """
    if name not in METHODS:
        raise FasterNetError(f"unknown method {name!r}; known methods: {', '.join(METHODS)}")
    return METHODS[name]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a classifier gives an image its probabilities. C classes explained out of K, S superpixels."""

    method: str
    """A name of ``METHODS``."""
    image: np.ndarray
    """uint8 ``(H, W, 3)``, true colours, at the size where the superpixels were found."""
    superpixels: np.ndarray
    """int ``(H, W)``, 0 to S - 1."""
    classes: tuple[int, ...]
    """The C classes, in the order of ``weights``."""
    weights: np.ndarray
    """float64 ``(C, S)``."""
    intercepts: np.ndarray
    """float64 ``(C,)``: the surrogate's value with every superpixel hidden; NaN for methods without a surrogate."""
    r2: np.ndarray
    """float64 ``(C,)``: weighted R2 of the surrogate; NaN without one, or where the probability never moved."""
    probabilities: np.ndarray
    """float32 ``(K,)`` of the unchanged image."""
    num_samples: int
    """Perturbed images, or passes of the network, behind it."""
    seed: int
    """Of the perturbations."""
    class_names: tuple[str, ...] = ()
    """K names; empty if unknown."""
    true_class: int | None = None
    """The image's label, where it is known."""
    pixels: np.ndarray | None = None
    """float32 ``(C, H, W)``: the map of a method that marks pixels."""

    @property
    def predicted_class(self):
        """The most probable class."""
        return int(self.probabilities.argmax())

    def row(self, label=None):
        """Where class ``label`` stands in ``classes``; the first by default.

        Raises:
            FasterNetError: the class was not explained.
        """
        if label is None:
            return 0
        if label not in self.classes:
            explained = ", ".join(map(str, self.classes))
            raise FasterNetError(f"class {label} was not explained; explained classes: {explained}")
        return self.classes.index(label)

    def name(self, label):
        """Name of a class, its number where there are no names."""
        return self.class_names[label] if self.class_names else str(label)

    def heatmap(self, label=None):
        """float ``(H, W)``: the class's map of pixels, else the weight of the superpixel that each pixel is in."""
        row = self.row(label)
        return self.weights[row][self.superpixels] if self.pixels is None else self.pixels[row]

    def ranking(self, label=None):
        """The S superpixels, from the one that speaks most for the class to the one that speaks most against it."""
        return np.argsort(-self.weights[self.row(label)], kind="stable")

    def top(self, k=None, label=None):
        """The k superpixels with the largest positive weights, fewer if fewer are positive; by default a fifth."""
        k = self.default_top() if k is None else k
        if k < 1:
            raise FasterNetError(f"k must be at least 1, got {k}")
        weights, ranking = self.weights[self.row(label)], self.ranking(label)[:k]
        return ranking[weights[ranking] > NEGLIGIBLE * np.abs(weights).max()]

    def default_top(self):
        """How many superpixels count as the top ones."""
        return max(1, int(TOP_SHARE * self.weights.shape[1]))

    def top_mask(self, k=None, label=None):
        """bool ``(H, W)``: the pixels of ``top(k, label)``."""
        return np.isin(self.superpixels, self.top(k, label))

    def lime_weights(self):
        """InterpretDL's own form: ``{class: [(superpixel, weight), ...]}``, largest absolute weight first."""
        return {
            label: sorted(enumerate(map(float, row)), key=lambda pair: abs(pair[1]), reverse=True)
            for label, row in zip(self.classes, self.weights, strict=True)
        }

    def save(self, path):
        """Write a compressed ``.npz`` that ``load_explanation`` reads back exactly."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        arrays = {name: values.pop(name) for name in ARRAYS}
        if arrays["pixels"] is None:
            del arrays["pixels"]
        write_arrays(path, values, arrays)


def load_explanation(path):
    """Read what ``Explanation.save`` wrote, within memory that the file's size bounds. Nothing in the file is run.

    Raises:
        FasterNetError: the file is missing, damaged, or something else.
    """
    settings, arrays = read_arrays(path, ARRAYS)
    with refusals_name(path, "explanation"):
        _check_settings(settings)
        _check_arrays(arrays)
        settings["classes"], settings["class_names"] = tuple(settings["classes"]), tuple(settings["class_names"])
        explanation = Explanation(**settings, **arrays)
        _check(explanation)
    return explanation


def _is_count(value):
    return type(value) is int and value >= 0


def _check_settings(settings):
    rules = {
        "method": lambda value: type(value) is str and value in METHODS,
        "classes": lambda value: type(value) is list and value and all(map(_is_count, value)),
        "num_samples": _is_count,
        "seed": _is_count,
        "class_names": lambda value: type(value) is list and all(type(name) is str for name in value),
        "true_class": lambda value: value is None or type(value) is int,
    }
    if type(settings) is not dict or set(settings) != set(rules):
        raise Refusal("its settings are not those of an explanation")
    for name, holds in rules.items():
        if not holds(settings[name]):
            raise Refusal(f"its {name} is none")


def _check_arrays(arrays):
    missing = set(ARRAYS) - set(arrays) - {"pixels"}
    if missing:
        raise Refusal(f"it has no {' and no '.join(sorted(missing))}")


def _check(explanation):
    classes, superpixels = len(explanation.classes), explanation.weights.shape[1]
    side = explanation.image.shape[:2]
    wanted = {
        "image": (*side, 3),
        "weights": (classes, superpixels),
        "intercepts": (classes,),
        "r2": (classes,),
        "superpixels": side,
        "pixels": (classes, *side),
    }
    for name, shape in wanted.items():
        array = getattr(explanation, name)
        if array is not None and array.shape != shape:
            raise Refusal(f"its {name} has the shape {array.shape} instead of {shape}")
    if explanation.superpixels.min() < 0 or explanation.superpixels.max() >= superpixels:
        raise Refusal("a superpixel has no weight")
    if max(explanation.classes) >= len(explanation.probabilities):
        raise Refusal("a class has no probability")
