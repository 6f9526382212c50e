"""Measure a trained network: ``python -m fasternet_paddle.evaluate --weights work/model/best_model.pdparams``.

Prints top-1, top-k and loss on the validation images with their 95 % intervals, precision, recall and F1 a class, the
most frequent confusions and the calibration error, and writes them, figures and ``report.html`` into a folder
(``--output``). Throughput is measured two ways: ``loop`` is the notebook's figure (2.5, "Throughout": loading and
transforming included), ``model`` is the network alone on ready batches.

    python -m fasternet_paddle.evaluate --logits work/logits.npz       # to compute everything again, without Paddle
    python -m fasternet_paddle.evaluate --temperature                  # probabilities as sure as they are right
    python -m fasternet_paddle.evaluate --write-temperature            # and those of every later prediction
"""

import contextlib
import dataclasses
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .config import BEST_MODEL, TrainConfig
from .errors import FasterNetError
from .runtime import cli, machine
from .runtime.flags import DataFlags, EngineFlags, LoadingFlags, NetworkFlags, override


@dataclass(frozen=True)
class EvaluateFlags:
    """What to evaluate, and how."""

    network: NetworkFlags = field(default_factory=NetworkFlags)
    data: DataFlags = field(default_factory=DataFlags)
    loading: LoadingFlags = field(default_factory=LoadingFlags)
    topk: int = 5
    """k of top-k; where there are fewer classes, all count."""
    output: Path = Path("work/evaluation")
    """Folder for evaluation.json, classes.csv, confusion.csv, the figures and report.html."""
    logits: Path | None = None
    """Also save the logits: a .npz or .csv file, from which every figure can be computed again."""
    temperature: bool = False
    """Fit a temperature on these images and compute probabilities with it; logits stay as they are. Without it
    probabilities have the temperature in the network's record, where there is one."""
    write_temperature: bool = False
    """Fit it and write it into the record in the weights file, whose weights stay to the bit: from then on predict,
    explain and exports with probabilities use it."""
    explanations: tuple[Path, ...] = ()
    """Figures that explain left (.png), to be shown in the report."""
    inference: EngineFlags = field(default_factory=EngineFlags)
    nproc: str = "1"
    """Processes that share the images, or auto: one a card, or a core where there is none. The answers are the same."""


@cli.entry
def main(argv=None):
    """Evaluate as the flags say; returns the exit code."""
    flags = cli.parse(
        EvaluateFlags,
        argv,
        prog="python -m fasternet_paddle.evaluate",
        description="Measure a trained FasterNet.",
    )

    from .files.logits import check_logits_path
    from .files.writing import make_folder
    from .inference.shards import check_count
    from .results.trial import drawable
    from .runs.recorded import RecordedWeights

    if flags.topk < 1:
        raise FasterNetError(f"topk must be at least 1, got {flags.topk}")
    check_count(flags.nproc)
    if flags.logits is not None:
        check_logits_path(flags.logits)
    explanations = read_explanations(flags.explanations)
    weights = RecordedWeights(flags.network.weights) if flags.write_temperature else None
    it = open_all(flags)
    make_folder(flags.output, "output")
    print(f"val_dataset: {len(it.measured.val)}\npredictor: {it.predictor.describe()}")
    with drawable(it.run.class_names):
        temperature = evaluate(it, flags, explanations)
    if weights is not None:
        weights.write(temperature=temperature)
        print(f"temperature {temperature:.4f} is in the record of {weights.path}")


class Opened(NamedTuple):
    """What an evaluation works with."""

    run: Any
    """The ``Run``."""
    config: TrainConfig
    """Its recipe, with what the flags change."""
    measured: Any
    """``Measured`` images."""
    prepare: Any
    """The transform that prepares them."""
    predictor: Any
    """``Predictor`` of the run's network."""

    def loaders(self):
        """Part -> ``Loader`` of its images: "val", and "test" where there are such."""
        from .data.loaders import decoded_to, make_loader

        def loaded(part):
            images = decoded_to(part, self.prepare.at_least)
            return make_loader(images, self.prepare, self.config.batch_size, num_workers=self.config.num_workers)

        parts = {"val": self.measured.val, "test": self.measured.test}
        return {name: loaded(part) for name, part in parts.items() if part is not None}


