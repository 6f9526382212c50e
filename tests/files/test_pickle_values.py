"""Arrays in pickles: every dtype, order and shape, numpy 1's and 2's names, and damaged ones."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasternet_paddle.files.pickle_values import DTYPES
from fasternet_paddle.files.pickles import load_pickle
from tests import hostile
from tests.files.damage import PIECES, cases, damaged, read_or_refused


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_come_back(protocol):
    grid = np.arange(24).reshape(2, 3, 4)
    shapes = [
        grid,
        np.asfortranarray(grid),
        grid.transpose(1, 0, 2),
        grid[:, ::2],
        grid[:0],
        grid[1, 1, 1:2].reshape(()),
    ]
    arrays = [a.astype(order + code, order="K") for a in shapes for code in DTYPES for order in "<>"]
    result = load_pickle(pickle.dumps(arrays, protocol), "it")
    for array, back in zip(arrays, result, strict=True):
        assert type(back) is np.ndarray and back.dtype == array.dtype and back.shape == array.shape
        assert back.tobytes() == array.tobytes()
    first, second = load_pickle(pickle.dumps([grid, grid], protocol), "it")  # the second is a memo's entry
    assert first is second and first.shape == grid.shape
    scalars = [np.float32(1.5), np.float64(2.5), np.int64(-3), np.uint8(4), np.bool_(True), np.float16(0.5)]
    result = load_pickle(pickle.dumps(scalars, protocol), "it")
    assert [(type(s), s) for s in result] == [(type(s), s) for s in scalars]


def test_numpy_1_and_2_name_the_same_functions():
    new = pickle.dumps(np.arange(3), 2)
    old = new.replace(b"numpy._core.", b"numpy.core.") if b"numpy._core." in new else new
    np.testing.assert_array_equal(load_pickle(old, "it"), np.arange(3))


def test_a_large_array_is_not_copied():
    content = pickle.dumps({"a": np.zeros(2**20, np.uint8)}, 4)
    array = load_pickle(content, "it")["a"]
    assert not array.flags.owndata  # it is a view of the bytes that the opcode brought


def _check_values(value, depth=0):
    """An independent statement of what may come out."""
    assert depth < 100
    if type(value) is dict:
        for key, item in value.items():
            assert type(key) in (str, bytes, int, bool, type(None))
            _check_values(item, depth + 1)
    elif type(value) in (list, tuple):
        for item in value:
            _check_values(item, depth + 1)
    elif isinstance(value, np.ndarray | np.generic):
        assert value.dtype.kind in "biuf" and value.dtype.itemsize <= 8
        value.sum()  # touches all of its memory
    else:
        assert type(value) in (type(None), bool, int, float, str, bytes, bytearray)


ARRAY_PICKLES = [
    pickle.dumps(v, p)
    for p in range(6)
    for v in ({"w": np.arange(6, dtype="f4").reshape(2, 3), "b": b"\xff", "s": np.float32(1)}, [np.array(True)])
] + [hostile.python2_pickle(hostile.batch(1))[:60] + hostile.python2_pickle(hostile.batch(0))]
NAMED = [
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    hostile.RECONSTRUCT,
    hostile.F4,
    b"c_codecs\nencode\n",
    b"X\x06\0\0\0latin1",
]
NAMED += [
    b"cbuiltins\nbytearray\n",
    b"cbuiltins\ntuple\n",
    b"cnumpy.core.multiarray\nscalar\n",
    b"cnumpy.core.numeric\n_frombuffer\n",
]
NAMED += [b"(K\x01K\x01\x85" + hostile.F4 + b"\x89C\x04abcdtb", b"ccollections\nOrderedDict\n)R", b"cos\nsystem\n"]


@cases(300)
@given(damaged(ARRAY_PICKLES))
def test_damaged_arrays(content):
    _check_values(read_or_refused(load_pickle, content, "it"))


@cases(200)
@given(st.lists(st.sampled_from(PIECES + NAMED), max_size=25).map(b"".join))
def test_any_opcodes_and_names(content):
    _check_values(read_or_refused(load_pickle, content + b".", "it"))
