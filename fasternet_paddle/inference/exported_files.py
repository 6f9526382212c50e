"""The files of an export as an engine runs them, and which engines can.

run = ExportedFile(Path("out/inference.onnx"), plan_for(path, "f32", None, "openvino"), paddle.CPUPlace())
logits = run(x)
"""

import hashlib

import numpy as np

from ..errors import FasterNetError
from ..exporting.network import FILES
from ..runtime.machine import available_threads
from .engine import has_bf16, load_exported
from .loading import load_exported_file
from .plans import PRECISIONS, Plan, missing
from .runners import AGREEMENT, PROBE_SHAPE, Planned
from .turns import InTurn

RUNNING = {".json": ("paddle",), ".onnx": ("onnxruntime", "openvino"), ".xml": ("openvino",)}  # the first by default
NETWORKS = {FILES[0]: "paddle.inference", "inference.onnx": "onnxruntime", "inference.xml": "openvino"}
CHANNELS = 3


def probe():
    """Noise ``(2, 3, 64, 64)`` for a first run."""
    images, height, width = PROBE_SHAPE
    return np.random.RandomState(0).standard_normal((images, CHANNELS, height, width)).astype(np.float32)


def plan_for(path, precision, threads, engine):
    """The ``Plan`` that opens a file first; of "auto" the one that is there without a race."""
    can = RUNNING[path.suffix]
    if precision == "int8" or (precision is None and isinstance(engine, Plan) and engine.precision == "int8"):
        raise FasterNetError("an exported network is in int8 or is not; export it so", change="precision")
    if isinstance(engine, Plan):
        plan = engine.beside(precision, threads)
    else:
        own = can[0] if engine in (None, "auto") else engine
        if own == "dygraph":
            raise FasterNetError("dygraph runs a network's layers, and an exported one has none", change="engine")
        if path.suffix == ".onnx" and engine == "auto" and missing(own):
            own = can[1]
        plan = Plan(own, precision or "f32", 1, threads or available_threads())
    if plan.engine not in can:
        raise FasterNetError(f"{path.name} is run by {' or '.join(can)}, got the engine {plan.engine}", change="engine")
    if plan.precision not in PRECISIONS[plan.engine] or (plan.precision == "bf16" and not has_bf16()):
        raise FasterNetError(
            f"{plan.precision} is not to be had of {plan.engine} on this processor; f32 is", change="precision"
        )
    return plan


class ExportedFile(Planned):
    """An exported file by a plan."""

    def __init__(self, path, plan, place):
        self.path, self.plan, self.place = path, plan, place
        self._temperature = None
        self._open()

    def undo(self, temperature):
        """Give logits, up to a constant, of a network that ends in a softmax of logits over a temperature."""
        self._temperature = np.float32(temperature)

    def __call__(self, x, most=None, plan=None):
        found = super().__call__(x, most, plan)
        if self._temperature is None:
            return found
        return np.log(np.maximum(found, np.finfo(np.float32).tiny)) * self._temperature

    def _load(self):
        if self.plan.engine == "paddle":
            return _paddle(self.path.parent, self.place, self.plan.precision, self.plan.threads)
        run = load_exported_file(self.path, self.plan)
        self.metadata = run.metadata
        return run


class FileEntrants:
    """The engines that can run an exported file, for ``Auto``; the one that opened it first is the reference.

    Args:
        first: ``ExportedFile``.
    """

    load = "fasternet_paddle.inference.loading:load_exported_file"

    def __init__(self, first):
        self.first = first
        self.precision, self.bound = first.plan.precision, AGREEMENT[first.plan.precision]
        self.engines, self.reasons = [first.plan.engine], {}
        for engine in RUNNING[first.path.suffix]:
            if engine != first.plan.engine:
                lacks = f"needs {', '.join(missing(engine))}, not installed here" if missing(engine) else None
                lacks = lacks or (None if self.precision in PRECISIONS[engine] else f"no {self.precision}")
                self.engines += [] if lacks else [engine]
                self.reasons |= {engine: lacks} if lacks else {}

    def base(self):
        """The plan that is there without a race."""
        return self.first.plan

    def lone(self):
        """Whether there is nothing to choose from: there always are threads and parts."""
        return False

    def key(self):
        """What the speed depends on: the file."""
        return hashlib.sha256(self.first.path.read_bytes()).hexdigest()

    def folder(self, engine):
        """The file."""
        return self.first.path

    def open(self, plan):
        """``ExportedFile`` by a plan."""
        return self.first if plan == self.first.plan else ExportedFile(self.first.path, plan, self.first.place)

    def probe(self, count, height, width):
        """float32 noise ``(count, 3, H, W)``."""
        return np.random.RandomState(0).standard_normal((count, CHANNELS, height, width)).astype(np.float32)

    def reference(self, x):
        """The logits of the engine that opened the file first."""
        return self.first(x)


def _paddle(folder, place, precision, threads):
    try:
        return InTurn(load_exported(folder, place, precision, threads, probe()))
    except Exception as error:  # whatever Paddle raises for files that it cannot use
        reason = type(error).__name__
        raise FasterNetError(f"paddle.inference cannot run the network in {folder} ({reason}); is it whole?") from None
