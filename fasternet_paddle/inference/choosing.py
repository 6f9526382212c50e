"""From the words that name an engine and a precision to what runs the network.

plan = plan_of("openvino", "f32", threads=None)              # Plan("openvino", "f32", 1, threads=2)
run = open_network("openvino", plan, model, (eager, wanted)) # run(x): any number of images -> logits
"""

from ..errors import FasterNetError
from ..runtime.machine import available_threads
from .auto import Auto
from .entrants import Entrants
from .int8 import Int8, check_loss, measure_loss
from .plans import Plan, check_installed
from .runners import Compiled, place_of

ENGINES = ("paddle", "dygraph")  # that are always there
FAST_ENGINES = ("openvino", "onnxruntime")  # of the extra ``fast``
PRECISIONS = ("f32", "bf16")  # of a network as it is; int8 needs images to calibrate on


def plan_of(engine, precision, threads):
    """The ``Plan`` that the arguments of ``Predictor`` ask for; of "auto" the one that is there without a race.

    Raises:
        FasterNetError: an unknown engine or precision, one that is not installed, int8 without images.
    """
    if precision == "int8" or (precision is None and isinstance(engine, Plan) and engine.precision == "int8"):
        raise FasterNetError(
            "precision int8 needs images to calibrate on: give precision=Int8(images)", change="calibrate"
        )
    precision = "int8" if isinstance(precision, Int8) else precision
    known = (*PRECISIONS, "int8")
    if precision is not None and precision not in known:
        raise FasterNetError(f"unknown precision {precision!r}; known: {', '.join(known)}", change="precision")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise FasterNetError(f"threads must be a whole number of at least 1, got {threads!r}")
    if isinstance(engine, Plan):
        plan = engine.beside(precision, threads)
    else:
        precision = precision or "f32"
        known = (*ENGINES, *FAST_ENGINES, "auto")
        if engine not in known:
            raise FasterNetError(f"unknown engine {engine!r}; known: {', '.join(known)}", change="engine")
        base = ("openvino" if precision == "int8" else "paddle") if engine == "auto" else engine
        plan = Plan(base, precision, 1, threads or available_threads())
    check_installed(plan.engine)
    return plan


def open_network(engine, plan, model, answers, cache_dir=None, int8=None, threads=None):
    """What runs a network: ``Eager``, ``Compiled`` or ``Auto``.

    Args:
        engine: "auto", or the plan's.
        plan: ``Plan`` of ``plan_of``.
        model: the network.
        answers: (``Eager`` of it, its logits of the probe).
        cache_dir: of the cache.
        int8: ``Int8``, for that precision.
        threads: that the user asked for, else None.

    Raises:
        FasterNetError: the network cannot be opened, or does not answer as the model does.
    """
    eager, wanted = answers
    if engine == "dygraph":
        return eager
    if engine == "auto":
        return Auto(Entrants(model, eager, wanted, plan, cache_dir, int8, threads), cache_dir)
    return Compiled(model, wanted, plan, eager.place, cache_dir, int8, threads)


def loss_of(predictor, model, wanted, int8, cache_dir=None):
    """The ``Loss`` of a predictor in int8, measured against the same network in f32.

    Args:
        predictor: ``Predictor`` in int8.
        model: its network.
        wanted: the model's logits of the probe, to which the one in f32 is held.
        int8: ``Int8``.
        cache_dir: of the cache.

    Raises:
        FasterNetError: it is larger than ``int8.max_drop``.
    """
    run = predictor._run

    def f32():
        return Compiled(model, wanted, Plan("paddle", "f32", 1, run.threads), place_of(model), cache_dir)

    loss = measure_loss(f32, getattr(run, "unraced", run), int8, run.name, cache_dir)
    check_loss(loss, int8)
    return loss
