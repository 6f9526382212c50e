"""Compare recipes over several seeds; all flags but the ones below are train's and hold for every arm.

An arm is a recipe's name and what it is changed by, in quotes; the first is the reference:

    python -m fasternet_paddle.compare --arms notebook "notebook --label-smoothing 0" "notebook --augment fast" \\
        --seeds 1 2 3 --dataset digits --image-size 32 --batch-size 32 --epochs 10

Each run has a folder of its own below ``--output``; the same command goes on where it was interrupted. Accuracies are
those of the last epoch, on the data's test images where it has some, else on its validation images. Prints and writes
a table of the accuracies, one of the differences with their 95 % intervals over the seeds and both tests, and a figure.
"""

import csv
import dataclasses
import io
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from .config import TrainConfig
from .errors import FasterNetError
from .runtime import cli, machine
from .runtime.flags import RecipeFlags

PROG = "python -m fasternet_paddle.compare"
NOT_AN_ARMS = ("seed", "work_path", "resume", "overwrite")  # an arm has many runs, which are gone on with by themselves
TABLE, PAIRS, FIGURE = "accuracies.csv", "comparison.txt", "comparison.png"


@dataclass(frozen=True)
class CompareFlags:
    """What to compare; every other flag is one of train's and holds for all arms."""

    arms: tuple[str, ...]
    """A recipe's name each, or in quotes the name and flags of train; the first is the reference."""
    seeds: tuple[int, ...] = (42, 43, 44)
    """Seeds of each arm's runs; two at least are needed for an interval."""
    output: Path = Path("work/comparison")
    """Folder for the tables, the figure and a folder a run."""


@cli.entry
def main(argv=None):
    """Compare as the flags say; returns the exit code."""
    flags, common = cli.parse_known(CompareFlags, argv, prog=PROG, description=__doc__.partition("\n")[0])
    recipes = {arm: _recipe(arm, common, flags.output) for arm in flags.arms}
    if len(recipes) < max(2, len(flags.arms)):
        raise FasterNetError(f"a comparison needs two different arms at least, got {', '.join(flags.arms)}")
    if len(flags.seeds) < 2:
        raise FasterNetError(f"an interval needs two seeds at least, got {len(flags.seeds)}", change="seeds")

    from .comparing.trials import accuracy_table, plot_trials, reference_table, run_trials
    from .files.writing import make_folder, write_text
    from .results.plots import save_figure

    first = next(iter(recipes.values()))
    machine.begin(first.device, first.seed, train_size=first.image_size)
    make_folder(flags.output, "output")
    trials = run_trials(recipes, flags.seeds)
    tables = accuracy_table(trials, first_column="arm"), reference_table(trials)
    print("\n\n".join(tables))
    write_text(flags.output / TABLE, _csv(trials))
    write_text(flags.output / PAIRS, "\n\n".join(tables) + "\n")
    save_figure(plot_trials(trials), flags.output / FIGURE)
    for name in (TABLE, PAIRS, FIGURE):
        print(flags.output / name)


def _recipe(arm, common, output):
    """The ``TrainConfig`` of an arm: its recipe, over it the flags of all arms, and over them its own."""
    try:
        name, *own = shlex.split(arm)
    except ValueError as error:
        raise FasterNetError(f"an arm is a recipe's name and flags, got {arm!r} ({error})", change="arms") from None
    for setting in NOT_AN_ARMS:
        flag = f"--{setting.replace('_', '-')}"
        if flag in {word.partition("=")[0] for word in (*common, *own)}:
            raise FasterNetError(f"{flag} is of one run, and a comparison has many: it takes --seeds and --output")
    from .training.recipes import recipe_for

    words = {"argv": [*common, *own], "prog": "python -m fasternet_paddle.train", "description": ""}
    try:
        asked, _ = cli.parse_known(RecipeFlags, **words)
        config = cli.parse(TrainConfig, **words, default=recipe_for(cli.path_at_home("arms", name), asked))
    except FasterNetError as error:
        raise FasterNetError(f"arm {arm!r}: {error}", change=error.change) from None
    return dataclasses.replace(config, work_path=str(output))


def _csv(trials):
    """A row a run: arm, seed, accuracy from 0 to 1, images asked."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "seed", "accuracy", "images"])
    for name, one in trials.items():
        for seed, correct in zip(one.seeds, one.correct, strict=True):
            writer.writerow([name, seed, repr(float(correct.mean())), len(correct)])
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
