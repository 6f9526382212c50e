"""PyTorch's files and safetensors without PyTorch: what it and Lightning wrote comes out, hostile files do not.

`tests/fixtures` holds files as torch 2.13 and pytorch-lightning 2.6 wrote them, by
`tests/witnesses/make_torch_logits.py`.
Thousands of damaged ones are in `test_damaged_weights.py`.
"""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.opening import RefusedFile
from fasternet_paddle.files.tensors import is_safetensors, read_safetensors
from fasternet_paddle.files.torch_files import is_torch, read_torch
from tests import foreign, hostile_tensors

FIXTURES = Path(__file__).parents[1] / "fixtures"
GOOD = hostile_tensors.GOOD


@pytest.fixture
def file(tmp_path):
    """``file(content)`` writes one file again and again and returns its path."""

    def write(content):
        (tmp_path / "file").write_bytes(content)
        return tmp_path / "file"

    return write


def _same(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, name, strict=True)


# ---- honest files


def _as_bfloat16(array):
    """Rounded to the nearest upper half of a float32, ties to even."""
    bits = array.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


def _expected():
    """What `make_torch_logits.small_tensors` made, by numpy."""
    numbers = np.random.default_rng(0).random((6, 8), np.float32) - np.float32(0.5)
    return {
        "float32": numbers,
        "transposed": numbers.T,
        "sliced": numbers[1:4, 2:7:2],
        "scalar": np.array(3.5, np.float32),
        "empty": np.empty((0, 3), np.float32),
        "float16": numbers.astype(np.float16).astype(np.float32),
        "bfloat16": _as_bfloat16(numbers),
        "float64": (numbers.astype(np.float64) / 3).astype(np.float32),
        "int64": np.arange(-2, 3),
        "int32": np.arange(-2, 3, dtype=np.int32),
        "int8": np.arange(-2, 3, dtype=np.int8),
        "uint8": np.arange(5, dtype=np.uint8),
        "bool": numbers[0] > 0,
        "parameter": numbers,
        "tied": numbers,
        "channels_last": numbers.reshape(2, 2, 3, 4),
    }


@pytest.mark.parametrize("name", ["torch_zip.pth", "torch_legacy.pth"])
def test_what_torch_wrote(name):
    assert is_torch((FIXTURES / name).read_bytes()[:32])
    found = read_torch(FIXTURES / name)
    _same(found, _expected())
    assert np.shares_memory(found["parameter"], found["tied"])  # as in the file


def test_what_lightning_wrote():
    """With its callbacks, loops, optimizer, schedule and hyperparameters, a path among these."""
    with np.load(FIXTURES / "lightning.npz") as expected:
        _same(read_torch(FIXTURES / "lightning.ckpt"), dict(expected))


@pytest.mark.parametrize("write", [foreign.torch_zip, foreign.torch_legacy, foreign.safetensors])
def test_numbers_of_every_kind(file, write):
    arrays = {kind: np.arange(-3, 9).reshape(3, 4).astype(kind) for kind in ("f2", "f4", "f8", "i8", "u1")} | {
        "scalar": np.array(1.5, np.float32),
        "empty": np.empty((2, 0), np.float32),
    }
    read = read_safetensors if write is foreign.safetensors else read_torch
    floats = {name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in arrays.items()}
    _same(read(file(write(arrays))), floats)


@pytest.mark.parametrize("write", [foreign.torch_zip, foreign.torch_legacy])
@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict"])
def test_a_trainers_wrapper(file, write, key):
    def wrap(state):
        ordered = foreign.State(foreign.Call(foreign.ORDERED), {"_metadata": {"": {"version": 1}}})
        return {"epoch": 3, "rng": np.arange(3), "none": ordered, key: state}

    _same(read_torch(file(write(GOOD, wrap))), GOOD)


def test_of_a_wrapper_only_the_weights_are_read(file):
    """A storage of the optimizer may be damaged: it is not looked at."""
    arrays = GOOD | {"moment": np.full(50, 7, np.float32)}
    content = foreign.torch_zip(arrays, lambda state: {"optimizer": state.pop("moment"), "model": state})
    _same(read_torch(file(content.replace(np.full(50, 7, "f4").tobytes(), np.full(50, 8, "f4").tobytes()))), GOOD)


def test_big_endian_files(file):
    swapped = [array.byteswap().tobytes() for array in GOOD.values()]
    content = foreign.torch_members(foreign.pickled(foreign._tensors(GOOD)), swapped)
    for path in ("little", "big"):
        found = read_torch(file(_with_order(content, path)))
        expected = GOOD if path == "big" else {n: a.byteswap() for n, a in GOOD.items()}
        _same(found, expected)


