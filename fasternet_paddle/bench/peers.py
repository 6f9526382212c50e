"""Other engines beside the bench's own ways: timm's FasterNet in PyTorch, ONNX Runtime, OpenVINO.

They are measured where they are installed; none of them is needed otherwise. Each is a function from normalised
images to logits. timm's network has its own drawn weights, so only its speed is compared.
"""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from . import measuring

NEEDS = {  # engine: packages, whose names are also pip's
    "timm": ("torch", "timm"),
    "onnxruntime": ("onnxruntime", "paddle2onnx"),
    "openvino": ("openvino", "paddle2onnx"),
}
WAYS = {  # engine: its ways; the precision comes last
    "timm": ("timm, eager, f32", "timm, channels last, f32", "timm, compiled, f32", "timm, compiled, bf16"),
    "onnxruntime": ("onnxruntime, f32",),
    "openvino": ("openvino, f32", "openvino, bf16"),
}
OPSET = 17  # of the ONNX file


def ways(engines):
    """The ways of ``engines`` that this machine can take.

    Raises:
        FasterNetError: an engine that is not installed.
    """
    for engine in engines:
        missing = [package for package in NEEDS[engine] if importlib.util.find_spec(package) is None]
        if missing:
            raise FasterNetError(
                f"--against {engine} needs {' and '.join(missing)}, not installed here: pip install {' '.join(missing)}"
            )
    from ..inference.engine import has_bf16

    return [way for engine in engines for way in WAYS[engine] if has_bf16() or not way.endswith("bf16")]


def measure_peer(weights, way, runs):
    """A worker: images/s of a way by figure, as ``inference.measure_predictor``; logits where the weights are ours."""
    engine, precision = way.split(", ")[0], way.split(", ")[-1]
    if engine == "timm":
        return {"rates": measuring.model_rates(_torch(way, precision), runs)}
    from .subject import photographs

    with tempfile.TemporaryDirectory() as folder:
        file = _onnx_file(weights, folder)
        run = _onnxruntime(file) if engine == "onnxruntime" else _openvino(file, precision)
        return {"rates": measuring.model_rates(run, runs), "logits": np.asarray(run(photographs())).tolist()}


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


def _onnx_file(weights, folder):
    import paddle2onnx

    from ..exporting.network import FILES, export_network
    from .subject import read_network

    export_network(read_network(weights), folder)
    network, parameters, file = (str(Path(folder, name)) for name in (*FILES, "network.onnx"))
    # Its default optimiser installs packages by itself, so it is told to use none.
    paddle2onnx.export(network, parameters, file, OPSET, optimize_tool=None)
    return file


def _onnxruntime(file):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def _openvino(file, precision):
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    network = openvino.Core().compile_model(file, "CPU", hints)
    return lambda x: network(x)[0]
