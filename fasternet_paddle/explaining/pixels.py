"""InterpretDL's other explainers, those that have been seen to work, behind the record and the figures of LIME.

    explainer = IntegratedGradients(model, Predictor(model, image_size=32), class_names=names)
    explanation = explainer.explain(image)              # weights of superpixels are the means of its ``pixels``

Importing this module imports InterpretDL. Each method runs on a copy of the network in eval mode; what keeps it from
running on today's Paddle and numpy is overridden in a subclass. Methods that cannot work on a FasterNet (LRP wants
``relprop`` methods, Rollout, TAM, GA and BT attention layers) or not at all today (GLIME, NormLIME and the training
dynamics need ``paddle.fluid``; Consensus passes ``visual`` twice) are left out.
"""

import contextlib
import copy
import io
import sys
import threading

import cv2
import numpy as np
import paddle

from ..errors import FasterNetError
from .explainer import Explainer
from .interpretdl import load_interpretdl

interpretdl = load_interpretdl()
NOISE = 0.1  # standard deviation of the noise of SmoothGrad and GradSHAP, of the image's range: InterpretDL's default
WINDOWS = 8  # an occluding window is an eighth of the image, and moves by half its side
_one_at_a_time = threading.Lock()  # InterpretDL draws from numpy's global generator, and its bars go to sys.stderr
SMALLEST_MAP = 7  # pixels; the coarsest map that Grad-CAM and Score-CAM look at, the last one's side at 224 pixels


class _KeepsDevice:
    """InterpretDL sets the global device and refuses release candidates of Paddle; neither is needed."""

    def _env_setup(self):
        self.model.eval()  # a copy


class _Float32(_KeepsDevice):
    """numpy 2 makes InterpretDL's interpolated images float64, which the network does not take."""

    def _build_predict_fn(self, **settings):
        super()._build_predict_fn(**settings)
        gradients_of = self.predict_fn
        self.predict_fn = lambda inputs, labels=None: gradients_of(np.asarray(inputs, np.float32), labels)


class _LayerGradients(interpretdl.GradCAMInterpreter):
    """Paddle 3 keeps a feature map's gradient only if asked to; and no hook stays behind here."""

    def explain_layer(self, x, label, layer):
        self._target_layer_name, self.paddle_prepared = layer, True
        self.predict_fn = self._map_and_gradient
        return self.interpret(x, layer, label=[label], visual=False)

    def _map_and_gradient(self, x, labels):
        maps = []
        layer = dict(self.model.named_sublayers())[self._target_layer_name]
        hook = layer.register_forward_post_hook(lambda _layer, _inputs, output: maps.append(output))
        try:
            x = paddle.to_tensor(x)
            x.stop_gradient = False
            probabilities = paddle.nn.functional.softmax(self.model(x), axis=-1)
        finally:
            hook.remove()
        (gradient,) = paddle.grad(probabilities[:, int(labels[0])].sum(), maps)
        return maps[0], gradient.numpy(), labels


