"""InterpretDL's ``LIMECVInterpreter`` with the notebook's call, on ``Lime`` (notebook 2.5).

Importing this module imports InterpretDL.
"""

import matplotlib.pyplot as plt

from ..files.archives import read_image
from ..inference.predictor import Predictor
from .interpretdl import load_interpretdl
from .lime import Lime

interpretdl = load_interpretdl()
_visualizer = load_interpretdl("data_processor.visualizer")


class LIMECVInterpreter(interpretdl.LIMECVInterpreter):
    """Explains each image by its own superpixels, and leaves model, device, numpy and matplotlib as it found them.

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
            data: path of an image, or an image as ``Lime.explain`` takes it. It is brought to 224 x 224 pixels, and for
                the network to the predictor's ``image_size``, as in validation; ``resize_to`` and ``crop_to`` are
                InterpretDL's and without effect.
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
        image = read_image(data) if isinstance(data, str) else data
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
        overlay = _visualizer.overlay_threshold(explanation.image, explanation.top_mask())
        if visual:
            figure = plt.figure()
            _visualizer.show_vis_explanation(overlay)
            plt.close(figure)
        if save_path is not None:
            _visualizer.save_image(save_path, overlay)
        return weights
