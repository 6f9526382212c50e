"""The readers of strangers' files: honest files come out right, hostile ones as one sentence.

Honest files are compared with what they were made from and with Python's, Paddle's, Pillow's or OpenCV's own readers.
The hostile corpus (``tests/hostile.py``) is read in a process of its own, whose memory is watched. Hypothesis then
damages honest files: 2,200 cases, or 55,000 with ``FASTERNET_SOAK=1``.
"""

import collections
import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.archives import (
    RefusedFile,
    load_pickle,
    read_cifar_archive,
    read_image,
    read_pickle,
    read_yaml,
)
from fasternet_paddle.files.pickle_values import DTYPES
from tests import hostile

SOAK = os.environ.get("FASTERNET_SOAK") == "1"
PLAIN_VALUE = {
    "numbers": [0, 1, 255, 256, 70_000, -1, 2**31, -(2**40), 2**100, 1.5, -0.0, 1e300],
    "text": ["", "a", "é\n\\x", "数据", "😀", b"", b"a\xff\n", bytearray(b"ab")],
    "tuples": [(), (1,), (1, 2), (1, (2, 3), 4), (1, 2, 3, 4)],
    "nested": {"a": {"b": [{"c": (None, True, False)}]}, 1: "x", None: 2, b"k": 3, False: 4},
}


def cases(count):
    """Settings for ``count`` cases, 25 times as many in a soak, the same ones in every ordinary run."""
    factor = 25 if SOAK else 1
    every = list(HealthCheck)
    return settings(
        max_examples=count * factor, deadline=None, database=None, derandomize=not SOAK, suppress_health_check=every
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """``file(content)`` writes one file of the module again and again and returns its path."""
    path = tmp_path_factory.mktemp("safe_read") / "file"

    def write(content):
        path.write_bytes(content)
        return path

    return write


# ---- pickles


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back(protocol):
    result = load_pickle(pickle.dumps(PLAIN_VALUE, protocol), "it")
    assert repr(result) == repr(PLAIN_VALUE)  # repr also tells 1 from True and -0.0 from 0.0
    ordered = collections.OrderedDict(b=1, a=[2])
    result = load_pickle(pickle.dumps(ordered, protocol), "it")
    assert type(result) is dict and list(result.items()) == list(ordered.items())


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


def test_a_large_array_is_not_copied():
    content = pickle.dumps({"a": np.zeros(2**20, np.uint8)}, 4)
    array = load_pickle(content, "it")["a"]
    assert not array.flags.owndata  # it is a view of the bytes that the opcode brought


# ---- the CIFAR archive


def _same_as_paddle(path, names):
    train, test, classes = read_cifar_archive(path)
    assert classes == names
    for (images, labels), mode in ((train, "train"), (test, "test")):
        witness = paddle.vision.datasets.Cifar10(str(path), mode, transform=None, backend="cv2", download=False)
        assert images.dtype == np.uint8 and images.flags.c_contiguous and labels.dtype == np.int64
        np.testing.assert_array_equal(images, np.stack([image for image, _ in witness]))
        np.testing.assert_array_equal(labels, [int(label) for _, label in witness])
    return len(train[1]), len(test[1])


def _python3(members, protocol):
    """The same members as Python 3 pickles them again."""
    values = {name: pickle.loads(content, encoding="bytes") for name, content in members.items() if "batch" in name[:6]}
    return members | {name: pickle.dumps(value, protocol) for name, value in values.items()}


def test_archives_equal_what_paddle_reads(tmp_path):
    members = hostile.honest_members()
    del members["c/._data_batch_1"]  # which Paddle takes for a batch
    path = tmp_path / "archive"
    path.write_bytes(gzip.compress(hostile.tar(members)))
    assert _same_as_paddle(path, ("cat", "dog", "eel")) == (8, 4)
    for protocol in (0, 2, 4, 5):
        path.write_bytes(hostile.tar(_python3(members, protocol)))
        assert _same_as_paddle(path, ("cat", "dog", "eel")) == (8, 4)


def test_archives_of_other_writers(file):
    members = hostile.honest_members()
    assert len(read_cifar_archive(file(hostile.tar(members)))[0][1]) == 8  # despite the file that a Mac adds
    del members["c/batches.meta"]
    members["c/data_batch_1"] = pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": np.array([9, 0])}, 4)
    train, test, classes = read_cifar_archive(file(hostile.tar(members)))
    assert classes is None and train[1].tolist()[:2] == [9, 0] and len(test[1]) == 4
    members["c/data_batch_1"] = pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, 4)
    with pytest.raises(RefusedFile, match="label 10 is out of range, there are 10 classes"):
        read_cifar_archive(file(hostile.tar(members)))