def open_all(flags):
    """``Opened`` as ``EvaluateFlags`` say."""
    from .data.measured import measured_on
    from .data.preparation import preparation
    from .inference.exported import exported_or_none
    from .inference.opening import open_predictor
    from .runs.run import exported_run, load_run

    exported = exported_or_none(flags.inference, **vars(flags.network))
    run = exported_run(exported) if exported else load_run(**vars(flags.network))
    config = override(run.config, flags.data, flags.inference, flags.loading)
    machine.begin(config.device, config.seed)
    folder = flags.network.weights.parent
    measured = measured_on(config, run, folder)
    predictor = exported or open_predictor(run, config, flags.inference, folder)
    predictor.ready(max(1, min(config.batch_size, len(measured.val))), config.image_size)
    return Opened(run, config, measured, preparation(run.record), predictor)


def evaluate(it, flags, explanations):
    """Measure a network; print, and write what the flags name.

    Args:
        it: ``Opened``.
        flags: ``EvaluateFlags``.
        explanations: as from ``read_explanations``.

    Returns:
        The temperature of the probabilities; None where there is none.
    """
    from .files.logits import SavedLogits, write_logits
    from .results.outputs import names_of, summary, test_line, write_results

    config = it.config
    answers, speed = answers_of(it, flags)
    settings = {"k": flags.topk, "smoothing": config.label_smoothing, "seed": config.seed}
    settings["temperature"] = it.run.record.temperature
    logits, labels = answers["val"]
    metrics = measure(it.run, logits, labels, settings, fit=flags.temperature or flags.write_temperature)
    settings["temperature"] = metrics.temperature
    print("\n".join(summary(metrics)))
    report = make_report(config, metrics, flags, it.measured)
    if report.chosen_on_these:
        print("the best epoch was chosen on these images, so new ones may be answered a little less well")
    test = measure(it.run, *answers["test"], settings) if "test" in answers else None
    if test is not None:
        print(test_line(test))
    for name, rate in speed.items():
        print(f"{name} throughput: {rate}")

    images = it.loaders()["val"].dataset.images.images
    image_at, names = images.__getitem__, names_of(it.measured.val.images)
    if flags.logits is not None:
        all_names = tuple(names(number) for number in range(len(labels)))
        print(write_logits(flags.logits, SavedLogits(logits, labels, it.run.class_names, all_names)))
    report = dataclasses.replace(
        report, test=test, explanations=explanations, speed=speed | {"predictor": it.predictor.describe()}
    )
    for path in write_results(flags.output, report, logits, labels, image_at=image_at, name_at=names):
        print(path)
    return metrics.temperature


def answers_of(it, flags):
    """(part -> (logits float32 ``(N, K)``, labels int64 ``(N,)``), throughputs by name), of one process or several."""
    from .inference.shards import answer, rates_of, several

    if flags.nproc == "1":
        answered = [answer(it.predictor, it.loaders(), it.config)]
    else:
        answered = several(open_and_answer, (flags,), it.config, flags.nproc)
    parts, rates = rates_of(answered)
    loop, model = (f"{rate:.1f} images/s" for rate in rates)
    size = it.config.batch_size
    told = {"loop": f"{loop} (loading and transforms included)", "model": f"{model} (ready batches of {size})"}
    return parts, told


def open_and_answer(flags, device):
    """``shards.answer`` of one among several processes, which opens everything itself."""
    from .inference.shards import answer

    if device is not None:
        flags = dataclasses.replace(flags, inference=dataclasses.replace(flags.inference, device=device))
    with contextlib.redirect_stdout(io.StringIO()):  # the process that started this one has said it
        it = open_all(flags)
    return answer(it.predictor, it.loaders(), it.config)


def measure(run, logits, labels, settings, fit=False):
    """``ClassMetrics`` of answers.

    Args:
        settings: of ``measure_classes``.
        fit: fit the temperature on these images, and say so.
    """
    from .results.calibration import fit_temperature
    from .results.classes import measure_classes

    if fit:
        calibration = fit_temperature(logits, labels)
        print(calibration.describe())
        settings = settings | {"temperature": calibration.temperature}
    return measure_classes(logits, labels, run.class_names, **settings)


def make_report(config, metrics, flags, given):
    """The ``Report`` on the images of ``given`` (``Measured``), but for what else is measured."""
    from .files.tables import read_table
    from .results.outputs import curves, run_report
    from .runs.folder import HISTORY

    weights = flags.network.weights
    history = weights.parent / HISTORY
    return run_report(
        config,
        metrics,
        weights,
        given.checked,
        chosen_on_these=given.own and weights.name == BEST_MODEL,
        curves=curves(read_table(history)) if history.exists() else {},
    )


def read_explanations(paths):
    """Name -> uint8 ``(H, W, 3)`` of each figure, before the work; two of one name are told apart."""
    from .files.images import read_image
    from .files.names import own_names

    names = own_names([path.stem for path in paths])
    return {name: read_image(path) for name, path in zip(names, paths, strict=True)}


if __name__ == "__main__":
    sys.exit(main())
