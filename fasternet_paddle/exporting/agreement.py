"""Whether an exported network answers as the model does, measured on real pictures at the moment of export.

    agreement = compare(reference, exported, images, engine="onnxruntime")
    agreement.sentence()        # "100 pictures through onnxruntime: ... differ by at most 3.1e-07, 0 decisions differ"
    agreement.check()           # raises where the bound is broken

Both networks are callables; nothing here knows how either is run.
"""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError

BATCH = 10  # images a run
BOUND = 1e-4  # of probabilities, or of the largest logit: 100 times the rounding of f32, a 100th of what decides
DIFFERING_INT8 = 0.1  # share of decisions; int8 moved 1 of 360 on the digits, a network with a fault moves most of them


def to_json(**agreements):
    """JSON text of named agreements."""
    return json.dumps({name: agreement.rounded() for name, agreement in agreements.items()}, indent=2) + "\n"


@dataclass(frozen=True)
class Agreement:
    """What ``compare`` found."""

    engine: str
    """What ran the exported network."""
    pictures: str
    """Where the pictures came from."""
    images: int
    """How many were compared."""
    outputs: str
    """What was compared: "probabilities" or "logits"."""
    answers: int
    """How many of the classes the model answered with."""
    largest_difference: float
    """Largest absolute difference of an output."""
    largest_output: float
    """Largest absolute output of the model."""
    differing_decisions: int
    """Images for which the classes with the largest output differ."""
    quantised: bool = False
    """Whether the exported network computes in int8, and differs by more than rounding."""

    def holds(self):
        """Whether the exported network may be trusted; NaN never may."""
        if self.quantised:
            return self.largest_difference < np.inf and self.differing_decisions <= DIFFERING_INT8 * self.images
        return self.largest_difference <= BOUND * max(1.0, self.largest_output) and self.differing_decisions == 0

    def check(self):
        """Raise ``FasterNetError`` unless ``holds``."""
        if not self.holds():
            raise FasterNetError(f"the exported network does not answer as the model does: {self.sentence()}")

    def sentence(self):
        """What was found, in one line."""
        return (
            f"{self.images} pictures ({self.pictures}) through {self.engine}: {self.outputs} up to "
            f"{self.largest_output:.3g} differ by at most {self.largest_difference:.1e}, "
            f"{self.differing_decisions} decisions differ, {self.answers} classes occur"
        )

    def rounded(self):
        """As a dict, the difference with two digits, so that what is beyond its rounding changes no file."""
        values = dataclasses.asdict(self)
        for name in ("largest_difference", "largest_output"):
            values[name] = float(f"{values[name]:.1e}")
        return values


def compare(reference, exported, images, *, outputs, engine, pictures, quantised=False, prepared_there=None):
    """Run both networks on the same pictures.

    Args:
        reference, exported: normalised float32 ``(N, 3, S, S)`` -> float32 ``(N, K)``, both logits or both
            probabilities.
        images: float32 ``(N, 3, S, S)``.
        outputs, engine, pictures, quantised: for the ``Agreement``.
        prepared_there: the images as the other side prepares the same pictures, where that differs.

    Raises:
        FasterNetError: there are no images, or the outputs have different shapes.
    """
    if not len(images):
        raise FasterNetError("an export is checked on real pictures, got none", change="images")
    wanted = _run(reference, images)
    found = _run(exported, images if prepared_there is None else prepared_there)
    if wanted.shape != found.shape:
        raise FasterNetError(f"the exported network's output has shape {found.shape}, the model's {wanted.shape}")
    decided = wanted.argmax(axis=1)
    return Agreement(
        engine=engine,
        pictures=pictures,
        images=len(images),
        outputs=outputs,
        answers=len(np.unique(decided)),
        largest_difference=float(np.abs(found - wanted).max()),
        largest_output=float(np.abs(wanted).max()),
        differing_decisions=int((found.argmax(axis=1) != decided).sum()),
        quantised=quantised,
    )


def _run(network, images):
    parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    return np.concatenate([np.asarray(network(part)) for part in parts])