@pytest.mark.parametrize("format", ["GNU_FORMAT", "PAX_FORMAT", "USTAR_FORMAT"])
def test_archives_of_every_tar_format(tmp_path, format):
    (tmp_path / "c").mkdir()
    for name, content in hostile.honest_members().items():
        if "._" not in name:
            (tmp_path / name).write_bytes(content)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=getattr(tarfile, format)) as archive:
        archive.add(tmp_path / "c", "c")  # a directory entry, and in the pax format a header of times before each
    assert _same_as_paddle(tmp_path / "a.tar.gz", ("cat", "dog", "eel")) == (8, 4)


# ---- images


def test_images_as_opencv_reads_them(file, tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (11, 7, 3), np.uint8)
    for suffix in (".png", ".bmp", ".ppm", ".tiff"):
        assert cv2.imwrite(str(tmp_path / f"a{suffix}"), colours[..., ::-1])
        np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), colours, strict=True)
    grey16 = np.random.default_rng(0).integers(0, 65536, (11, 7), np.uint16)
    for suffix in (".png", ".pgm", ".tiff"):
        assert cv2.imwrite(str(tmp_path / f"b{suffix}"), grey16)
        np.testing.assert_array_equal(read_image(tmp_path / f"b{suffix}"), np.stack([grey16 >> 8] * 3, -1))
    assert cv2.imwrite(str(tmp_path / "c.png"), np.stack([grey16] * 3, -1))
    np.testing.assert_array_equal(read_image(tmp_path / "c.png"), np.stack([grey16 >> 8] * 3, -1))


def test_the_orientation_of_a_photograph(tmp_path):
    ramp = np.linspace(0, 255, 48 * 32).reshape(48, 32).astype(np.uint8)
    upright = np.stack([ramp, ramp[:, ::-1], np.full_like(ramp, 90)], -1)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(upright).save(tmp_path / "a.jpg", exif=exif, quality=95)
        expected = cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1]  # OpenCV turns by itself
        result = read_image(tmp_path / "a.jpg")
        assert result.shape == expected.shape == ((48, 32, 3) if orientation < 5 else (32, 48, 3))
        assert np.abs(result.astype(int) - expected).max() <= 3


def _saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_modes_that_are_not_rgb(file):
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (9, 5, 4), np.uint8)
    over_white = 255 - (255 - rgba[..., :3].astype(float)) * rgba[..., 3:] / 255
    result = read_image(file(_saved(Image.fromarray(rgba), "PNG")))
    assert np.abs(result - over_white).max() <= 1
    grey = rgba[..., 0]
    for mode in ("LA", "L"):
        image = Image.fromarray(rgba[..., [0, 3]] if mode == "LA" else grey)
        expected = 255 - (255 - grey.astype(float)) * rgba[..., 3] / 255 if mode == "LA" else grey
        result = read_image(file(_saved(image, "PNG")))
        assert np.abs(result - expected[..., None]).max() <= 1
    palette = Image.fromarray(grey % 3).convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    expected = 255 * np.eye(3)[grey % 3]
    np.testing.assert_array_equal(read_image(file(_saved(palette, "PNG"))), expected)
    expected[grey % 3 == 1] = 255
    np.testing.assert_array_equal(read_image(file(_saved(palette, "PNG", transparency=1))), expected)
    bits = Image.fromarray(255 * (grey > 99).astype(np.uint8)).convert("1")
    np.testing.assert_array_equal(read_image(file(_saved(bits, "PNG")))[..., 1], 255 * (grey > 99))
    cmyk = Image.merge("CMYK", [Image.fromarray(rgba[..., i]) for i in range(4)])
    ink = 255 - rgba.astype(float)
    assert np.abs(read_image(file(_saved(cmyk, "TIFF"))) - ink[..., :3] * ink[..., 3:] / 255).max() <= 1
    rows = zlib.compress(b"\0\x00\x07\x01\x2c" + b"\0\xff\xff\x00\x00")  # 7, 300; 65535, 0 of 16 bits, 300 transparent
    chunks = hostile.png_chunk(b"tRNS", b"\x01\x2c") + hostile.png_chunk(b"IDAT", rows)
    result = read_image(file(hostile.png(2, 2, chunks, depth=16, colour=0)))
    assert result[..., 0].tolist() == [[0, 255], [255, 0]]
    for mode in ("F", "I"):
        with pytest.raises(RefusedFile, match="32-bit"):
            read_image(file(_saved(Image.new(mode, (3, 3)), "TIFF")))


