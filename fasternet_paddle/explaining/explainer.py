"""What all explainers share: a classifier and what it may return, classes by name or number, superpixels.

    explainer = make_explainer("grad_cam", model, Predictor(model, image_size=32), class_names=names)
    explanation = explainer.explain(image)                                 # the predicted class
    several = explainer.explain_many(images, classes=["cat", "dog"])

An explainer of your own is a subclass of ``Explainer`` with an ``explain``, in a file beside this one, and a line in
``explanation.METHODS``: command line, figures and measures of trust then know it.
"""

import importlib
import operator

import numpy as np

from ..data.preparation import Preparation
from ..errors import FasterNetError
from ..files.lists import as_class_names
from .explanation import Explanation, find_method
from .perturbation import prepare


def make_explainer(method, network, classifier, **settings):
    """The explainer that ``method`` names.

    Args:
        method: a name of ``explanation.METHODS``.
        network: ``paddle.nn.Layer``, for the methods that look inside it.
        classifier: its ``Predictor``, or what else ``Explainer`` takes.
        **settings: further arguments of the explainer's class, such as ``class_names``.

    Raises:
        FasterNetError: the method is unknown, or InterpretDL is missing.
    """
    module, name = find_method(method).home.split(":")
    return getattr(importlib.import_module(f".{module}", __package__), name).of(network, classifier, **settings)


