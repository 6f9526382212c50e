"""Convolutions by themselves, at the shapes of the paper's table 1: ``python -m fasternet_paddle.bench operators``.

Ten equal layers of an operator at each stage's width and size, timed on one image with one thread, as the paper does
on its CPU (i9-9900X). Few multiply-adds help only if they are done at speed: the figure shows achieved GFLOP/s against
FLOPs. As in the paper a multiply-add counts as one FLOP; a processor's peak counts two.

Engines: ``dygraph`` runs Paddle's own kernels, as the notebook and its training do; ``paddle`` is the compiled network
(``paddle.inference`` with oneDNN, CPU only).
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paddle
from matplotlib.ticker import NullLocator, ScalarFormatter
from paddle import nn

from ..errors import FasterNetError
from ..exporting.network import export_network
from ..files.tables import text_table
from ..files.writing import make_folder
from ..inference.engine import load_exported
from ..inference.predictor import ENGINES
from ..inference.throughput import time_calls
from ..model.layers import DWConv, FullConv, PConv
from ..model.summary import count_macs
from ..runtime import cli, machine
from ..runtime.drawing import new_figure
from .labels import label_line, line_boxes, marker_boxes
from .measuring import check_least
from .paper import OPERATOR_CPU_MS, OPERATOR_SHAPES
from .rates import save_results, save_rows

OPERATORS = {"Conv 3x3": FullConv, "DWConv": DWConv, "PConv": PConv}
LAYERS = 10
COLORS = {"Conv 3x3": "tab:gray", "DWConv": "tab:blue", "PConv": "tab:red"}
MARKERS = ("o", "s", "^", "D")  # one a shape
TIMES = (0.3, 1, 3, 10, 30, 100)  # ms, of the lines of equal time
TIME_STYLE = {"color": "0.45", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1}}
HEADER = ("operator", "shape", "MFLOPs", "engine", "ms", "GFLOP/s", "paper CPU ms", "paper GFLOP/s")


@dataclass(frozen=True)
class Timing:
    """One operator at one shape under one engine."""

    operator: str
    channels: int
    side: int
    engine: str
    macs: int
    """Multiply-adds of the ten layers for one image."""
    batch_size: int
    milliseconds: float
    """For the batch, median."""

    @property
    def gflops(self):
        """Multiply-adds a second, in 1e9."""
        return self.macs * self.batch_size / self.milliseconds / 1e6

    @property
    def paper_ms(self):
        """The paper's CPU latency."""
        return OPERATOR_CPU_MS[self.operator][OPERATOR_SHAPES.index((self.channels, self.side))]


@dataclass(frozen=True)
class OperatorFlags:
    """How to measure."""

    engine: tuple[str, ...] = ENGINES
    """Engines to measure: dygraph, paddle or both."""
    batch_size: int = 1
    """Images a pass; the paper's CPU column has 1."""
    runs: int = 20
    """Timed passes; their median counts."""
    device: str = "cpu"
    """cpu, gpu or gpu:N; on a GPU the engine is dygraph."""
    output: Path = Path("work/bench")
    """Folder for operators.csv and operators.png."""

    def __post_init__(self):
        for engine in self.engine:
            if engine not in ENGINES:
                raise FasterNetError(f"unknown engine {engine!r}; known: {', '.join(ENGINES)}")
        check_least(self, batch_size=1, runs=1)


def measure_operators(engines=ENGINES, shapes=OPERATOR_SHAPES, batch_size=1, runs=20, warmup=3, keep=None):
    """Time every operator at every shape; returns a list of ``Timing``.

    Args:
        engines: of "dygraph" and "paddle"; on a GPU "dygraph" alone.
        shapes: of ``OPERATOR_SHAPES``.
        batch_size: images a pass.
        runs, warmup: passes that are timed, and passes before them.
        keep: called with the list so far after each operator at each shape, to save it.
    """
    place = paddle.framework._current_expected_place()
    if place.is_gpu_place() and set(engines) != {"dygraph"}:
        raise FasterNetError(
            f"on a GPU the engine must be dygraph, got {', '.join(engines)}; the other one copies its "
            f"results to the CPU, which would be timed too"
        )
    timings = []
    for name, operator in OPERATORS.items():
        for channels, side in shapes:
            model = nn.Sequential(*[operator(channels) for _ in range(LAYERS)])
            model.eval()
            macs = count_macs(model, (channels, side, side))
            images = np.random.RandomState(0).standard_normal((batch_size, channels, side, side)).astype(np.float32)
            for engine in engines:
                milliseconds = 1000 * float(np.median(time_calls(_runner(model, images, engine, place), runs, warmup)))
                timings.append(Timing(name, channels, side, engine, macs, batch_size, milliseconds))
            if keep is not None:
                keep(timings)
    return timings


def _runner(model, images, engine, place):
    """A function of no arguments that passes ``images`` through ``model`` and waits for the end."""
    if engine == "paddle":
        run = _compiled(model, images, place)
        return lambda: run(images)
    x = paddle.to_tensor(images)

    def run():
        with paddle.no_grad():
            model(x)
        if place.is_gpu_place():
            paddle.device.synchronize()

    return run


