"""One forward pass, many questions: predictions, accuracy, throughput and explanations stand on ``Predictor``.

    predictor = Predictor(run)                   # of load_run, or a network; compiled by paddle.inference in f32
    predictor.predict("cat.jpg", top_k=3)        # [("cat", 0.93), ("dog", 0.04), ("deer", 0.01)]
    p = predictor.probabilities(x)               # normalised float32 (N, 3, H, W) -> (N, K), N, H and W as you like
    logits = predictor.logits(x)                 # of which those are the softmax

On a CPU the ``paddle`` engine runs oneDNN kernels with batch norm folded into the convolutions: the same outputs as
``dygraph`` to 1e-5 of the largest, several times faster. So do ``openvino`` and ``onnxruntime``, where the extra
``fast`` is installed, and ``auto`` finds out what is fastest on this machine (docs/speed.md). Threads may share one;
it can be pickled, and lives on in a forked process (docs/serving.md).
"""

import numpy as np
import paddle

from ..data.pictures import as_inputs, check_input
from ..data.preparation import Preparation, preparation
from ..errors import FasterNetError
from ..exporting.network import input_channels
from ..files.lists import as_class_names
from ..record import LARGEST_SIDE
from .choosing import ENGINES, PRECISIONS, loss_of, open_network, plan_of
from .int8 import Int8
from .runners import Eager, check_precision, place_of

__all__ = ["ENGINES", "PRECISIONS", "Predictor"]
SMALLEST = 32  # pixels: the network divides both sides by 32
SHOWN = 224  # pixels a side, where nobody knows them: the notebook's
BYTES_A_RUN = {"cpu": 1 << 30, "gpu": 8 << 30}  # of all layers' outputs; larger batches are run in parts
AT_A_TIME = 64  # images that ``predict`` reads and prepares before it runs them