class Explainer:
    """Explains images by superpixels, found at 224 pixels. It keeps nothing of an image.

    A subclass has ``method``, its name in ``METHODS``, the defaults ``num_samples`` (None where it is not for the user
    to choose) and ``batch_size``, and ``attribute``.

    Args:
        classifier: callable, normalised float32 ``(N, 3, S, S)`` -> probabilities ``(N, K)``, such as a ``Predictor``.
        image_size: S; by default the classifier's, where it is a ``Predictor`` that knows it. Where nobody does, an
            image keeps its own size, up to the notebook's 224 pixels (``data.pictures``).
        class_names: K names; then ``classes`` may be given by name. By default the classifier's.
        segment: callable, uint8 ``(224, 224, 3)`` -> int ``(224, 224)``; by default InterpretDL's quickshift.
    """

    def __init__(self, classifier, image_size=None, class_names=(), segment=None):
        if not callable(classifier) or hasattr(classifier, "state_dict"):  # a network returns logits
            raise FasterNetError(
                f"classifier must be a callable from images to probabilities, got {type(classifier).__name__}; "
                f"wrap a network: Predictor(model)"
            )
        self.classifier = classifier
        self.preparation = getattr(classifier, "preparation", None)
        if image_size is not None:
            self.preparation = self.preparation.at(image_size) if self.preparation else Preparation(image_size)
        self.class_names = as_class_names(class_names) or getattr(classifier, "class_names", ())
        self.segment = segment

    @property
    def image_size(self):
        """S, in pixels; None where it is unknown."""
        return None if self.preparation is None else self.preparation.size

    @classmethod
    def of(cls, network, classifier, **settings):
        """An explainer for a network and its classifier; this one needs the classifier alone."""
        return cls(classifier, **settings)

    def explain(self, image, classes=None, num_samples=None, batch_size=None, seed=0, true_class=None, progress=False):
        """Explain one image.

        Args:
            image: in any form that ``data.pictures`` knows, any size: a path, an image of Pillow's, an array. What is
                the network's normalised input already is not resized.
            classes: numbers or names of the classes to explain; by default the predicted one.
            num_samples: perturbed images, or passes of the network; by default the method's number.
            batch_size: images in memory at a time; by default the method's number.
            seed: of the perturbations, in [0, 2**32): the same seed gives the same weights, bit for bit.
            true_class: the image's label, to be kept with the result.
            progress: show a bar with samples/s on a terminal.

        Returns:
            ``Explanation``.

        Raises:
            FasterNetError: a class that is not there, too few samples, a classifier that returns NaN or no
                probabilities, an image that is none, or InterpretDL missing.
        """
        num_samples = self.num_samples if None in (num_samples, self.num_samples) else num_samples
        batch_size = self.batch_size if batch_size is None else batch_size
        check_counts(batch_size=batch_size, num_samples=1 if num_samples is None else num_samples, seed=seed)
        picture, x = prepare(image, self.preparation)
        probabilities = self.classify(x[None])[0]
        if self.class_names and len(self.class_names) != len(probabilities):
            raise FasterNetError(
                f"class_names must name each of the {len(probabilities)} classes, got {len(self.class_names)}",
                change="class_names",
            )
        classes = self.class_numbers(classes, probabilities)
        superpixels = self.superpixels(picture)
        found = self.attribute(picture, x, superpixels, classes, num_samples, batch_size, seed, progress)
        unknown = np.full(len(classes), np.nan)
        return Explanation(
            method=self.method,
            image=picture,
            superpixels=superpixels,
            classes=classes,
            probabilities=probabilities,
            num_samples=num_samples or 0,
            seed=seed,
            class_names=self.class_names,
            true_class=None if true_class is None else int(true_class),
            **{"intercepts": unknown, "r2": unknown, **found},
        )

    def attribute(self, picture, x, superpixels, classes, num_samples, batch_size, seed, progress):
        """What speaks for each class: the work of a subclass.

        Args:
            picture: uint8 ``(224, 224, 3)``.
            x: the same image as the network sees it, normalised float32 ``(3, S, S)``.
            superpixels: int ``(224, 224)``, 0 to S - 1.
            classes: C numbers.
            num_samples, batch_size, seed, progress: as of ``explain``, checked.

        Returns:
            dict of fields of ``Explanation``: ``weights``, and of ``intercepts``, ``r2`` and ``pixels`` what there is.
        """
        raise NotImplementedError

    def explain_many(self, images, true_classes=None, **settings):
        """Explain several images, each as ``explain`` would alone; returns a list.

        Args:
            images: as ``explain`` takes them.
            true_classes: their labels, if known.
            **settings: of ``explain``.
        """
        labels = [None] * len(images) if true_classes is None else true_classes
        return [self.explain(image, true_class=label, **settings) for image, label in zip(images, labels, strict=True)]

    def predict(self, image):
        """Probabilities ``(K,)`` of one image, as ``explain`` takes it."""
        _, x = prepare(image, self.preparation)
        return self.classify(x[None])[0]

    def classify(self, batch):
        """Probabilities ``(N, K)`` of a batch, checked."""
        probabilities = np.asarray(self.classifier(batch))
        if probabilities.ndim != 2 or len(probabilities) != len(batch):
            raise FasterNetError(
                f"classifier must return probabilities ({len(batch)}, K) for {len(batch)} images, "
                f"got the shape {probabilities.shape}"
            )
        if not np.isfinite(probabilities).all():
            raise FasterNetError("the classifier returned NaN or infinity, which cannot be explained; see its weights")
        if probabilities.min() < -1e-6 or probabilities.max() > 1 + 1e-6:
            raise FasterNetError(
                f"classifier must return probabilities, got values from {probabilities.min():.3g} to "
                f"{probabilities.max():.3g}; apply a softmax"
            )
        return probabilities

    def class_numbers(self, classes, probabilities):
        """Numbers of the given classes (numbers or names), the predicted one by default; a tuple of int."""
        if classes is None:
            return (int(probabilities.argmax()),)
        if np.ndim(classes) == 0:
            classes = [classes]
        numbers = [self._class_number(label, len(probabilities)) for label in classes]
        if not numbers:
            raise FasterNetError("classes must name at least one class, got none")
        return tuple(dict.fromkeys(numbers))

    def _class_number(self, label, count):
        if isinstance(label, str) and label in self.class_names:
            return self.class_names.index(label)
        try:
            number = int(label) if isinstance(label, (str, np.ndarray)) else operator.index(label)
        except (TypeError, ValueError):
            number = -1
        if not 0 <= number < count:
            known = f" ({', '.join(self.class_names)})" if self.class_names else ""
            raise FasterNetError(f"there is no class {label!r}; classes are numbered 0 to {count - 1}{known}")
        return number

    def superpixels(self, picture):
        """int32 ``(H, W)`` labels 0 to S - 1 of a picture uint8 ``(H, W, 3)``."""
        if self.segment is None:
            from .surrogate import compute_segments as segment  # InterpretDL is imported with it
        else:
            segment = self.segment
        labels = np.asarray(segment(picture))
        if labels.shape != picture.shape[:2]:
            raise FasterNetError(f"segment must return {picture.shape[:2]} labels, got the shape {labels.shape}")
        _, labels = np.unique(labels, return_inverse=True)
        return labels.reshape(picture.shape[:2]).astype(np.int32)


def check_counts(seed, **counts):
    """Refuse counts below 1 and a seed that numpy does not take."""
    for name, value in counts.items():
        if value < 1:
            raise FasterNetError(f"{name} must be at least 1, got {value}")
    if not 0 <= seed < 2**32:
        raise FasterNetError(f"seed must lie in [0, 2**32), got {seed}")
