"""Who takes part in a race for a network: the engines that can run it here, and why others cannot."""

import copy
import dataclasses

import numpy as np
import paddle

from ..errors import FasterNetError
from ..exporting.network import input_channels
from ..exporting.onnx import check_tools
from .field import tell_lone
from .forms import CONVERTERS, QUANTISERS, files_of
from .notes import key_of
from .plans import PRECISIONS, Plan, check_installed
from .runners import AGREEMENT, Compiled, Eager

RACING = ("paddle", "onnxruntime", "openvino")  # dygraph, which computes the same by slower kernels, never wins


class Entrants:
    """The engines that can run a model in a precision.

    Args:
        model: ``paddle.nn.Layer``.
        eager: ``Eager`` of it.
        wanted: its logits of the probe.
        plan: ``Plan`` of the base, which runs where nothing is faster.
        cache_dir: of the cache.
        int8: ``Int8``, for that precision.
        asked: threads that the user asked for, else None.
    """

    load = None
    """What a child process opens files with; by default ``loading.load_files``."""

    def __init__(self, model, eager, wanted, plan, cache_dir=None, int8=None, asked=None):
        self.model, self.eager, self.wanted = model, eager, wanted
        self.cache_dir, self.int8, self.asked = cache_dir, int8, asked
        self.precision, self.bound = plan.precision, AGREEMENT[plan.precision]
        self.reasons, self.engines = {}, []
        for engine in RACING:
            if (reason := self._missing(engine)) is None:
                self.engines.append(engine)
            elif self.precision in PRECISIONS[engine]:
                self.reasons[engine] = reason
        self._base = plan
        if self.lone():
            tell_lone(self.reasons)
            return
        # A race may come later than a change of the model: what is compiled then is the network as it is now.
        with paddle.base.unique_name.guard():
            self.model = copy.deepcopy(model)
        self.eager = Eager(self.model)

    def _missing(self, engine):
        """Why an engine cannot take part, or None."""
        if self.precision not in PRECISIONS[engine]:
            return f"no {self.precision}"
        if engine == "paddle":
            return None
        if self.eager.place.is_gpu_place():
            return "the model is on a gpu"
        try:
            check_installed(engine)
            check_tools("fast", QUANTISERS if self.precision == "int8" else CONVERTERS)
        except FasterNetError as error:
            return str(error)
        return None

    def base(self):
        """The plan that is there without a race."""
        return self._base

    def lone(self):
        """Whether there is nothing to choose from."""
        return self.engines == ["paddle"]

    def key(self):
        """What the network's speed depends on: its layers and their shapes, not its weights."""
        layers = [f"{name} {type(layer).__qualname__}" for name, layer in self.model.named_sublayers()]
        shapes = [f"{name} {tuple(value.shape)}" for name, value in self.model.state_dict().items()]
        return key_of(*layers, *shapes)

    def folder(self, engine):
        """The folder of the files that an engine reads."""
        return files_of(self.model, Plan(engine, self.precision), self.cache_dir, int8=self.int8)

    def open(self, plan):
        """``Compiled`` by a plan, held to the model's answers."""
        place = self.eager.place
        return Compiled(self.model, self.wanted, plan, place, self.cache_dir, self.int8, self.asked)

    def probe(self, count, height, width):
        """float32 ``(count, C, H, W)`` to measure and compare with: noise, for int8 what it was calibrated on."""
        if self.int8 is not None and self.int8.images.shape[2:] == (height, width):
            return np.resize(self.int8.images[:count], (count, *self.int8.images.shape[1:]))
        shape = (count, input_channels(self.model), height, width)
        return np.random.RandomState(0).standard_normal(shape).astype(np.float32)

    def reference(self, x):
        """The model's own logits."""
        return self.eager(x)

    def settled(self):
        """What a pickled predictor keeps of it."""
        return Settled(self._base, self.precision)


@dataclasses.dataclass(frozen=True)
class Settled:
    """In place of ``Entrants`` where the model itself did not come along: the choice is made."""

    plan: Plan
    precision: str

    def base(self):
        """The plan that is there without a race."""
        return self.plan

    def lone(self):
        """There is nothing left to choose."""
        return True

    def settled(self):
        """Itself."""
        return self