def test_the_first_frame_of_an_animation(file):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP"):
        content = _saved(
            frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )
        np.testing.assert_array_equal(read_image(file(content)), np.full((4, 6, 3), [255, 0, 0]))


def test_the_bound_of_pixels(file):
    content = _saved(Image.new("L", (100, 100)), "PNG")
    assert read_image(file(content), max_pixels=10_000).shape == (100, 100, 3)
    with pytest.raises(RefusedFile, match="100 x 100 pixels, over 9,999"):
        read_image(file(content), max_pixels=9_999)
    # Pillow warns above 89 million pixels; here warnings are errors, and none must get out.
    with pytest.raises(RefusedFile, match="OSError"):
        read_image(file(hostile.png(10_000, 9_500)), max_pixels=10**8)


# ---- configs


def test_a_config(file):
    values = {"name": "t0", "rates": [1e-3, 2], "nested": {"a": None, "b": [True, "数"], 3: "x"}, "empty": {}}
    assert read_yaml(file(yaml.safe_dump(values, allow_unicode=True).encode())) == values
    assert read_yaml(file(yaml.safe_dump(values).encode("utf-16"))) == values
    assert read_yaml(file(b"a: &x 1\n")) == {"a": 1}  # an anchor alone unfolds to nothing


# ---- paths


@pytest.mark.parametrize("read", [read_pickle, read_cifar_archive, read_yaml, read_image])
def test_paths_that_cannot_be_read(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path / "missing", "cannot be opened: No such file"),
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "is no regular file"),
        (Path("/dev/zero"), "is no regular file"),
        ("a\0b", "cannot be opened"),
        ("a" * 5000, "cannot be opened: File name too long"),
    ]:
        with pytest.raises(FasterNetError, match=reason) as caught:
            read(path)
        assert str(path) in str(caught.value)
    if read is not read_cifar_archive:
        (tmp_path / "large").write_bytes(bytes(11))
        with pytest.raises(FasterNetError, match="has 11 bytes, at most 10 are read"):
            read(tmp_path / "large", limit_bytes=10)


# ---- hostile files

READERS = {"pickles": read_pickle, "archives": read_cifar_archive, "images": read_image, "configs": read_yaml}

# What some sentences say: the file is refused for the right reason, before anything else can go wrong.
REASONS = {
    "system, protocol 4": "it refers to posix.system, but only arrays and plain containers are read",
    "objects, protocol 2": "it holds an object array",
    "array of a huge shape": "shape (4611686018427387904,) and dtype float32 cannot have 4 bytes",
    "array of a negative shape": "shape must be at most 32 numbers of 0 or more",
    "encode again and again": "it converts the same bytes again and again",
    "shared tuples": "its containers share so much",
    "list inside itself": "nested over 64 deep or hold themselves",
    "INT in octal": "a number that is not written as pickles write numbers",
    "bytes behind STOP": "bytes follow its end",
    "big tensors in parts": "save it again with protocol=4",
    "claim of 2**62 bytes": "c/data_batch_9 claims 4,611,686,018,427,387,904 bytes",
    "claim of 1 GiB": "c/data_batch_9 claims 1,073,741,824 bytes",
    "claim below 0": "c/data_batch_9 claims -512 bytes",
    "10,001 members": "it has 10,000 members or more",
    "bomb behind the end": "it unpacks to more than an archive of its size may",
    "slip": "leads out of the archive",
    "symbolic link": "is neither a regular file nor a directory",
    "data of 3071": "its data must be uint8 of shape (n, 3072), got uint8 (2, 3071)",
    "label 3 of 3": "label 3 is out of range, there are 3 classes",
    "eps": "is no image of the formats JPEG, PNG",
    "pcx": "is no image of the formats JPEG, PNG",
    "png of 20000 x 20000": "it claims to have more than 50,000,000 pixels",
    "billion laughs": "YAML aliases (*name) are not read",
}