def _with_order(content, order):
    import io
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            target.writestr(name, order if name.endswith("byteorder") else source.read(name))
    return stream.getvalue()


def test_safetensors_as_the_package_of_that_name_writes_them(file):
    arrays = {name: array for name, array in _expected().items() if array.flags.c_contiguous}
    content = safetensors.numpy.save(arrays, {"format": "pt"})
    assert is_safetensors(content[:32])
    found = read_safetensors(file(content))
    _same({name: found[name] for name in arrays}, arrays)


def test_every_bfloat16(file):
    """All 65,536 of them, against the definition: the upper half of a float32."""
    halves = np.arange(2**16, dtype=np.uint16)
    header = {"a": {"dtype": "BF16", "shape": [2**16], "data_offsets": [0, 2**17]}}
    found = read_safetensors(file(foreign.safetensors_of(header, halves.tobytes())))["a"]
    np.testing.assert_array_equal(found.view(np.uint32), halves.astype(np.uint32) << 16)


def test_files_are_told_by_their_content():
    starts = [foreign.torch_zip(GOOD), foreign.torch_legacy(GOOD), foreign.safetensors(GOOD), b"\x80\x02}q\x00(X", b""]
    assert [is_torch(start[:32]) for start in starts] == [True, True, False, False, False]
    assert [is_safetensors(start[:32]) for start in starts] == [False, False, True, False, False]


# ---- hostile files

KINDS = {
    "torch_zip": read_torch,
    "torch_legacy": read_torch,
    "safetensors": read_safetensors,
}
REASONS = {
    "under a name: system": "it refers to os.system, but only tensors and plain containers are read",
    "under a name: a module": "of a whole model its state_dict() is to be saved",
    "under a name: a tensor of a repeated number": "reaches beyond its storage of 6 numbers",
    "a thousand tensors of one storage": "its tensors share so much that they unfold to 6,010 numbers",
    "one storage of two types": "it says of the storage 0 two things",
    "a program": "it is a TorchScript archive",
    "packed": "is packed or encrypted",
    "a storage damaged": "the checksum of its member archive/data/0 does not hold",
    "members on top of each other": "its members overlap",
    "65,535 members": "its directory ends too early",
    "a 64-bit directory of 2**62 members": "its directory lies beyond its end",
    "no data.pkl": "it lacks the member archive/data.pkl",
    "a claim of 2**62": "",
    "an unknown type": "read are F16, F32, F64",
    "a gap": "overlap others, leave a gap or lie beyond its end",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_hostile_corpus(tmp_path, kind):
    marker = tmp_path / "marker"
    corpus = getattr(hostile_tensors, kind)(marker)
    paths = {name: tmp_path / f"{number}" for number, name in enumerate(corpus)}
    for name, content in corpus.items():
        paths[name].write_bytes(content)
    largest = max(map(len, corpus.values()))
    del corpus
    tracemalloc.start()
    try:
        for name, path in paths.items():
            with pytest.raises(RefusedFile) as caught:
                print(name, read_torch(path) if kind != "safetensors" else read_safetensors(path))
            sentence = str(caught.value)
            assert str(path) in sentence and "\n" not in sentence and sentence.isprintable(), name
            assert len(sentence) < 500 and REASONS.get(name, "") in sentence, (name, sentence)
        assert tracemalloc.get_traced_memory()[1] < 8 * largest + 2**23
    finally:
        tracemalloc.stop()
    assert not marker.exists()
    assert len(paths) > (100 if kind != "safetensors" else 30)


@pytest.mark.parametrize("read", [read_torch, read_safetensors])
def test_paths_that_cannot_be_read(read, tmp_path):
    (tmp_path / "large").write_bytes(bytes(11))
    for call in (lambda: read(tmp_path / "missing"), lambda: read(tmp_path), lambda: read(tmp_path / "large", 10)):
        with pytest.raises(FasterNetError, match=r"cannot be opened|is a directory|at most 10 are read"):
            call()


def test_every_truncation_is_found(file):
    for write, read in ((foreign.torch_zip, read_torch), (foreign.torch_legacy, read_torch)):
        content = write(GOOD)
        for length in range(0, len(content), 3):
            with pytest.raises(RefusedFile):
                read(file(content[:length]))
    content = foreign.safetensors(GOOD)
    for length in range(len(content)):
        with pytest.raises(RefusedFile):
            read_safetensors(file(content[:length]))
