"""How far to trust an explanation: does it stay when the seed changes, and does the network agree with it?

    stability = measure_stability(lime, image)                       # mean and spread of each weight over seeds
    faithfulness = measure_faithfulness(lime, image, explanation)    # hide or show superpixels in its order

Deletion and insertion are those of Petsiuk et al. 2018 as InterpretDL's evaluator does them: superpixels are hidden
behind grey from the most to the least important one, or shown on grey. A faithful order makes the class's probability
fall early under deletion and rise early under insertion; an order drawn at random is what it is compared with.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from .explanation import Explanation
from .perturbation import GREY, Perturber, prepare

TOP = 3  # superpixels whose place among the first is watched over seeds
SEEDS = 5
ORDERINGS = 10  # random ones


@dataclass(frozen=True, eq=False)
class Stability:
    """An explanation repeated over R seeds, for one class."""

    explanation: Explanation
    """The one of the first seed."""
    label: int
    """The class."""
    seeds: tuple[int, ...]
    """The R seeds."""
    weights: np.ndarray
    """float64 ``(R, S)``."""
    r2: np.ndarray
    """float64 ``(R,)``."""

    @property
    def mean(self):
        """Mean weight of each superpixel over the seeds, ``(S,)``."""
        return self.weights.mean(axis=0)

    @property
    def std(self):
        """Standard deviation of each superpixel's weight over the seeds, ``(S,)``, with R - 1 in the denominator."""
        return self.weights.std(axis=0, ddof=1)

    def kept(self, k=TOP):
        """How often a superpixel of the k first by mean weight is among the k first of a seed, 0 to 1."""
        first = set(np.argsort(-self.mean, kind="stable")[:k])
        shares = [len(first & set(np.argsort(-row, kind="stable")[:k])) / len(first) for row in self.weights]
        return float(np.mean(shares))

    @property
    def warning(self):
        """One sentence if the top superpixels change with the seed, else None."""
        if self.kept() == 1.0:
            return None
        return (
            f"the top {min(TOP, len(self.mean))} superpixels change with the seed ({self.kept():.0%} of them stay): "
            f"take more samples than {self.explanation.num_samples}"
        )


def measure_stability(explainer, image, label=None, seeds=range(SEEDS), **settings):
    """Explain ``image`` once for each seed.

    Args:
        explainer: ``Lime``, or another with its ``explain``.
        image: as ``explain`` takes it.
        label: number or name of the class; by default the predicted one.
        seeds: two or more.
        **settings: further arguments of ``explain``.

    Returns:
        ``Stability``.
    """
    seeds = tuple(seeds)
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise FasterNetError(f"seeds must be two or more different ones, got {list(seeds)}")
    runs = [explainer.explain(image, label, seed=seed, **settings) for seed in seeds]
    return Stability(
        explanation=runs[0],
        label=runs[0].classes[0],
        seeds=seeds,
        weights=np.stack([run.weights[0] for run in runs]),
        r2=np.array([run.r2[0] for run in runs]),
    )


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
        explainer: the ``Lime`` or ``PixelExplainer`` that made it.
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
    picture, x = prepare(image, explainer.image_size)
    if picture.shape != explanation.image.shape or (picture != explanation.image).any():
        raise FasterNetError("image must be the one that was explained, got another")
    hidden = np.full_like(picture, GREY) if hide == "grey" else None
    perturb = Perturber(picture, x, explanation.superpixels, hidden)
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
