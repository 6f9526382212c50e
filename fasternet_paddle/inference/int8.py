"""Precision int8: what it is calibrated on, and what it costs in accuracy.

    int8 = Int8(images, validation=(x, labels), max_drop=1.0)
    predictor = Predictor(run, engine="openvino", precision=int8)

NNCF measures every layer's range on ``images``, so these must be of the kind that the network will meet. The loss of
accuracy is measured on ``validation``; without labels the share of decisions that change, which it cannot exceed.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import FasterNetError
from .notes import Notes, key_of

FORMAT = 3  # of how it is calibrated; another number makes networks anew
IMAGES = 300  # to calibrate on
VALIDATION = 500  # images, at most, on which the loss is measured, spread over what there is; 300 MB at 224 pixels
BATCH = 32
MAX_DROP = 1.0  # points


@dataclass(frozen=True, eq=False)
class Int8:
    """How a network is brought to int8."""

    images: Any
    """Normalised float32 ``(N, C, H, W)`` to calibrate on."""
    validation: Any = None
    """(normalised float32 ``(M, C, H, W)``, int labels ``(M,)``) on which the loss of accuracy is measured."""
    max_drop: float = MAX_DROP
    """Largest loss of accuracy, in points (hundredths of the images); above it the network is refused."""
    accuracy_control: bool = False
    """Put layers back to f32 until the loss is below ``max_drop`` (NNCF's accuracy control: minutes)."""

    def __post_init__(self):
        """Check every value; raise ``FasterNetError``."""
        images = np.asarray(self.images)
        if images.ndim != 4 or not len(images) or not np.issubdtype(images.dtype, np.floating):
            raise FasterNetError(
                f"int8 needs normalised images (N, C, H, W) to calibrate on, got {images.dtype} {images.shape}",
                change="calibrate",
            )
        object.__setattr__(self, "images", np.ascontiguousarray(images, np.float32))
        if not np.isfinite(self.max_drop) or self.max_drop < 0:
            raise FasterNetError(f"max_drop must be 0 points or more, got {self.max_drop}", change="max_drop")
        if self.accuracy_control and self.validation is None:
            raise FasterNetError(
                "accuracy control needs validation images with labels, and there are none", change="accuracy_control"
            )

    @property
    def control(self):
        """(images, labels, largest loss as a share) for NNCF's accuracy control, or None."""
        return (*self.validation, self.max_drop / 100) if self.accuracy_control else None

    def probe(self):
        """Images that the network's files are checked on: noise tells little of a network in int8."""
        return self.images[:2]

    def digest(self):
        """sha256 of all that decides which int8 network is made, in hexadecimal."""
        digest = hashlib.sha256(f"{FORMAT} {self.images.shape} {self.control and self.max_drop}".encode())
        digest.update(self.images.tobytes())
        if self.control:
            digest.update(np.ascontiguousarray(self.validation[0], np.float32).tobytes())
            digest.update(np.asarray(self.validation[1], np.int64).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Loss:
    """What int8 costs."""

    images: int
    labelled: bool
    changed: int
    """Decisions that are others than in f32."""
    points: float
    """Loss of accuracy; where there are no labels, the share of changed decisions, above which it cannot lie."""

    def describe(self):
        """One line."""
        what = (
            f"accuracy {-self.points:+.2f} points" if self.labelled else f"at most {self.points:.2f} points of accuracy"
        )
        return f"int8: {what} on {self.images:,} images, {self.changed:,} decisions are others than in f32"


def measure_loss(f32, quantised, int8, name, cache_dir=None):
    """The ``Loss`` of a network in int8, from the cache where it was measured before.

    Args:
        f32: function that makes a function, normalised images -> logits; called where there is something to measure.
        quantised: such a function itself.
        int8: ``Int8``.
        name: of the network in int8, which tells it from all others.
        cache_dir: of the cache.
    """
    x, labels = int8.validation or (int8.images, None)
    digest = hashlib.sha256(np.ascontiguousarray(x).tobytes())
    digest.update(b"" if labels is None else np.asarray(labels, np.int64).tobytes())
    notes, key = Notes(cache_dir), key_of("int8", name, digest.hexdigest())
    known = notes.read(key)
    if known is not None:
        try:
            return Loss(int(known["images"]), bool(known["labelled"]), int(known["changed"]), float(known["points"]))
        except (KeyError, TypeError, ValueError):
            known = None
    one, other = (_decisions(run, x) for run in (f32(), quantised))
    changed = int((one != other).sum())
    wrong = changed if labels is None else int((one == labels).sum()) - int((other == labels).sum())
    loss = Loss(len(x), labels is not None, changed, 100.0 * wrong / len(x))
    notes.write(key, vars(loss), anew=True)
    return loss


def _decisions(run, x):
    return np.concatenate([run(x[at : at + BATCH]).argmax(axis=1) for at in range(0, len(x), BATCH)])


def check_loss(loss, int8):
    """Raise ``FasterNetError`` where int8 costs more than ``max_drop``."""
    if loss.points > int8.max_drop:
        raise FasterNetError(
            f"{loss.describe()}, and {int8.max_drop:g} points are allowed", change=("max_drop", "precision")
        )
