"""LIME (Ribeiro et al. 2016) as InterpretDL does it, made right and fast (notebook 2.5).

    lime = Lime(Predictor(run))                                            # or of a network: Predictor(model)
    explanation = lime.explain("cat.jpg", num_samples=1000, seed=0)        # the predicted class
    several = lime.explain_many(images, classes=["cat", "dog"])            # both from one set of perturbations each

The classifier is any callable from normalised images ``(N, 3, H, W)`` to probabilities ``(N, K)``. Weights equal
InterpretDL's for the same seed. ``LIMECVInterpreter`` is the notebook's call of InterpretDL, on ``Lime``.
"""

import os

from ..data.pictures import as_picture
from ..errors import FasterNetError
from ..inference.predictor import Predictor
from .explainer import Explainer
from .interpretdl import load_interpretdl
from .perturbation import Perturber


class Lime(Explainer):
    """Explains images by the superpixels that raise or lower a class's probability.

    Arguments are those of ``Explainer``. All classes of a call are explained from one set of perturbations, of which
    there must be more than superpixels.
    """

    method = "lime"
    num_samples = 1000
    batch_size = 100

    def attribute(self, picture, x, superpixels, classes, num_samples, batch_size, seed, progress):
        from .surrogate import BatchLimeBase  # imports InterpretDL

        perturb = Perturber(picture, x, superpixels, self.preparation)
        weights, intercepts, r2 = BatchLimeBase(seed, progress).fit(
            picture, superpixels, lambda masks: self.classify(perturb(masks)), classes, num_samples, batch_size
        )
        return {"weights": weights, "intercepts": intercepts, "r2": r2}


class _Interpreter:
    """InterpretDL's ``LIMECVInterpreter`` with the notebook's call, its weights and its results, on ``Lime``.

    It explains each image by its own superpixels, and leaves model, device, numpy and matplotlib as it found them.
    Without InterpretDL the class is there, and making an instance says what to install.

    Args:
        model: ``paddle.nn.Layer``, compiled as it is when the first image is explained.
        device: InterpretDL's; without effect, since a model is run where its weights lie.
        random_seed: of the perturbations; None counts as 0, so that every result can be had again.
        **settings: of ``Predictor``, such as ``image_size`` and ``precision``.
    """

    def __init__(self, model, device="cpu", random_seed=None, **settings):
        super().__init__(model, device, random_seed)
        self.random_seed = random_seed or 0
        self._settings = settings
        self._lime = None

    def interpret(
        self,
        data,
        interpret_class=None,
        top_k=1,
        num_samples=1000,
        batch_size=50,
        resize_to=None,
        crop_to=None,
        visual=True,
        save_path=None,
    ):
        """InterpretDL's call, with its return value and its ``lime_results``.

        Args:
            data: an image as ``Lime.explain`` takes it. It is segmented and shown at 224 x 224 pixels, and prepared for
                the network as the model's record says; ``resize_to`` and ``crop_to`` are InterpretDL's and without
                effect.
            interpret_class: number of a class, or several.
            top_k: most probable classes to explain where ``interpret_class`` is None.
            num_samples, batch_size: as of ``Lime.explain``.
            visual: show the overlay of the top superpixels; the figure is closed afterwards.
            save_path: where to save the overlay.

        Returns:
            ``{class: [(superpixel, weight), ...]}``, the largest absolute weight first.
        """
        if self._lime is None:
            self._lime = Lime(Predictor(self.model, **self._settings))
        image = as_picture(data) if isinstance(data, (str, os.PathLike)) else data  # read once
        if interpret_class is None:
            interpret_class = self._lime.predict(image).argsort()[-top_k:]
        explanation = self._lime.explain(
            image, interpret_class, num_samples, batch_size, seed=self.random_seed, progress=True
        )
        weights = explanation.lime_weights()
        self.lime_results = {
            "probability": {label: explanation.probabilities[label] for label in explanation.classes},
            "input": explanation.image,
            "segmentation": explanation.superpixels,
            "r2_scores": dict(zip(explanation.classes, explanation.r2.tolist(), strict=True)),
            "lime_weights": weights,
        }
        _show_overlay(explanation, visual, save_path)
        return weights


def _show_overlay(explanation, visual, save_path):
    """InterpretDL's own drawing of the top superpixels."""
    import matplotlib.pyplot as plt  # at an import it would choose a backend for the process

    visualizer = load_interpretdl("data_processor.visualizer")
    overlay = visualizer.overlay_threshold(explanation.image, explanation.top_mask())
    if visual:
        figure = plt.figure()
        visualizer.show_vis_explanation(overlay)
        plt.close(figure)
    if save_path is not None:
        visualizer.save_image(save_path, overlay)


class _Missing:
    """In place of InterpretDL's class; ``reason`` says what to install."""

    def __init__(self, *_settings):
        raise FasterNetError(self.reason)


def __getattr__(name):
    """``LIMECVInterpreter``, made when it is first asked for: its base class is InterpretDL's, slow to load."""
    if name != "LIMECVInterpreter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    own = {"__module__": __name__, "__doc__": _Interpreter.__doc__}
    try:
        base = load_interpretdl().LIMECVInterpreter
    except FasterNetError as error:  # it may be installed later, so this one is not kept
        return type(name, (_Interpreter, _Missing), {**own, "reason": str(error)})
    return globals().setdefault(name, type(name, (_Interpreter, base), own))
