"""The forward pass, the notebook's way against this package: ``python -m fasternet_paddle.bench inference``.

Ways, each in a process of its own and in turn: dygraph with no settings, as the notebook runs; dygraph with the
variables that this package sets; ``Predictor`` (``paddle.inference``) in f32 and bf16. ``model`` is the network alone
on a ready batch, ``loop`` the notebook's "Throughout": the loop over a loader of 32-pixel images brought to 224, its
transforms included. Expect x5 in f32 and x8.5 in bf16 at batch 32 against no settings (two AMD Zen 4 cores).

``auto`` is what a race finds fastest, where the extra ``fast`` is installed, and int8 what it finds in that precision.
``--against timm onnxruntime openvino`` adds those engines where they are installed, each by its plain call and at its
best (``peers.py``). ``--sweep`` also draws cost against work, images/s over batch size, resolution and variant, and a
map of which engine is the fastest for which batch and resolution.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from ..files.writing import make_folder
from ..inference.engine import has_bf16
from ..inference.forms import QUANTISERS
from ..inference.plans import missing
from ..model.fasternet import VARIANTS
from ..runtime import cli, machine
from . import engines, measuring, peers, sweep
from .rates import NOTEBOOK, rates_of, report, saving

LOOP_IMAGES = 128


@dataclass(frozen=True)
class InferenceFlags:
    """How to measure."""

    weights: Path | None = None
    """Weights of a trained network; by default a T0 with drawn ones, which takes the same time."""
    rounds: int = 3
    """Processes each way; their median counts."""
    runs: int = 10
    """Timed passes a process; their median counts."""
    variant: str = "t0"
    """Size of the network, where no weights are named."""
    batch: tuple[int, ...] = measuring.BATCHES
    """Images a pass."""
    against: tuple[str, ...] = ()
    """Other engines: timm (PyTorch), onnxruntime, openvino."""
    only: tuple[str, ...] = ()
    """Measure those ways alone whose names hold one of these texts; by default all."""
    sweep: bool = False
    """Also draw images/s over batch size, resolution and variant, and which engine is the fastest where."""
    output: Path = Path("work/bench")
    """Folder for inference.csv and inference.png."""

    def __post_init__(self):
        measuring.check_least(self, rounds=1, runs=1)
        if not self.batch or min(self.batch) < 1:
            raise FasterNetError(f"batch must name sizes of at least 1 image, got {list(self.batch)}", change="batch")
        if self.variant not in VARIANTS:
            raise FasterNetError(f"unknown variant {self.variant!r}; known: {', '.join(VARIANTS)}", change="variant")
        for peer in self.against:
            if peer not in peers.NEEDS:
                raise FasterNetError(f"unknown engine {peer!r}; known: {', '.join(peers.NEEDS)}")


def measure_predictor(weights, engine, precision, runs, batches=measuring.BATCHES):
    """A worker: images/s of this way by figure, what the engine auto took, and logits of a few photographs."""
    from ..inference.int8 import Int8
    from ..inference.predictor import Predictor
    from ..inference.throughput import loop_throughput
    from .subject import photographs, read_network

    if precision == "int8":  # a network with drawn weights decides narrowly: what it loses says nothing here
        precision = Int8(photographs(peers.CALIBRATION), max_drop=100.0)
    predictor = Predictor(read_network(weights), measuring.SIZE, engine=engine, precision=precision)
    rates, taken = {}, {}
    for batch in batches:
        predictor.ready(batch, measuring.SIZE)
        figure = measuring.model_rates(predictor.logits, runs, [batch])
        rates |= figure
        taken |= dict.fromkeys(figure, predictor.describe()) if engine == "auto" else {}
    if measuring.BATCHES[-1] in batches:
        rates[f"loop, batch {measuring.BATCHES[-1]}"] = loop_throughput(predictor, _loader())
    return {"rates": rates, "logits": predictor.logits(photographs()).tolist(), "taken": taken}


def _loader():
    """The notebook's validation loader over images of CIFAR-10's size."""
    from ..data.datasets import Images
    from ..data.loaders import make_loader
    from ..data.transforms import test_transform

    pixels = np.random.RandomState(0).randint(0, 256, (LOOP_IMAGES, 32, 32, 3), dtype=np.uint8)
    return make_loader(
        Images(pixels, np.zeros(LOOP_IMAGES, np.int64)), test_transform(measuring.SIZE), measuring.BATCHES[-1]
    )


def count_work(weights):
    """Multiply-adds of the network for one image at 224 pixels."""
    from ..model.summary import count_macs
    from .subject import read_network

    return count_macs(read_network(weights))


def own_ways():
    """(way, engine) of this package on this machine."""
    precisions = ("f32", "bf16") if has_bf16() else ("f32",)
    found = [(f"ours, {precision}", "paddle") for precision in precisions]
    if not missing("openvino") or not missing("onnxruntime"):
        found += [(f"ours, auto, {precision}", "auto") for precision in precisions]
        if all(importlib.util.find_spec(name) for name in QUANTISERS):
            found.append(("ours, auto, int8", "auto"))
    return found


def measure_inference(flags, weights):
    """All ways in turn: dict of (way, settings) to a list of the workers' results, one a round."""
    bare, own = measuring.bare_environment(), measuring.own_environment()
    given, jobs = {"weights": weights, "runs": flags.runs, "batches": flags.batch}, {}
    ways = [(NOTEBOOK, bare, "dygraph"), (NOTEBOOK, own, "dygraph")]
    ways += [(way, own, engine) for way, engine in own_ways()]
    for way, environment, engine in ways:
        arguments = {"engine": engine, "precision": precision_of(way), **given}
        measuring.add_way(jobs, way, environment, measure_predictor, **arguments)
    for way in peers.ways(flags.against):
        measuring.add_way(jobs, way, own, peers.measure_peer, way=way, **given)
    if flags.only:
        jobs = {way: job for way, job in jobs.items() if any(text in way[0] for text in flags.only)}
        if not jobs:
            raise FasterNetError(f"no way is called {' or '.join(flags.only)}", change="only")
    return measuring.in_turns(jobs, flags.rounds, saving("inference", flags.output))


