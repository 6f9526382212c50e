"""Our own drawings of the paper's two ideas: the T-shaped receptive field (figure 5) and the network (figure 4).

    draw_receptive_field()      # why PConv and a pointwise convolution look at a T
    draw_architecture()         # stem, four stages, head, and one block; sizes as for T0 at 224 pixels

Each returns a matplotlib ``Figure``.
"""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from ..runtime.drawing import new_figure
from .fasternet import HEAD_CHANNELS, VARIANTS

CONVOLVED, POINTWISE, UNTOUCHED, OUTPUT = "#d6604d", "#4393c3", "#eeeeee", "#5aae61"
EDGE = "#444444"
SIDE = 5  # pixels of the drawn feature map
DEPTH = 8  # channels of the drawn feature map; a quarter of them is convolved


# ---- the receptive field ----


def draw_receptive_field():
    """What one output pixel sees through a full convolution, and through PConv and the pointwise one after it.

    Two panels show a feature map of 8 channels from above: a row is a channel, a column a pixel of the map's middle
    row; coloured cells reach the output pixel. The third shows the same T in space.
    """
    figure = new_figure(10, 4.4)
    panels = (
        ("Full 3x3 convolution", _seen(DEPTH, 0), f"{DEPTH} channels x 9 = {9 * DEPTH} inputs"),
        (
            "PConv, then pointwise: a T",
            _seen(DEPTH // 4, DEPTH - DEPTH // 4),
            f"{DEPTH // 4} channels x 9 + {DEPTH - DEPTH // 4} x 1 = {9 * DEPTH // 4 + DEPTH - DEPTH // 4} inputs",
        ),
        ("The two as one kernel", None, ""),
    )
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    for ax, (title, seen, note) in zip(axes, panels, strict=True):
        ax.set_title(title, fontsize=10)
        ax.set_axis_off()
        ax.set_aspect("equal")
        if seen is not None:
            _draw_map(ax, seen)
            ax.text(SIDE / 2, -1.15, note, ha="center", va="top", fontsize=9)
            ax.set_xlim(-1.6, SIDE + 0.4)
            ax.set_ylim(-2.0, DEPTH + 1.0)
    axes[0].text(-0.35, DEPTH / 2, "channels", rotation=90, ha="center", va="center", fontsize=9)
    for ax in axes[:2]:
        ax.text(SIDE / 2, -0.25, "pixels of one row", ha="center", va="top", fontsize=9)
    _draw_kernel(axes[2])
    return figure


def _seen(convolved, pointwise):
    """int ``(DEPTH, SIDE)``: 2 where a 3x3 window reaches, 1 where only the centre does, 0 elsewhere."""
    seen = np.zeros((DEPTH, SIDE), int)
    middle = SIDE // 2
    seen[:convolved, middle - 1 : middle + 2] = 2
    seen[convolved : convolved + pointwise, middle] = 1
    return seen


def _draw_map(ax, seen):
    colors = {0: UNTOUCHED, 1: POINTWISE, 2: CONVOLVED}
    for channel in range(DEPTH):
        for pixel in range(SIDE):
            corner = (pixel, DEPTH - 1 - channel)
            ax.add_patch(
                Rectangle(corner, 1, 1, facecolor=colors[seen[channel, pixel]], edgecolor="white", linewidth=1.5)
            )


def _draw_kernel(ax):
    """The combined kernel in space: a 3x3 plate of a quarter of the depth, and a stem of one pixel behind it."""
    plate, stem = DEPTH // 4, DEPTH - DEPTH // 4
    _draw_box(ax, (1, 1, plate), (1, 1, stem), POINTWISE)
    _draw_box(ax, (0, 0, 0), (3, 3, plate), CONVOLVED)  # in front
    ax.text(1.5, -0.6, "3 x 3 over C/4 channels", color=CONVOLVED, ha="center", va="top", fontsize=9)
    ax.text(7.8, 2.6, "1 x 1 over the other 3C/4", color=POINTWISE, ha="center", va="top", fontsize=9)
    ax.set_xlim(-0.6, 11.2)
    ax.set_ylim(-2.2, 8.0)


def _draw_box(ax, corner, size, color):
    """A box in oblique projection: x to the right, y upwards, channels to the upper right."""
    right, up, back = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.75, 0.42])
    (x, y, z), (width, height, depth) = corner, size
    front = x * right + y * up + z * back
    faces = (  # a corner, its two edges, how dark
        (front + height * up, width * right, depth * back, 0.55),  # top
        (front + width * right, depth * back, height * up, 0.8),  # side
        (front, width * right, height * up, 1.0),
    )
    for at, first, second, alpha in faces:
        outline = np.array([at, at + first, at + first + second, at + second])
        ax.fill(*outline.T, facecolor=color, edgecolor=EDGE, alpha=alpha, linewidth=0.8)
    for step in range(1, width):
        for at, along in ((step * right, height * up), (step * up, width * right)):
            ax.plot(*np.array([front + at, front + at + along]).T, color=EDGE, linewidth=0.4)


