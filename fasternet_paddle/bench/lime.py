"""LIME, InterpretDL as it is against this package: ``python -m fasternet_paddle.bench lime``.

Each way runs in a process of its own, in turn: InterpretDL 0.8.0 made to run (nothing but the argument replaced that
scikit-learn no longer knows), with no settings and with the variables that this package sets; and ``Lime`` on
``paddle.inference`` in f32 and bf16. A figure is samples/s of one whole explanation, segmentation included, of a
photograph at 224 pixels, after a short one that warms up. Expect 4 and 7 times InterpretDL with no settings, 2.2 and
4 times with the same variables, and the same weights in f32 (two AMD Zen 4 cores).
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..errors import FasterNetError
from ..files.tables import csv_table, text_table
from ..files.writing import write_text
from ..results.plots import save_figure
from ..runtime import cli, machine
from . import measuring

BATCH_SIZE = 100  # the notebook's
WARMUP_SAMPLES = 200  # more than the photograph's superpixels
HEADER = ("way", "settings", "samples/s", "from", "to", "to no settings", "to same settings")
CSV_HEADER = ("way", "settings", "round", "samples/s")


@dataclass(frozen=True)
class LimeFlags:
    """How to measure."""

    weights: Path | None = None
    """Weights of a trained network; by default a T0 with drawn ones, which takes the same time."""
    image: str = "chelsea"
    """Photograph of scikit-image to explain: chelsea, coffee, rocket or astronaut."""
    num_samples: int = 1000
    """Perturbed images an explanation."""
    rounds: int = 3
    """Explanations each way; their median counts."""
    precision: tuple[str, ...] = ("f32", "bf16")
    """Precisions of this package's way."""
    output: Path = Path("work/bench")
    """Folder for lime.csv and lime.png."""


def measure_stock(weights, image, num_samples, seed):
    """InterpretDL as it is: samples/s and, a class a row, the weights of its first three classes."""
    from ..explaining.interpretdl import load_interpretdl
    from .subject import photograph, read_network

    interpretdl = load_interpretdl()
    base = load_interpretdl("interpreter._lime_base")

    class Runs(base.LimeBase):
        def _fitting_data(self, data, labels, distances, label, ordered=True, model_regressor=None):
            ridge = base.Ridge(alpha=0, fit_intercept=True, random_state=self.random_state)
            return super()._fitting_data(data, labels, distances, label, ordered, ridge)

    model, picture = read_network(weights), photograph(image)

    def explain(samples):
        interpreter = interpretdl.LIMECVInterpreter(model, device="cpu")  # a new one: it keeps superpixels
        interpreter.lime_base = Runs(random_state=seed)
        found = interpreter.interpret(
            picture[None], interpret_class=[0, 1, 2], num_samples=samples, batch_size=BATCH_SIZE, visual=False
        )
        return [[float(weight) for _, weight in sorted(found[label])] for label in (0, 1, 2)]

    return _timed(explain, num_samples)


def measure_ours(weights, image, num_samples, seed, precision):
    """This package: samples/s and weights as ``measure_stock``."""
    from ..explaining.lime import Lime
    from ..inference.predictor import Predictor
    from .subject import photograph, read_network

    explainer, picture = Lime(Predictor(read_network(weights), precision=precision)), photograph(image)

    def explain(samples):
        return explainer.explain(picture, [0, 1, 2], samples, BATCH_SIZE, seed).weights.tolist()

    return _timed(explain, num_samples)


def _timed(explain, num_samples):
    explain(WARMUP_SAMPLES)
    start = time.perf_counter()
    weights = explain(num_samples)
    return {"rate": num_samples / (time.perf_counter() - start), "weights": weights}


def measure_lime(flags, weights, say=print):
    """All ways in turn: dict of (way, settings) to a list of the workers' results, one a round."""
    bare, own = measuring.bare_environment(), measuring.own_environment()
    arguments = {"weights": str(weights), "image": flags.image, "num_samples": flags.num_samples, "seed": 0}

    def job(function, environment, **more):
        return lambda: measuring.in_process(f"{__name__}:{function}", {**arguments, **more}, environment)

    jobs = {("InterpretDL", measuring.settings_text(bare)): job("measure_stock", bare)}
    if own != bare:  # on a processor that needs no settings both are one
        jobs["InterpretDL", measuring.settings_text(own)] = job("measure_stock", own)
    for precision in flags.precision:
        jobs[f"ours, {precision}", measuring.settings_text(own)] = job("measure_ours", own, precision=precision)
    return measuring.in_turns(jobs, flags.rounds, lambda text: say(text, file=sys.stderr))


