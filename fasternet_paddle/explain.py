"""Explain predictions: ``python -m fasternet_paddle.explain --weights work/model/best_model.pdparams`` (notebook 2.5).

    python -m fasternet_paddle.explain --image cat.jpg --classes cat dog --num-samples 1000
    python -m fasternet_paddle.explain --index 3 7 --stability --faithfulness

Each image gives one figure and one ``.npz`` under ``work/lime``; several give a contact sheet too. LIME explains by the
superpixels that raise or lower a class's probability; ``--method`` chooses another of InterpretDL's explainers.
"""

import dataclasses
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from .errors import FasterNetError
from .explaining.explanation import METHODS, find_method
from .files import writing
from .files.lists import printable
from .files.names import own_names
from .runtime import cli, machine
from .runtime.flags import DataFlags, EngineFlags, NetworkFlags, override

FIRST_ITEMS = (0, 1, 2, 3)  # explained where neither image nor index is given
SHEET = "sheet"  # behind the method in the name of the contact sheet
STABILITY, FAITHFULNESS = "-stability", "-faithfulness"  # behind the method and an image's name
ENDINGS = ("", STABILITY, FAITHFULNESS)


@dataclass(frozen=True)
class ExplainFlags:
    """What to explain, and how."""

    network: NetworkFlags = field(default_factory=NetworkFlags)
    image: tuple[Path, ...] = ()
    """Image files of any size."""
    index: tuple[int, ...] = ()
    """Items of the data's validation images; without --image by default the first four."""
    classes: tuple[str, ...] = ()
    """Classes to explain, by name or number; by default the predicted one."""
    method: Annotated[str, tyro.conf.arg(help=f"One of {', '.join(METHODS)}.")] = "lime"
    num_samples: int | None = None
    """Perturbed images, more than superpixels: by default 1000 for lime; for the gradient methods 50 steps."""
    batch_size: int = 100
    """Perturbed images in memory at a time."""
    seed: int = 0
    """Seed of the perturbations: the same seed gives the same figure."""
    top: int | None = None
    """Superpixels to show as the top ones; by default a fifth of them."""
    stability: bool = False
    """Repeat over five seeds: the weights' spread, and a warning where the top superpixels change."""
    faithfulness: bool = False
    """Deletion and insertion curves against random orders."""
    output: Path = Path("work/lime")
    """Folder for figures and .npz files."""
    data: DataFlags = field(default_factory=DataFlags)
    inference: EngineFlags = field(default_factory=EngineFlags)


@dataclass(frozen=True)
class Item:
    """An image to explain: its name in files and in print, uint8 ``(H, W, 3)``, and its label where it has one."""

    name: str
    image: object
    label: int | None = None


@cli.entry
def main(argv=None):
    """Explain as the flags say; returns the exit code."""
    flags = cli.parse(
        ExplainFlags, argv, prog="python -m fasternet_paddle.explain", description="Explain a FasterNet's predictions."
    )
    find_method(flags.method)
    if flags.top is not None and flags.top < 1:
        raise FasterNetError(f"top must be at least 1, got {flags.top}")

    from .explaining import interpretdl as interpretdl_compat
    from .explaining.explainer import make_explainer
    from .inference.exported import exported_or_none
    from .inference.opening import open_predictor
    from .results.trial import drawable
    from .runs import run as checkpoint

    interpretdl_compat.check_installed()
    exported = exported_or_none(flags.inference, **vars(flags.network))
    run = checkpoint.exported_run(exported) if exported else checkpoint.load_run(**vars(flags.network))
    config = override(run.config, flags.data, flags.inference)
    items = read_items(flags, config, run)
    writing.make_folder(flags.output)
    machine.begin(config.device, config.seed)
    predictor = exported or open_predictor(run, config, flags.inference, flags.network.weights.parent)
    predictor.ready(flags.batch_size)
    print(f"predictor: {predictor.describe()}")
    explainer = make_explainer(flags.method, run.model, predictor, class_names=run.class_names)

    with drawable(run.class_names):
        explanations = [explain_item(explainer, item, flags) for item in items]
        lower = flags.method == "lime" and predictor.precision != "f32" and not exported
        if lower and explanations[0].weights.shape[1] > 1:
            print(beside_f32(run, explanations[0], items[0], flags))
        if len(explanations) > 1:
            from .explaining.figures import plot_sheet
            from .results.plots import save_figure

            print(save_figure(plot_sheet(explanations), flags.output / f"{flags.method}-{SHEET}.png"))