# ---- the network ----


def draw_architecture(variant="t0", image_size=224, num_classes=10):
    """Stem, four stages with merges between them, head; below it what a block does.

    Args:
        variant: a key of ``VARIANTS``, for depths and widths.
        image_size: side of the input, in pixels.
        num_classes: width of the output.
    """
    width, depths = VARIANTS[variant]["embed_dim"], VARIANTS[variant]["depths"]
    figure = new_figure(11, 4.6)
    ax = figure.subplots()
    ax.set_axis_off()
    ax.set_xlim(-1.2, 24.0)
    ax.set_ylim(-5.8, 4.3)
    ax.set_title(f"FasterNet-{variant.upper()}, {image_size} x {image_size} pixels", fontsize=11)

    x, side = 0.9, image_size // 4
    ax.text(-0.3, 2.0, f"3 x {image_size}\nx {image_size}", ha="center", va="center", fontsize=8)
    for stage, depth in enumerate(depths):
        merge = "Embedding\n4x4 conv, /4" if stage == 0 else "Merging\n2x2 conv, /2"
        x = _box(ax, (x, 0.5, 1.3, 3.0), merge, "#d9d9d9", rotation=90)
        channels = width * 2**stage
        x = _box(ax, (x, 0.5, 2.5, 3.0), f"Stage {stage + 1}\n{depth} block{'s' * (depth > 1)}", CONVOLVED)
        ax.text(x - 1.65, 0.25, f"{channels} x {side} x {side}", ha="center", va="top", fontsize=8, color=EDGE)
        side //= 2
    for name in ("Pooling", f"1x1 conv, {HEAD_CHANNELS}", f"FC, {num_classes}"):
        x = _box(ax, (x, 0.5, 1.0, 3.0), name, OUTPUT, rotation=90)
    _draw_block(ax)
    return figure


def _box(ax, place, label, color, rotation=0):
    """A labelled box at ``place`` (left, bottom, width, height) and an arrow to it; returns where the next begins."""
    x, y, width, height = place
    middle = y + height / 2
    ax.add_patch(FancyArrowPatch((x - 0.45, middle), (x, middle), arrowstyle="-|>", mutation_scale=8))
    rounded = "round,pad=0,rounding_size=0.15"
    box = FancyBboxPatch((x, y), width, height, boxstyle=rounded, facecolor=color, edgecolor=EDGE)
    box.set_alpha(0.75)
    ax.add_patch(box)
    centred = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 1.4}
    ax.text(x + width / 2, middle, label, rotation=rotation, **centred)
    return x + width + 0.45


def _draw_block(ax):
    """One block: PConv, 1x1 up to twice the width, batch norm and activation, 1x1 down, and the way around."""
    y, height, x = -4.2, 1.6, 4.0
    middle = y + height / 2
    ax.text(0.0, middle, "A block,\nC channels\nin and out", ha="left", va="center", fontsize=9)
    start = x - 0.9
    ax.plot([start - 0.6, x - 0.45], [middle, middle], color="black", linewidth=1.2)
    steps = (
        ("PConv 3x3\nC/4 of C", CONVOLVED),
        ("1x1 conv\nC to 2C", POINTWISE),
        ("batch norm,\nactivation", "#d9d9d9"),
        ("1x1 conv\n2C to C", POINTWISE),
    )
    for text, color in steps:
        x = _box(ax, (x, y, 2.6, height), text, color)
    plus = x + 0.25
    ax.add_patch(FancyArrowPatch((x - 0.45, middle), (plus - 0.1, middle), arrowstyle="-|>", mutation_scale=8))
    ax.text(
        plus + 0.12,
        middle,
        "+",
        ha="center",
        va="center",
        fontsize=13,
        bbox={"boxstyle": "circle,pad=0.1", "fc": "white"},
    )
    low = y - 0.8
    ax.plot([start, start, plus + 0.12, plus + 0.12], [middle, low, low, middle - 0.5], color="black", linewidth=1.2)
    ax.text((start + plus) / 2, low - 0.1, "identity: the block learns what to add", ha="center", va="top", fontsize=8)
    ax.add_patch(FancyArrowPatch((plus + 0.45, middle), (plus + 1.3, middle), arrowstyle="-|>", mutation_scale=8))
