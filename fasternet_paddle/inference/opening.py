"""From an entry's flags to its ``Predictor``: engine and precision, for int8 the images that it takes.

    predictor = open_predictor(run, config, flags.inference, folder)
    predictor = open_exported_or_none(weights, flags.inference, **others) or ...     # a network that is exported

What was found out is printed: for int8 its loss of accuracy.
"""

import sys

import numpy as np

from ..data.datasets import load_data
from ..data.given import find_given
from ..data.loaders import decoded_to
from ..data.measured import measured_on
from ..data.preparation import preparation
from ..errors import FasterNetError
from ..exporting.onnx import check_tools
from ..files.images import read_image
from ..runtime.machine import available_threads
from .forms import QUANTISERS
from .int8 import IMAGES, VALIDATION, Int8
from .plans import Plan, check_installed
from .predictor import Predictor
from .runners import check_precision, place_of


def open_predictor(run, config, flags, folder):
    """The ``Predictor`` that an entry's flags ask for.

    Args:
        run: ``Run``.
        config: its ``TrainConfig``, with the data that the entry's flags name.
        flags: ``EngineFlags``.
        folder: of the run, where it lists its files.

    Raises:
        FasterNetError: what ``Predictor`` refuses, or int8 without images to calibrate on.
    """
    engine, precision = engine_of(flags), flags.precision
    if precision == "int8":  # what it lacks is said before any image is read
        check_precision(flags.engine, precision, place_of(run.model))
        check_installed("openvino")
        check_tools("fast", QUANTISERS)
        precision = _int8(run, config, flags, folder)
    predictor = Predictor(run, engine=engine, precision=precision)
    if predictor.loss is not None:
        print(predictor.loss.describe(), file=sys.stderr)
    return predictor


def engine_of(flags):
    """The engine's name, or the ``Plan`` where parts or streams are given.

    Raises:
        FasterNetError: they are given for an engine that has none.
    """
    if flags.precision != "int8" and (flags.calibrate is not None or flags.accuracy_control):
        given = "calibrate" if flags.calibrate is not None else "accuracy_control"
        raise FasterNetError(f"{given} is for the precision int8, got {flags.precision}", change="precision")
    if flags.part is None and flags.streams is None:
        return flags.engine
    if flags.engine in ("auto", "dygraph"):
        raise FasterNetError(
            f"part and streams are of the engines paddle, openvino and onnxruntime, got the engine {flags.engine}",
            change="engine",
        )
    streams = 1 if flags.streams is None else flags.streams
    threads = available_threads() if streams < 1 else max(1, available_threads() // streams)
    return Plan(flags.engine, "f32", streams, threads, flags.part)


def _int8(run, config, flags, folder):
    prepare = preparation(run.record)
    if flags.calibrate is None:
        try:
            train = load_data(run.config, folder).train
        except FasterNetError as error:
            raise FasterNetError(
                f"int8 is calibrated on the run's training images, which are not to be had ({error})",
                change="calibrate",
            ) from None
        images = prepared(decoded_to(train, prepare.at_least).images, prepare, IMAGES)
    else:
        images = _folder_images(flags.calibrate, prepare)
    try:
        val = decoded_to(measured_on(config, run, folder).val, prepare.at_least)
    except FasterNetError as error:
        if flags.calibrate is None or flags.accuracy_control:
            raise
        print(f"note: no validation images ({error}), so int8 is held to its decisions alone", file=sys.stderr)
        return Int8(images, None, flags.max_drop, False)
    places = spread(len(val.images), VALIDATION)
    validation = prepared(val.images, prepare, VALIDATION), np.asarray(val.labels)[places]
    return Int8(images, validation, flags.max_drop, flags.accuracy_control)


def spread(count, most):
    """Places of at most ``most`` of ``count`` items, all over them: they may be in the order of classes."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)) if count else np.arange(0)


def prepared(images, prepare, most):
    """The network's input for a spread of images: float32 ``(N, 3, S, S)``."""
    return np.stack([prepare(images[int(place)]) for place in spread(len(images), most)])


def _folder_images(path, prepare):
    """The network's input for a spread of a folder's images; what cannot be read is passed over."""
    names, found, reason = find_given([path], recursive=True).names, [], ""
    for place in spread(len(names), IMAGES):
        try:
            found.append(prepare(read_image(names[int(place)], at_least=prepare.at_least)))
        except FasterNetError as error:
            reason = f": {error}"
    if not found:
        raise FasterNetError(f"{path} holds no image that can be read to calibrate on{reason}", change="calibrate")
    return np.stack(found)