def _compiled(model, images, place):
    """``model`` as ``paddle.inference`` runs it for images of this shape, with one thread."""
    with tempfile.TemporaryDirectory() as folder:  # not in the cache: nobody asks for these networks again
        export_network(model, folder, images.shape)
        return load_exported(Path(folder), place, "f32", 1, images)


def _rows(timings):
    """Cells under ``HEADER``, as numbers."""
    return [
        (
            timing.operator,
            f"{timing.channels}x{timing.side}x{timing.side}",
            timing.macs / 1e6,
            timing.engine,
            timing.milliseconds,
            timing.gflops,
            timing.paper_ms,
            timing.macs / timing.paper_ms / 1e6,
        )
        for timing in timings
    ]


def operators_table(timings):
    """Text table of ``measure_operators``, with the paper's CPU column beside it."""
    formats = ("{}", "{}", "{:.1f}", "{}", "{:.2f}", "{:.1f}", "{:.2f}", "{:.1f}")
    rows = [[form.format(cell) for form, cell in zip(formats, row, strict=True)] for row in _rows(timings)]
    return text_table(HEADER, rows)


def draw_operators(timings):
    """Achieved GFLOP/s against FLOPs, a panel an engine, the paper's CPU in the last; lines of equal time.

    Returns:
        matplotlib ``Figure``.
    """
    engines = list(dict.fromkeys(timing.engine for timing in timings))
    figure = new_figure(figsize=(4.2 * (len(engines) + 1), 4.2), layout="constrained")
    panels = figure.subplots(1, len(engines) + 1, sharex=True, sharey=True)
    here = {engine: [(t, t.macs / 1e6, t.gflops) for t in timings if t.engine == engine] for engine in engines}
    paper = [(t, t.macs / 1e6, t.macs / t.paper_ms / 1e6) for t in timings if t.engine == engines[0]]
    for axes, (title, points) in zip(
        panels,
        [*((f"here, {engine}", points) for engine, points in here.items()), ("paper, i9-9900X", paper)],
        strict=True,
    ):
        _draw_panel(axes, title, points)
    every = np.array([point[1:] for points in (*here.values(), paper) for point in points])
    least, most = every.min(axis=0) / 1.6, every.max(axis=0) * 1.6  # no marker on the frame
    panels[0].set_xlim(min(2.0, least[0]), max(5000.0, most[0]))
    panels[0].set_ylim(min(0.15, least[1]), max(300.0, most[1]))
    panels[0].set_ylabel("achieved GFLOP/s")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=len(OPERATORS))
    figure.draw_without_rendering()  # the layout, in which the labels' places are
    for axes, points in zip(panels, (*here.values(), paper), strict=True):
        _draw_times(axes, points)
    return figure


def _draw_panel(axes, title, points):
    axes.set_title(title, fontsize=10)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for operator, color in COLORS.items():
        mine = [(shape, x, y) for shape, x, y in points if shape.operator == operator]
        axes.plot([x for _, x, _ in mine], [y for *_, y in mine], color=color, linewidth=0.8, label=operator)
        for timing, x, y in mine:
            marker = MARKERS[OPERATOR_SHAPES.index((timing.channels, timing.side))]
            axes.plot(x, y, marker, color=color, markersize=6)
    axes.set_xlabel("MFLOPs of ten layers, one image")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_locator(NullLocator())


def _draw_times(axes, points):
    """Lines along which the time is the same, GFLOP/s = MFLOPs / ms, each with its time where nothing is covered."""
    taken = marker_boxes(axes, [point[1:] for point in points])
    for operator in OPERATORS:
        corners = [(x, y) for timing, x, y in points if timing.operator == operator]
        taken += line_boxes(axes.transData.transform(np.reshape(corners, (-1, 2))))
    ends = np.array(axes.get_xlim())
    along = np.geomspace(*ends, 60)[::-1]
    for milliseconds in TIMES:
        axes.plot(ends, ends / milliseconds, color="0.85", linewidth=0.8, zorder=0)
        box = label_line(axes, f"{milliseconds:g} ms", along, along / milliseconds, taken, fontsize=7, **TIME_STYLE)
        if box is not None:
            taken.append(box)


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints the table, saves CSV and PNG."""
    flags = cli.parse(
        OperatorFlags,
        argv,
        prog="python -m fasternet_paddle.bench operators",
        description="Time convolutions at the shapes of the paper's table 1.",
    )
    make_folder(flags.output)
    machine.begin(flags.device, seed=0)
    print(machine.describe_machine())

    def keep(timings):
        save_rows(flags.output, "operators", HEADER, _rows(timings))

    timings = measure_operators(flags.engine, OPERATOR_SHAPES, flags.batch_size, flags.runs, keep=keep)
    print(operators_table(timings))
    save_results(flags.output, "operators", HEADER, _rows(timings), draw_operators(timings))
