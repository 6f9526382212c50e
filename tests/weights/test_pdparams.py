"""Weights in the notebook's format: Paddle's own reading and writing, what must fit, and what is refused."""

import numpy as np
import paddle
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.weights.pdparams import load_weights, save_state, set_weights


def _state(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_paddle_reads_what_is_written_and_the_other_way_round(tmp_path):
    model = create_model("t0", embed_dim=4)
    save_state(model.state_dict(), tmp_path / "ours.pdparams")
    paddle.save(model.state_dict(), str(tmp_path / "paddles.pdparams"))
    assert (tmp_path / "ours.pdparams").read_bytes() == (tmp_path / "paddles.pdparams").read_bytes()
    assert [path.name for path in tmp_path.glob("o*")] == ["ours.pdparams"]
    weights, wanted = load_weights(tmp_path / "paddles.pdparams"), _state(model)
    assert list(weights) == list(wanted)
    assert all(np.array_equal(weights[name], wanted[name]) for name in wanted)


def test_setting_makes_two_networks_answer_alike():
    first, second = create_model("t0", embed_dim=4), create_model("t0", embed_dim=4)
    set_weights(second, _state(first), "file")
    images = paddle.rand([2, 3, 32, 32])
    first.eval(), second.eval()
    assert np.array_equal(first(images).numpy(), second(images).numpy())


def test_keys_that_do_not_fit_are_listed_and_nothing_is_changed():
    model = create_model("t0")
    before = _state(model)
    weights = dict(before)
    del weights["fc.bias"]
    weights["head.bias"] = np.zeros(3, np.float32)
    weights["conv1.weight"] = np.zeros((1280, 512, 1, 1), np.float32)
    expected = r"missing fc.bias; extra head.bias; misshapen conv1.weight \(1280, 512, 1, 1\) for \(1280, 320, 1, 1\)"
    with pytest.raises(FasterNetError, match=expected) as refusal:
        set_weights(model, weights, "file")
    assert refusal.value.change == ("variant", "mixer", "num_classes")
    assert all(np.array_equal(before[name], value) for name, value in _state(model).items())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([1, 2], "must hold a dict of named arrays, got a list"),
        ({"epoch": 3}, "got epoch that are not"),
        ({"fc.weight": np.zeros((2, 2), np.int64)}, "got fc.weight that are not"),
    ],
)
def test_files_that_hold_no_weights(tmp_path, content, says):
    paddle.save(content, str(tmp_path / "model.pdparams"), protocol=4)
    with pytest.raises(FasterNetError, match=says):
        load_weights(tmp_path / "model.pdparams")