def lime_table(results):
    """Text table: each way's samples/s and its ratios to InterpretDL with no settings and with the same."""
    stock = [rates for (way, _), rates in _rates(results).items() if way == "InterpretDL"]
    rows = []
    for (way, settings), rates in _rates(results).items():
        ratios = (
            ("", "")
            if way == "InterpretDL"
            else tuple(str(measuring.compare(rates, base)) for base in (stock[0], stock[-1]))
        )
        rows.append((way, settings, *(f"{f(rates):.1f}" for f in (np.median, min, max)), *ratios))
    return text_table(HEADER, rows)


def agreement(results):
    """Sentences on how far our weights are from InterpretDL's under the same settings."""
    stock = np.array([result for (way, _), result in results.items() if way == "InterpretDL"][-1][0]["weights"])
    sentences = []
    for (way, _), rounds in results.items():
        if way == "InterpretDL":
            continue
        weights = np.array(rounds[0]["weights"])
        difference = max(
            np.abs(ours - theirs).max() / np.abs(theirs).max() for ours, theirs in zip(weights, stock, strict=True)
        )
        correlation = min(np.corrcoef(ours, theirs)[0, 1] for ours, theirs in zip(weights, stock, strict=True))
        sentences.append(
            f"{way}: weights of three classes correlate with InterpretDL's by {correlation:.6f} or more, the largest "
            f"difference is {difference:.1e} of the largest weight"
        )
    return sentences


def draw_lime(results):
    """Bars of samples/s, a way each, with the range over rounds."""
    figure = Figure(figsize=(8, 0.7 * len(results) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for place, ((way, _settings), rates) in enumerate(_rates(results).items()):
        middle = float(np.median(rates))
        spread = [[middle - min(rates)], [max(rates) - middle]]
        axes.barh(place, middle, xerr=spread, color="tab:gray" if way == "InterpretDL" else "tab:red", capsize=3)
        axes.text(max(rates), place, f"  {middle:.0f}", va="center")
    axes.set_yticks(range(len(results)), [f"{way}\n{settings}" for way, settings in results], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("LIME samples/s, FasterNet-T0 at 224 pixels, segmentation included")
    axes.grid(axis="x", alpha=0.3)
    return figure


def _rates(results):
    return {way: [result["rate"] for result in rounds] for way, rounds in results.items()}


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints table and agreement, saves CSV and PNG."""
    flags = cli.parse(
        LimeFlags, argv, prog="python -m fasternet_paddle.bench lime", description="Time LIME against InterpretDL."
    )
    from .subject import PHOTOGRAPHS, write_network

    if flags.image not in PHOTOGRAPHS:
        raise FasterNetError(f"unknown image {flags.image!r}; known: {', '.join(PHOTOGRAPHS)}")
    if flags.num_samples < WARMUP_SAMPLES or flags.rounds < 1 or not flags.precision:
        raise FasterNetError(
            f"num_samples must be at least {WARMUP_SAMPLES}, rounds 1 and precision one, got {flags.num_samples}, "
            f"{flags.rounds} and {', '.join(flags.precision) or 'none'}"
        )
    machine.begin("cpu", seed=0)
    print(measuring.describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        weights = flags.weights
        if weights is None:
            weights = Path(folder) / "drawn.pdparams"
            write_network(weights)
        results = measure_lime(flags, weights)
    print(lime_table(results))
    print("\n".join(agreement(results)))
    rows = [(*way, number + 1, rate) for way, rates in _rates(results).items() for number, rate in enumerate(rates)]
    flags.output.mkdir(parents=True, exist_ok=True)
    write_text(flags.output / "lime.csv", csv_table(CSV_HEADER, rows))
    print(save_figure(draw_lime(results), flags.output / "lime.png"))


if __name__ == "__main__":
    sys.exit(main())
