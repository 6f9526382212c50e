"""Other engines beside the bench's own ways: timm's FasterNet in PyTorch, ONNX Runtime, OpenVINO.

They are measured where they are installed; none of them is needed otherwise. Each is a function from normalised
images to logits. ONNX Runtime and OpenVINO run the same network twice: "plain" is one call of theirs with nothing set,
"best" the fastest of all streams and parts, found anew for each batch. timm's network has its own drawn weights, so
only its speed is compared.
"""

import importlib.util
import time

import numpy as np

from ..errors import FasterNetError
from . import measuring

NEEDS = {  # engine: packages, whose names are also pip's
    "timm": ("torch", "timm"),
    "onnxruntime": ("onnxruntime", "paddle2onnx", "onnxslim"),
    "openvino": ("openvino", "paddle2onnx", "onnxslim"),
}
WAYS = {  # engine: its ways; the precision comes last
    "timm": ("timm, eager, f32", "timm, channels last, f32", "timm, compiled, f32", "timm, compiled, bf16"),
    "onnxruntime": ("onnxruntime, plain, f32", "onnxruntime, best, f32"),
    # Where the processor has bf16, OpenVINO takes it unless it is told not to.
    "openvino": (
        *("openvino, plain, f32", "openvino, plain told f32, f32", "openvino, plain, bf16"),
        *("openvino, best, f32", "openvino, best, bf16", "openvino, best, int8"),
    ),
}
TRAINING_WAYS = ("timm, eager, f32", "timm, channels last, f32", "timm, channels last, bf16")
SECONDS = 10.0  # in which the best way of an engine is looked for, a batch


def check_installed(engines):
    """Raise ``FasterNetError`` for one of ``engines`` that is not installed."""
    for engine in engines:
        missing = [package for package in NEEDS[engine] if importlib.util.find_spec(package) is None]
        if missing:
            raise FasterNetError(
                f"--against {engine} needs {' and '.join(missing)}, not installed here: pip install {' '.join(missing)}"
            )


def ways(engines):
    """The ways of ``engines`` that this machine can take.

    Raises:
        FasterNetError: an engine that is not installed.
    """
    check_installed(engines)
    from ..inference.engine import has_bf16

    left_out = {"openvino, plain, f32"} if has_bf16() else {"openvino, plain told f32, f32"}
    if importlib.util.find_spec("nncf") is None:
        left_out.add("openvino, best, int8")
    known = [way for engine in engines for way in WAYS[engine] if way not in left_out]
    return [way for way in known if has_bf16() or not way.endswith("bf16")]


def measure_peer(weights, way, runs, batches=None):
    """A worker: images/s of a way by figure, as ``inference.measure_predictor``; logits where the weights are ours."""
    engine, precision = way.split(", ")[0], way.split(", ")[-1]
    if engine == "timm":
        return {"rates": measuring.model_rates(_torch(way, precision), runs, batches)}
    from ..inference.forms import files_of, names_of
    from ..inference.int8 import Int8
    from ..inference.plans import Plan
    from .subject import photographs, read_network

    plan = Plan(engine, precision)
    int8 = Int8(photographs(CALIBRATION)) if precision == "int8" else None
    folder = files_of(read_network(weights), plan, int8=int8)
    if "plain" in way:
        run = _plain(engine, str(folder / names_of(plan)[0]), "told" in way)
        return {"rates": measuring.model_rates(run, runs, batches), "logits": np.asarray(run(photographs())).tolist()}
    rates, taken = {}, {}
    for batch in batches or measuring.BATCHES:
        run, best = _best(folder, plan, batch)
        figure = measuring.model_rates(run, runs, [batch])
        rates |= figure
        taken |= dict.fromkeys(figure, best.describe())
    return {"rates": rates, "logits": np.asarray(run(photographs())).tolist(), "taken": taken}


CALIBRATION = 64  # photographs for int8


def _best(folder, plan, count):
    """(the fastest way of an engine for a batch, its plan)."""
    from ..inference.field import opened_plans, with_parts
    from ..inference.loading import load_files
    from ..inference.plans import InParts
    from ..inference.race import Lane, race
    from ..runtime.machine import available_threads

    x, lanes = np.random.RandomState(0).standard_normal((count, 3, measuring.SIZE, measuring.SIZE)), []
    x = x.astype(np.float32)
    for opened in opened_plans(plan.engine, plan.precision, available_threads()):
        run = InParts(load_files(folder, opened), opened)
        for one in with_parts(opened, count):
            lanes.append(Lane((one, run), lambda run=run, one=one: run(x, one), count, str(opened)))
    best, run = race(lanes, SECONDS)[0].name
    return (lambda x: run(x, best)), best


def _plain(engine, file, told_f32):
    if engine == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        name = session.get_inputs()[0].name
        return lambda x: session.run(None, {name: x})[0]
    import openvino

    network = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"} if told_f32 else {})
    return lambda x: network(x)[0]


def _torch(way, precision):
    import timm
    import torch  # in a process without Paddle, whose import tells OpenMP to use one thread

    torch.manual_seed(0)
    model = timm.create_model("fasternet_t0", num_classes=10).eval()
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    layout = torch.contiguous_format if "eager" in way else torch.channels_last
    model = model.to(dtype=kind, memory_format=layout)
    if "compiled" in way:
        torch._inductor.config.freezing = True  # folds batch norm and packs weights, as paddle.inference does
        model = torch.compile(model)

    def run(x):
        with torch.inference_mode():
            images = torch.from_numpy(x).to(dtype=kind, memory_format=layout)
            return model(images).float().numpy()

    return run


def training_ways(against):
    """Those of timm's ways to train that were asked for and that this processor has.

    Raises:
        FasterNetError: another library than timm.
    """
    if unknown := set(against) - {"timm"}:
        raise FasterNetError(f"against must be timm, got {' '.join(sorted(unknown))}")
    from ..inference.engine import has_bf16

    asked = TRAINING_WAYS if against else ()
    return [way for way in asked if has_bf16() or not way.endswith("bf16")]


def measure_timm_training(way, steps, batch_size, image_size, figure=None):
    """A worker: images/s of timm's training step as ``training.measure_training`` counts it, on drawn images.

    ``figure`` is what the rate is called, by default as there. AdamW, label smoothing and cosine are the recipe's; bf16
    is PyTorch's autocast.
    """
    import timm
    import torch

    torch.manual_seed(0)
    layout = torch.contiguous_format if "eager" in way else torch.channels_last
    model = timm.create_model("fasternet_t0", num_classes=10).train().to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.005)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    loss_function, seconds = torch.nn.CrossEntropyLoss(label_smoothing=0.1), []
    labels = torch.arange(batch_size) % 10
    for _ in range(steps):
        images = torch.randn(batch_size, 3, image_size, image_size)
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way.endswith("bf16")):
            loss = loss_function(model(images.to(memory_format=layout)), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        loss.item()
        seconds.append(time.perf_counter() - start)
    rates = measuring.training_rate(seconds, batch_size, image_size)
    return {"rates": rates if figure is None else {figure: next(iter(rates.values()))}}
