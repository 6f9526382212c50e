"""The drawings say what the network is: numbers in them are checked against the network itself."""

import io

import paddle
import pytest
from matplotlib.colors import to_hex

from fasternet_paddle.model import drawings
from fasternet_paddle.model.fasternet import VARIANTS, create_model
from fasternet_paddle.model.layers import PConv


def texts(figure):
    return " | ".join(text.get_text() for axes in figure.axes for text in axes.texts)


@pytest.mark.parametrize("variant", ["t0", "s"])
def test_architecture_names_depths_and_shapes(variant):
    said = texts(drawings.draw_architecture(variant, 64, 7))
    model = create_model(variant, 7)
    x = model.stem(paddle.zeros([1, 3, 64, 64]))
    for stage, depth in enumerate(VARIANTS[variant]["depths"]):
        assert f"{x.shape[1]} x {x.shape[2]} x {x.shape[3]}" in said
        assert f"Stage {stage + 1}\n{depth} block" in said
        if stage < 3:
            x = model.feature[2 * stage + 1](x)
    assert "FC, 7" in said


def test_receptive_field_is_what_reaches_the_output():
    """Gradients of a middle pixel through PConv and a pointwise convolution colour the same cells as the drawing."""
    channels, side = drawings.DEPTH, drawings.SIDE
    pointwise = paddle.nn.Conv2D(channels, 1, 1)
    x = paddle.ones([1, channels, side, side])
    x.stop_gradient = False
    output = pointwise(PConv(channels)(x))[0, 0, side // 2, side // 2]
    (gradient,) = paddle.grad(output, x)
    reached = gradient.numpy()[0, :, side // 2] != 0  # (channels, side): the middle row
    axes = drawings.draw_receptive_field().axes[1]
    drawn = {(int(p.get_x()), channels - 1 - int(p.get_y())): to_hex(p.get_facecolor()) for p in axes.patches}
    coloured = {cell for cell, color in drawn.items() if color != drawings.UNTOUCHED}
    assert coloured == {(pixel, channel) for channel, row in enumerate(reached) for pixel, hit in enumerate(row) if hit}
    assert f"= {int((gradient.numpy() != 0).sum())} inputs" in texts(axes.figure)


@pytest.mark.parametrize("draw", [drawings.draw_receptive_field, drawings.draw_architecture])
def test_figures_fit_and_are_light(draw):
    figure = draw()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    assert 5_000 < file.tell() < 100_000
    for axes in figure.axes:
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        for text in axes.texts:
            x, y = text.get_position()
            assert left <= x <= right and low <= y <= high, text.get_text()
        for patch in axes.patches:
            box = patch.get_path().get_extents(patch.get_patch_transform())
            assert left <= box.x0 and box.x1 <= right and low <= box.y0 and box.y1 <= high, patch