class PixelExplainer(Explainer):
    """Explains images by a map of pixels. A subclass has ``pixel_map``, and what an ``Explainer`` has.

    Args:
        network: ``paddle.nn.Layer``, copied.
        classifier, image_size, class_names, segment: as of ``Explainer``; the classifier is the network's
            ``Predictor``.
        layer: name of the sublayer whose map Grad-CAM and Score-CAM use; by default the deepest stage of a FasterNet
            that is at least 7 x 7.
    """

    num_samples = None
    batch_size = 50

    def __init__(self, network, classifier, image_size=None, class_names=(), segment=None, layer=None):
        super().__init__(classifier, image_size, class_names, segment)
        names = [name for name, _ in network.named_sublayers()]
        if layer is not None and layer not in names:
            raise FasterNetError(f"the network has no layer {layer!r}; its layers: {', '.join(names)}")
        self.layer = layer
        self.network = copy.deepcopy(network)
        self.network.eval()
        for parameter in self.network.parameters():
            parameter.stop_gradient = True  # gradients are wanted of the image alone

    @classmethod
    def of(cls, network, classifier, **settings):
        """An explainer for a network and its classifier."""
        if network is None:
            raise FasterNetError(
                f"{cls.method} looks at the layers of a network, which an exported one does not show; lime does not",
                change="method",
            )
        return cls(network, classifier, **settings)

    def attribute(self, picture, x, superpixels, classes, num_samples, batch_size, seed, progress):
        maps = []
        with _one_at_a_time, _numpy_seed(seed), _quiet(progress):
            for label in classes:
                pixels = np.asarray(self.pixel_map(x[None], label, num_samples, batch_size), np.float32)
                maps.append(cv2.resize(pixels, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR))
        maps = np.stack(maps)  # (C, 224, 224)
        if not np.isfinite(maps).all():
            raise FasterNetError(f"{self.method} gave NaN or infinity for this network and image; try another method")
        return {"pixels": maps, "weights": np.stack([_means(pixels, superpixels) for pixels in maps])}

    def pixel_map(self, x, label, num_samples, batch_size):
        """The map ``(H, W)`` of an image ``(1, 3, S, S)`` for class ``label``, at any size."""
        raise NotImplementedError

    def target_layer(self, x):
        """Name of the sublayer whose map the CAM methods use."""
        if self.layer is not None:
            return self.layer
        stages = range(0, len(getattr(self.network, "feature", ())), 2)  # stages, with patch merging between them
        if not stages:
            raise FasterNetError(f"{self.method} needs the name of the layer to look at for a network of this kind")
        fine = [stage for stage in stages if x.shape[-1] // 2 ** (2 + stage // 2) >= SMALLEST_MAP]
        return f"feature.{max(fine, default=0)}"


class IntegratedGradients(PixelExplainer):
    """Gradients along the way from black to the image, times the image."""

    method = "integrated_gradients"
    num_samples = 50

    class Interpreter(_Float32, interpretdl.IntGradCVInterpreter):
        pass

    def pixel_map(self, x, label, num_samples, _batch_size):
        steps = self.Interpreter(self.network, "cpu")
        return steps.interpret(x, labels=[label], steps=num_samples, visual=False)[0].sum(axis=0)


class SmoothGrad(PixelExplainer):
    """How sensitive the probability is, whatever the sign, as a mean over noisy images."""

    method = "smooth_grad"
    num_samples = 50

    class Interpreter(_Float32, interpretdl.SmoothGradInterpreter):
        pass

    def pixel_map(self, x, label, num_samples, _batch_size):
        noisy = self.Interpreter(self.network, "cpu")
        gradients = noisy.interpret(x, labels=[label], n_samples=num_samples, noise_amount=NOISE, visual=False)
        return np.abs(gradients[0]).sum(axis=0)  # as InterpretDL draws it


class GradientShap(PixelExplainer):
    """Gradients at random points between black and noisy images, times the way between them."""

    method = "gradient_shap"
    num_samples = 50

    class Interpreter(_Float32, interpretdl.GradShapCVInterpreter):
        pass

    def pixel_map(self, x, label, num_samples, batch_size):
        noisy = self.Interpreter(self.network, "cpu")
        counts = [min(batch_size, num_samples - done) for done in range(0, num_samples, batch_size)]
        maps = [
            noisy.interpret(x, labels=[label], n_samples=count, noise_amount=NOISE, visual=False)[0] for count in counts
        ]
        return np.average(maps, axis=0, weights=counts).sum(axis=0)


class GradCam(PixelExplainer):
    """A layer's maps, each weighed by its mean gradient."""

    method = "grad_cam"

    def pixel_map(self, x, label, _num_samples, _batch_size):
        return _LayerGradients(self.network, "cpu").explain_layer(x, label, self.target_layer(x))[0]


class ScoreCam(PixelExplainer):
    """A layer's maps, each weighed by the probability of the image seen through it."""

    method = "score_cam"

    class Interpreter(_KeepsDevice, interpretdl.ScoreCAMInterpreter):
        pass

    def pixel_map(self, x, label, _num_samples, _batch_size):
        scores = self.Interpreter(self.network, "cpu")
        return scores.interpret(x, self.target_layer(x), labels=[label], visual=False)[0]


class Occlusion(PixelExplainer):
    """How far the probability falls when a window is hidden."""

    method = "occlusion"

    def pixel_map(self, x, label, _num_samples, batch_size):
        windows = interpretdl.OcclusionInterpreter(self.network, "cpu")
        windows.predict_fn = lambda inputs, _label: (self.classify(inputs), None, None)
        window = max(2, x.shape[-1] // WINDOWS)
        return windows.interpret(
            x,
            (3, window, window),
            labels=[label],
            strides=(3, window // 2, window // 2),
            perturbations_per_eval=batch_size,
            visual=False,
        )[0].mean(axis=0)  # the three channels are hidden together


def _means(pixels, superpixels):
    labels = superpixels.ravel()
    return np.bincount(labels, pixels.ravel().astype(np.float64)) / np.bincount(labels)


@contextlib.contextmanager
def _numpy_seed(seed):
    """InterpretDL draws its noise from numpy's global generator: seed it, and put back what it was."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def _quiet(progress):
    """InterpretDL's progress bars go to standard error, whether it is a terminal or not."""
    if progress and sys.stderr.isatty():
        return contextlib.nullcontext()
    return contextlib.redirect_stderr(io.StringIO())
