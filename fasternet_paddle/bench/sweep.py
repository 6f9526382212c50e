"""Cost against work: images/s of the compiled network over batch size, resolution and variant."""

import sys

from ..files.tables import csv_table
from ..files.writing import write_text
from ..model.fasternet import VARIANTS
from ..results.plots import save_figure
from . import measuring as machine
from .inference_plots import draw_sweep

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

    from ..inference.predictor import Predictor, model_throughput
    from ..model.fasternet import create_model

    paddle.seed(0)
    predictors, rates = {}, []
    for x, variant, batch_size, side in points:
        if variant not in predictors:
            predictors = {variant: Predictor(create_model(variant), precision=precision)}  # one at a time: L is large
        rates.append((x, model_throughput(predictors[variant], batch_size, side, runs, warmup=1)))
    return rates


def run(output, precisions, runs):
    """Measure all sweeps; saves ``sweep.csv`` and ``sweep.png`` in ``output``, returns their paths."""
    panels, rows = [], []
    for name, (title, label, points) in SWEEPS.items():
        lines = {}
        for precision in precisions:
            print(f"sweep over {name}, {precision}", file=sys.stderr)
            arguments = {"points": points, "precision": precision, "runs": runs}
            rates = machine.in_process(f"{__name__}:measure_points", arguments, machine.own_environment())
            lines[precision] = rates
            rows += [(name, x, precision, rate) for x, rate in rates]
        panels.append((title, label, lines))
    write_text(output / "sweep.csv", csv_table(HEADER, rows))
    return [output / "sweep.csv", save_figure(draw_sweep(panels), output / "sweep.png")]
