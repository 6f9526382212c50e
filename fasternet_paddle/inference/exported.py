"""A folder that ``fasternet_paddle.export`` wrote, or its one file, as a predictor.

    predictor = open_exported("out")                 # or out/inference.onnx, out/inference.xml
    predictor.logits(x), predictor.probabilities(x), predictor.record

It answers as ``Predictor`` does, without the network's layers: explanations by gradients need these.
"""

from pathlib import Path

import paddle

from ..data.preparation import preparation
from ..errors import FasterNetError
from ..exporting.folders import KEY, parse_record, read_record
from ..files.programs import check_program
from ..model.fasternet import VARIANTS
from .auto import Auto
from .exported_files import CHANNELS, NETWORKS, ExportedFile, FileEntrants, plan_for, probe
from .field import tell_lone
from .opening import engine_of
from .plans import Plan
from .predictor import Predictor
from .runners import PROBE_SHAPE


def is_exported(path):
    """Whether ``path`` is an exported network: a folder with one of ``NETWORKS``, or such a file itself."""
    path = Path(path)
    return path.name in NETWORKS or any((path / name).is_file() for name in NETWORKS)


def open_exported(path, precision=None, threads=None, engine=None):
    """The exported network in a folder, or the one that a file is, as an ``ExportedPredictor``.

    Args:
        path: of the folder or the file.
        precision: "f32", or "bf16" where the engine and the processor have it; by default a ``Plan``'s, else f32.
        threads: of the engine; by default as for ``Predictor``.
        engine: that runs it; by default the one whose file it is. An ONNX file is run by "onnxruntime" and "openvino",
            and "auto" chooses between them and how they are used. Or a ``Plan``.

    Raises:
        FasterNetError: there is none, it is damaged or refused, or its engine is not installed.
    """
    path = Path(path)
    found = path if path.name in NETWORKS else next((path / n for n in NETWORKS if (path / n).is_file()), None)
    if found is None:
        raise FasterNetError(f"{path} holds no exported network; known files: {', '.join(NETWORKS)}", change="weights")
    return ExportedPredictor(found, precision, threads, engine)


def exported_or_none(flags, weights, **settings):
    """``open_exported(weights)`` where that is an exported network, else None: an entry's first question.

    Args:
        flags: ``EngineFlags``; their engine paddle, the default, stands for the one whose file it is.
        weights: as ``open_exported``.
        **settings: of a network that is to be built; an exported one is as it is, and None alone is taken.
    """
    if not is_exported(weights):
        return None
    if given := [name for name, value in settings.items() if value]:
        raise FasterNetError(f"{weights} is an exported network, which has its {given[0]} already")
    engine = engine_of(flags)
    if isinstance(engine, Plan) and engine.engine == "paddle":
        raise FasterNetError(
            "part and streams of an exported network take the name of an engine, openvino or onnxruntime",
            change="engine",
        )
    return open_exported(weights, flags.precision, engine=None if engine == "paddle" else engine)


class ExportedPredictor(Predictor):
    """Logits and probabilities of an exported network, for batches of any size.

    Args:
        path: of one of ``NETWORKS``.
        precision, threads, engine: as ``open_exported``.

    ``record`` is the model's; ``network_outputs`` says whether the network itself gives "logits" or "probabilities".
    """

    loss = None  # an exported network's is told when it is exported

    def __init__(self, path, precision=None, threads=None, engine=None):
        self._opened = (path, precision, threads, engine)
        self.device = "cpu"
        self.place = paddle.CPUPlace()
        self.channels = CHANNELS
        plan = plan_for(path, precision, threads, engine)
        if engine == "auto" and plan.engine == "paddle":
            tell_lone({path.name: "no other engine runs such a file"})
            engine = None
        self.engine = "auto" if engine == "auto" else NETWORKS[path.name] if engine is None else plan.engine
        self._load(path, plan)
        self.precision = self._run.precision
        self.class_names, self.temperature = self.record.class_names, self.record.temperature
        self.preparation = preparation(self.record)
        self.num_classes = len(self.class_names)
        self._bytes_a_pixel = 4 * _values_a_pixel(self.record)
        answer = self._run(probe())
        if answer.shape != (PROBE_SHAPE[0], self.num_classes):
            raise FasterNetError(
                f"{path} gives outputs of shape {answer.shape[1:]} for the {self.num_classes} classes of its record"
            )

    def __reduce__(self):
        """Pickled is where it lies: the files are opened again, so they must be there."""
        return ExportedPredictor, self._opened

    def _load(self, path, plan):
        if plan.engine == "paddle":
            self.record, self.network_outputs = read_record(path.parent)
            check_program(path)
            self._run = ExportedFile(path, plan, self.place)
            if self.network_outputs == "probabilities":
                self._run.undo(self.record.temperature or 1.0)
            return
        first = ExportedFile(path, plan, self.place)
        if KEY not in first.metadata:
            raise FasterNetError(f"{path} carries no record of this package; only its own exports are opened")
        self.record, _ = parse_record(first.metadata[KEY])
        self.network_outputs = "logits"  # of its two outputs that one was asked for
        self._run = Auto(FileEntrants(first)) if self.engine == "auto" else first

    def describe(self):
        """One line: engine, precision, device."""
        if self.engine == "auto" or self._run.plan.streams > 1 or self._run.plan.part is not None:
            return f"exported network through {self._run.describe()}"
        return f"exported network through {self.engine}, {self.precision}, cpu, threads: {self.threads}"


def _values_a_pixel(record):
    """About how many floats a network's layers put out for each pixel of its input: 85 for T0."""
    sizes = VARIANTS.get(record.variant, VARIANTS["l"])
    width = record.embed_dim or sizes["embed_dim"]
    depths = record.depths or sizes["depths"]
    # A block of stage i has 8 outputs as wide as its input, C * 2**i channels on a grid of 4 * 2**i pixels.
    return sum(depth * 8 * width * 2**stage / (4 * 2**stage) ** 2 for stage, depth in enumerate(depths))