# Reads every file of a folder; prints {name: sentence or what else came} and the peak of its memory.
READ_ALL = """
import json, pathlib, sys, warnings
import fasternet_paddle.files.archives as safe_read
from fasternet_paddle.errors import FasterNetError
import yaml, PIL.Image
PIL.Image.init()
warnings.simplefilter("error")
readers = dict(pickles="read_pickle", archives="read_cifar_archive", images="read_image", configs="read_yaml")
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
before, outcome = peak(), {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*")):
    try:
        getattr(safe_read, readers[path.parent.name])(path)
        outcome[f"{path.parent.name}/{path.name}"] = "it was read"
    except FasterNetError as error:
        outcome[f"{path.parent.name}/{path.name}"] = ["refused", str(error)]
    except BaseException as error:
        outcome[f"{path.parent.name}/{path.name}"] = repr(error)
print(json.dumps([outcome, peak() - before]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
def test_the_hostile_corpus(tmp_path):
    marker, names = tmp_path / "marker", {}
    for kind in READERS:
        (tmp_path / "corpus" / kind).mkdir(parents=True)
        for number, (name, content) in enumerate(getattr(hostile, kind)(marker).items()):
            (tmp_path / "corpus" / kind / str(number)).write_bytes(content)
            names[f"{kind}/{number}"] = name
    command = [sys.executable, "-c", READ_ALL, str(tmp_path / "corpus")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[2])
    assert run.returncode == 0 and run.stderr == "", run.stderr
    outcome, memory = json.loads(run.stdout)
    assert set(outcome) == set(names) and len(names) > 500
    assert not {names[key]: came for key, came in outcome.items() if came[0] != "refused"}
    for key, (_, sentence) in outcome.items():
        assert str(tmp_path / "corpus" / key) in sentence, sentence
        assert "\n" not in sentence and sentence.isprintable() and len(sentence) < 500, sentence
        assert "Warning" not in sentence and REASONS.get(names[key], "") in sentence, sentence
    assert set(REASONS) <= set(names.values())
    assert not marker.exists()
    assert memory < 2**30, f"{memory / 2**20:.0f} MiB"


def test_the_corpus_is_hostile(tmp_path):
    """Python's own unpickler runs it, which is why there is another one."""
    marker = tmp_path / "marker"
    corpus = hostile.pickles(marker)
    for protocol in range(6):
        pickle.loads(corpus[f"system, protocol {protocol}"])
        assert marker.exists()
        marker.unlink()


