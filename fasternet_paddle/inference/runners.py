"""A network as a function from the input to its logits, in two kinds: as it is, and compiled.

    run = Eager(model)                                  # run(x): contiguous float32 (N, C, H, W) -> float32 (N, K)
    logits, bytes_a_pixel = run.probed()
    run = Compiled(model, logits, Plan("paddle", "bf16"), run.place)        # the same by paddle.inference

Both may be called from any thread. A compiled one can be pickled: it takes its files along.
"""

import contextlib
import dataclasses
import os
from math import prod

import numpy as np
import paddle

from ..errors import FasterNetError
from ..exporting.network import input_channels
from ..model.summary import eval_mode
from ..runtime.machine import available_threads
from .cache import packed, unpacked
from .engine import has_bf16, load_exported
from .forms import files_of, names_of
from .loading import effective, load_files
from .plans import PRECISIONS, InParts, Plan, cut
from .turns import InTurn

PROBE_SHAPE = (2, 64, 64)  # images, height and width of a first run and of the check against dygraph
AGREEMENT = {"f32": 1e-3, "bf16": 0.25, "int8": 0.5}  # of the largest logit; a wrong network is off by more than it
_of_the_parent = []  # engines in a forked process, which has none of their threads: to end one would wait for these
NAMES = {"paddle": "paddle.inference", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


class Eager:
    """The model itself, in eval mode for as long as it runs, where its weights lie."""

    threads = None  # Paddle's own
    precision = "f32"

    def __init__(self, model):
        _check_weights(model)
        self.model = model
        self.place = place_of(model)

    def __call__(self, x, most=None):
        """Logits of ``x``, no more than ``most`` images at a time."""
        parts = [x[part] for part in cut(len(x), Plan("dygraph"), most)]
        with eval_mode(self.model), paddle.no_grad():
            return np.concatenate([self.model(paddle.to_tensor(part, place=self.place)).numpy() for part in parts])

    def describe(self):
        """One line: engine, precision, device."""
        return f"dygraph, f32, {'gpu' if self.place.is_gpu_place() else 'cpu'}"

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


class Planned:
    """A network as an engine runs it by a plan, any number of images at a time.

    A subclass has ``plan`` and ``place``, and ``_load``, which gives a function of one part with a ``precision``.
    """

    def _open(self):
        self._run = self._load()
        self._in_parts = InParts(self._run, self.plan)
        self.precision = effective(self.plan, self._run)
        self._process = os.getpid()

    def __call__(self, x, most=None, plan=None):
        """Logits of ``x``, cut as the plan says; or as another one says, which is the same but for its parts.

        No more than ``most`` images are in work at a time.
        """
        if self._process != os.getpid() and self.plan.engine != "paddle":
            _of_the_parent.append(self._run)
            self._open()
        return self._in_parts(x, plan, most)

    @property
    def threads(self):
        """Of the kernels on a CPU, all streams together."""
        return self.plan.streams * self.plan.threads

    def describe(self):
        """One line: engine, effective precision, device, threads."""
        if self.place.is_gpu_place():
            return f"paddle.inference, {self.precision}, gpu"
        name, _, told = self.plan.describe().partition(", ")
        name = "paddle.inference with oneDNN" if name == "paddle" else name
        return f"{name}, {self.precision}, cpu, {told}"


class Compiled(Planned):
    """A network as an engine runs it, from its entry in the cache, any number of images at a time.

    Args:
        model: the network.
        wanted: its logits of the probe, with which the compiled one must agree.
        plan: ``Plan``: the engine, the precision, threads and parts.
        place: where the weights lie.
        cache_dir: of the cache; by default ``files.cache.cache_root()``.
        int8: ``Int8``, for that precision.
        asked: threads that the user asked for, else None: a network that is unpickled takes that machine's.
    """

    def __init__(self, model, wanted, plan, place, cache_dir=None, int8=None, asked=None):
        self.plan, self.place, self.channels = plan, place, input_channels(model)
        self.cache_dir, self.asked = cache_dir, asked
        probe = self._probe() if int8 is None else int8.probe()
        for anew in (False, True):  # an entry that answers otherwise is made again
            self.folder = files_of(model, plan, cache_dir, anew, int8)
            try:
                self._open()
                difference = np.abs(self(probe) - wanted).max()
            except Exception as error:  # whatever an engine raises for files that it cannot use
                difference, cause = np.inf, error
            else:
                cause = None
            if difference <= AGREEMENT[plan.precision] * np.abs(wanted).max():
                return
        raise FasterNetError(
            f"the network compiled by {NAMES[plan.engine]} does not answer as the model does (off by {difference:.3g} "
            f"for logits up to {np.abs(wanted).max():.3g}); use the engine dygraph"
        ) from cause

    @property
    def name(self):
        """Of the network in the cache."""
        return self.folder.name

    def _probe(self):
        return _probe(self.channels)

    def _load(self):
        plan = self.plan
        if plan.engine != "paddle":
            return load_files(self.folder, plan)
        return InTurn(load_exported(self.folder, self.place, plan.precision, plan.threads, self._probe()))

    def __getstate__(self):
        """What is pickled holds the compiled network itself, and needs neither this cache nor this machine."""
        gpu = self.place.gpu_device_id() if self.place.is_gpu_place() else None
        kept = {name: getattr(self, name) for name in ("plan", "channels", "cache_dir", "asked")}
        files = packed(self.folder, names_of(self.plan))
        return {**kept, "gpu": gpu, "name": self.folder.name, "files": files}

    def __setstate__(self, state):
        name, files, gpu = (state.pop(key) for key in ("name", "files", "gpu"))
        vars(self).update(state)
        if gpu is not None and gpu >= paddle.device.cuda.device_count():
            raise FasterNetError(f"the Predictor was made for gpu:{gpu}, which is not here; make it on this machine")
        self.place = paddle.CPUPlace() if gpu is None else paddle.CUDAPlace(gpu)
        check_precision(self.plan.engine, self.plan.precision, self.place)
        if self.plan.streams == 1:
            self.plan = dataclasses.replace(self.plan, threads=self.asked or available_threads())
        self.folder = unpacked(name, files, self.cache_dir)
        self._open()


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
    """Raise ``FasterNetError`` where an engine, or "auto", does not have the precision on this device."""
    device = "gpu" if place.is_gpu_place() else "cpu"
    if device == "gpu" and engine not in ("paddle", "dygraph", "auto"):
        raise FasterNetError(f"the engine {engine} runs on a CPU here, got a model on a gpu; use paddle")
    if precision == "f32":
        return
    having = [name for name, precisions in PRECISIONS.items() if precision in precisions]
    if engine not in (*having, "auto") or device == "gpu":
        raise FasterNetError(
            f"precision {precision} is offered by the engine {' or '.join(having)} on a CPU, got the engine {engine} "
            f"on a {device}; use f32"
        )
    if precision == "bf16" and not has_bf16():
        raise FasterNetError("precision bf16 needs a processor with AVX512-BF16 or AMX, which this one lacks; use f32")


def _check_weights(model):
    # oneDNN turns NaN into zeros at a ReLU, so a broken model would give numbers that look sound.
    broken = [name for name, value in model.state_dict().items() if not np.isfinite(value.numpy()).all()]
    if broken:
        raise FasterNetError(
            f"the model's weights hold NaN or infinity ({len(broken)} of its tensors, first {broken[0]}); "
            f"train again with a lower learning rate, or take an earlier checkpoint"
        )
