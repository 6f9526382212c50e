"""LIME, InterpretDL as it is against this package: ``python -m fasternet_paddle.bench lime``.

Each way runs in a process of its own, in turn: InterpretDL 0.8.0 made to run (nothing but the argument replaced that
scikit-learn no longer knows), with no settings and with the variables that this package sets; and ``Lime`` on
``paddle.inference`` in f32 and bf16. A figure is samples/s of one whole explanation, segmentation included, of a
photograph at 224 pixels, after a short one that warms up. Expect 4 and 7 times InterpretDL with no settings, 2.2 and
4 times with the same variables, and the same weights in f32 (two AMD Zen 4 cores).
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from ..files.writing import make_folder
from ..runtime import cli, machine
from . import measuring
from .rates import rates_of, report, saving

BATCH_SIZE = 100  # the notebook's
CALIBRATION = 64  # photographs for int8
WARMUP_SAMPLES = 200  # more than the photograph's superpixels
STOCK = "InterpretDL"


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
    """Precisions of this package's way; one that the processor lacks is left out. With --engine auto or openvino also
    int8, calibrated on photographs."""
    engine: str = "paddle"
    """Of this package's way: paddle, auto, openvino or onnxruntime."""
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


def measure_ours(weights, image, num_samples, seed, precision, engine="paddle"):
    """This package: samples/s, the engine's own rate on ready batches, and weights as ``measure_stock``."""
    from ..explaining.lime import Lime
    from ..inference.int8 import Int8
    from ..inference.predictor import Predictor
    from .subject import photograph, photographs, read_network

    if precision == "int8":
        precision = Int8(photographs(CALIBRATION), max_drop=100.0)  # of weights here, no decisions are made
    predictor = Predictor(read_network(weights), engine=engine, precision=precision)
    predictor.ready(BATCH_SIZE, measuring.SIZE)
    explainer, picture = Lime(predictor), photograph(image)

    def explain(samples):
        return explainer.explain(picture, [0, 1, 2], samples, BATCH_SIZE, seed).weights.tolist()

    before = measuring.model_rates(predictor.logits, 3, [BATCH_SIZE])
    found = _timed(explain, num_samples)
    after = measuring.model_rates(predictor.logits, 3, [BATCH_SIZE])
    own = np.mean([*before.values(), *after.values()])  # around the explanation, on a machine that others may use too
    (rate,) = found["rates"].values()
    return found | {"share": rate / float(own), "described": predictor.describe()}


def shares(results):
    """Sentences on how much of the engine's own rate an explanation reaches."""
    return [
        f"{way}: {np.median([result['share'] for result in rounds]):.2f} of the rate that {rounds[0]['described']} has "
        f"on ready batches, segmentation included"
        for (way, _), rounds in results.items()
        if "share" in rounds[0]
    ]


def _timed(explain, num_samples):
    explain(WARMUP_SAMPLES)
    start = time.perf_counter()
    weights = explain(num_samples)
    rate = num_samples / (time.perf_counter() - start)
    return {"rates": {f"LIME, {num_samples} samples": rate}, "weights": weights}


def measure_lime(flags, weights, precisions):
    """All ways in turn: dict of (way, settings) to a list of the workers' results, one a round."""
    own, jobs = measuring.own_environment(), {}
    arguments = {"weights": weights, "image": flags.image, "num_samples": flags.num_samples, "seed": 0}
    for environment in (measuring.bare_environment(), own):
        measuring.add_way(jobs, STOCK, environment, measure_stock, **arguments)
    for precision in precisions:
        more = {} if flags.engine == "paddle" else {"engine": flags.engine}
        way = f"ours, {flags.engine}, {precision}" if more else f"ours, {precision}"
        measuring.add_way(jobs, way, own, measure_ours, precision=precision, **more, **arguments)
    return measuring.in_turns(jobs, flags.rounds, saving("lime", flags.output, "samples/s"))


def agreement(results):
    """Sentences on how far our weights are from InterpretDL's under the same settings."""
    measured = [result for (way, _), result in results.items() if way == STOCK]
    if not measured:
        return [f"{STOCK} gave no weights to compare with"]
    stock, sentences = np.array(measured[-1][0]["weights"]), []
    for (way, _), rounds in results.items():
        if way == STOCK:
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


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints table and agreement, saves CSV and PNG."""
    flags = cli.parse(
        LimeFlags, argv, prog="python -m fasternet_paddle.bench lime", description="Time LIME against InterpretDL."
    )
    from .subject import PHOTOGRAPHS, weights_file

    if flags.image not in PHOTOGRAPHS:
        raise FasterNetError(f"unknown image {flags.image!r}; known: {', '.join(PHOTOGRAPHS)}")
    measuring.check_least(flags, num_samples=WARMUP_SAMPLES, rounds=1)
    precisions = measuring.possible(flags.precision, ("int8",))
    make_folder(flags.output)
    machine.begin("cpu", seed=0)
    print(machine.describe_machine())
    with weights_file(flags.weights) as weights:
        results = measure_lime(flags, weights, precisions)
    report("lime", rates_of(results), flags.output, shares(results) + agreement(results), unit="samples/s")