def test_every_truncation_is_found(file):
    for protocol in range(6):
        content = pickle.dumps({"a": np.arange(3.0), "b": [1, "x"]}, protocol)
        for length in range(len(content)):
            with pytest.raises(RefusedFile):
                load_pickle(content[:length], "it")
    content = gzip.compress(hostile.tar(hostile.honest_members()))
    for length in range(0, len(content), max(1, len(content) // 150)):
        with pytest.raises(RefusedFile):
            read_cifar_archive(file(content[:length]))


# ---- damaged files

CHANGES = ("flip", "flip", "flip", "cut", "delete", "insert", "repeat", "splice")


@st.composite
def damaged(draw, documents):
    """One of ``documents`` with up to three changes, most often one flipped bit."""
    content = bytearray(draw(st.sampled_from(documents)))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        change, start = draw(st.sampled_from(CHANGES)), draw(st.integers(0, max(0, len(content) - 1)))
        stop = start + draw(st.integers(1, 9))
        if change == "flip" and content:
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del content[start:]
        elif change == "delete":
            del content[start:stop]
        elif change == "insert":
            content[start:start] = draw(st.binary(min_size=1, max_size=9))
        elif change == "repeat":
            content[start:start] = content[start:stop]
        elif change == "splice":
            other = draw(st.sampled_from(documents))
            content[start:] = other[draw(st.integers(0, len(other))) :]
    return bytes(content)


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


class NoNames(pickle.Unpickler):
    """Python's own unpickler for pickles that name nothing: the witness of right data."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError("a name")


PLAIN_PICKLES = [
    pickle.dumps(v, p) for p in range(6) for v in ({"a": [1, 2.5, None], "b": ("x", True)}, PLAIN_VALUE["numbers"])
]
PLAIN_PICKLES += [hostile.python2_pickle({b"a": [1, 300, b"b"], b"c": {b"d": -1}})]
ARRAY_PICKLES = [
    pickle.dumps(v, p)
    for p in range(6)
    for v in ({"w": np.arange(6, dtype="f4").reshape(2, 3), "b": b"\xff", "s": np.float32(1)}, [np.array(True)])
] + [hostile.python2_pickle(hostile.batch(1))[:60] + hostile.python2_pickle(hostile.batch(0))]
# What the opcode soup is stirred from: every opcode with an argument that fits, and the pieces of an array.
PIECES = [bytes([c]) for c in b")]}(.0125NQRabdeloqstu\x81\x85\x86\x87\x88\x89\x90\x91\x92\x93\x94\x97\x98"]
PIECES += [
    b"K\x01",
    b"K\x00",
    b"M\x00\x01",
    b"I01\n",
    b"L5L\n",
    b"G" + bytes(8),
    b"U\x01a",
    b"C\x04abcd",
    b"X\x01\0\0\0a",
]
PIECES += [b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"p0\n", b"g0\n", b"\x80\x02", b"\x95" + bytes(8), b"\x8c\x05numpy"]
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


def _read_or_refused(read, *args):
    """What a reader returns, or None; any other exception than its own fails the test."""
    try:
        return read(*args)
    except FasterNetError as error:
        assert "\n" not in str(error)
        return None


def _check_against_python(content):
    result = _read_or_refused(load_pickle, content, "it")
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


@cases(300)
@given(damaged(ARRAY_PICKLES))
def test_damaged_arrays(content):
    _check_values(_read_or_refused(load_pickle, content, "it"))


@cases(200)
@given(st.lists(st.sampled_from(PIECES + NAMED), max_size=25).map(b"".join))
def test_any_opcodes_and_names(content):
    _check_values(_read_or_refused(load_pickle, content + b".", "it"))


SMALL = {"c/data_batch_1": hostile.python2_pickle(hostile.batch(1)), "c/test_batch": pickle.dumps(hostile.batch(1), 4)}
SMALL["c/batches.meta"] = hostile.python2_pickle({b"label_names": [b"cat", b"dog", b"eel"]})
ZIPPED, UNZIPPED = gzip.compress(hostile.tar(SMALL), mtime=0), hostile.tar(SMALL)[: 512 * 19]


@cases(150)
@given(content=damaged([ZIPPED]))
def test_damaged_gzipped_archives_are_found(file, content):
    result = _read_or_refused(read_cifar_archive, file(content))
    if result is not None:  # gzip's own sum stands for every byte
        for (images, labels), member in zip(result, ("c/data_batch_1", "c/test_batch"), strict=False):
            witness = pickle.loads(SMALL[member], encoding="bytes")
            np.testing.assert_array_equal(images.transpose(0, 3, 1, 2).reshape(1, 3072), witness[b"data"])
            assert labels.tolist() == witness[b"labels"]


@cases(150)
@given(content=damaged([UNZIPPED, *(hostile.tar({n: c}) for n, c in SMALL.items())]))
def test_damaged_archives(file, content):
    for images, labels in (_read_or_refused(read_cifar_archive, file(content)) or [])[:2]:
        assert images.dtype == np.uint8 and images.shape == (len(labels), 32, 32, 3)
        assert labels.dtype == np.int64 and labels.min() >= 0


CONFIGS = [
    b"a: 1\nb: [x, 2.5, null]\nc:\n  d: {e: true}\n  f: 'g'\n",
    b"a: &x 1\nb: |\n  text\n",
    b"{a: [1, 1e3], ? b : c}\n",
]


@cases(150)
@given(content=damaged(CONFIGS) | st.text("ab:-[]{}&*!|>'\"#%@?,~ \n\t0159.<", max_size=60).map(str.encode))
def test_damaged_configs_are_read_as_yaml_reads_them(file, content):
    result = _read_or_refused(read_yaml, file(content))
    if result is not None:
        assert repr(result) == repr(yaml.safe_load(content))


def _photographs():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), np.uint8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6
    found = [_saved(image, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    found += [_saved(image, kind) for kind in ("GIF", "BMP", "PPM")] + [_saved(image.convert("RGBA"), "PNG")]
    return [*found, _saved(image.convert("CMYK"), "JPEG"), _saved(image, "TIFF", compression="tiff_lzw")]


@cases(250)
@given(content=damaged(_photographs()))
def test_damaged_images(file, content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = _read_or_refused(read_image, file(content))
    if image is not None:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size <= 3 * 50_000_000
