"""One forward pass, many questions: accuracy, throughput and explanations stand on ``Predictor``.

    predictor = Predictor(model)                 # compiled by paddle.inference, f32; says so: predictor.describe()
    logits = predictor.logits(x)                 # normalised float32 (N, 3, H, W) -> (N, K), N, H and W as you like
    p = predictor.probabilities(x)               # their softmax

On a CPU the ``paddle`` engine runs oneDNN kernels with batch norm folded into the convolutions: the same outputs as
``dygraph`` to 1e-5 of the largest, several times faster (``python -m fasternet_paddle.bench inference``).
"""

import contextlib
from math import prod

import numpy as np
import paddle

from ..errors import FasterNetError
from ..exporting.network import input_channels, suited_to_bf16
from ..model.summary import eval_mode
from ..runtime.machine import available_threads
from .cache import exported
from .engine import has_bf16, load_exported

ENGINES = ("paddle", "dygraph")
PRECISIONS = ("f32", "bf16")
SMALLEST = 32  # pixels: the network divides both sides by 32
BYTES_A_RUN = {"cpu": 1 << 30, "gpu": 8 << 30}  # of all layers' outputs; larger batches are run in parts
PROBE_SHAPE = (2, 64, 64)  # images, height and width of a first run and of the check against dygraph
AGREEMENT = {"f32": 1e-3, "bf16": 0.25}  # of the largest logit; a wrong network is off by more than all of it


