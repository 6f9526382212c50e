"""Made-up logits for the tests of results: a classifier that is right often, and surer than it should be."""

import numpy as np

NAMES = ("cat", "猫", "a $rather_long$ name of a class", "<b>dog</b>", "bird")


def made_up(images=300, classes=5, seed=0, scale=2.0):
    """float32 ``(images, classes)`` and int64 ``(images,)``; the last class is rare."""
    generator = np.random.default_rng(seed)
    shares = np.linspace(2, 0.3, classes)
    labels = generator.choice(classes, images, p=shares / shares.sum())
    logits = generator.normal(size=(images, classes))
    logits[np.arange(images), labels] += 1.5
    return (scale * logits).astype(np.float32), labels.astype(np.int64)
