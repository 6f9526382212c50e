"""Train FasterNet: ``python -m fasternet_paddle.train`` (notebook 2.4).

With no argument it is the notebook's run: T0 on CIFAR-10 at 224 pixels, 100 epochs, seed 42; by the notebook's own
account 92.8 % validation accuracy on a V100-class GPU. That run has not been repeated here. A run without download:

    python -m fasternet_paddle.train --dataset digits --image-size 32 --batch-size 32 --epochs 20

Weights, recipe, history and figures land in ``work/model``, and checkpoints from which ``--resume`` goes on. From
Python ``run_training(config)`` does the same.
"""

import dataclasses
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .config import CHECKPOINT_EVERY, KEEP_CHECKPOINTS, TrainConfig
from .runtime import cli


@dataclass(frozen=True)
class TrainFlags:
    """The recipe, and how this run treats what is there."""

    recipe: TrainConfig = field(default_factory=TrainConfig)
    config: Path | None = None
    """Take the recipe from a run's config.yaml; other flags win over it."""
    resume: bool = False
    """Go on with the run in the work path, with its recipe, to the end that it would have had (--epochs may grow)."""
    overwrite: bool = False
    """Replace the run that the work path holds."""
    checkpoint_every: float = CHECKPOINT_EVERY
    """Seconds between two checkpoints; 0 saves after each step."""
    keep_checkpoints: int = KEEP_CHECKPOINTS
    """How many checkpoints to keep; with one alone there is none to fall back to."""


@cli.entry
def main(argv=None):
    """Train as the flags say; returns the exit code."""
    flags = _parse(argv)

    from .runs.folder import FIGURES
    from .training.parts import run_training

    run = run_training(
        flags.recipe,
        resume=flags.resume,
        overwrite=flags.overwrite,
        checkpoint_every=flags.checkpoint_every,
        keep_checkpoints=flags.keep_checkpoints,
    )
    best = run.history.best()
    print(f"best validation accuracy {best['val_top1']:.4f} in epoch {best['epoch']}")
    for name in FIGURES:
        print(Path(flags.recipe.work_path) / name)


def _parse(argv):
    """Flags over the recipe of ``--config``, or with ``--resume`` over that of the run in the work path."""
    parse = {"prog": "python -m fasternet_paddle.train", "description": "Train FasterNet; no flag: the notebook's run."}
    flags = cli.parse(TrainFlags, argv, **parse)
    if not flags.resume and flags.config is None:
        return flags

    from .runs.folder import CONFIG, load_config

    source = flags.config or Path(flags.recipe.work_path) / CONFIG
    if flags.config is None and not source.exists():  # said later, together with other reasons
        return flags
    recipe, _ = load_config(source)
    if flags.resume:  # the folder may have been moved since
        recipe = dataclasses.replace(recipe, work_path=flags.recipe.work_path)
    return cli.parse(TrainFlags, argv, **parse, default=TrainFlags(recipe=recipe))


if __name__ == "__main__":
    sys.exit(main())
