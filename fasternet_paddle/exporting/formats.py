"""What each format of an export consists of, and whether it can be had.

check_tools_of("onnx")                          # before any long work
check_record_of("timm", record)
write_network("paddlex", model, record, folder)
"""

from .network import WithSoftmax, export_network
from .onnx import PACKAGES, check_tools, export_onnx
from .openvino import check_openvino, export_openvino
from .paddlex import check_preparation, write_paddlex
from .timm import check_timm, write_timm

FIRST_OUTPUT = {
    "paddle": "logits",
    "paddlex": "probabilities",
    "onnx": "probabilities",
    "openvino": "probabilities",
    "timm": "logits",
}
COMPARED = dict.fromkeys(FIRST_OUTPUT, "logits") | {"paddlex": "probabilities"}  # it has no others
FORMATS = tuple(FIRST_OUTPUT)


def check_tools_of(form, int8=False):
    """Refuse a format whose tools are not installed."""
    if form == "onnx":
        check_tools("onnx", (*PACKAGES, "onnxruntime"))
    if form == "openvino":
        check_openvino(int8)


def check_record_of(form, record):
    """Refuse a format that has no such network, or no such preparation of pictures."""
    if form == "paddlex":
        check_preparation(record)
    if form == "timm":
        check_timm(record)


def write_network(form, model, record, folder, calibration=None):
    """Write the network's own files of a format into ``folder``.

    Args:
        form: one of ``FORMATS``.
        model: ``paddle.nn.Layer``, images -> logits.
        record: its ``Record``.
        folder: that is there already.
        calibration: of openvino, normalised images for int8; None: f32.

    Raises:
        FasterNetError: a tool is missing, or the format has no such network.
    """
    if form == "paddle":
        export_network(model, folder)
    elif form == "paddlex":
        export_network(WithSoftmax(model, record.temperature), folder)
        write_paddlex(record, folder)
    elif form == "onnx":
        export_onnx(model, record, folder)
        if record.resize != "letterbox":  # which PaddleX, whose later releases run ONNX files, does not know
            write_paddlex(record, folder, pipeline=False)
    elif form == "openvino":
        export_openvino(model, record, folder, calibration)
    else:
        write_timm(model, record, folder)
