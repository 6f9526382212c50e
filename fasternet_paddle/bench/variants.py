"""Whole networks: what they cost and how fast they are here: ``python -m fasternet_paddle.bench variants``.

Parameters and multiply-adds of the six variants with 1000 classes, the time for one image with one thread and the
images/s of a batch, beside the paper's table 6 (i9-9900X, one thread; 2080Ti). ``--mixers`` measures T0 with the other
mixers instead, with 10 classes as in the notebook's comparison.

The notebook's "speed" is the rate of its loop over the validation images. ``measure_loop`` takes it apart: what the
loader makes alone, what the network does alone, and the two after one another, as the loop does them.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ..comparing.ablation import CONTENDERS
from ..config import MIN_IMAGE_SIZE
from ..errors import FasterNetError
from ..files.tables import text_table
from ..files.writing import make_folder
from ..inference.predictor import ENGINES, Predictor
from ..inference.throughput import loop_throughput, model_throughput
from ..model.fasternet import VARIANTS, create_model
from ..model.summary import count_macs, count_parameters
from ..runtime import cli, machine
from ..runtime.drawing import new_figure
from .labels import label_points, marker_boxes
from .measuring import check_least
from .paper import PAPER_SPEED
from .rates import save_results, save_rows

HEADER = ("network", "params M", "MMACs", "ms, 1 image", "images/s", "paper CPU ms", "paper GPU images/s")
LOOP_HEADER = ("network", "loader alone", "network alone", "loop")


@dataclass(frozen=True)
class Cost:
    """One network: its size, and its speed on this machine."""

    name: str
    parameters: int
    """Trainable ones."""
    macs: int
    """Multiply-adds for one image."""
    milliseconds: float
    """For one image, one thread."""
    images_per_second: float
    """In batches."""


@dataclass(frozen=True)
class VariantFlags:
    """What to measure, and how."""

    mixers: bool = False
    """Measure T0 with each mixer instead of the six variants."""
    image_size: int = 224
    """Side of the images, in pixels."""
    batch_size: int = 32
    """Images a batch; the time for one image is measured besides."""
    runs: int = 5
    """Timed passes; their median counts."""
    engine: str = "paddle"
    """paddle (compiled by paddle.inference) or dygraph (as the notebook)."""
    device: str = "cpu"
    """cpu, gpu or gpu:N."""
    output: Path = Path("work/bench")
    """Folder for variants.csv and variants.png, or mixers.csv and mixers.png."""

    def __post_init__(self):
        if self.engine not in ENGINES:
            raise FasterNetError(f"unknown engine {self.engine!r}; known: {', '.join(ENGINES)}")
        check_least(self, image_size=MIN_IMAGE_SIZE, batch_size=1, runs=1)


def six_variants(num_classes=1000):
    """``(name, network)`` of the paper's six sizes, each built when it is asked for."""
    for name in VARIANTS:
        yield f"FasterNet-{name.upper()}", create_model(name, num_classes)


def t0_mixers(num_classes=10):
    """``(name, network)`` of T0 with each contender of the ablation."""
    for name, changes in CONTENDERS.items():
        yield name, create_model("t0", num_classes, **changes)


def measure_variants(networks, image_size=224, batch_size=32, runs=5, engine="paddle", keep=None):
    """Count and time ``networks``, ``(name, network)`` pairs; returns a list of ``Cost``.

    ``keep`` is called with the list so far after each network, to save it.
    """
    costs = []
    for name, network in networks:
        one = Predictor(network, image_size, engine=engine, threads=1)
        many = Predictor(network, image_size, engine=engine)
        costs.append(
            Cost(
                name,
                count_parameters(network),
                count_macs(network, (3, image_size, image_size)),
                1000 / model_throughput(one, 1, image_size, runs),
                model_throughput(many, batch_size, image_size, runs, warmup=1),
            )
        )
        if keep is not None:
            keep(costs)
    return costs


def _rows(costs):
    """Cells under ``HEADER``, as numbers."""
    return [
        (
            cost.name,
            cost.parameters / 1e6,
            cost.macs / 1e6,
            cost.milliseconds,
            cost.images_per_second,
            *PAPER_SPEED.get(cost.name, (None, None, None))[1:],
        )
        for cost in costs
    ]


def variants_table(costs):
    """Text table of ``measure_variants``; the paper's columns where it has the network."""
    rows = []
    for name, parameters, macs, milliseconds, rate, paper_ms, paper_rate in _rows(costs):
        rows.append(
            [name, f"{parameters:.3f}", f"{macs:.1f}", f"{milliseconds:.1f}", f"{rate:.1f}", paper_ms, paper_rate]
        )
    if all(row[-1] is None for row in rows):
        return text_table(HEADER[:-2], [row[:-2] for row in rows])
    return text_table(HEADER, rows)


def draw_variants(costs):
    """Time for one image against multiply-adds, both on logarithmic axes; the paper's CPU beside it where it has one.

    Returns:
        matplotlib ``Figure``.
    """
    figure = new_figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.loglog([cost.macs / 1e6 for cost in costs], [cost.milliseconds for cost in costs], "o", label="here")
    paper = [(cost.macs / 1e6, PAPER_SPEED[cost.name][1]) for cost in costs if cost.name in PAPER_SPEED]
    if paper:
        axes.loglog(*zip(*paper, strict=True), "x", color="tab:gray", label="paper, i9-9900X")
    axes.set_xlabel("multiply-adds of one image, millions")
    axes.set_ylabel("ms for one image, one thread")
    axes.margins(0.25)
    axes.grid(alpha=0.3, which="both")
    for axis in (axes.xaxis, axes.yaxis):  # plain numbers, and no more than have room
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper center", ncols=2)
    figure.draw_without_rendering()  # the layout, in which the labels' places are
    label_points(
        axes,
        [(cost.name, cost.macs / 1e6, cost.milliseconds) for cost in costs],
        marker_boxes(axes, paper),
    )
    return figure


def measure_loop(name, predictor, loader, runs=5):
    """Images/s of the loader alone, the network alone and the notebook's loop; a row under ``LOOP_HEADER``.

    Args:
        name: of the network.
        predictor: its ``Predictor``.
        loader: yields (images ``(N, 3, S, S)``, labels); its workers are started before the clock.
        runs: timed passes of the network.
    """
    for images, _ in loader:  # the first pass starts the loader's workers
        batch_size, _, size, _ = images.shape
        break
    predictor.logits(images.numpy())
    start = time.perf_counter()
    count = sum(len(labels) for _, labels in loader)
    alone = count / (time.perf_counter() - start)
    network = model_throughput(predictor, batch_size, size, runs)
    return name, alone, network, loop_throughput(predictor, loader)


def loop_table(rows):
    """Text table of ``measure_loop``'s rows, in images/s."""
    return text_table(LOOP_HEADER, [[name, *(f"{rate:.0f}" for rate in rates)] for name, *rates in rows])


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints the table, saves CSV and PNG."""
    flags = cli.parse(
        VariantFlags,
        argv,
        prog="python -m fasternet_paddle.bench variants",
        description="Size and speed of the six variants, or of T0 with each mixer.",
    )
    make_folder(flags.output)
    machine.begin(flags.device, seed=0)
    print(machine.describe_machine())
    name, networks = ("mixers", t0_mixers()) if flags.mixers else ("variants", six_variants())

    def keep(costs):
        save_rows(flags.output, name, HEADER, _rows(costs))

    costs = measure_variants(networks, flags.image_size, flags.batch_size, flags.runs, flags.engine, keep)
    print(variants_table(costs))
    save_results(flags.output, name, HEADER, _rows(costs), draw_variants(costs))
