"""Which recipe is better? Several recipes over several seeds, compared on the same images.

    plain = TrainConfig(dataset="digits", image_size=32, batch_size=32, epochs=10)
    trials = run_trials({"notebook": plain, "no smoothing": replace(plain, label_smoothing=0.0)}, seeds=(1, 2, 3))
    print(accuracy_table(trials))
    print(reference_table(trials))                 # each against the first
    plot_trials(trials).savefig("trials.png")

Accuracies are those of the last epoch: the best epoch is chosen on validation images and flatters every recipe. Where
the data have test images, these are asked, after the last epoch and for no choice; else the validation images are.
"""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import paddle

from ..data.datasets import load_data
from ..data.loaders import decoded_to, make_loader
from ..data.preparation import preparation
from ..data.subsets import with_few_images
from ..errors import FasterNetError, Stopped
from ..files.names import own_names
from ..files.tables import text_table
from ..model.summary import eval_mode
from ..runs import folder as run_folder
from ..runs.run import load_run
from ..runtime.drawing import new_figure
from ..training.parts import make_parts
from ..training.session import Session
from ..training.steps import extras_of
from ..training.trainer import fit
from .statistics import ALPHA, Trials, compare, seeds_test

SEEDS = (42, 43, 44)
ELSEWHERE = ("work_path", "num_workers", "device")  # settings that do not change what is learnt
DATA = ("dataset", "data_path", "val_fraction", "test_fraction", "checks")  # settings that say which images there are


def run_trials(recipes, seeds=SEEDS):
    """Train every recipe with every seed, and ask each network about the same images.

    A seed decides first weights, order and augmentation, so runs of the same seed see the same batches. Each run has
    a folder under its recipe's ``work_path``, with ``log.txt`` for what training prints. A finished run of the same
    settings is taken from there and an unfinished one is gone on with, so that interrupted trials continue where they
    were. With ``train_images`` set, up to 1,000 of the other training images take the place of the validation images
    while the network trains, and the data's own are asked afterwards.

    Args:
        recipes: ``{name: TrainConfig}`` on the same data; their seeds are not used, but for how a folder is split: by
            the first one's.
        seeds: at least one, all different.

    Returns:
        ``{name: Trials}``, in the order of ``recipes``.

    Raises:
        FasterNetError: no recipe or seed, a seed twice, recipes on different data, or of several processes.
        Stopped: Ctrl-C or SIGTERM ended the run under way; the same call goes on from there.
    """
    data = _the_data(recipes, seeds)
    asked = data.val if data.test is None else data.test
    stems = own_names([name.replace(" ", "-").lower() for name in recipes])
    trials = {}
    for stem, (name, config) in zip(stems, recipes.items(), strict=True):
        runs = []
        for seed in seeds:
            folder = Path(config.work_path) / f"{stem}-seed{seed}"
            run = dataclasses.replace(config, seed=seed, work_path=str(folder))
            part = with_few_images(data, run)
            try:
                model = _finished(run, part) or train_quietly(run, part)
            except Stopped as stop:
                raise Stopped(stop.signal, stop.saved, way_on="the same command goes on from here") from None
            except FasterNetError as error:  # such as a loss that is NaN; what one run's command could do is no way out
                raise FasterNetError(f"{name}, seed {seed}: {error}; the runs that are finished are kept") from None
            runs.append(answers(model, run, asked))
            print(f"{name}, seed {seed}: {runs[-1].mean():.4f}", flush=True)
        trials[name] = Trials(name, tuple(seeds), np.stack(runs))
    return trials


def _the_data(recipes, seeds):
    """The ``ImageData`` that all recipes train on."""
    if not recipes or not seeds:
        raise FasterNetError(f"trials need a recipe and a seed, got {len(recipes)} and {len(seeds)}")
    if len(set(seeds)) < len(seeds):
        raise FasterNetError(f"a seed stands twice among {', '.join(map(str, seeds))}: its runs would be the same")
    configs = list(recipes.values())
    if several := [name for name, config in recipes.items() if config.nproc > 1]:
        raise FasterNetError(f"trials train in this process alone, and {several[0]} asks for several", change="nproc")
    for name, config in recipes.items():
        if other := [field for field in DATA if getattr(config, field) != getattr(configs[0], field)]:
            raise FasterNetError(
                f"recipes are compared on the same images, and {name} has another {other[0]}: "
                f"{getattr(config, other[0])!r}, not {getattr(configs[0], other[0])!r}"
            )
    return load_data(dataclasses.replace(configs[0], train_images=None))


