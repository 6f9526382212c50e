"""Measure a trained network: ``python -m fasternet_paddle.evaluate --weights work/model/best_model.pdparams``.

Prints top-1, top-k and loss on the validation images with their 95 % intervals, precision, recall and F1 a class, the
most frequent confusions and the calibration error, and writes them, figures and ``report.html`` into a folder
(``--output``). Throughput is measured two ways: ``loop`` is the notebook's figure (2.5, "Throughout": loading and
transforming included), ``model`` is the network alone on ready batches.

    python -m fasternet_paddle.evaluate --logits work/logits.npz       # to compute everything again, without Paddle
    python -m fasternet_paddle.evaluate --temperature                  # probabilities as sure as they are right
    python -m fasternet_paddle.evaluate --write-temperature            # and those of every later prediction
"""

import dataclasses
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .config import BEST_MODEL
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


@cli.entry
def main(argv=None):
    """Evaluate as the flags say; returns the exit code."""
    flags = cli.parse(
        EvaluateFlags,
        argv,
        prog="python -m fasternet_paddle.evaluate",
        description="Measure a trained FasterNet.",
    )

    from .data.measured import measured_on
    from .data.preparation import preparation
    from .files.logits import check_logits_path
    from .files.writing import make_folder
    from .inference.exported import exported_or_none
    from .inference.opening import open_predictor
    from .results.trial import drawable
    from .runs.recorded import RecordedWeights
    from .runs.run import exported_run, load_run

    if flags.topk < 1:
        raise FasterNetError(f"topk must be at least 1, got {flags.topk}")
    if flags.logits is not None:
        check_logits_path(flags.logits)
    explanations = read_explanations(flags.explanations)
    weights = RecordedWeights(flags.network.weights) if flags.write_temperature else None
    exported = exported_or_none(flags.inference, **vars(flags.network))
    run = exported_run(exported) if exported else load_run(**vars(flags.network))
    config = override(run.config, flags.data, flags.inference, flags.loading)
    machine.begin(config.device, config.seed)

    folder, prepare = flags.network.weights.parent, preparation(run.record)
    measured = measured_on(config, run, folder)
    predictor = exported or open_predictor(run, config, flags.inference, folder)
    predictor.ready(max(1, min(config.batch_size, len(measured.val))), config.image_size)
    make_folder(flags.output, "output")
    print(f"val_dataset: {len(measured.val)}\npredictor: {predictor.describe()}")
    with drawable(run.class_names):
        temperature = evaluate(run, config, (measured, prepare), predictor, flags, explanations)
    if weights is not None:
        weights.write(temperature=temperature)
        print(f"temperature {temperature:.4f} is in the record of {weights.path}")


def evaluate(run, config, images, predictor, flags, explanations):
    """Measure ``predictor``; print, and write what the flags name.

    Args:
        run, config: the ``Run``, and its ``TrainConfig`` with what the flags change.
        images: ``Measured``, and the transform that prepares its images.
        predictor: ``Predictor`` of the run's network.
        flags: ``EvaluateFlags``.
        explanations: as from ``read_explanations``.

    Returns:
        The temperature of the probabilities; None where there is none.
    """
    from .data.loaders import decoded_to, make_loader
    from .files.logits import SavedLogits, write_logits
    from .inference.throughput import loop_throughput, model_throughput
    from .results.outputs import names_of, summary, test_line, write_results

    given, prepare = images

    def loaded(part):
        return make_loader(
            decoded_to(part, prepare.at_least), prepare, config.batch_size, num_workers=config.num_workers
        )

    loader, fit = loaded(given.val), flags.temperature or flags.write_temperature
    settings = {"k": flags.topk, "smoothing": config.label_smoothing, "seed": config.seed}
    settings["temperature"] = run.record.temperature
    logits, labels, metrics = measure(run, predictor, loader, settings, fit)
    settings["temperature"] = metrics.temperature
    print("\n".join(summary(metrics)))
    report = make_report(config, metrics, flags, given)
    if report.chosen_on_these:
        print("the best epoch was chosen on these images, so new ones may be answered a little less well")
    test = None if given.test is None else measure(run, predictor, loaded(given.test), settings)[-1]
    if test is not None:
        print(test_line(test))

    speed = {
        "loop": f"{loop_throughput(predictor, loader):.1f} images/s (loading and transforms included)",
        "model": f"{model_throughput(predictor, config.batch_size, config.image_size):.1f} images/s "
        f"(ready batches of {config.batch_size})",
    }
    for name, rate in speed.items():
        print(f"{name} throughput: {rate}")
    image_at, names = loader.dataset.images.images.__getitem__, names_of(given.val.images)
    if flags.logits is not None:
        all_names = tuple(names(number) for number in range(len(labels)))
        print(write_logits(flags.logits, SavedLogits(logits, labels, run.class_names, all_names)))
    report = dataclasses.replace(
        report, test=test, explanations=explanations, speed=speed | {"predictor": predictor.describe()}
    )
    for path in write_results(flags.output, report, logits, labels, image_at=image_at, name_at=names):
        print(path)
    return metrics.temperature


def measure(run, predictor, loader, settings, fit=False):
    """(logits ``(N, K)``, labels ``(N,)``, ``ClassMetrics``) of a loader's images.

    Args:
        settings: of ``measure_classes``.
        fit: fit the temperature on these images, and say so.
    """
    from .inference.throughput import collect_logits
    from .results.calibration import fit_temperature
    from .results.classes import measure_classes

    logits, labels = (values.numpy() for values in collect_logits(predictor, loader))
    if fit:
        calibration = fit_temperature(logits, labels)
        print(calibration.describe())
        settings = settings | {"temperature": calibration.temperature}
    return logits, labels, measure_classes(logits, labels, run.class_names, **settings)


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
