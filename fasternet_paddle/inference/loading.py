"""The engines that read files and need no Paddle, as functions; a child process that tries one imports this alone.

run = load_files(folder, Plan("openvino", streams=2))        # run(x): float32 (n, C, H, W) -> (n, K), from any thread
"""

from pathlib import Path

from .onnxruntime import load_onnx
from .openvino import load_openvino


def load_files(folder, plan):
    """The network in a folder of the package's own cache, by the plan's engine.

    Args:
        folder: with ``inference.onnx``, or with ``inference.xml`` where the precision is int8.
        plan: ``Plan`` of onnxruntime or openvino.

    Returns:
        A function of one part; its ``precision`` is what the engine computes floats in.

    Raises:
        FasterNetError: the engine is not installed, or cannot run the file.
    """
    if plan.engine == "onnxruntime":
        return load_onnx(Path(folder) / "inference.onnx", plan.threads, streams=plan.streams, own=True)
    int8 = plan.precision == "int8"
    path = Path(folder) / ("inference.xml" if int8 else "inference.onnx")
    floats = "f32" if int8 else plan.precision
    return load_openvino(path, plan.threads, floats, streams=plan.streams, own=True)


def load_exported_file(path, plan):
    """The network in a file of ``fasternet_paddle.export``, which may come from anywhere and is looked through first.

    Args:
        path: of an ``.onnx`` or an ``.xml`` file.
        plan: ``Plan`` of onnxruntime or openvino.

    Returns:
        A function of one part, with its ``precision`` and the file's ``metadata``.
    """
    if plan.engine == "onnxruntime":
        return load_onnx(path, plan.threads, streams=plan.streams)
    return load_openvino(path, plan.threads, plan.precision, streams=plan.streams)


def effective(plan, run):
    """The precision that is computed in, which may be less than asked for: a processor without bf16 takes f32."""
    return "int8" if plan.precision == "int8" else getattr(run, "precision", plan.precision)
