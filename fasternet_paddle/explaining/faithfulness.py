"""Does the network agree with an explanation?

    faithfulness = measure_faithfulness(lime, image, explanation)    # hide or show superpixels in its order
    faithfulness.warning                                             # a sentence where it is no better than chance

Deletion and insertion are those of Petsiuk et al. 2018 as InterpretDL's evaluator does them: superpixels are hidden
behind grey from the most to the least important one, or shown on grey. A faithful order makes the class's probability
fall early under deletion and rise early under insertion; an order drawn at random is what it is compared with.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from .perturbation import GREY, Perturber, prepare

ORDERINGS = 10  # random ones


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Probabilities of one class while S superpixels are hidden or shown one by one; R random orders beside it."""

    label: int
    """The class."""
    deletion: np.ndarray
    """float32 ``(S + 1,)``: with 0 to S superpixels hidden."""
    insertion: np.ndarray
    """float32 ``(S + 1,)``: with 0 to S superpixels shown."""
    random_deletion: np.ndarray
    """float32 ``(R, S + 1)``."""
    random_insertion: np.ndarray
    """float32 ``(R, S + 1)``."""

    def areas(self):
        """Area under each curve, its mean as InterpretDL has it: dict of floats, and arrays ``(R,)`` for the random."""
        return {
            "deletion": float(self.deletion.mean()),
            "insertion": float(self.insertion.mean()),
            "random_deletion": self.random_deletion.mean(axis=1),
            "random_insertion": self.random_insertion.mean(axis=1),
        }

    @property
    def warning(self):
        """One sentence if the order is no better than the average random one, else None."""
        areas = self.areas()
        failed = []
        if areas["deletion"] >= areas["random_deletion"].mean():
            failed.append(f"deletion {areas['deletion']:.3f} (random {areas['random_deletion'].mean():.3f})")
        if areas["insertion"] <= areas["random_insertion"].mean():
            failed.append(f"insertion {areas['insertion']:.3f} (random {areas['random_insertion'].mean():.3f})")
        return f"the explanation is no better than a random order in {' and '.join(failed)}" if failed else None


def measure_faithfulness(
    explainer, image, explanation, label=None, orderings=ORDERINGS, batch_size=100, seed=0, hide="grey"
):
    """Deletion and insertion curves of an explanation and of random orders.

    Args:
        explainer: the ``Explainer`` that made it.
        image: the image that was explained, any size.
        explanation: its ``Explanation``.
        label: number of an explained class; by default the first.
        orderings: random orders, 1 or more.
        batch_size: images in memory at a time.
        seed: of the random orders.
        hide: "grey" as InterpretDL's evaluator, or "mean", each superpixel's mean colour as LIME.

    Returns:
        ``Faithfulness``.
    """
    if orderings < 1 or batch_size < 1:
        raise FasterNetError(f"orderings and batch_size must be at least 1, got {orderings} and {batch_size}")
    if hide not in ("grey", "mean"):
        raise FasterNetError(f"hide must be grey or mean, got {hide!r}")
    label = explanation.classes[explanation.row(label)]
    picture, x = prepare(image, explainer.preparation)
    if picture.shape != explanation.image.shape or (picture != explanation.image).any():
        raise FasterNetError("image must be the one that was explained, got another")
    hidden = np.full_like(picture, GREY) if hide == "grey" else None
    perturb = Perturber(picture, x, explanation.superpixels, explainer.preparation, hidden)
    count = explanation.weights.shape[1]
    draw = np.random.RandomState(seed)
    orders = [explanation.ranking(label), *(draw.permutation(count) for _ in range(orderings))]
    masks = np.concatenate([_hidden_step_by_step(order) for order in orders])  # ((R + 1)(S + 1), S)
    deletion, insertion = (
        _predict(explainer, perturb, shown, label, batch_size).reshape(len(orders), count + 1)
        for shown in (~masks, masks)
    )
    return Faithfulness(label, deletion[0], insertion[0], deletion[1:], insertion[1:])


def _hidden_step_by_step(order):
    """bool ``(S + 1, S)``: row j is True for the first j superpixels of ``order``."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[None] < np.arange(len(order) + 1)[:, None]


def _predict(explainer, perturb, masks, label, batch_size):
    batches = (masks[start : start + batch_size] for start in range(0, len(masks), batch_size))
    return np.concatenate([explainer.classify(perturb(batch))[:, label] for batch in batches])
