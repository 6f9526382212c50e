"""The network against the notebook's transcription: first weights, outputs, loss, gradients, drop-path rates."""

import numpy as np
import paddle
import pytest
from paddle import nn

import fasternet_paddle
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import VARIANTS, FasterNet, create_model, drop_path_rates
from fasternet_paddle.model.layers import DropPath, DWConv
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy
from tests import notebook

# Trainable parameters with 10 classes: the notebook's paddle.summary.
PARAMETERS = {"t0": 2_637_310, "t1": 6_327_178, "t2": 13_714_698}


def _pair(variant, num_classes=10):
    """The package's network and the transcription, each made right after the same seed; S, M and L a quarter as wide,
    since making them takes seconds (their width: ``test_summary``)."""
    width = notebook.SIZES[variant][0] // (4 if variant in "sml" else 1)
    paddle.seed(42)
    ours = create_model(variant, num_classes, embed_dim=width)
    paddle.seed(42)
    return ours, notebook.Network(variant, num_classes, width)


def _images(count=2, size=64, seed=0):
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal((count, 3, size, size)).astype("float32"))


def _largest_relative(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


@pytest.mark.parametrize("variant", VARIANTS)
def test_is_the_notebooks_network(variant):
    ours, theirs = _pair(variant)
    our_state, their_state = ours.state_dict(), theirs.state_dict()
    assert list(our_state) == list(their_state)
    for name, value in our_state.items():
        assert np.array_equal(value.numpy(), their_state[name].numpy()), name

    rates = [block.drop_path.drop_prob for block in _blocks(ours) if isinstance(block.drop_path, DropPath)]
    assert rates == [rate for rate in theirs.rates if rate > 0]
    assert [isinstance(block.drop_path, nn.Identity) for block in _blocks(ours)] == [r == 0 for r in theirs.rates]

    ours.eval(), theirs.eval()
    with paddle.no_grad():
        assert _largest_relative(ours(_images()).numpy(), theirs(_images()).numpy()) < 1e-5


@pytest.mark.parametrize("variant", ["t0", "t2"])
def test_first_step_is_the_notebooks(variant):
    ours, theirs = _pair(variant)
    labels = paddle.to_tensor([3, 7, 0, 9])
    losses = []
    for model, criterion in ((ours, LabelSmoothingCrossEntropy(0.1)), (theirs, notebook.smoothed_loss)):
        paddle.seed(7)  # the same samples' branches are dropped
        loss = criterion(model(_images(4)), labels)
        loss.backward()
        losses.append(float(loss))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        if a.stop_gradient:  # a running mean or variance: Paddle counts them among the parameters
            continue
        assert _largest_relative(a.grad.numpy(), b.grad.numpy()) < 1e-4, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_builders_make_their_variant_with_ten_classes(variant):
    """Their parameters with 1000 classes, and so their width: ``test_summary``."""
    builder = getattr(fasternet_paddle, f"fasternet_{variant}")
    if variant in PARAMETERS:
        assert _trainable(builder()) == PARAMETERS[variant]
    model = builder(embed_dim=8)
    model.eval()
    with paddle.no_grad():
        assert model(_images(2, 224)).shape == [2, 10]
    assert [len(model.feature[stage]) for stage in range(0, 8, 2)] == notebook.SIZES[variant][1]


def test_dwconv_at_42_costs_what_pconv_costs_at_40():
    costs = {("pconv", 40): 2.637, ("dwconv", 40): 2.418, ("dwconv", 42): 2.641, ("conv", 40): 6.215}  # millions
    for (mixer, width), millions in costs.items():
        assert _trainable(create_model("t0", mixer=mixer, embed_dim=width)) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_any_size_from_32_pixels_up():
    model = create_model("t0")
    model.eval()
    with paddle.no_grad():
        for height, width in ((32, 32), (33, 65), (50, 32)):
            assert model(paddle.zeros([1, 3, height, width])).shape == [1, 10]


@pytest.mark.filterwarnings("ignore:Tensor do not have 'place' interface")  # Paddle, while it appends the backward
def test_works_under_a_compiled_graph():
    spec = [paddle.static.InputSpec([None, 3, 32, 32], "float32", "x")]
    compiled = paddle.jit.to_static(create_model("t2", embed_dim=16), input_spec=spec, full_graph=True)
    compiled.train()
    assert compiled(_images(3, 32)).shape == [3, 10]


@pytest.mark.parametrize("count", [1, 2, 3, 13, 18, 28])
@pytest.mark.parametrize("largest", [0.0, 0.02, 0.05, 0.3])
def test_drop_path_rates_are_paddles_linspace(largest, count):
    assert drop_path_rates(largest, count) == [x.item() for x in paddle.linspace(0, largest, count)]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: create_model("t9"), "known variants: t0, t1, t2, s, m, l"),
        (lambda: create_model("t0", mixer="attention"), "known mixers: pconv, dwconv, conv"),
        (lambda: create_model("t0", num_classes=0), "num_classes must be at least 1, got 0"),
        (lambda: create_model("t0", embed_dim=0), "embed_dim must be at least 1, got 0"),
        (lambda: FasterNet(depths=[]), "at least one block a stage"),
    ],
)
def test_refuses(call, says):
    with pytest.raises(FasterNetError, match=says):
        call()


def test_without_activation_after_stem_and_merges():
    """As the published networks: the same first weights and names, other outputs."""
    paddle.seed(42)
    ours = create_model("t0")
    paddle.seed(42)
    official = create_model("t0", stem_act=False)
    ours.eval(), official.eval()
    for (name, a), (other, b) in zip(ours.state_dict().items(), official.state_dict().items(), strict=True):
        assert name == other and np.array_equal(a.numpy(), b.numpy())
    ends = [official.stem[-1], *(official.feature[merge][-1] for merge in (1, 3, 5))]
    assert all(isinstance(end, nn.BatchNorm2D) for end in ends)
    with paddle.no_grad():
        stem = ours.stem(_images())
        assert np.array_equal(stem.numpy(), nn.GELU()(official.stem(_images())).numpy())
        assert _largest_relative(ours(_images()).numpy(), official(_images()).numpy()) > 1e-3


@pytest.mark.parametrize("stem_act", [True, False])
def test_features_are_the_stages_outputs(stem_act):
    model = create_model("t0", stem_act=stem_act)
    model.eval()
    with paddle.no_grad():
        maps = model.features(_images(2, 64))
        assert [tuple(stage.shape) for stage in maps] == [(2, 40 << i, 16 >> i, 16 >> i) for i in range(4)]
        logits = model.fc(model.act_layer(model.conv1(model.avg_pool(maps[-1]))).flatten(1))
        assert np.array_equal(logits.numpy(), model(_images(2, 64)).numpy())
        seen = []  # what each stage gives within the network's own pass
        hooks = [model.feature[i].register_forward_post_hook(lambda _, x, y: seen.append(y)) for i in (0, 2, 4, 6)]
        model(_images(2, 64))
        [hook.remove() for hook in hooks]
        assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(maps, seen, strict=True))


def test_a_mixer_may_be_a_class():
    assert isinstance(_blocks(create_model("t0", mixer=DWConv))[0].pconv, DWConv)


def _blocks(model):
    return [block for stage in range(0, 8, 2) for block in model.feature[stage]]


def _trainable(model):
    return sum(parameter.size for parameter in model.parameters() if not parameter.stop_gradient)