def precision_of(way):
    """Precision of a way by its name."""
    last = way.split(", ")[-1]
    return last if last in ("bf16", "int8") else "f32"


def standings(rates):
    """Sentences: this package against each other engine at the same precision, ratios taken round by round."""
    return [
        f"{figure}: {way} is {measuring.compare(ours, values)} of {other}"
        for (way, _, figure), ours in rates.items()
        for (other, _, name), values in rates.items()
        if way.startswith("ours") and other.split(", ")[0] in peers.NEEDS
        if (precision_of(way), figure) == (precision_of(other), name)
    ]


def taken(results):
    """Sentences on which engine, threads and parts were chosen where there was a choice."""
    found = {}
    for (way, _), rounds in results.items():
        for result in rounds:
            for figure, what in result.get("taken", {}).items():
                found.setdefault(f"{way}, {figure}: {what}")
    return list(found)


def agreement(results):
    """Sentences on how far each way's logits are from the notebook's, relative to the largest."""
    first = next(iter(results))
    if first[0] != NOTEBOOK:
        return ["the notebook's way gave no logits to compare with"]
    wanted, sentences = np.array(results[first][0]["logits"]), []
    for (way, settings), rounds in list(results.items())[1:]:
        if "logits" not in rounds[0]:
            continue
        difference = np.abs(np.array(rounds[0]["logits"]) - wanted).max() / np.abs(wanted).max()
        sentences.append(f"{way} ({settings}): logits differ from the notebook's by {difference:.1e} of the largest")
    return sentences


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints table and agreement, saves CSV and PNG."""
    flags = cli.parse(
        InferenceFlags,
        argv,
        prog="python -m fasternet_paddle.bench inference",
        description="Time the forward pass: the notebook's way against this package's.",
    )
    from .subject import weights_file

    peers.ways(flags.against)  # says before the long work what is not installed
    make_folder(flags.output)
    machine.begin("cpu", seed=0)
    print(machine.describe_machine())
    precisions = ("f32", "bf16") if has_bf16() else ("f32",)
    peaks = {
        precision: measuring.in_process(
            f"{measuring.__name__}:measure_peak", {"precision": precision}, measuring.own_environment()
        )
        for precision in precisions
    }
    print("measured peak: " + ", ".join(f"{precision} {peak:.0f} GFLOP/s" for precision, peak in peaks.items()))
    with weights_file(flags.weights, flags.variant) as weights:
        results = measure_inference(flags, weights)
        macs = count_work(weights)

    def share(way, figure, rates):
        """Of the measured peak; a loop's time is not the network's alone."""
        operations = 2 * macs * np.median(rates)  # a multiply-add counts as two in the peak
        if not figure.startswith("model") or precision_of(way) not in peaks:
            return ""
        return f"{operations / 1e9 / peaks[precision_of(way)]:.0%}"

    rates = rates_of(results)
    report(
        "inference",
        rates,
        flags.output,
        standings(rates) + taken(results) + agreement(results),
        more=("of peak", share),
    )
    if flags.sweep:
        sweep.run(flags.output, precisions, flags.runs)
        engines.run(flags.output, precisions)
