"""Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) on whole batches, by the law of timm's ``Mixup`` (mode batch).

    mix = draw_mix(batch_generator(seed, epoch, step), height, width, MixLaw(mixup=0.8, cutmix=1.0))
    images, labels = mix_batch(images, one_hot(labels, num_classes), mix)

What is drawn depends on seed, epoch and number of the batch alone, whoever made its images. The partner of position i
of N is N - 1 - i. So a process that holds part of a batch mixes as the whole would as long as its part holds, in the
batch's order, the mirror image of each of its positions.

Labels become shares of the classes that sum to one. Smoothing is left to the loss, which is linear in them.
"""

import math
from dataclasses import dataclass

import numpy as np

MIXING = 1  # the generators' stream, apart from those of samples, whose seeds are shorter


@dataclass(frozen=True)
class MixLaw:
    """What the mixing of a batch is drawn from."""

    mixup: float = 0.0
    """Alpha of mixup's beta distribution; 0: none."""
    cutmix: float = 0.0
    """Alpha of CutMix's beta distribution; 0: none."""
    probability: float = 1.0
    """That a batch is mixed at all."""
    switch: float = 0.5
    """That a batch is cut rather than blended, where both are there."""


@dataclass(frozen=True)
class Mix:
    """What was drawn for a batch."""

    share: float
    """Of each image itself in its label (lambda); its partner has the rest."""
    box: tuple[int, int, int, int] | None = None
    """Top, bottom, left and right of what the partner fills, in pixels; None: blended as a whole."""


def batch_generator(seed, epoch, step):
    """The numpy ``Generator`` that batch number ``step`` of an epoch is mixed by."""
    return np.random.default_rng((seed, epoch, step, 0, MIXING))


def draw_mix(rng, height, width, law):
    """Draw a ``Mix`` for images of ``height`` x ``width`` pixels from a ``MixLaw``; None: the batch stays as it is."""
    if not rng.random() < law.probability:
        return None
    both = law.mixup > 0 and law.cutmix > 0
    cuts = rng.random() < law.switch if both else law.cutmix > 0
    alpha = law.cutmix if cuts else law.mixup
    share = float(rng.beta(alpha, alpha))
    if not cuts:
        return Mix(share)
    box = _draw_box(rng, height, width, share)
    top, bottom, left, right = box
    return Mix(1 - (bottom - top) * (right - left) / (height * width), box)


def _draw_box(rng, height, width, share):
    """A box of 1 - ``share`` of the area about an even centre, cut off at the border (timm's ``rand_bbox``)."""
    side = math.sqrt(1 - share)
    box = []
    for extent in (height, width):
        half, centre = int(extent * side) // 2, int(rng.integers(extent))
        box += [max(centre - half, 0), min(centre + half, extent)]
    return tuple(box)


def one_hot(labels, num_classes):
    """int64 ``(N,)`` -> float32 ``(N, K)`` with a one at each label."""
    return np.eye(num_classes, dtype=np.float32)[labels]


def mix_batch(images, labels, mix):
    """Mix each image of a batch with the one in its mirrored place.

    Args:
        images: float32 ``(N, C, H, W)``; not changed.
        labels: float32 ``(N, K)``, shares that sum to one.
        mix: ``Mix``, or None for the batch as it is.

    Returns:
        (images, labels) of the same shapes.
    """
    if mix is None:
        return images, labels
    share = np.float32(mix.share)
    labels = share * labels + (1 - share) * labels[::-1]
    if mix.box is None:
        return share * images + (1 - share) * images[::-1], labels
    top, bottom, left, right = mix.box
    mixed = images.copy()
    mixed[..., top:bottom, left:right] = images[::-1, :, top:bottom, left:right]
    return mixed, labels


@dataclass(frozen=True)
class Mixing:
    """The mixing of a loader's batches: ``mixing(images, labels, epoch, step)`` -> (images, shares ``(N, K)``)."""

    law: MixLaw
    num_classes: int
    seed: int

    def __call__(self, images, labels, epoch, step):
        """Mix batch ``step`` of ``epoch``: float32 ``(N, 3, S, S)`` and int64 ``(N,)``."""
        mix = draw_mix(batch_generator(self.seed, epoch, step), *images.shape[-2:], self.law)
        return mix_batch(images, one_hot(labels, self.num_classes), mix)
