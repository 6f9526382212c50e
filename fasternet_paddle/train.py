"""Train FasterNet: ``python -m fasternet_paddle.train`` (notebook 2.4).

With no argument it is the notebook's run: T0 on CIFAR-10 at 224 pixels, 100 epochs, seed 42; by the notebook's own
account 92.8 % validation accuracy on a V100-class GPU. That run has not been repeated here. A run without download:

    python -m fasternet_paddle.train --dataset digits --image-size 32 --batch-size 32 --epochs 20

Weights, recipe, history and figures land in ``work/model``.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import cli
from .config import TrainConfig


@dataclass(frozen=True)
class TrainFlags:
    """The recipe, and how this run treats what is there."""

    recipe: TrainConfig = field(default_factory=TrainConfig)
    config: Path | None = None
    """Take the recipe from a run's config.yaml; other flags win over it."""
    overwrite: bool = False
    """Replace the run that the work path holds."""


@cli.entry
def main(argv=None):
    """Train as the flags say; returns the exit code."""
    flags = _parse(argv)
    config = flags.recipe

    from . import checkpoint, datasets, fasternet, loaders, run_folder, trainer
    from .losses import LabelSmoothingCrossEntropy

    fasternet.check_names(config.variant, config.mixer)
    run_folder.check_work_path(config.work_path, flags.overwrite)
    cli.begin(config.device, config.seed)

    data = datasets.load_dataset(config.dataset, config.data_path)
    print(f"train_dataset: {len(data.train)}\nval_dataset: {len(data.val)}")
    train_loader, val_loader = loaders.make_loaders(data, config)

    model = checkpoint.build_model(config, len(data.class_names))
    criterion = LabelSmoothingCrossEntropy(config.label_smoothing)
    steps_per_epoch = len(data.train) // config.batch_size  # the notebook's number, also when max_steps ends it early
    optimizer, scheduler = trainer.make_optimizer(model, config, steps_per_epoch)

    run_folder.open_work_path(config.work_path)
    run_folder.save_config(config, data.class_names, config.work_path)
    history = trainer.fit(
        model, train_loader, val_loader, criterion, optimizer, scheduler, config.epochs, config.work_path
    )
    best = history.best()
    print(f"best validation accuracy {best['val_top1']:.4f} in epoch {best['epoch']}")
    for path in draw_figures(history, model, data, config):
        print(path)


def _parse(argv):
    parse = {
        "prog": "python -m fasternet_paddle.train",
        "description": "Train FasterNet; no flag: the notebook's run.",
    }
    flags = cli.parse(TrainFlags, argv, **parse)
    if flags.config is None:
        return flags
    from .run_folder import load_config

    recipe, _ = load_config(flags.config)
    return cli.parse(TrainFlags, argv, **parse, default=TrainFlags(recipe=recipe))


def draw_figures(history, model, data, config):
    """Save ``loss.png``, ``acc.png`` and ``predictions.png`` into the work path; returns their paths."""
    from . import plots

    grid = plots.show_predictions(model, data, config.image_size)
    figures = {
        "loss.png": plots.plot_learning_curve(history.loss_record, title="loss", ylabel="CE Loss"),
        "acc.png": plots.plot_learning_curve(history.acc_record, title="acc", ylabel="Accuracy"),
        "predictions.png": grid[0].figure,
    }
    return [plots.save_figure(figure, Path(config.work_path) / name) for name, figure in figures.items()]


if __name__ == "__main__":
    sys.exit(main())
