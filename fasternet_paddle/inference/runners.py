"""A network as a function from the input to its logits, in two kinds: as it is, and compiled.

    run = Eager(model)                                  # run(x): contiguous float32 (N, C, H, W) -> float32 (N, K)
    logits, bytes_a_pixel = run.probed()
    run = Compiled(model, logits, "bf16", run.place)    # the same by paddle.inference

Both may be called from any thread. A compiled one can be pickled: it takes its files along.
"""

import contextlib
from math import prod

import numpy as np
import paddle

from ..errors import FasterNetError
from ..exporting.network import input_channels, suited_to_bf16
from ..model.summary import eval_mode
from ..runtime.machine import available_threads
from .cache import exported, packed, unpacked
from .engine import has_bf16, load_exported
from .turns import InTurn

PROBE_SHAPE = (2, 64, 64)  # images, height and width of a first run and of the check against dygraph
AGREEMENT = {"f32": 1e-3, "bf16": 0.25}  # of the largest logit; a wrong network is off by more than all of it


class Eager:
    """The model itself, in eval mode for as long as it runs, where its weights lie."""

    threads = None  # Paddle's own

    def __init__(self, model):
        _check_weights(model)
        self.model = model
        self.place = place_of(model)

    def __call__(self, x):
        with eval_mode(self.model), paddle.no_grad():
            return self.model(paddle.to_tensor(x, place=self.place)).numpy()

    def __getstate__(self):
        raise FasterNetError(
            "a Predictor with the engine dygraph cannot be pickled, since it runs the model itself; "
            "use the engine paddle"
        )

    def probed(self):
        """(logits of the probe, bytes of all layers' outputs a pixel of the input)."""
        x = _probe(input_channels(self.model))
        with outputs_counted(self.model) as counts:
            logits = self(x)
        return logits, 4 * sum(counts) / (len(x) * prod(x.shape[2:]))


class Compiled:
    """A network as ``paddle.inference`` runs it, from its entry in the cache.

    Args:
        model: the network.
        wanted: its logits of the probe, with which the compiled one must agree.
        precision: "f32" or "bf16".
        place: where the weights lie.
        cache_dir: of the cache; by default ``files.cache.cache_root()``.
        threads: of the kernels on a CPU; by default ``available_threads()``.
    """

    def __init__(self, model, wanted, precision, place, cache_dir=None, threads=None):
        self.precision, self.place, self.channels = precision, place, input_channels(model)
        self.cache_dir, self.asked = cache_dir, threads
        self.threads = threads or available_threads()
        network = suited_to_bf16(model) if precision == "bf16" else model
        for anew in (False, True):  # an entry that answers otherwise is made again
            self.folder = exported(network, cache_dir, anew)
            try:
                run = self._load()
                difference = np.abs(run(_probe(self.channels)) - wanted).max()
            except Exception as error:  # whatever Paddle raises for files that it cannot use
                difference, cause = np.inf, error
            else:
                cause = None
            if difference <= AGREEMENT[precision] * np.abs(wanted).max():
                self._run = InTurn(run)
                return
        raise FasterNetError(
            f"the network compiled by paddle.inference does not answer as the model does (off by {difference:.3g} for "
            f"logits up to {np.abs(wanted).max():.3g}); use the engine dygraph"
        ) from cause

    def __call__(self, x):
        return self._run(x)

    def _load(self):
        return load_exported(self.folder, self.place, self.precision, self.threads, _probe(self.channels))

    def __getstate__(self):
        """What is pickled holds the compiled network itself, and needs neither this cache nor this machine."""
        gpu = self.place.gpu_device_id() if self.place.is_gpu_place() else None
        kept = {name: getattr(self, name) for name in ("precision", "channels", "cache_dir", "asked")}
        return {**kept, "gpu": gpu, "name": self.folder.name, "files": packed(self.folder)}

    def __setstate__(self, state):
        name, files, gpu = (state.pop(key) for key in ("name", "files", "gpu"))
        vars(self).update(state)
        if gpu is not None and gpu >= paddle.device.cuda.device_count():
            raise FasterNetError(f"the Predictor was made for gpu:{gpu}, which is not here; make it on this machine")
        self.place = paddle.CPUPlace() if gpu is None else paddle.CUDAPlace(gpu)
        check_precision("paddle", self.precision, self.place)
        self.threads = self.asked or available_threads()
        self.folder = unpacked(name, files, self.cache_dir)
        self._run = InTurn(self._load())


def _probe(channels):
    images, height, width = PROBE_SHAPE
    return np.random.RandomState(0).standard_normal((images, channels, height, width)).astype(np.float32)


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


def place_of(model):
    """Where a model's weights lie; the global device where there are none."""
    for parameter in model.parameters():
        return parameter.place
    return paddle.framework._current_expected_place()


def check_precision(engine, precision, place):
    """Raise ``FasterNetError`` where the precision is not to be had."""
    device = "gpu" if place.is_gpu_place() else "cpu"
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
