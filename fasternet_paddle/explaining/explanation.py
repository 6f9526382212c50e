"""What an explanation is: a small record that every method fills, every figure draws and one file holds.

    explanation.weights              # (C, S): how much each of S superpixels speaks for each of C classes
    explanation.top_mask(3)          # (H, W) bool: the three that speak most for the first class
    explanation.save("cat.npz"); load_explanation("cat.npz")        # equal, bit for bit

LIME's weights are the coefficients of its linear surrogate. A method that marks pixels gives them as ``pixels``; its
weights are the means over each superpixel.
"""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..files.writing import atomic_path

METHODS = ("lime", "integrated_gradients", "smooth_grad", "gradient_shap", "grad_cam", "score_cam", "occlusion")
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
        settings = np.frombuffer(json.dumps(values).encode(), np.uint8)
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, settings=settings, **arrays)


def load_explanation(path):
    """Read what ``Explanation.save`` wrote. Nothing in the file is run.

    Raises:
        FasterNetError: the file is missing, damaged, or something else.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            settings = json.loads(bytes(file["settings"]))
            arrays = {name: file[name] for name in ARRAYS if name in file.files}
        settings["classes"] = tuple(settings["classes"])
        settings["class_names"] = tuple(settings["class_names"])
        explanation = Explanation(**settings, **arrays)
        _check(explanation)
        return explanation
    except FileNotFoundError:
        raise FasterNetError(f"there is no file {path}; name an .npz that Explanation.save wrote") from None
    except Exception as error:  # zip, zlib, numpy and json each raise their own for a damaged file
        raise FasterNetError(f"{path} is not an explanation's .npz, or is damaged ({error}); make it again") from error


def _check(explanation):
    for name, (kind, axes) in ARRAYS.items():
        array = getattr(explanation, name)
        if array is None and name == "pixels":
            continue
        if array.dtype.kind != kind or array.ndim != axes:
            raise ValueError(f"{name} is {array.dtype} with {array.ndim} axes")
    classes, superpixels = len(explanation.classes), explanation.weights.shape[1]
    wanted = {
        "weights": (classes, superpixels),
        "intercepts": (classes,),
        "r2": (classes,),
        "superpixels": explanation.image.shape[:2],
    }
    for name, shape in wanted.items():
        if getattr(explanation, name).shape != shape:
            raise ValueError(f"{name} has the shape {getattr(explanation, name).shape} instead of {shape}")
    if explanation.superpixels.min() < 0 or explanation.superpixels.max() >= superpixels:
        raise ValueError("a superpixel has no weight")
    if not all(0 <= label < len(explanation.probabilities) for label in explanation.classes):
        raise ValueError("a class has no probability")
