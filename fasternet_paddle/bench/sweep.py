"""Cost against work: images/s of the compiled network over batch size, resolution and variant."""

import sys

from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from ..errors import FasterNetError
from ..model.fasternet import VARIANTS
from . import measuring
from .rates import COLOURS, save_results, save_rows

HEADER = ("sweep", "x", "precision", "images/s")
SWEEPS = {  # name: (title, x axis, list of (x, variant, batch size, side in pixels))
    "batch size": ("T0 at 224 pixels", "images a batch", [(n, "t0", n, 224) for n in (1, 2, 4, 8, 16, 32, 64)]),
    "resolution": (
        "T0, 8 images a batch",
        "pixels a side",
        [(s, "t0", 8, s) for s in (32, 64, 96, 128, 160, 192, 224, 288)],
    ),
    "variant": ("224 pixels, 4 images a batch", "variant", [(name.upper(), name, 4, 224) for name in VARIANTS]),
}


def measure_points(points, precision, runs):
    """A worker: images/s at each (x, variant, batch size, side)."""
    import paddle

    from ..inference.predictor import Predictor
    from ..inference.throughput import model_throughput
    from ..model.fasternet import create_model

    paddle.seed(0)
    predictors, rates = {}, []
    for x, variant, batch_size, side in points:
        if variant not in predictors:
            predictors = {variant: Predictor(create_model(variant), precision=precision)}  # one at a time: L is large
        rates.append((x, model_throughput(predictors[variant], batch_size, side, runs, warmup=1)))
    return rates


def run(output, precisions, runs):
    """Measure all sweeps; saves ``sweep.csv`` and ``sweep.png`` in ``output``."""
    panels, rows = [], []
    for name, (title, label, points) in SWEEPS.items():
        lines = {}
        for precision in precisions:
            print(f"sweep over {name}, {precision}", file=sys.stderr)
            arguments = {"points": points, "precision": precision, "runs": runs}
            try:
                found = measuring.in_process(f"{__name__}:measure_points", arguments, measuring.own_environment())
            except FasterNetError as error:
                print(f"note: the sweep over {name} lacks {precision}: {error}", file=sys.stderr)
                continue
            lines[precision] = found
            rows += [(name, x, precision, rate) for x, rate in found]
            save_rows(output, "sweep", HEADER, rows)
        if lines:
            panels.append((title, label, lines))
    if not panels:
        raise FasterNetError("no sweep could be measured")
    save_results(output, "sweep", HEADER, rows, draw_sweep(panels))


def draw_sweep(panels):
    """Lines of images/s, a panel a kind of work.

    Args:
        panels: list of (title, name of the x axis, {precision: [(x, images/s), ...]}); x may be a name.
    """
    page = Figure(figsize=(4.6 * len(panels), 4.0), layout="constrained")
    for axes, (title, label, lines) in zip(page.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for precision, points in lines.items():
            where = range(len(points)) if isinstance(points[0][0], str) else [x for x, _ in points]
            axes.plot(where, [rate for _, rate in points], "o-", color=COLOURS[precision], label=precision)
            if isinstance(points[0][0], str):
                axes.set_xticks(where, [name for name, _ in points])
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(label)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    page.axes[0].set_ylabel("images/s")
    return page
