"""Train FasterNet: ``python -m fasternet_paddle.train`` (notebook 2.4).

With no argument it is the notebook's run: T0 on CIFAR-10 at 224 pixels, 100 epochs, seed 42; by the notebook's own
account 92.8 % validation accuracy on a V100-class GPU. That run has not been repeated here. A run without download:

    python -m fasternet_paddle.train --dataset digits --image-size 32 --batch-size 32 --epochs 20

Weights, recipe, history and figures land in ``work/model``, and checkpoints from which ``--resume`` goes on.
"""

import dataclasses
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from .config import TrainConfig
from .errors import FasterNetError
from .runtime import cli, machine

# What a resumed run may change: where things lie and what computes them, and epochs, which may grow.
MAY_CHANGE = ("data_path", "epochs", "num_workers", "work_path", "device")


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
    checkpoint_every: float = 60.0
    """Seconds between two checkpoints; 0 saves after each step."""
    keep_checkpoints: int = 2
    """How many checkpoints to keep; with one alone there is none to fall back to."""

    def __post_init__(self):
        """Check how the flags go together; raise ``FasterNetError``."""
        if not self.checkpoint_every >= 0:
            raise FasterNetError(f"checkpoint_every must be 0 or more seconds, got {self.checkpoint_every}")
        if self.keep_checkpoints < 1:
            raise FasterNetError(f"keep_checkpoints must be at least 1, got {self.keep_checkpoints}")


@cli.entry
def main(argv=None):
    """Train as the flags say; returns the exit code."""
    flags = _parse(argv)
    config = flags.recipe

    from .data import datasets, loaders
    from .model import fasternet
    from .model.losses import LabelSmoothingCrossEntropy
    from .runs import folder as run_folder
    from .runs import guards
    from .runs import run as checkpoint
    from .training import resuming as resume
    from .training import trainer

    fasternet.check_names(config.variant, config.mixer)
    run_folder.check_work_path(config.work_path, flags.overwrite, flags.resume)
    machine.begin(config.device, config.seed, train_size=config.image_size)

    data = datasets.load_dataset(config.dataset, config.data_path)
    print(f"train_dataset: {len(data.train)}\nval_dataset: {len(data.val)}")
    train_loader, val_loader = loaders.make_loaders(data, config)

    model = checkpoint.build_model(config, len(data.class_names))
    criterion = LabelSmoothingCrossEntropy(config.label_smoothing)
    steps_per_epoch = len(data.train) // config.batch_size  # the notebook's number, also when max_steps ends it early
    optimizer, scheduler = trainer.make_optimizer(model, config, steps_per_epoch)

    run_folder.make_work_path(config.work_path)
    with guards.only_writer(config.work_path), guards.StopRequest() as stop:
        run_folder.sweep_work_path(config.work_path)
        identity = _identity(config, data)
        progress = None
        if flags.resume:
            latest = resume.latest_checkpoint(config.work_path)
            progress = latest and resume.restore(latest, model, optimizer, scheduler, identity)
            print(f"resuming from {latest.path if latest else 'the beginning: no checkpoint was made yet'}")
        else:
            run_folder.clear_work_path(config.work_path)
        run_folder.save_config(config, data.class_names, config.work_path)
        history = trainer.fit(
            model,
            train_loader,
            val_loader,
            criterion,
            optimizer,
            scheduler,
            config.epochs,
            config.work_path,
            seed=config.seed,
            progress=progress,
            checkpoints=resume.Checkpoints(config.work_path, flags.checkpoint_every, flags.keep_checkpoints, identity),
            stop=stop,
        )
        best = history.best()
        print(f"best validation accuracy {best['val_top1']:.4f} in epoch {best['epoch']}")
        for path in draw_figures(history, model, data, config):
            print(path)


def _parse(argv):
    """Flags over the recipe of ``--config``, or with ``--resume`` over that of the run in the work path."""
    parse = {"prog": "python -m fasternet_paddle.train", "description": "Train FasterNet; no flag: the notebook's run."}
    flags = cli.parse(TrainFlags, argv, **parse)
    source = flags.config
    if flags.resume and source is None:
        source = Path(flags.recipe.work_path) / "config.yaml"
        if not source.exists():  # said by check_work_path, together with other reasons
            return flags
    if source is None:
        return flags
    from .runs.folder import load_config

    recipe, _ = load_config(source)
    if flags.resume:  # the folder may have been moved since
        recipe = dataclasses.replace(recipe, work_path=flags.recipe.work_path)
    return cli.parse(TrainFlags, argv, **parse, default=TrainFlags(recipe=recipe))


def _identity(config, data):
    """What must not change when a run is resumed: the recipe but for ``MAY_CHANGE``, and the training images."""
    recipe = {name: value for name, value in dataclasses.asdict(config).items() if name not in MAY_CHANGE}
    return recipe | {"training images (CRC-32)": zlib.crc32(data.train.images) ^ zlib.crc32(data.train.labels)}


def draw_figures(history, model, data, config):
    """Save ``loss.png``, ``acc.png`` and ``predictions.png`` into the work path; returns their paths."""
    from .results import plots

    grid = plots.show_predictions(model, data, config.image_size)
    figures = {
        "loss.png": plots.plot_learning_curve(history.loss_record, title="loss", ylabel="CE Loss"),
        "acc.png": plots.plot_learning_curve(history.acc_record, title="acc", ylabel="Accuracy"),
        "predictions.png": grid[0].figure,
    }
    return [plots.save_figure(figure, Path(config.work_path) / name) for name, figure in figures.items()]


if __name__ == "__main__":
    sys.exit(main())
