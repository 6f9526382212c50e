"""Pickles: plain values, what Python 2 and Paddle wrote, and damaged ones as Python's own unpickler reads them."""

import collections
import io
import pickle

import numpy as np
import paddle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasternet_paddle.files.opening import RefusedFile
from fasternet_paddle.files.pickles import load_pickle, read_pickle
from tests import hostile
from tests.files.damage import PIECES, cases, damaged, read_or_refused

PLAIN_VALUE = {
    "numbers": [0, 1, 255, 256, 70_000, -1, 2**31, -(2**40), 2**100, 1.5, -0.0, 1e300],
    "text": ["", "a", "é\n\\x", "数据", "😀", b"", b"a\xff\n", bytearray(b"ab")],
    "tuples": [(), (1,), (1, 2), (1, (2, 3), 4), (1, 2, 3, 4)],
    "nested": {"a": {"b": [{"c": (None, True, False)}]}, 1: "x", None: 2, b"k": 3, False: 4},
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back(protocol):
    result = load_pickle(pickle.dumps(PLAIN_VALUE, protocol), "it")
    assert repr(result) == repr(PLAIN_VALUE)  # repr also tells 1 from True and -0.0 from 0.0
    ordered = collections.OrderedDict(b=1, a=[2])
    result = load_pickle(pickle.dumps(ordered, protocol), "it")
    assert type(result) is dict and list(result.items()) == list(ordered.items())


def test_python_2_pickles():
    value = {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [0, 255, 256, -1], b"long": b"x" * 300}
    content = hostile.python2_pickle(value)
    result = load_pickle(content, "it")
    witness = pickle.loads(content, encoding="bytes")
    assert list(result) == list(witness) == list(value)
    np.testing.assert_array_equal(result[b"data"], witness[b"data"])
    assert result[b"labels"] == value[b"labels"] and result[b"long"] == value[b"long"]


def test_what_python_2_wrote():
    """Python 2.7.18's cPickle at protocols 0, 1 and 2."""
    for written in (
        b"(dp1\nS'a'\n(lp2\nI1\naL2L\naI300\naI-1\naS\"b\\xff\\n'\"\np3\naV\xe9\na(F1.5\nNI01\ntp4\nasS'long'\np5\n"
        b"S'xxx'\np6\ns.",
        b"}q\x01(U\x01a]q\x02(K\x01L2L\nM,\x01J\xff\xff\xff\xffU\x04b\xff\n'q\x03X\x02\x00\x00\x00\xc3\xa9(G?\xf8\x00"
        b"\x00\x00\x00\x00\x00NI01\ntq\x04eU\x04longq\x05U\x03xxxq\x06u.",
        b"\x80\x02}q\x01(U\x01a]q\x02(K\x01\x8a\x01\x02M,\x01J\xff\xff\xff\xffU\x04b\xff\n'q\x03X\x02\x00\x00\x00\xc3"
        b"\xa9G?\xf8\x00\x00\x00\x00\x00\x00N\x88\x87q\x04eU\x04longq\x05U\x03xxxq\x06u.",
    ):
        expected = {b"a": [1, 2, 300, -1, b"b\xff\n'", "é", (1.5, None, True)], b"long": b"xxx"}
        assert load_pickle(written, "it") == expected


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_saves(tmp_path, protocol):
    net = paddle.nn.Sequential(paddle.nn.Linear(3, 4), paddle.nn.BatchNorm1D(4))
    schedule = paddle.optimizer.lr.CosineAnnealingDecay(1e-3, 10)
    adam = paddle.optimizer.AdamW(schedule, parameters=net.parameters(), weight_decay=0.005)
    net(paddle.ones([2, 3])).square().sum().backward()
    adam.step()
    schedule.step()

    paddle.save(net.state_dict(), str(tmp_path / "net.pdparams"), protocol=protocol)
    weights = read_pickle(tmp_path / "net.pdparams")
    assert set(weights) == {*net.state_dict(), "StructuredToParameterName@@"}
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(weights[name], tensor.numpy(), strict=True)

    paddle.save(adam.state_dict(), str(tmp_path / "adam.pdopt"), protocol=protocol)
    state = read_pickle(tmp_path / "adam.pdopt")
    assert state["LR_Scheduler"] == schedule.state_dict()
    tensors = {name: value for name, value in adam.state_dict().items() if name != "LR_Scheduler"}
    assert len(tensors) == 16  # two moments and two powers of beta for each of four parameters
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(state[name], tensor.numpy(), strict=True)

    paddle.save({"net": net.state_dict(), "epoch": 3, "list": [net[0].bias]}, str(tmp_path / "all"), protocol=protocol)
    saved = read_pickle(tmp_path / "all")
    name, bias = saved["list"][0]  # a Tensor among other things
    assert saved["epoch"] == 3 and name == net[0].bias.name
    np.testing.assert_array_equal(bias, net[0].bias.numpy())


def test_every_truncation_is_found():
    for protocol in range(6):
        content = pickle.dumps({"a": np.arange(3.0), "b": [1, "x"]}, protocol)
        for length in range(len(content)):
            with pytest.raises(RefusedFile):
                load_pickle(content[:length], "it")


class NoNames(pickle.Unpickler):
    """Python's own unpickler for pickles that name nothing: the witness of right data."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError("a name")


PLAIN_PICKLES = [
    pickle.dumps(v, p) for p in range(6) for v in ({"a": [1, 2.5, None], "b": ("x", True)}, PLAIN_VALUE["numbers"])
]
PLAIN_PICKLES += [hostile.python2_pickle({b"a": [1, 300, b"b"], b"c": {b"d": -1}})]


def _check_against_python(content):
    result = read_or_refused(load_pickle, content, "it")
    if result is not None:
        assert repr(result) == repr(NoNames(io.BytesIO(content), encoding="bytes").load())


ATOMS = st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats() | st.text() | st.binary()
KEYS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text() | st.binary()
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner) | inner.map(lambda v: [v, v])
    ),
)


@cases(200)
@given(VALUES, st.integers(0, 5), st.sampled_from([pickle.dumps, pickle._dumps]))
def test_any_plain_value_comes_back(value, protocol, dumps):
    assert repr(load_pickle(dumps(value, protocol), "it")) == repr(value)


@cases(100)
@given(st.binary(max_size=200))
def test_random_bytes(content):
    _check_against_python(content)


@cases(500)
@given(damaged(PLAIN_PICKLES))
def test_damaged_pickles_are_read_as_python_reads_them(content):
    _check_against_python(content)


@cases(200)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))
def test_any_opcodes_are_read_as_python_reads_them(content):
    _check_against_python(content + b".")
