"""Labels of ``mixers.png``, ``variants.png`` and ``operators.png`` cover nothing, by the renderer's own boxes."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from fasternet_paddle.bench import labels, operators, variants
from fasternet_paddle.bench.paper import OPERATOR_CPU_MS, OPERATOR_SHAPES, PAPER_COST, PAPER_SPEED

MIXERS = {"PConv": 334, "DWConv equal width": 302, "DWConv equal cost": 333, "full convolution": 885}  # M multiply-adds
MEGA = {"Conv 3x3": (2601.1,) * 4, "DWConv": (27.1, 13.5, 6.8, 3.4), "PConv": (162.6,) * 4}  # the paper's table 1


def overlaps(figure, dpi):
    """What covers what on the page at ``dpi``: pairs of labels, labels on markers, on the frame or the legend."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found, legends = [], [legend.get_window_extent() for legend in figure.legends]
    for axes in figure.axes:
        texts = {text.get_text(): text.get_window_extent(canvas.get_renderer()) for text in axes.texts}
        assert len(texts) == len(axes.texts)
        found += [pair for pair in itertools.combinations(texts, 2) if texts[pair[0]].overlaps(texts[pair[1]])]
        markers = []
        for line in axes.lines:
            if line.get_marker() not in ("None", None, "", " "):
                reach = line.get_markersize() * dpi / 72 / 2
                for x, y in axes.transData.transform(line.get_xydata()):
                    markers.append(Bbox([[x - reach, y - reach], [x + reach, y + reach]]))
        assert markers
        frame = axes.get_window_extent()
        for box in markers:
            found += [("marker on the frame", box)] if not inside(box, frame) else []
        for name, box in texts.items():
            found += [(name, "marker") for marker in markers if box.overlaps(marker)]
            found += [(name, "frame")] if not inside(box, frame) else []
            found += [(name, "legend") for legend in legends if box.overlaps(legend)]
    return found


def inside(box, frame):
    return frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1


def costs(macs, milliseconds):
    return [
        variants.Cost(name, 1, int(mega * 1e6), ms, 1.0)
        for (name, mega), ms in zip(macs.items(), milliseconds, strict=True)
    ]


@pytest.mark.parametrize("milliseconds", [(21.5, 22, 24.1, 36), (20,) * 4, (3, 300, 3.1, 30), (9.9, 10, 10.1, 10.2)])
def test_mixers_cover_nothing(milliseconds):
    figure = variants.draw_variants(costs(MIXERS, milliseconds))
    assert [text.get_text() for text in figure.axes[0].texts] == list(MIXERS)
    assert overlaps(figure, 100) == [] and overlaps(figure, 120) == []  # 120 is what is saved


@pytest.mark.parametrize("factor", [1.0, 1.15, 0.05])
def test_variants_cover_nothing(factor):
    macs = {name: 1000 * flops for name, (_, flops) in PAPER_COST.items()}
    figure = variants.draw_variants(costs(macs, [factor * PAPER_SPEED[name][1] for name in macs]))
    assert len(figure.axes[0].texts) == len(PAPER_COST)
    assert overlaps(figure, 120) == []


@pytest.mark.parametrize("factors", [(1.0,), (0.5, 2.0), (0.01, 40.0)])  # the last: outside the usual limits
def test_operators_cover_nothing(factors):
    timings = [
        operators.Timing(name, channels, side, engine, int(mega * 1e6), 1, ms * factor)
        for engine, factor in zip(("paddle", "dygraph"), factors, strict=False)
        for name in operators.OPERATORS
        for (channels, side), mega, ms in zip(OPERATOR_SHAPES, MEGA[name], OPERATOR_CPU_MS[name], strict=True)
    ]
    figure = operators.draw_operators(timings)
    assert len(figure.axes) == len(factors) + 1
    for axes in figure.axes:
        assert {text.get_text() for text in axes.texts} >= {"1 ms", "3 ms", "10 ms"}
    assert overlaps(figure, 120) == []


def test_many_points_in_one_place_get_lines():
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    points = [(f"network {number}", 1.0, 1 + number / 15) for number in range(10)]
    axes.plot(*np.array([point[1:] for point in points]).T, "o", markersize=6)
    axes.set(xlim=(0, 3), ylim=(0, 3))
    figure.draw_without_rendering()
    labels.label_points(axes, points)
    assert len(axes.texts) == 10 and overlaps(figure, 100) == []
    assert axes.collections  # thin lines to those that are far away


def test_a_line_without_room_has_no_label():
    figure = Figure()
    axes = figure.subplots()
    assert labels.label_line(axes, "10 ms", [0.5], [0.5], [axes.bbox]) is None and not axes.texts
    assert labels.label_line(axes, "10 ms", [0.0, 0.5], [0.0, 0.5], []) is not None
    assert axes.texts[0].get_position() == (0.5, 0.5)  # at (0, 0) it would lie on the frame
