"""Which engine is the fastest where: a map over batch and resolution, from the races of the engine auto."""

import sys

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from ..errors import FasterNetError
from . import measuring
from .rates import save_results, save_rows

BATCHES = (1, 4, 16, 64)  # images
SIDES = (32, 96, 160, 224)  # pixels
HEADER = ("precision", "images", "pixels a side", "engine and its use", "images/s")
COLOURS = {"paddle": "#e8a0a0", "onnxruntime": "#a8cbe8", "openvino": "#b5dfb0"}


def measure_cell(batch, side, precision):
    """A worker: {engine and its use: images/s} of a T0, the fastest first."""
    import paddle

    from ..inference.predictor import Predictor
    from ..inference.throughput import model_throughput
    from ..model.fasternet import create_model

    paddle.seed(0)
    predictor = Predictor(create_model("t0"), side, engine="auto", precision=precision)
    rates = predictor.ready(batch, side)
    return rates or {"paddle": model_throughput(predictor, batch, side, runs=5)}


def run(output, precisions):
    """Measure all cells; saves ``engines.csv`` and ``engines.png`` in ``output``."""
    rows, cells = [], {}
    for precision in precisions:
        for batch in BATCHES:
            for side in SIDES:
                print(f"map of engines: {precision}, {batch} images of {side} pixels", file=sys.stderr)
                arguments = {"batch": batch, "side": side, "precision": precision}
                environment = measuring.own_environment()
                try:
                    rates = measuring.in_process(f"{__name__}:measure_cell", arguments, environment)
                except FasterNetError as error:
                    print(f"note: the map lacks {precision}, {batch} images of {side}: {error}", file=sys.stderr)
                    continue
                cells[precision, batch, side] = rates
                rows += [(precision, batch, side, way, rate) for way, rate in rates.items()]
                save_rows(output, "engines", HEADER, rows)
    if not cells:
        raise FasterNetError("no cell of the map could be measured")
    save_results(output, "engines", HEADER, rows, draw_map(cells))


def best_by_engine(rates):
    """{engine: its best images/s}, the fastest first."""
    best = {}
    for way, rate in rates.items():
        engine = way.split(", ")[0]
        best[engine] = max(rate, best.get(engine, 0.0))
    return dict(sorted(best.items(), key=lambda item: -item[1]))


def draw_map(cells):
    """A panel a precision: batch downwards, resolution to the right; the colour is the engine that wins.

    Args:
        cells: {(precision, batch, side): {engine and its use: images/s}}.
    """
    precisions = list(dict.fromkeys(precision for precision, *_ in cells))
    page = Figure(figsize=(6.4 * len(precisions), 4.6), layout="constrained")
    names = list(COLOURS)
    for axes, precision in zip(page.subplots(1, len(precisions), squeeze=False)[0], precisions, strict=True):
        winners = np.full((len(BATCHES), len(SIDES)), np.nan)
        for row, batch in enumerate(BATCHES):
            for column, side in enumerate(SIDES):
                best = best_by_engine(cells.get((precision, batch, side), {}))
                if not best:
                    continue
                first, *_ = best
                winners[row, column] = names.index(first)
                others = "\n".join(f"{name} x{rate / best[first]:.2f}" for name, rate in best.items() if name != first)
                text = f"{first} {best[first]:,.0f}\n{others}"
                axes.text(column, row, text, ha="center", va="center", fontsize=8)
        axes.imshow(winners, ListedColormap(list(COLOURS.values())), vmin=-0.5, vmax=len(names) - 0.5, aspect="auto")
        axes.set_xticks(range(len(SIDES)), SIDES)
        axes.set_yticks(range(len(BATCHES)), BATCHES)
        axes.set_xlabel("pixels a side")
        axes.set_title(f"T0, {precision}: the fastest engine, images/s, and the others beside it", fontsize=10)
    page.axes[0].set_ylabel("images a batch")
    return page
