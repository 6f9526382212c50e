"""A folder that ``fasternet_paddle.export`` wrote, or its one file, as a predictor.

    predictor = open_exported("out")                 # or out/inference.onnx, out/inference.xml
    predictor.logits(x), predictor.probabilities(x), predictor.record

It answers as ``Predictor`` does, without the network's layers: explanations by gradients need these.
"""

from pathlib import Path

import numpy as np
import paddle

from ..data.preparation import preparation
from ..errors import FasterNetError
from ..exporting.folders import KEY, parse_record, read_record
from ..exporting.network import FILES
from ..files.programs import check_program
from ..model.fasternet import VARIANTS
from ..runtime.machine import available_threads
from .engine import has_bf16, load_exported
from .onnxruntime import load_onnx
from .openvino import load_openvino
from .predictor import Predictor
from .runners import PROBE_SHAPE
from .turns import InTurn

NETWORKS = {FILES[0]: "paddle.inference", "inference.onnx": "onnxruntime", "inference.xml": "openvino"}
CHANNELS = 3


def is_exported(path):
    """Whether ``path`` is an exported network: a folder with one of ``NETWORKS``, or such a file itself."""
    path = Path(path)
    return path.name in NETWORKS or any((path / name).is_file() for name in NETWORKS)


def open_exported(path, precision="f32", threads=None):
    """The exported network in a folder, or the one that a file is, as an ``ExportedPredictor``.

    Args:
        path: of the folder or the file.
        precision: "f32", or "bf16" where the engine and the processor have it.
        threads: of the engine; by default as for ``Predictor``.

    Raises:
        FasterNetError: there is none, it is damaged or refused, or its engine is not installed.
    """
    path = Path(path)
    found = path if path.name in NETWORKS else next((path / n for n in NETWORKS if (path / n).is_file()), None)
    if found is None:
        raise FasterNetError(f"{path} holds no exported network; known files: {', '.join(NETWORKS)}", change="weights")
    return ExportedPredictor(found, precision, threads)


def exported_or_none(weights, precision="f32", **settings):
    """``open_exported(weights)`` where that is an exported network, else None: an entry's first question.

    Args:
        weights, precision: as ``open_exported``.
        **settings: of a network that is to be built; an exported one is as it is, and None alone is taken.
    """
    if not is_exported(weights):
        return None
    if given := [name for name, value in settings.items() if value]:
        raise FasterNetError(f"{weights} is an exported network, which has its {given[0]} already")
    return open_exported(weights, precision)


class ExportedPredictor(Predictor):
    """Logits and probabilities of an exported network, for batches of any size.

    Args:
        path: of one of ``NETWORKS``.
        precision, threads: as ``open_exported``.

    ``record`` is the model's; ``network_outputs`` says whether the network itself gives "logits" or "probabilities".
    """

    threads = None  # of the engine; set when the network is opened

    def __init__(self, path, precision="f32", threads=None):
        self._opened = (path, precision, threads)
        self.engine = NETWORKS[path.name]
        self.precision = precision
        self.device = "cpu"
        self.place = paddle.CPUPlace()
        self.threads = threads or available_threads()
        self.channels = CHANNELS
        self._load(path)
        self.class_names, self.temperature = self.record.class_names, self.record.temperature
        self.preparation = preparation(self.record)
        self.num_classes = len(self.class_names)
        self._bytes_a_pixel = 4 * _values_a_pixel(self.record)
        answer = self._run(_probe())
        if answer.shape != (PROBE_SHAPE[0], self.num_classes):
            raise FasterNetError(
                f"{path} gives outputs of shape {answer.shape[1:]} for the {self.num_classes} classes of its record"
            )

    def __reduce__(self):
        """Pickled is where it lies: the files are opened again, so they must be there."""
        return ExportedPredictor, self._opened

    def _load(self, path):
        if self.precision == "bf16" and (self.engine == "onnxruntime" or not has_bf16()):
            raise FasterNetError(
                f"bf16 is not to be had of {self.engine} on this processor; f32 is", change="precision"
            )
        if self.engine == "paddle.inference":
            self.record, self.network_outputs = read_record(path.parent)
            check_program(path)
            run = _paddle(path.parent, self.place, self.precision, self.threads)
        else:
            run = (
                load_onnx(path, self.threads)
                if self.engine == "onnxruntime"
                else load_openvino(path, self.threads, self.precision)
            )
            if KEY not in run.metadata:
                raise FasterNetError(f"{path} carries no record of this package; only its own exports are opened")
            self.record, _ = parse_record(run.metadata[KEY])
            self.network_outputs = "logits"  # of its two outputs that one was asked for
        self._run = run if self.network_outputs == "logits" else self._undone(run)

    def _undone(self, run):
        """Logits, up to a constant, of a network that ends in a softmax of logits divided by the temperature."""
        temperature = self.record.temperature or 1.0

        def logits(x):
            return np.log(np.maximum(run(x), np.finfo(np.float32).tiny)) * np.float32(temperature)

        return logits

    def describe(self):
        """One line: engine, precision, device."""
        return f"exported network through {self.engine}, {self.precision}, cpu, threads: {self.threads}"


def _probe():
    images, height, width = PROBE_SHAPE
    return np.random.RandomState(0).standard_normal((images, CHANNELS, height, width)).astype(np.float32)


def _paddle(folder, place, precision, threads):
    try:
        return InTurn(load_exported(folder, place, precision, threads, _probe()))
    except Exception as error:  # whatever Paddle raises for files that it cannot use
        reason = type(error).__name__
        raise FasterNetError(f"paddle.inference cannot run the network in {folder} ({reason}); is it whole?") from None


def _values_a_pixel(record):
    """About how many floats a network's layers put out for each pixel of its input: 85 for T0."""
    sizes = VARIANTS.get(record.variant, VARIANTS["l"])
    width = record.embed_dim or sizes["embed_dim"]
    depths = record.depths or sizes["depths"]
    # A block of stage i has 8 outputs as wide as its input, C * 2**i channels on a grid of 4 * 2**i pixels.
    return sum(depth * 8 * width * 2**stage / (4 * 2**stage) ** 2 for stage, depth in enumerate(depths))
