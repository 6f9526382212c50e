"""InterpretDL's other explainers, those that have been seen to work, behind the record and the figures of LIME.

    explainer = PixelExplainer("integrated_gradients", model, Predictor(model, image_size=32), class_names=names)
    explanation = explainer.explain(image)              # the arguments of Lime.explain

Importing this module imports InterpretDL. Each method runs on a copy of the network in eval mode; what keeps it from
running on today's Paddle and numpy is overridden in a subclass. Methods that cannot work on a FasterNet (LRP wants
``relprop`` methods, Rollout, TAM, GA and BT attention layers) or not at all today (GLIME, NormLIME and the training
dynamics need ``paddle.fluid``; Consensus passes ``visual`` twice) are left out.
"""

import contextlib
import copy
import io
import sys

import cv2
import numpy as np
import paddle

from ..errors import FasterNetError
from .explanation import Explanation
from .interpretdl import load_interpretdl
from .lime import Lime, check_counts
from .perturbation import prepare

interpretdl = load_interpretdl()
NOISE = 0.1  # standard deviation of the noise of SmoothGrad and GradSHAP, of the image's range: InterpretDL's default
WINDOWS = 8  # an occluding window is an eighth of the image, and moves by half its side
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


class _IntegratedGradients(_Float32, interpretdl.IntGradCVInterpreter):
    pass


class _SmoothGrad(_Float32, interpretdl.SmoothGradInterpreter):
    pass


class _GradientShap(_Float32, interpretdl.GradShapCVInterpreter):
    pass


class _ScoreCam(_KeepsDevice, interpretdl.ScoreCAMInterpreter):
    pass


class _GradCam(interpretdl.GradCAMInterpreter):
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


# Each takes (explainer, x (1, 3, S, S), label, num_samples, batch_size) and returns a map of x's pixels (H, W).


def _integrated_gradients(explainer, x, label, num_samples, _batch_size):
    steps = _IntegratedGradients(explainer.network, "cpu")
    return steps.interpret(x, labels=[label], steps=num_samples, visual=False)[0].sum(axis=0)


def _smooth_grad(explainer, x, label, num_samples, _batch_size):
    noisy = _SmoothGrad(explainer.network, "cpu")
    gradients = noisy.interpret(x, labels=[label], n_samples=num_samples, noise_amount=NOISE, visual=False)
    return np.abs(gradients[0]).sum(axis=0)  # as InterpretDL draws it: how sensitive, whatever the sign


def _gradient_shap(explainer, x, label, num_samples, batch_size):
    noisy = _GradientShap(explainer.network, "cpu")
    counts = [min(batch_size, num_samples - done) for done in range(0, num_samples, batch_size)]
    maps = [
        noisy.interpret(x, labels=[label], n_samples=count, noise_amount=NOISE, visual=False)[0] for count in counts
    ]
    return np.average(maps, axis=0, weights=counts).sum(axis=0)


def _grad_cam(explainer, x, label, _num_samples, _batch_size):
    return _GradCam(explainer.network, "cpu").explain_layer(x, label, explainer.target_layer(x))[0]


def _score_cam(explainer, x, label, _num_samples, _batch_size):
    scores = _ScoreCam(explainer.network, "cpu")
    return scores.interpret(x, explainer.target_layer(x), labels=[label], visual=False)[0]


def _occlusion(explainer, x, label, _num_samples, batch_size):
    windows = interpretdl.OcclusionInterpreter(explainer.network, "cpu")
    windows.predict_fn = lambda inputs, _label: (explainer.classify(inputs), None, None)
    window = max(2, x.shape[-1] // WINDOWS)
    return windows.interpret(
        x,
        (3, window, window),
        labels=[label],
        strides=(3, window // 2, window // 2),
        perturbations_per_eval=batch_size,
        visual=False,
    )[0].mean(axis=0)  # the three channels are hidden together


METHODS = {  # method: (function, passes by default; None where it is not for the user to choose)
    "integrated_gradients": (_integrated_gradients, 50),
    "smooth_grad": (_smooth_grad, 50),
    "gradient_shap": (_gradient_shap, 50),
    "grad_cam": (_grad_cam, None),
    "score_cam": (_score_cam, None),
    "occlusion": (_occlusion, None),
}


class PixelExplainer(Lime):
    """Explains images by a map of pixels; weights of superpixels are its means.

    Args:
        method: a name of ``METHODS``.
        network: ``paddle.nn.Layer``, copied.
        classifier, image_size, class_names, segment: as of ``Lime``; the classifier is the network's ``Predictor``.
        layer: name of the sublayer whose map Grad-CAM and Score-CAM use; by default the deepest stage of a FasterNet
            that is at least 7 x 7.
    """

    def __init__(self, method, network, classifier, image_size=None, class_names=(), segment=None, layer=None):
        super().__init__(classifier, image_size, class_names, segment)
        if method not in METHODS:
            raise FasterNetError(f"unknown method {method!r}; known methods: lime, {', '.join(METHODS)}")
        names = [name for name, _ in network.named_sublayers()]
        if layer is not None and layer not in names:
            raise FasterNetError(f"the network has no layer {layer!r}; its layers: {', '.join(names)}")
        self.method = method
        self.layer = layer
        self.network = copy.deepcopy(network)
        self.network.eval()
        for parameter in self.network.parameters():
            parameter.stop_gradient = True  # gradients are wanted of the image alone

    def explain(self, image, classes=None, num_samples=None, batch_size=50, seed=0, true_class=None, progress=False):
        """Explain one image; arguments and errors as of ``Lime.explain``, ``num_samples`` by default the method's."""
        function, passes = METHODS[self.method]
        num_samples = passes if passes is None or num_samples is None else num_samples
        check_counts(batch_size=batch_size, num_samples=1 if num_samples is None else num_samples, seed=seed)
        picture, x = prepare(image, self.image_size)
        probabilities = self.classify(x[None])[0]
        classes = self.class_numbers(classes, probabilities)
        maps = []
        with _numpy_seed(seed), _quiet(progress):
            for label in classes:
                pixels = np.asarray(function(self, x[None], label, num_samples, batch_size), np.float32)
                maps.append(cv2.resize(pixels, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR))
        maps = np.stack(maps)
        if not np.isfinite(maps).all():
            raise FasterNetError(f"{self.method} gave NaN or infinity for this network and image; try another method")
        superpixels = self.superpixels(picture)
        unknown = np.full(len(classes), np.nan)
        return Explanation(
            method=self.method,
            image=picture,
            superpixels=superpixels,
            classes=classes,
            weights=np.stack([_means(pixels, superpixels) for pixels in maps]),
            intercepts=unknown,
            r2=unknown,
            probabilities=probabilities,
            num_samples=num_samples or 0,
            seed=seed,
            class_names=self.class_names,
            true_class=None if true_class is None else int(true_class),
            pixels=maps,
        )

    def target_layer(self, x):
        """Name of the sublayer whose map the CAM methods use."""
        if self.layer is not None:
            return self.layer
        stages = range(0, len(getattr(self.network, "feature", ())), 2)  # stages, with patch merging between them
        if not stages:
            raise FasterNetError(f"{self.method} needs the name of the layer to look at for a network of this kind")
        fine = [stage for stage in stages if x.shape[-1] // 2 ** (2 + stage // 2) >= SMALLEST_MAP]
        return f"feature.{max(fine, default=0)}"


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