def train_quietly(config, data):
    """Train as ``config`` says, the printed lines going to ``log.txt`` in its work path.

    Returns the final network, of the averaged weights where ``config`` keeps them: they are what it is kept for.

    An unfinished run of the same settings in the work path is gone on with, any other one replaced.
    """
    resume = _is_run_of(config, data)
    session = Session(config, resume=resume, overwrite=not resume)
    with contextlib.closing(make_parts(config, data)) as parts, session:
        log = Path(config.work_path) / run_folder.LOG
        with log.open("a" if resume else "w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
            session.start(parts, data)
            fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session)
    ema = extras_of(parts.optimizer).ema
    return parts.model if ema is None else ema.model


def _finished(config, data):
    """The final network of a run that was finished with the same settings and classes, else None."""
    folder = Path(config.work_path)
    if not (folder / run_folder.METRICS).exists() or not _is_run_of(config, data):  # the last file that a run writes
        return None
    name = run_folder.FINAL_MODEL if config.ema_decay is None else run_folder.FINAL_EMA_MODEL
    return load_run(folder / name).model


def _is_run_of(config, data):
    """Whether the work path of ``config`` holds a run with its settings on these classes."""
    path = Path(config.work_path) / run_folder.CONFIG
    if not path.exists():
        return False
    then, class_names = run_folder.load_config(path)
    return _recipe(then) == _recipe(config) and class_names in (None, tuple(data.class_names))


def _recipe(config):
    return {name: value for name, value in dataclasses.asdict(config).items() if name not in ELSEWHERE}


@paddle.no_grad()
def answers(model, config, images):
    """bool ``(N,)``: whether ``model`` is right about each of ``images`` (``Images``), prepared as ``config`` says."""
    prepare = preparation(model.record)
    loader = make_loader(decoded_to(images, prepare.at_least), prepare, config.batch_size)
    with eval_mode(model):
        return np.concatenate([(model(batch).argmax(axis=-1) == labels).numpy() for batch, labels in loader])


def accuracy_table(trials, first_column="network"):
    """Text table: mean, standard deviation and each run's accuracy, in percent."""
    seeds = next(iter(trials.values())).seeds
    header = [first_column, "mean %", "std", *(f"seed {seed}" for seed in seeds)]
    rows = [
        [name, f"{100 * t.mean:.2f}", f"{100 * t.std:.2f}", *(f"{100 * value:.2f}" for value in t.accuracies)]
        for name, t in trials.items()
    ]
    return text_table(header, rows)


def pairs_table(pairs, alpha=ALPHA):
    """Text table of ``Comparison``s.

    ``shown`` is the verdict, for which ``alpha`` is shared among the pairs; ``McNemar p`` lists each seed's.
    """
    header = ["second - first", "points", "95 % of seeds", "p images", "p seeds", "McNemar p", "shown"]
    rows = [
        [
            f"{pair.second} - {pair.first}",
            f"{100 * pair.difference:+.2f}",
            f"{100 * pair.low:+.2f}..{100 * pair.high:+.2f}",
            f"{pair.images_p:.4f}",
            f"{pair.seeds_p:.3f}",
            " ".join(f"{test.p:.2f}" for test in pair.mcnemar),
            "yes" if pair.is_shown(alpha / len(pairs)) else "no",
        ]
        for pair in pairs
    ]
    return text_table(header, rows)


def reference_table(trials, alpha=ALPHA):
    """Text table of each recipe against the first, by at least two seeds; columns as in ``pairs_table``."""
    reference, *others = trials.values()
    return pairs_table([compare(reference, other) for other in others], alpha)


def plot_trials(trials):
    """Figure: accuracy of each run as a dot and their mean, and the difference to the first with its 95 % interval."""
    reference, *others = trials.values()
    figure = new_figure(figsize=(10, 1.6 + 0.4 * len(trials)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for row, one in enumerate(trials.values()):
        left.plot(100 * one.accuracies, [row] * len(one.seeds), "o", color="#4393c3", alpha=0.6)
        left.plot([100 * one.mean], [row], "|", color="black", markersize=14)
    for row, one in enumerate(others, 1):
        low = high = 0.0
        if len(one.seeds) > 1:
            _, low, high = np.nan_to_num(seeds_test(reference.accuracies, one.accuracies))
        middle = one.mean - reference.mean
        right.plot([100 * low, 100 * high], [row, row], color="#4393c3", linewidth=2)
        right.plot([100 * middle], [row], "o", color="#4393c3")
    right.axvline(0, color="black", linewidth=0.8)
    left.set(yticks=range(len(trials)), yticklabels=list(trials), xlabel="accuracy after the last epoch, %")
    left.set_ylim(len(trials) - 0.5, -0.5)  # the first on top, none on the frame
    right.set_xlabel(f"points more than {reference.name}, 95 % of seeds")
    return figure
