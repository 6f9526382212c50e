"""How a network is run: by which engine, in which precision, by how many threads, a batch cut into which parts.

    plan = Plan("onnxruntime", streams=2, threads=1, part=4)
    plan.describe()                                      # "onnxruntime, 2 x 1 thread, parts of 4"
    InParts(run, plan)(x)                                # the parts of x, two at a time

No engine is at its best with a large batch as it comes: its intermediate results leave the processor's caches, and a
network's small layers give work to one thread better than to two. Standard library and numpy alone: a child process
that tries an engine (``trial``) imports it without Paddle.
"""

import dataclasses
import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError

PRECISIONS = {  # engine: what it computes in
    "paddle": ("f32", "bf16"),
    "dygraph": ("f32",),
    "openvino": ("f32", "bf16", "int8"),
    "onnxruntime": ("f32",),
}
MODULES = {"paddle": (), "dygraph": (), "openvino": ("openvino",), "onnxruntime": ("onnxruntime",)}
STREAMING = ("openvino", "onnxruntime")  # Paddle holds Python's lock through a run (3.3.1)
MOST = 4096  # streams, threads or images a part; what is above is no plan but a damaged file


@dataclass(frozen=True)
class Plan:
    """An engine and how it is used."""

    engine: str
    """"paddle", "dygraph", "openvino" or "onnxruntime"."""
    precision: str = "f32"
    """"f32", "bf16" or "int8"."""
    streams: int = 1
    """Parts that are run at a time."""
    threads: int = 1
    """Of the kernels, for each stream."""
    part: int | None = None
    """Images that are run at once; None: all of them."""

    def __post_init__(self):
        """Check every value; raise ``FasterNetError``."""
        if self.engine not in PRECISIONS:
            raise FasterNetError(f"unknown engine {self.engine!r}; known: {', '.join(PRECISIONS)}", change="engine")
        for name in ("streams", "threads", "part"):
            value = getattr(self, name)
            if name == "part" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
                raise FasterNetError(f"{name} must be a whole number in 1..{MOST}, got {value!r}", change=name)
        if self.streams > 1 and self.engine not in STREAMING:
            raise FasterNetError(
                f"{' and '.join(STREAMING)} run several streams, got {self.streams} for the engine {self.engine}",
                change="streams",
            )

    def describe(self):
        """Engine, threads and parts, in a few words."""
        threads = f"{self.threads} thread" + ("s" if self.threads > 1 else "")
        cores = threads if self.streams == 1 else f"{self.streams} x {threads}"
        return f"{self.engine}, {cores}" + ("" if self.part is None else f", parts of {self.part}")

    def beside(self, precision, threads):
        """The plan, where a precision and threads may be named beside it; None names none.

        Raises:
            FasterNetError: they are others than the plan's.
        """
        if threads is not None and threads != self.streams * self.threads:
            raise FasterNetError(f"a plan says its threads ({self.describe()}), and threads beside it {threads}")
        if precision in (None, self.precision):
            return self
        if self.precision != "f32":  # which a plan has that names none
            raise FasterNetError(
                f"a plan says its precision ({self.precision}), and precision beside it {precision}", change="precision"
            )
        return dataclasses.replace(self, precision=precision)

    def opened(self):
        """The plan without its part: what an engine has to be opened for."""
        return dataclasses.replace(self, part=None)


def missing(engine):
    """Modules that an engine needs and that are not installed."""
    return [name for name in MODULES[engine] if importlib.util.find_spec(name) is None]


def check_installed(engine):
    """Raise ``FasterNetError`` where an engine is not installed."""
    if names := missing(engine):
        raise FasterNetError(
            f"the engine {engine} needs {', '.join(names)}, not installed here; run pip install "
            f"'fasternet_paddle[fast]'",
            change="engine",
        )


def cut(count, plan, most=None):
    """Slices of a batch: parts of one size, at most the plan's, as many as give every stream the same number of them.

    100 images in parts of 32 are 4 times 25, not 32, 32, 32 and 4; 8 images in two streams are 2 times 4. No more than
    ``most`` images, of all streams together, are in work at a time: what fits into memory.
    """
    if not count:
        return []
    part = min(plan.part or count, max(1, (most or count * plan.streams) // plan.streams))
    runs = -(-count // part)
    runs = min(count, -(-runs // plan.streams) * plan.streams)
    step = -(-count // runs)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


class InParts:
    """Runs batches in parts, as many at a time as the plan has streams; any thread may call it.

    Args:
        run: float32 ``(n, C, H, W)`` -> float32 ``(n, K)``; for as many threads at a time as there are streams.
        plan: ``Plan``.
    """

    def __init__(self, run, plan):
        self.run = run
        self.plan = plan
        self._pool, self._process = None, None

    def __call__(self, x, plan=None, most=None):
        """Logits of ``x``; ``plan`` may be another one that differs in its parts alone, ``most`` is ``cut``'s."""
        parts = cut(len(x), plan or self.plan, most)
        if len(parts) <= 1:
            return self.run(x)
        if self.plan.streams == 1:
            return np.concatenate([self.run(x[part]) for part in parts])
        return np.concatenate(list(self._threads().map(lambda part: self.run(x[part]), parts)))

    def _threads(self):
        if self._process != os.getpid():  # a forked process has none of its parent's threads
            self._pool = ThreadPoolExecutor(self.plan.streams, thread_name_prefix="stream")
            self._process = os.getpid()
        return self._pool