class Predictor:
    """Logits, probabilities and named answers of a classifier, for batches of any size and from any thread.

    Args:
        model: ``paddle.nn.Layer``, ``(N, C, H, W)`` -> logits ``(N, K)``, or a ``Run``. Its mode and the global device
            are left as they are; it is always run in eval mode, where its weights lie.
        image_size: side in pixels of the images it was trained on; by default what its record says.
        engine: "paddle" compiles the network as it is now (``paddle.inference``), so do "openvino" and "onnxruntime"
            where they are installed; "auto" takes what a race finds fastest (``auto``); "dygraph" runs the model
            itself. Or a ``Plan``, which also says how threads are used and batches cut.
        precision: "f32", "bf16" (engines "paddle" and "openvino", on a processor with bf16 instructions), or ``Int8``
            (engine "openvino"); by default a ``Plan``'s, else f32. Afterwards ``precision`` says what is computed in.
        cache_dir: where the compiled network is kept; by default ``files.cache.cache_root()``.
        threads: on a CPU, of a compiled network; by default ``OMP_NUM_THREADS``, else all cores of this process.
        class_names: K names for ``predict``; by default the record's or the run's, else there are numbers.
        prepare: ``Preparation`` of its images; by default the record's, else the notebook's resize to ``image_size``.

    Raises:
        FasterNetError: an engine that is unknown or not installed, a precision that it or the processor lacks, int8
            that costs more accuracy than allowed, weights that are not finite, names that are not as many as the
            classes, or a cache that cannot be written.
    """

    def __init__(
        self,
        model,
        image_size=None,
        engine="paddle",
        precision=None,
        cache_dir=None,
        threads=None,
        class_names=None,
        prepare=None,
    ):
        if threads is not None and not (hasattr(threads, "__index__") and threads >= 1):
            raise FasterNetError(f"threads must be a whole number, at least 1, got {threads!r}")
        int8 = precision if isinstance(precision, Int8) else None
        plan = plan_of(engine, precision, threads)
        model, run = (model, None) if isinstance(model, paddle.nn.Layer) else (model.model, model)
        record = getattr(model, "record", None)
        place = place_of(model)
        self.engine = "auto" if engine == "auto" else plan.engine
        check_precision(self.engine, plan.precision, place)
        self.device = "gpu" if place.is_gpu_place() else "cpu"
        self.channels = input_channels(model)
        eager = Eager(model)
        logits, self._bytes_a_pixel = eager.probed()
        self.num_classes = logits.shape[1]
        self.class_names = _names(self.num_classes, record, run, class_names)
        self.temperature = None if record is None else record.temperature
        self.preparation = _preparation(record, run, image_size, prepare)
        wanted = logits if int8 is None else eager(int8.probe())
        self._run = open_network(self.engine, plan, model, (eager, wanted), cache_dir, int8, threads)
        self.precision = self._run.precision
        self.loss = None if int8 is None else loss_of(self, model, logits, int8, cache_dir)
        """Of accuracy, in int8: ``int8.Loss``."""

    def ready(self, count, image_size=None):
        """Have the engine "auto" choose now for batches of ``count`` images, by a race of 15 s where none was run yet.

        ``image_size`` is their side in pixels, by default that of the network's images. Returns {engine and its use:
        images/s} of that race, the fastest first; nothing where there was none.
        """
        side = image_size or self.image_size or SHOWN
        if self.engine != "auto":
            return {}
        return self._run.ready(count, side, side, self._most(side, side))

    @property
    def threads(self):
        """Of the CPU's kernels; None where the network is not compiled."""
        return self._run.threads

    @property
    def image_size(self):
        """Side in pixels of the images it was trained on; None if unknown."""
        return None if self.preparation is None else self.preparation.size

    def predict(self, images, top_k=5):
        """Names and probabilities of the most probable classes.

        Args:
            images: an image in any form that ``data.pictures`` knows (a path, an image of Pillow's, uint8
                ``(H, W, 3)``, the network's normalised input, ...), or several: a list, or an array ``(N, ...)``.
            top_k: classes an image, at least 1; all where there are fewer.

        Returns:
            ``[(name, probability), ...]``, the most probable first; for several images a list of these.

        Raises:
            FasterNetError: what is no image, or floats of which it cannot be told what they are.
        """
        if not hasattr(top_k, "__index__") or top_k < 1:
            raise FasterNetError(f"top_k must be a whole number, at least 1, got {top_k!r}")
        several = _is_several(images)
        answers = []
        for batch in self._batches(images if several else [images]):
            for row in self._softmax(self._logits(batch)):
                best = np.argsort(-row, kind="stable")[:top_k]
                answers.append([(self.name(number), float(row[number])) for number in best.tolist()])
        return answers if several else answers[0]

    def name(self, number):
        """Name of a class; "class 3" where there are no names."""
        return self.class_names[number] if self.class_names else f"class {number}"

    def logits(self, x):
        """Logits ``(N, K)`` float32 of normalised images ``(N, C, H, W)``; N may be 0, H and W are at least 32.

        Images in other forms, such as a list of paths or uint8 ``(N, H, W, 3)``, are prepared as by ``predict``.

        Raises:
            FasterNetError: another shape, or what is no image.
        """
        if not _is_batch(x):
            parts = [self._logits(batch) for batch in self._batches(x if _is_several(x) else [x])]
            return np.concatenate(parts) if parts else np.empty((0, self.num_classes), np.float32)
        if self.channels == 3:
            check_input(np.asarray(x), self.preparation)
        return self._logits(x)

    def probabilities(self, x):
        """Softmax of ``logits``: float32 ``(N, K)``, with the record's temperature; each row has sum 1."""
        return self._softmax(self.logits(x))

    def __call__(self, x):
        """``probabilities`` of the network's input, as of any classifier that is a callable."""
        return self._softmax(self._logits(x))

    def describe(self):
        """One line: engine, effective precision, device, threads."""
        return self._run.describe()

    def _batches(self, images):
        """Batches ``(N, C, H, W)`` of a sequence of images in any form; it is read no further than the one in use."""
        if self.channels != 3:  # no picture's
            yield np.asarray(images)
            return
        batch = []
        for x in as_inputs(images, self.preparation):
            if batch and (len(batch) == AT_A_TIME or x.shape != batch[0].shape):
                yield np.stack(batch)
                batch = []
            batch.append(x)
        if batch:
            yield np.stack(batch)

    def _logits(self, x):
        """Logits of the network's input, run in parts that fit into memory."""
        x = np.asarray(x)
        if x.ndim != 4 or x.shape[1] != self.channels or min(x.shape[2:]) < SMALLEST:
            raise FasterNetError(
                f"images must be (N, {self.channels}, H, W) with H and W at least {SMALLEST}, got {x.shape}"
            )
        if not np.issubdtype(x.dtype, np.floating):
            raise FasterNetError(
                f"the network's input must be normalised floats, as test_transform makes them, got {x.dtype}; predict, "
                f"logits and probabilities also take images"
            )
        x = np.ascontiguousarray(x, dtype=np.float32)
        return self._run(x, self._most(*x.shape[2:])) if len(x) else np.empty((0, self.num_classes), np.float32)

    def _most(self, height, width):
        """Images of a size whose intermediate results fit into memory."""
        return max(1, int(BYTES_A_RUN[self.device] / (self._bytes_a_pixel * height * width)))

    def _softmax(self, logits):
        logits = logits if self.temperature is None else logits / np.float32(self.temperature)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


def _names(num_classes, record, run, given):
    """Names of the classes, as far as there are some that fit."""
    given = () if given is None else as_class_names(given)
    if given and len(given) != num_classes:
        raise FasterNetError(
            f"class_names must name each of the {num_classes} classes, got {len(given)}", change="class_names"
        )
    names = tuple(given or getattr(record, "class_names", ()) or getattr(run, "class_names", ()))
    return names if len(names) == num_classes else ()  # a record may be of another head than the one that is there now


def _preparation(record, run, image_size, prepare):
    """The ``Preparation`` of a network's images, as far as somebody knows it."""
    if prepare is not None:
        return prepare
    if image_size is not None and not (hasattr(image_size, "__index__") and SMALLEST <= image_size <= LARGEST_SIDE):
        raise FasterNetError(
            f"image_size must be a whole number of pixels, {SMALLEST} to {LARGEST_SIDE}, got {image_size!r}",
            change="image_size",
        )
    known = preparation(record) if record is not None else None
    size = image_size or (None if run is None else run.config.image_size)
    if size is None or (known is not None and image_size is None):
        return known
    return known.at(size) if known is not None else Preparation(size)


def _is_several(images):
    """Whether there are several: a list, or an array with an axis of images."""
    return isinstance(images, (list, tuple)) or getattr(images, "ndim", 0) == 4


def _is_batch(x):
    """Whether ``x`` is the network's input, well-formed or not: floats, channels not last."""
    if getattr(x, "ndim", 0) != 4:
        return False
    return np.issubdtype(np.asarray(x[:0]).dtype, np.floating) and x.shape[3] not in (1, 3, 4)
