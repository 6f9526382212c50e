"""Which mixer is better? The same recipe with several networks over several seeds, compared on the same images.

    trials = run_ablation(settings("digits"))       # {"PConv": Trials, "DWConv equal width": Trials, ...}
    print(accuracy_table(trials))
    print(comparison_table(trials))

An accuracy differs from run to run for two reasons: other weights (the seed) and other images (the sample that was
held out). A difference is called shown only where it stands out against both. Accuracies are those of the last epoch:
the best epoch is chosen on the validation images themselves and flatters every network.
"""

import contextlib
import dataclasses
from itertools import combinations
from pathlib import Path

import numpy as np
import paddle

from ..data import loaders
from ..data.datasets import load_data
from ..errors import FasterNetError
from ..files.names import own_names
from ..files.tables import text_table
from ..model.summary import eval_mode
from ..runs import folder as run_folder
from ..runs.run import load_run
from ..training.parts import make_parts
from ..training.session import Session
from ..training.trainer import fit
from .statistics import ALPHA, Trials, compare

# The notebook's two networks, and the two that make the comparison fair: 42 channels give DWConv the parameters and
# multiply-adds that T0 has with PConv (2.64 M, 333 M), and the full convolution is what both save on.
CONTENDERS = {
    "PConv": {"mixer": "pconv"},
    "DWConv equal width": {"mixer": "dwconv"},
    "DWConv equal cost": {"mixer": "dwconv", "embed_dim": 42},
    "full convolution": {"mixer": "conv"},
}
SEEDS = (42, 43, 44)
ELSEWHERE = ("work_path", "num_workers", "device")  # settings that do not change what is learnt


def run_ablation(config, contenders=None, seeds=SEEDS):
    """Train every contender with every seed.

    A seed decides first weights, order and augmentation, so runs of the same seed see the same batches. Each run has
    a folder under ``config.work_path``, with ``log.txt`` for what training prints. A finished run of the same settings
    is taken from there and an unfinished one is gone on with, so that an interrupted ablation continues where it was.

    Args:
        config: ``TrainConfig`` of all runs; its seed is not used.
        contenders: ``{name: {field of TrainConfig: value}}``; by default ``CONTENDERS``.
        seeds: at least one.

    Returns:
        ``{name: Trials}``, in the order of ``contenders``.
    """
    contenders = CONTENDERS if contenders is None else contenders
    if not contenders or not seeds:
        raise FasterNetError(f"an ablation needs a contender and a seed, got {len(contenders)} and {len(seeds)}")
    data = load_data(config)
    trials = {}
    stems = own_names([name.replace(" ", "-").lower() for name in contenders])
    for stem, (name, changes) in zip(stems, contenders.items(), strict=True):
        runs = []
        for seed in seeds:
            folder = Path(config.work_path) / f"{stem}-seed{seed}"
            run = dataclasses.replace(config, **changes, seed=seed, work_path=str(folder))
            runs.append(answers(_finished(run, data) or train_quietly(run, data), run, data))
            print(f"{name}, seed {seed}: {runs[-1].mean():.4f}", flush=True)
        trials[name] = Trials(name, tuple(seeds), np.stack(runs))
    return trials


def train_quietly(config, data):
    """Train as ``config`` says, the printed lines going to ``log.txt`` in its work path; returns the final network.

    An unfinished run of the same settings in the work path is gone on with, any other one replaced.
    """
    resume = _is_run_of(config, data)
    session = Session(config, resume=resume, overwrite=not resume)
    with contextlib.closing(make_parts(config, data)) as parts, session:
        log = Path(config.work_path) / run_folder.LOG
        with log.open("a" if resume else "w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
            session.start(parts, data)
            fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session)
    return parts.model


def _finished(config, data):
    """The final network of a run that was finished with the same settings and classes, else None."""
    folder = Path(config.work_path)
    if not (folder / run_folder.METRICS).exists() or not _is_run_of(config, data):  # the last file that a run writes
        return None
    return load_run(folder / run_folder.FINAL_MODEL).model


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
def answers(model, config, data):
    """bool ``(N,)``: whether ``model`` is right about each validation image."""
    _, loader = loaders.make_loaders(data, dataclasses.replace(config, num_workers=0, max_steps=None))
    with eval_mode(model):
        return np.concatenate([(model(images).argmax(axis=-1) == labels).numpy() for images, labels in loader])


def accuracy_table(trials):
    """Text table: mean, standard deviation and each run's accuracy, in percent."""
    seeds = next(iter(trials.values())).seeds
    header = ["network", "mean %", "std", *(f"seed {seed}" for seed in seeds)]
    rows = [
        [name, f"{100 * t.mean:.2f}", f"{100 * t.std:.2f}", *(f"{100 * value:.2f}" for value in t.accuracies)]
        for name, t in trials.items()
    ]
    return text_table(header, rows)


def comparison_table(trials, alpha=ALPHA):
    """Text table of all pairs.

    ``shown`` is the verdict, for which ``alpha`` is shared among the pairs; ``McNemar p`` lists each seed's.
    """
    pairs = [compare(first, second) for first, second in combinations(trials.values(), 2)]
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
