"""The forward pass, the notebook's way against this package: ``python -m fasternet_paddle.bench inference``.

Ways, each in a process of its own and in turn: dygraph with no settings, as the notebook runs; dygraph with the
variables that this package sets; ``Predictor`` (``paddle.inference``) in f32 and bf16. ``model`` is the network alone
on a ready batch, ``loop`` the notebook's "Throughout": the loop over a loader of 32-pixel images brought to 224, its
transforms included. Expect x5 in f32 and x8.5 in bf16 at batch 32 against no settings (two AMD Zen 4 cores).

``--sweep`` also draws cost against work: images/s over batch size, resolution and variant. ``--against timm
onnxruntime openvino`` adds those engines where they are installed (``peers.py``).
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from ..files.tables import csv_table, text_table
from ..files.writing import write_text
from ..inference.engine import has_bf16
from ..results.plots import save_figure
from ..runtime import cli, machine
from . import measuring, sweep
from .inference_plots import draw_inference

LOOP_IMAGES = 128
HEADER = ("way", "settings", "figure", "images/s", "from", "to", "to no settings", "to same settings", "of peak")
CSV_HEADER = ("way", "settings", "figure", "round", "images/s")
PEERS = ("timm", "onnxruntime", "openvino")


@dataclass(frozen=True)
class InferenceFlags:
    """How to measure."""

    weights: Path | None = None
    """Weights of a trained network; by default a T0 with drawn ones, which takes the same time."""
    rounds: int = 3
    """Processes each way; their median counts."""
    runs: int = 10
    """Timed passes a process; their median counts."""
    against: tuple[str, ...] = ()
    """Other engines: timm (PyTorch), onnxruntime, openvino."""
    sweep: bool = False
    """Also draw images/s over batch size, resolution and variant."""
    output: Path = Path("work/bench")
    """Folder for inference.csv and inference.png."""

    def __post_init__(self):
        if self.rounds < 1 or self.runs < 1:
            raise FasterNetError(f"rounds and runs must be at least 1, got {self.rounds} and {self.runs}")
        for peer in self.against:
            if peer not in PEERS:
                raise FasterNetError(f"unknown engine {peer!r}; known: {', '.join(PEERS)}")


def measure_predictor(weights, engine, precision, runs):
    """A worker: images/s of this way by figure, and its logits of a few photographs."""
    from ..inference.predictor import Predictor, loop_throughput
    from .subject import photographs, read_network

    predictor = Predictor(read_network(weights), measuring.SIZE, engine=engine, precision=precision)
    rates = measuring.model_rates(predictor.logits, runs)
    rates[f"loop, batch {measuring.BATCHES[-1]}"] = loop_throughput(predictor, _loader())
    return {"rates": rates, "logits": predictor.logits(photographs()).tolist()}


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
    """A worker: multiply-adds of the network for one image at 224 pixels."""
    from ..model.summary import count_macs
    from .subject import read_network

    return count_macs(read_network(weights))


def measure_inference(flags, weights, say=print):
    """All ways in turn: dict of (way, settings) to a list of the workers' results, one a round."""
    bare, own = measuring.bare_environment(), measuring.own_environment()
    arguments = {"weights": str(weights), "runs": flags.runs}

    def job(environment, function=f"{__name__}:measure_predictor", **more):
        return lambda: measuring.in_process(function, {**arguments, **more}, environment)

    jobs = {("notebook", measuring.settings_text(bare)): job(bare, engine="dygraph", precision="f32")}
    if own != bare:  # on a processor that needs no settings both are one
        jobs["notebook", measuring.settings_text(own)] = job(own, engine="dygraph", precision="f32")
    jobs["ours, f32", measuring.settings_text(own)] = job(own, engine="paddle", precision="f32")
    if has_bf16():
        jobs["ours, bf16", measuring.settings_text(own)] = job(own, engine="paddle", precision="bf16")
    if flags.against:
        from . import peers

        for way in peers.ways(flags.against):
            jobs[way, measuring.settings_text(own)] = job(own, function=f"{peers.__name__}:measure_peer", way=way)
    return measuring.in_turns(jobs, flags.rounds, lambda text: say(text, file=sys.stderr))


def rates_of(results):
    """Dict of (way, settings, figure) to images/s, one a round."""
    return {
        (*way, figure): [result["rates"][figure] for result in rounds]
        for way, rounds in results.items()
        for figure in rounds[0]["rates"]
    }


def inference_table(results, macs, peaks):
    """Text table, a block a figure: images/s, ratios to the notebook's way, share of the measured peak."""
    rates, rows = rates_of(results), []
    for figure in dict.fromkeys(figure for *_, figure in rates):
        notebook = [values for (way, _, name), values in rates.items() if (way, name) == ("notebook", figure)]
        for (way, settings, name), values in rates.items():
            if name != figure:
                continue
            ratios = [str(measuring.compare(values, base)) for base in (notebook[0], notebook[-1])]
            share = 2 * macs * np.median(values) / 1e9 / peaks[precision_of(way)]
            shown = f"{share:.0%}" if name.startswith("model") else ""  # a loop's time is not the network's
            rows.append((way, settings, name, *(f"{f(values):.1f}" for f in (np.median, min, max)), *ratios, shown))
    return text_table(HEADER, rows)


def precision_of(way):
    """Precision of a way by its name."""
    return "bf16" if way.endswith("bf16") else "f32"


def standings(rates):
    """Sentences: this package against each other engine at the same precision, ratios taken round by round."""
    return [
        f"{figure}: {way} is {measuring.compare(ours, values)} of {other}"
        for (way, _, figure), ours in rates.items()
        for (other, _, name), values in rates.items()
        if way.startswith("ours") and other.split(", ")[0] in PEERS
        if (precision_of(way), figure) == (precision_of(other), name)
    ]


def agreement(results):
    """Sentences on how far each way's logits are from the notebook's, relative to the largest."""
    wanted = np.array(next(iter(results.values()))[0]["logits"])
    sentences = []
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
    from .subject import write_network

    if flags.against:
        from . import peers

        peers.ways(flags.against)  # says before the long work what is not installed
    machine.begin("cpu", seed=0)
    own = measuring.own_environment()
    print(measuring.describe_machine())
    precisions = ("f32", "bf16") if has_bf16() else ("f32",)
    peaks = {
        precision: measuring.in_process(f"{measuring.__name__}:measure_peak", {"precision": precision}, own)
        for precision in precisions
    }
    print("measured peak: " + ", ".join(f"{precision} {peak:.0f} GFLOP/s" for precision, peak in peaks.items()))
    flags.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        weights = flags.weights
        if weights is None:
            weights = Path(folder) / "drawn.pdparams"
            write_network(weights)
        results = measure_inference(flags, weights)
        macs = count_work(weights)
    print(inference_table(results, macs, peaks))
    print("\n".join(standings(rates_of(results)) + agreement(results)))
    rows = [(*way, number + 1, rate) for way, rates in rates_of(results).items() for number, rate in enumerate(rates)]
    write_text(flags.output / "inference.csv", csv_table(CSV_HEADER, rows))
    print(save_figure(draw_inference(rates_of(results)), flags.output / "inference.png"))
    if flags.sweep:
        print("\n".join(map(str, sweep.run(flags.output, precisions, flags.runs))))


if __name__ == "__main__":
    sys.exit(main())