def read_items(flags, config, run):
    """The images that the flags name, all of them before any long work; a list of ``Item``."""
    from .data.preparation import preparation
    from .files.images import read_image

    prepare = preparation(run.record)
    items = [Item(path.stem, read_image(path, at_least=prepare.at_least)) for path in flags.image]
    index = flags.index or (() if items else FIRST_ITEMS)
    if index:
        images = _validation_images(flags, config, run, prepare)
        for number in index:
            if not 0 <= number < len(images):
                raise FasterNetError(f"index must lie in 0..{len(images) - 1} of {config.dataset}, got {number}")
            items.append(Item(f"{config.dataset}-{number}", images.images[number], int(images.labels[number])))
    longest = writing.longest_name(flags.output) - len(f"{flags.method}-{max(ENDINGS, key=len)}.png")
    names = own_names([item.name for item in items], ENDINGS, (SHEET,), longest)
    return [dataclasses.replace(item, name=name) for item, name in zip(items, names, strict=True)]


def _validation_images(flags, config, run, prepare):
    from .data.loaders import decoded_to
    from .data.measured import measured_on

    images = measured_on(config, run, flags.network.weights.parent).val
    return decoded_to(images, prepare.at_least)


def explain_item(explainer, item, flags):
    """Explain one image, print what was found, save its figures; returns the ``Explanation``."""
    from .explaining.faithfulness import measure_faithfulness
    from .explaining.figures import plot_explanation, plot_faithfulness, plot_stability
    from .explaining.stability import measure_stability
    from .results.plots import save_figure

    settings = {"num_samples": flags.num_samples, "batch_size": flags.batch_size, "progress": True}
    start = time.perf_counter()
    explanation = explainer.explain(
        item.image, flags.classes or None, seed=flags.seed, true_class=item.label, **settings
    )
    seconds = time.perf_counter() - start
    print(printable(f"{item.name}: {summary(explanation, seconds)}"))

    stem = flags.output / f"{flags.method}-{item.name}"
    explanation.save(f"{stem}.npz")
    print(save_figure(plot_explanation(explanation, flags.top), Path(f"{stem}.png")))
    if flags.stability:
        seeds = range(flags.seed, flags.seed + 5)
        stability = measure_stability(explainer, item.image, explanation.classes[0], seeds, **settings)
        print(f"stability: {stability.warning or 'the top superpixels are the same for every seed'}")
        print(save_figure(plot_stability(stability), Path(f"{stem}{STABILITY}.png")))
    if flags.faithfulness:
        faithfulness = measure_faithfulness(
            explainer, item.image, explanation, batch_size=flags.batch_size, seed=flags.seed
        )
        print(f"faithfulness: {_areas(faithfulness)}")
        if faithfulness.warning:
            print(f"faithfulness: {faithfulness.warning}")
        print(save_figure(plot_faithfulness(faithfulness, explanation), Path(f"{stem}{FAITHFULNESS}.png")))
    return explanation


def beside_f32(run, explanation, item, flags):
    """A line: how an image's weights in a lower precision go with those that the same samples give in f32."""
    import numpy as np

    from .explaining.explainer import make_explainer
    from .inference.predictor import Predictor

    exact = make_explainer(flags.method, run.model, Predictor(run), class_names=run.class_names).explain(
        item.image,
        explanation.classes,
        seed=flags.seed,
        num_samples=flags.num_samples,
        batch_size=flags.batch_size,
    )
    least = min(np.corrcoef(ours, its)[0, 1] for ours, its in zip(explanation.weights, exact.weights, strict=True))
    return printable(f"{item.name}: weights correlate with those in f32 by {least:.6f} or more")


def summary(explanation, seconds):
    """One line: predicted and true class, R2 of each explained class, samples/s."""
    predicted = explanation.predicted_class
    parts = [f"predicted {explanation.name(predicted)} ({explanation.probabilities[predicted]:.1%})"]
    if explanation.true_class is not None:
        parts.append(f"true {explanation.name(explanation.true_class)}")
    if explanation.method == "lime":
        scores = zip(explanation.classes, explanation.r2, strict=True)
        parts += [f"R2 for {explanation.name(label)} {r2:.3f}" for label, r2 in scores]
    parts.append(f"{explanation.weights.shape[1]} superpixels")
    if explanation.num_samples:
        rate = explanation.num_samples / seconds
        parts.append(f"{explanation.num_samples} samples in {seconds:.1f} s ({rate:.1f} samples/s)")
    return ", ".join(parts)


def _areas(faithfulness):
    areas = faithfulness.areas()
    return ", ".join(
        f"{kind} area {areas[kind]:.3f} (random {areas[f'random_{kind}'].mean():.3f})"
        for kind in ("deletion", "insertion")
    )


if __name__ == "__main__":
    sys.exit(main())
