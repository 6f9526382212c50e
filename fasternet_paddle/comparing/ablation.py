"""Which mixer is better? The same recipe with several networks over several seeds, compared on the same images.

    trials = run_ablation(settings("digits"))       # {"PConv": Trials, "DWConv equal width": Trials, ...}
    print(accuracy_table(trials))
    print(comparison_table(trials))

An accuracy differs from run to run for two reasons: other weights (the seed) and other images (the sample that was
held out). A difference is called shown only where it stands out against both.
"""

import dataclasses
from itertools import combinations

from ..errors import FasterNetError
from .statistics import ALPHA, compare
from .trials import SEEDS, accuracy_table, pairs_table, run_trials

__all__ = ["CONTENDERS", "SEEDS", "accuracy_table", "comparison_table", "run_ablation"]

# The notebook's two networks, and the two that make the comparison fair: 42 channels give DWConv the parameters and
# multiply-adds that T0 has with PConv (2.64 M, 333 M), and the full convolution is what both save on.
CONTENDERS = {
    "PConv": {"mixer": "pconv"},
    "DWConv equal width": {"mixer": "dwconv"},
    "DWConv equal cost": {"mixer": "dwconv", "embed_dim": 42},
    "full convolution": {"mixer": "conv"},
}


def run_ablation(config, contenders=None, seeds=SEEDS):
    """Train every contender with every seed: ``run_trials`` of one recipe with several networks.

    Args:
        config: ``TrainConfig`` of all runs; each has a folder under its ``work_path``.
        contenders: ``{name: {field of TrainConfig: value}}``; by default ``CONTENDERS``.
        seeds: at least one.

    Returns:
        ``{name: Trials}``, in the order of ``contenders``.
    """
    contenders = CONTENDERS if contenders is None else contenders
    if not contenders or not seeds:
        raise FasterNetError(f"an ablation needs a contender and a seed, got {len(contenders)} and {len(seeds)}")
    return run_trials({name: dataclasses.replace(config, **changes) for name, changes in contenders.items()}, seeds)


def comparison_table(trials, alpha=ALPHA):
    """Text table of all pairs; columns as in ``pairs_table``."""
    return pairs_table([compare(first, second) for first, second in combinations(trials.values(), 2)], alpha)
