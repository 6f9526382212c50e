"""A network in OpenVINO's form: f32, or int8 by NNCF with weights a quarter as large.

    path = export_openvino(model, record, folder)                           # folder/inference.xml, inference.bin
    path = export_openvino(model, record, folder, calibration=images)       # int8

Input and outputs are those of ``exporting.onnx``, from whose file OpenVINO's is made. The record is in the XML's
``rt_info``, under ``fasternet_paddle``. For int8 NNCF measures each layer's range on ``calibration``, and so needs
pictures of the kind that the network will meet; 300 take some 20 s at 32 pixels on two cores.
"""

import contextlib
import io
import logging
import re
import tempfile
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from .folders import KEY, record_text
from .onnx import OUTPUTS, PACKAGES, check_tools, export_logits, export_onnx

FILE = "inference.xml"
CALIBRATION = 300  # pictures


def check_openvino(int8=False):
    """Refuse an export whose tools are missing, before any long work."""
    check_tools("openvino", (*PACKAGES, "openvino", *(["nncf"] if int8 else [])))


def export_openvino(model, record, folder, calibration=None):
    """Write ``inference.xml`` and ``inference.bin`` into ``folder``; returns the first's path.

    Args:
        model: ``paddle.nn.Layer``, images -> logits.
        record: ``Record``.
        folder: that is there already.
        calibration: normalised float32 ``(N, 3, S, S)``; None leaves the network in f32.

    Raises:
        FasterNetError: a tool is missing, could not convert the network, or ``calibration`` is empty.
    """
    check_openvino(calibration is not None)
    import openvino

    path = Path(folder) / FILE
    with tempfile.TemporaryDirectory() as scratch:
        network = openvino.Core().read_model(export_onnx(model, record, scratch))
        if calibration is not None:
            network = _int8(network, calibration)
        for item in list(network.rt_info):  # how and when it was made, which would differ each time
            del network.rt_info[item]
        network.set_rt_info(record_text(record, OUTPUTS[0]), KEY)
        network.set_friendly_name("fasternet")
        _number_anew(network)
        openvino.save_model(network, path, compress_to_fp16=False)
    return path


def export_int8(model, folder, images, control=None):
    """Write any classifier's logits in int8 as ``inference.xml`` and ``inference.bin``; for an engine of this package.

    Args:
        model: ``paddle.nn.Layer``, images -> logits ``(N, K)``.
        folder: that is there already.
        images: normalised float32 ``(N, C, H, W)`` to calibrate on.
        control: None, or (images, labels, largest loss of accuracy): layers that lose more are put back to f32.

    Raises:
        FasterNetError: a tool is missing, could not convert the network, or ``images`` is empty.
    """
    check_openvino(int8=True)
    import openvino

    with tempfile.TemporaryDirectory() as scratch:
        network = openvino.Core().read_model(export_logits(model, scratch))
        network = _int8(network, images, control)
        openvino.save_model(network, Path(folder) / FILE, compress_to_fp16=False)
    return Path(folder) / FILE


def _number_anew(network):
    """Number the operators that OpenVINO named, by their order: it counts them through the process."""
    for number, operator in enumerate(network.get_ordered_ops()):
        if re.fullmatch(rf"{operator.get_type_name()}_\d+", operator.get_friendly_name()):
            operator.set_friendly_name(f"{operator.get_type_name()}_{number}")


def _int8(network, images, control=None):
    if not len(images):
        raise FasterNetError("int8 needs pictures to calibrate on, got none", change="calibrate")
    with contextlib.redirect_stdout(io.StringIO()):  # a greeting, and bars of progress
        import nncf

        nncf.set_log_level(logging.ERROR)
        # By its default, the mean of the images' largest values, NNCF cuts off what few images reach, which histograms
        # do not; and GELU's values lie almost all above 0, so a range that is not symmetric has twice the steps. Of
        # 1,860 decisions of a network with GELU 7.1 % were others by the default, 1.9 % by histograms, 1.8 % by both.
        ranges = nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=nncf.quantization.range_estimator.RangeEstimatorParametersSet.HISTOGRAM
        )
        common = {"preset": nncf.QuantizationPreset.MIXED, "subset_size": len(images)}
        parts = nncf.Dataset(_one_by_one(images))
        if control is None:
            return nncf.quantize(network, parts, advanced_parameters=ranges, **common)
        validation, labels, most = control

        def accuracy(compiled, items):
            """Top-1 of NNCF's network on pairs (image, label); it asks for None as its second answer."""
            right = [int(compiled(image)[0].argmax()) == label for image, label in items]
            return float(np.mean(right)), None

        pairs = list(zip(_one_by_one(validation), labels.tolist(), strict=True))
        return nncf.quantize_with_accuracy_control(
            network,
            parts,
            nncf.Dataset(pairs, lambda pair: pair[0]),
            lambda compiled, _: accuracy(compiled, pairs),
            max_drop=most,
            advanced_quantization_parameters=ranges,
            **common,
        )


def _one_by_one(images):
    return [np.ascontiguousarray(images[place : place + 1]) for place in range(len(images))]