class Predictor:
    """Logits and probabilities of a classifier for batches of any size.

    Args:
        model: ``paddle.nn.Layer``, ``(N, C, H, W)`` -> logits ``(N, K)``. Its mode and the global device are left as
            they are; it is always run in eval mode, where its weights lie.
        image_size: side in pixels of the images it was trained on, for those who prepare images; None if unknown.
        engine: "paddle" compiles the network as it is now (``paddle.inference``); "dygraph" runs the model itself.
        precision: "f32", or "bf16" (engine "paddle" on a processor with bf16 instructions).
        cache_dir: where the compiled network is kept; by default ``files.cache.cache_root()``.
        threads: of the "paddle" engine on a CPU; by default ``OMP_NUM_THREADS``, else all cores of this process.

    Raises:
        FasterNetError: unknown engine or precision, bf16 where there is none, weights that are not finite, or a cache
            that cannot be written.
    """

    def __init__(self, model, image_size=None, engine="paddle", precision="f32", cache_dir=None, threads=None):
        _check_choice("engine", engine, ENGINES)
        _check_choice("precision", precision, PRECISIONS)
        self.image_size = image_size
        self.engine = engine
        self.precision = precision
        self.channels = input_channels(model)
        self.place = _place(model)
        self.device = "gpu" if self.place.is_gpu_place() else "cpu"
        self.threads = threads or available_threads()
        _check_precision(engine, precision, self.device)
        _check_weights(model)
        images, height, width = PROBE_SHAPE
        probe = np.random.RandomState(0).standard_normal((images, self.channels, height, width)).astype(np.float32)
        with outputs_counted(model) as counts:
            logits = _eager_logits(model, probe, self.place)
        self.num_classes = logits.shape[1]
        self._bytes_a_pixel = 4 * sum(counts) / (images * height * width)
        if engine == "dygraph":
            self._run = lambda x: _eager_logits(model, x, self.place)
        else:
            self._run = self._compile(model, cache_dir, probe, logits)

    def logits(self, x):
        """Logits ``(N, K)`` float32 of normalised images ``(N, C, H, W)``; N may be 0, H and W are at least 32.

        Raises:
            FasterNetError: another shape, or integers where normalised floats belong.
        """
        x = self._checked(x)
        most = max(1, int(BYTES_A_RUN[self.device] / (self._bytes_a_pixel * x.shape[2] * x.shape[3])))
        runs = -(-len(x) // most)
        step = -(-len(x) // max(1, runs))  # parts of one size: 100 images in 4 times 25, not in 32, 32, 32 and 4
        parts = [self._run(x[start : start + step]) for start in range(0, len(x), max(1, step))]
        return np.concatenate(parts) if parts else np.empty((0, self.num_classes), np.float32)

    def probabilities(self, x):
        """Softmax of ``logits``: float32 ``(N, K)``, each row with sum 1."""
        logits = self.logits(x)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    __call__ = probabilities  # so that a Predictor is a classifier like any other callable

    def describe(self):
        """One line: engine, precision, device."""
        if self.engine == "dygraph":
            return f"dygraph, {self.precision}, {self.device}"
        if self.device == "gpu":
            return f"paddle.inference, {self.precision}, gpu"
        return f"paddle.inference with oneDNN, {self.precision}, cpu, {_count(self.threads, 'thread')}"

    def _checked(self, x):
        x = np.asarray(x)
        if x.ndim != 4 or x.shape[1] != self.channels or min(x.shape[2:]) < SMALLEST:
            raise FasterNetError(
                f"images must be (N, {self.channels}, H, W) with H and W at least {SMALLEST}, got {x.shape}"
            )
        if not np.issubdtype(x.dtype, np.floating):
            raise FasterNetError(f"images must be normalised floats, got {x.dtype}; apply transforms.normalize first")
        return np.ascontiguousarray(x, dtype=np.float32)

    def _compile(self, model, cache_dir, probe, wanted):
        """Load the exported network and see that it answers as the model does; a stale one is exported again."""
        network = suited_to_bf16(model) if self.precision == "bf16" else model
        for anew in (False, True):
            folder = exported(network, cache_dir, anew)
            try:
                run = load_exported(folder, self.place, self.precision, self.threads, probe)
                difference = np.abs(run(probe) - wanted).max()
            except Exception as error:  # whatever Paddle raises for files that it cannot use
                difference, cause = np.inf, error
            else:
                cause = None
            if difference <= AGREEMENT[self.precision] * np.abs(wanted).max():
                return run
        raise FasterNetError(
            f"the network compiled by paddle.inference does not answer as the model does (off by {difference:.3g} for "
            f"logits up to {np.abs(wanted).max():.3g}); use the engine dygraph"
        ) from cause


@contextlib.contextmanager
def outputs_counted(model):
    """A list that receives the number of values of every layer's output while ``model`` runs."""
    counts = []

    def note(_layer, _inputs, output):
        if isinstance(output, paddle.Tensor):
            counts.append(prod(output.shape))

    leaves = [layer for layer in model.sublayers(include_self=True) if not layer.sublayers()]
    hooks = [layer.register_forward_post_hook(note) for layer in leaves]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def _eager_logits(model, x, place):
    with eval_mode(model), paddle.no_grad():
        return model(paddle.to_tensor(x, place=place)).numpy()


def _place(model):
    """Where the weights lie; the global device where there are none."""
    for parameter in model.parameters():
        return parameter.place
    return paddle.framework._current_expected_place()


def _check_choice(name, value, known):
    if value not in known:
        raise FasterNetError(f"unknown {name} {value!r}; known: {', '.join(known)}")


def _check_precision(engine, precision, device):
    if precision == "f32":
        return
    if engine == "dygraph" or device == "gpu":
        raise FasterNetError(
            f"precision bf16 is offered by the engine paddle on a CPU, got the engine {engine} on a {device}; use f32"
        )
    if not has_bf16():
        raise FasterNetError("precision bf16 needs a processor with AVX512-BF16 or AMX, which this one lacks; use f32")


def _check_weights(model):
    # oneDNN turns NaN into zeros at a ReLU, so a broken model would give numbers that look sound.
    broken = [name for name, value in model.state_dict().items() if not np.isfinite(value.numpy()).all()]
    if broken:
        raise FasterNetError(
            f"the model's weights hold NaN or infinity ({len(broken)} of its tensors, first {broken[0]}); "
            f"train again with a lower learning rate, or take an earlier checkpoint"
        )


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
