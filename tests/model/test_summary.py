"""Multiply-adds and parameters against the paper's geometry, written out once more, and against known totals."""

import paddle
import pytest
from paddle import nn

import fasternet_paddle
from fasternet_paddle.model.fasternet import VARIANTS, create_model
from fasternet_paddle.model.layers import DWConv, FullConv, PConv
from fasternet_paddle.model.summary import count_macs, count_parameters, layer_costs

# GMACs at 224 pixels and trainable parameters with 1000 classes (shared reference; the paper's table 6 agrees).
TOTALS = {
    "t0": (0.3354, 3_905_500),
    "t1": (0.8505, 7_595_368),
    "t2": (1.9043, 14_982_888),
    "s": (4.5497, 31_181_032),
    "m": (8.7219, 53_521_464),
    "l": (15.4944, 93_465_192),
}
# T0 with 10 classes: MMACs, parameters in millions.
MIXERS = {
    "pconv": ({}, 334, 2.637),
    "dwconv": ({}, 302, 2.418),
    "dwconv at equal cost": ({"embed_dim": 42}, 333, 2.641),
    "conv": ({}, 885, 6.215),
}


def by_hand(width, depths, num_classes, size):
    """A FasterNet's multiply-adds from its geometry alone."""
    side = size // 4
    total = 3 * width * 16 * side**2
    for stage, depth in enumerate(depths):
        if stage:
            side //= 2
            total += width * 2 * width * 4 * side**2
            width *= 2
        block = 9 * (width // 4) ** 2 + 2 * width * 2 * width
        total += depth * block * side**2
    return total + width * 1280 + 1280 * num_classes


@pytest.mark.parametrize("variant", TOTALS)
def test_totals_of_the_variants(variant):
    giga, parameters = TOTALS[variant]
    model = getattr(fasternet_paddle, f"fasternet_{variant}")(1000)
    assert count_parameters(model) == parameters
    # A quarter of the side in each direction keeps the large ones quick; the geometry tells the rest.
    assert count_macs(model, (3, 64, 64)) == by_hand(
        VARIANTS[variant]["embed_dim"], VARIANTS[variant]["depths"], 1000, 64
    )
    assert by_hand(VARIANTS[variant]["embed_dim"], VARIANTS[variant]["depths"], 1000, 224) / 1e9 == pytest.approx(
        giga, abs=5e-5
    )


def test_t0_at_its_full_size():
    assert count_macs(create_model("t0", 1000)) / 1e9 == pytest.approx(0.3354, abs=5e-5)


@pytest.mark.parametrize("name", MIXERS)
def test_totals_of_the_mixers(name):
    overrides, mega, millions = MIXERS[name]
    model = create_model("t0", 10, mixer=name.split()[0], **overrides)
    assert round(count_macs(model) / 1e6) == mega
    assert round(count_parameters(model) / 1e6, 3) == millions


def test_operators_of_the_papers_table_1():
    shape = (96, 56, 56)
    assert count_macs(FullConv(96), shape) == 9 * 96 * 96 * 56 * 56
    assert count_macs(PConv(96), shape) == count_macs(FullConv(96), shape) // 16
    assert count_macs(DWConv(96), shape) == 9 * 96 * 56 * 56


def test_layers_are_listed_in_order_with_their_output():
    model = nn.Sequential(nn.Conv2D(3, 8, 3, stride=2, padding=1, groups=1), nn.Flatten(), nn.Linear(8 * 16, 5))
    first, last = layer_costs(model, (3, 8, 8))
    assert (first.name, first.output_shape, first.macs) == ("0", (8, 4, 4), 27 * 8 * 16)
    assert (last.name, last.output_shape, last.macs) == ("2", (5,), 128 * 5)


def test_the_model_is_left_as_it_was():
    model = create_model("t0")
    model.train()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    count_macs(model, (3, 32, 32))
    assert model.training and model.stem[1].training
    assert all((value.numpy() == before[name]).all() for name, value in model.state_dict().items())
    assert not any(layer._forward_post_hooks for layer in model.sublayers(include_self=True))


def test_hooks_go_even_where_the_pass_fails():
    model = create_model("t0")
    with pytest.raises(ValueError):
        count_macs(model, (5, 32, 32))
    assert not any(layer._forward_post_hooks for layer in model.sublayers(include_self=True))


def test_frozen_parameters_do_not_count():
    layer = nn.Linear(4, 3)
    layer.bias.stop_gradient = True
    assert count_parameters(layer) == 12
    assert paddle.is_tensor(layer.weight)
