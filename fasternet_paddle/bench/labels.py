"""Labels in a figure that cover nothing: not the frame, no marker, no line, no other label.

    label_points(axes, [("PConv", 334.0, 21.5), ...])        # each beside its marker, at (x, y) of the data
    label_line(axes, "10 ms", xs, ys, taken)                 # on a line, at one of its points

Both ask the renderer for the sizes of texts, so limits, scales and the legend must be set before. A place is the first
free one of several candidates; in pixels of the figure, whose layout is computed for that.
"""

import itertools

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.transforms import Bbox

MARGIN = 3  # pixels around a label, and from the frame: another resolution rounds glyphs otherwise
MARKER = 8  # points from side to side that a marker takes, with its edge
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))  # right is where one reads on
NEAR = 2  # distances up to which a label needs no line to its marker
DISTANCES = 16  # each a line of text further from the marker


def label_points(axes, points, taken=(), fontsize=8):
    """Write each point's name beside it; with a thin line to it where only a distant place is free.

    A name for which the axes have no room at all is left out, as by ``label_line``: the table beside the figure has it.

    Args:
        axes: with a marker at every point.
        points: ``(name, x, y)`` each, in data coordinates.
        taken: more boxes, ``matplotlib.transforms.Bbox`` in pixels, to keep clear of.
        fontsize: in points.
    """
    markers = marker_boxes(axes, [(x, y) for _, x, y in points])
    taken = [*taken, *markers]
    for (name, x, y), marker in zip(points, markers, strict=True):
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", fontsize=fontsize, ha="center", va="center"
        )
        size = _size(text)
        centre = np.array([(marker.x0 + marker.x1) / 2, (marker.y0 + marker.y1) / 2])
        clear = [box for box in taken if box is not marker]  # a line may leave its own marker
        for distance, offset in _around(size, marker.width / 2):
            box = _box(centre + offset, size)
            way = line_boxes([centre, centre + offset]) if distance > NEAR else []
            if _is_free(axes, box, taken) and not any(step.overlaps(other) for step in way for other in clear):
                break
        else:
            text.remove()
            continue
        text.set_position(offset * 72 / axes.figure.dpi)  # pixels -> points
        taken += [box, *way]
        if way:
            ends = axes.transData.inverted().transform([centre, _towards(box, centre)])
            axes.add_collection(LineCollection([ends], color="0.6", linewidth=0.6, zorder=1), autolim=False)


def label_line(axes, words, xs, ys, taken, **style):
    """Write ``words`` at the first of a line's points where they cover nothing; returns their box, or None.

    Args:
        axes: with final limits.
        words: the label.
        xs, ys: candidates, in data coordinates.
        taken: boxes in pixels to keep clear of.
        style: of the text.
    """
    text = axes.text(xs[0], ys[0], words, ha="center", va="center", **style)
    size = _size(text)
    for x, y in zip(xs, ys, strict=True):
        box = _box(axes.transData.transform((x, y)), size)
        if _is_free(axes, box, taken):
            text.set_position((x, y))
            return box
    text.remove()
    return None


def marker_boxes(axes, points):
    """A ``Bbox`` in pixels around the marker of each ``(x, y)`` in data coordinates."""
    side = MARKER * axes.figure.dpi / 72
    return [_box(centre, (side, side)) for centre in axes.transData.transform(np.asarray(points, float).reshape(-1, 2))]


def line_boxes(corners, step=4):
    """Small boxes along a line through ``corners``, ``(P, 2)`` in pixels, one every ``step`` pixels."""
    boxes = []
    for start, end in itertools.pairwise(corners):
        count = max(2, int(np.hypot(*(end - start)) / step) + 1)
        boxes += [_box(point, (2, 2)) for point in np.linspace(start, end, count)]
    return boxes


def _around(size, reach):
    """``(distance, offset of a label's middle from its marker's)`` in pixels, the nearest first."""
    for distance in range(1, DISTANCES + 1):
        gap = reach + MARGIN + (distance - 1) * size[1]
        for direction in DIRECTIONS:
            yield distance, np.array(direction) * (gap + np.array(size) / 2)


def _towards(box, point):
    """The place of ``box`` that is nearest to ``point``."""
    return np.clip(point, (box.x0, box.y0), (box.x1, box.y1))


def _size(text):
    """Width and height in pixels."""
    extent = text.get_window_extent()
    return extent.width + 2 * MARGIN, extent.height + 2 * MARGIN


def _box(centre, size):
    return Bbox.from_bounds(centre[0] - size[0] / 2, centre[1] - size[1] / 2, *size)


def _is_free(axes, box, taken):
    frame = axes.bbox
    inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
    return inside and not any(box.overlaps(other) for other in taken)
