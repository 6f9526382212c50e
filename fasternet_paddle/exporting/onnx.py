"""A network as one ONNX file, by paddle2onnx and onnxslim.

    path = export_onnx(model, record, folder)       # folder/inference.onnx
    path = export_logits(model, folder)             # for an engine of this package: logits alone, no record

Input ``images`` float32 ``(batch, 3, height, width)``, normalised, every axis but the channels free; outputs
``probabilities`` (with the record's temperature) and ``logits``, both ``(batch, classes)``. Probabilities come first,
since PaddleX takes the first output for scores. The record is among the file's metadata, under ``fasternet_paddle``.
"""

import contextlib
import importlib.util
import io
import os
import sys
import tempfile
from pathlib import Path

from ..errors import FasterNetError
from .folders import KEY, record_text
from .network import FILES, WithSoftmax, export_network

FILE = "inference.onnx"
OPSET = 17  # what ONNX Runtime 1.12 (2022) and OpenVINO 2022.3 read; paddle2onnx writes 7 to 21
OUTPUTS = ("probabilities", "logits")
AXES = ("batch", None, "height", "width")
PACKAGES = ("paddle2onnx", "onnx", "onnxslim")


def check_tools(extra="onnx", packages=PACKAGES):
    """Refuse an export whose tools are missing, before any long work.

    Args:
        extra: of this package, that installs them.
        packages: their modules.

    Raises:
        FasterNetError: they have no release for this Python, or are not installed.
    """
    if "paddle2onnx" in packages and sys.version_info >= (3, 13):
        raise FasterNetError(
            f"ONNX files are written by paddle2onnx and onnx 1.17, which have no release for Python 3.13 and later, "
            f"and this is Python {sys.version_info[0]}.{sys.version_info[1]}; export with Python 3.10 to 3.12"
        )
    missing = [name for name in packages if not is_installed(name)]
    if missing:
        raise FasterNetError(
            f"this export needs {', '.join(missing)}, not installed here; run pip install 'fasternet_paddle[{extra}]'"
        )


def is_installed(name):
    """Whether a module can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def export_onnx(model, record, folder):
    """Write ``inference.onnx`` into ``folder``; returns its path.

    Raises:
        FasterNetError: a tool is missing, or could not convert the network.
    """
    check_tools()
    network = WithSoftmax(model, record.temperature, logits_too=True)
    return _write(network, folder, {KEY: record_text(record, OUTPUTS[0])}, OUTPUTS, len(record.class_names))


def export_logits(model, folder):
    """Write any classifier ``(N, C, H, W)`` -> logits ``(N, K)`` as ``inference.onnx``; returns its path.

    Raises:
        FasterNetError: a tool is missing, or could not convert the network.
    """
    check_tools("fast")
    return _write(model, folder, {}, OUTPUTS[1:])


def _write(network, folder, metadata, outputs, classes=None):
    import paddle2onnx

    path = Path(folder) / FILE
    with tempfile.TemporaryDirectory() as scratch:
        export_network(network, scratch)
        raw = Path(scratch) / "raw.onnx"
        with _muted():
            # Its default optimiser installs packages by itself, so it is told to use none.
            paddle2onnx.export(*(str(Path(scratch) / name) for name in FILES), str(raw), OPSET, optimize_tool=None)
        if not raw.is_file():
            raise FasterNetError("paddle2onnx could not convert this network to ONNX")
        path.write_bytes(_finished(raw, metadata, outputs, classes))
    return path


@contextlib.contextmanager
def _muted():
    """Take what paddle2onnx, in Python and in C++, prints of its steps."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _finished(raw, metadata, outputs, classes):
    """The bytes of a converted file without what is superfluous, its axes and outputs named, the metadata inside."""
    import onnx
    import onnxslim

    network = onnxslim.slim(onnx.load(raw))
    graph = network.graph
    _rename(graph, {value.name: name for value, name in zip(graph.output, outputs, strict=True)})
    for axis, name in zip(graph.input[0].type.tensor_type.shape.dim, AXES, strict=True):
        if name is not None:
            axis.dim_param = name
    for value in graph.output:
        batch, width = value.type.tensor_type.shape.dim
        batch.dim_param = AXES[0]
        if classes is not None:
            width.dim_value = classes
    graph.name = "fasternet"
    del network.metadata_props[:]
    for key, value in metadata.items():
        network.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(network, full_check=True)
    return network.SerializeToString(deterministic=True)


def _rename(graph, names):
    """Give values of a graph other names, wherever they stand."""
    for node in graph.node:
        for values in (node.input, node.output):
            for place, name in enumerate(values):
                values[place] = names.get(name, name)
    for value in graph.output:
        value.name = names[value.name]
