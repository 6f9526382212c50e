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

from .config import CHECKPOINT_EVERY, KEEP_CHECKPOINTS, SECTIONS, TrainConfig
from .errors import FasterNetError
from .runtime import cli
from .runtime.flags import RecipeFlags
from .runtime.sections import in_sections


@dataclass(frozen=True)
class TrainFlags:
    """The recipe, and how this run treats what is there."""

    settings: TrainConfig = field(default_factory=TrainConfig)
    recipe: str | None = None
    """Start from a recipe, over which flags win: notebook (the default), finetune (few images and weights to begin
    from), strong (from scratch, few images or epochs), paper (its ImageNet training), or a .yaml file; each is listed
    above."""
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
    nnodes: int = 1
    """Machines that share the run, with nproc processes on all of them together; the same command starts on each."""
    node_rank: int = 0
    """Which of them this is, from 0; the first one's work path is written."""
    master: str = ""
    """HOST:PORT of the first of them, as the others reach it; in a network that you trust."""
    visualdl: bool = False
    """Also write losses, accuracies, learning rate and predictions for VisualDL's panel (the extra visualdl)."""


@cli.entry
def main(argv=None):
    """Train as the flags say; returns the exit code."""
    flags = _parse(argv)

    if (trained := _train(flags)) is None:
        return  # the first of several machines has it
    history, test = trained

    from .results.outputs import test_line
    from .runs.folder import FIGURES, REPORT

    best = history.best()
    print(f"best validation accuracy {best['val_top1']:.4f} in epoch {best['epoch']}, chosen on the same images")
    if test is not None:
        print(test_line(test))
    for path in (Path(flags.settings.work_path) / name for name in (*FIGURES, REPORT)):
        if path.exists():
            print(path)


def _train(flags):
    """(``History``, ``ClassMetrics`` of the test images or None) of the run that the flags ask for."""
    settings = flags.settings
    beside = ("settings", "recipe", "config", "nnodes", "node_rank", "master")
    options = {name: value for name, value in vars(flags).items() if name not in beside}
    if flags.nnodes == 1 and (flags.master or flags.node_rank):
        raise FasterNetError("master and node_rank are of a run on several machines", change="nnodes")
    from .training.several import is_launched, train_as_launched, train_in_processes

    if is_launched():
        return train_as_launched(settings, options)
    if settings.nproc > 1 or flags.nnodes > 1:
        from .runtime.machines import Machines

        machines = Machines(flags.nnodes, flags.node_rank, flags.master) if flags.nnodes > 1 else None
        return train_in_processes(settings, options, machines)

    from .training.parts import run_training

    run = run_training(settings, **options)
    return run.history, run.test


@dataclass(frozen=True)
class _Start:
    """What says which recipe the flags are set over; read first, for it makes the defaults of all others."""

    asked: RecipeFlags = field(default_factory=RecipeFlags)
    recipe: str | None = None
    config: Path | None = None
    resume: bool = False
    work_path: str = TrainConfig.work_path
    nproc: str | None = None
    nnodes: int = 1
    device: str | None = None


def _parse(argv):
    """Flags over the recipe of ``--recipe`` or ``--config``, or with ``--resume`` over the run's own."""
    from .training.recipes import NOTEBOOK, describe_recipes, recipe_for

    parse = {"prog": "python -m fasternet_paddle.train", "description": "Train FasterNet; no flag: the notebook's run."}
    if cli.HELP & set(sys.argv[1:] if argv is None else argv):
        parse["description"] += "\n\nRecipes:\n" + "\n".join(f"- {line}" for line in describe_recipes())
        return cli.parse(in_sections(TrainFlags, "settings", SECTIONS), argv, **parse)
    start, _ = cli.parse_known(_Start, argv, **parse)
    if start.recipe is not None and (other := [name for name in ("config", "resume") if getattr(start, name)]):
        raise FasterNetError(f"--recipe and --{other[0]} both bring a whole recipe, so only one of them can be given")
    if (settings := _start(start)) is None:
        settings = recipe_for(start.recipe or NOTEBOOK, start.asked)
    return _over(settings, _counted(argv, start, settings), parse)


def _counted(argv, start, settings):
    """The arguments with the number of processes that ``auto`` stands for on this machine."""
    if start.nproc != "auto":
        return argv

    from .runtime.launch import processes_for

    count = str(start.nnodes * processes_for(start.device or settings.device))
    words = list(sys.argv[1:] if argv is None else argv)
    return [
        count if (before, word) == ("--nproc", "auto") else f"--nproc={count}" if word == "--nproc=auto" else word
        for before, word in zip(["", *words], words, strict=False)
    ]


def _over(settings, argv, parse):
    """``TrainFlags`` of the arguments over a ``TrainConfig``."""
    return cli.parse(TrainFlags, argv, **parse, default=TrainFlags(settings=settings))


def _start(flags):
    """The ``TrainConfig`` of a run that flags are set over; None where none is named."""
    if not flags.resume and flags.config is None:
        return None

    from .runs.folder import CONFIG, load_config

    source = flags.config or Path(flags.work_path) / CONFIG
    if flags.config is None and not source.exists():  # said later, together with other reasons
        return None
    recipe, _ = load_config(source)
    if flags.resume:  # the folder may have been moved since
        recipe = dataclasses.replace(recipe, work_path=flags.work_path)
    return recipe


if __name__ == "__main__":
    sys.exit(main())
