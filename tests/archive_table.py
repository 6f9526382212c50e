"""CIFAR archives in every form that writers give them, each to come out as the same images, labels and names.

``forms()`` lists rows that hold ``DATA`` and ``LABELS``, the reference; ``others()`` is what is no such archive, with
words that the sentence on it must hold.
"""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
from typing import NamedTuple

import numpy as np

from tests.hostile import python2_pickle, tar

RNG = np.random.default_rng(3)
SIZES = {"data_batch_1": 3, "data_batch_2": 4, "data_batch_10": 2, "test_batch": 5}  # images of a member
DATA = {name: RNG.integers(0, 256, (count, 3072), np.uint8) for name, count in SIZES.items()}
LABELS = {name: RNG.integers(0, 3, count).tolist() for name, count in SIZES.items()}
NAMES = ("cat", "dog", "eel")
ORDER = ("data_batch_1", "data_batch_10", "data_batch_2")  # of the names as text, as Paddle's Cifar10 joins them


class Form(NamedTuple):
    """One file and, for those that are refused, words of the sentence."""

    name: str
    content: bytes
    names: tuple | None = NAMES
    sentence: str = ""


def expected(members):
    """Images (N, 32, 32, 3) and labels (N,) of members, by the definition of the format: planes of rows."""
    planes = np.concatenate([DATA[name] for name in members]).reshape(-1, 3, 32, 32)
    return planes.transpose(0, 2, 3, 1), np.concatenate([LABELS[name] for name in members])


def members(dump, key=str.encode, folder="cifar-10-batches-py/", meta=True):
    """{path: pickle} of the four batches and the names; ``key`` makes what is pickled of the text of keys and names."""
    found = {}
    for name in SIZES:
        batch = {key("batch_label"): key(name), key("labels"): LABELS[name], key("data"): DATA[name]}
        found[folder + name] = dump(batch)
    if meta:
        found[folder + "batches.meta"] = dump({key("label_names"): [key(name) for name in NAMES], key("num_vis"): 3072})
    return found


def dumped(protocol):
    return lambda value: pickle.dumps(value, protocol)


def text_pickle(value):
    """Protocol 0 as Python 2 and its numpy write it."""
    return _text(value) + b"."


def _text(value):
    if isinstance(value, bytes):
        escaped = "".join(f"\\x{byte:02x}" for byte in value)
        return b"S'" + escaped.encode() + b"'\n"
    if isinstance(value, int):
        return b"I%d\n" % value
    if isinstance(value, list):
        return b"(l" + b"".join(_text(item) + b"a" for item in value)
    if isinstance(value, dict):
        return b"(d" + b"".join(_text(key) + _text(item) + b"s" for key, item in value.items())
    shape = b"(" + b"".join(map(_text, value.shape)) + b"t"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    dtype = b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
    return array + b"(I1\n" + shape + dtype + b"I00\n" + _text(value.tobytes()) + b"tb"


def tarred(found, kind=tarfile.GNU_FORMAT, folders=(), **header):
    """A tar of a format, with entries for folders, and further values of every header."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, content in found.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in header.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def old_tar(found):
    """The tar of Unix version 7: no magic, no prefix, a blank for the type."""
    blocks = b""
    for name, content in found.items():
        fields = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % len(content)
        head = (fields + b"%011o\0" % 0 + b" " * 8 + b"\0").ljust(512, b"\0")
        head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
        blocks += head + content + bytes(-len(content) % 512)
    return blocks + bytes(1024)


def _pickles():
    for protocol in range(6):
        for what, key in (("bytes", str.encode), ("text", str)):
            yield Form(f"Python 3, protocol {protocol}, keys of {what}", tar(members(dumped(protocol), key)))
    yield Form("Python 2, protocol 0", tar(members(text_pickle)))
    yield Form("Python 2, protocol 2", tar(members(python2_pickle)))
    for old, new in ((b"numpy.core.", b"numpy._core."), (b"numpy._core.", b"numpy.core.")):
        named = {name: content.replace(old, new) for name, content in members(dumped(2)).items()}
        yield Form(f"numpy's module {new.decode()}", tar(named))
    yield Form("pickled by Python's own code", tar(members(lambda value: pickle._dumps(value, 4))))

    def changed(**how):
        def dump(value):
            made = {key: how[key.decode()](item) if key.decode() in how else item for key, item in value.items()}
            return pickle.dumps(made, 5)

        return tar(members(dump))

    yield Form("data in the order of columns", changed(data=np.asfortranarray))
    yield Form("data that is a part of a larger array", changed(data=lambda data: np.repeat(data, 2, 0)[::2]))
    yield Form("read-only data", changed(data=lambda data: np.frombuffer(data.tobytes(), np.uint8).reshape(data.shape)))
    for kind in ("u1", "i4", "<i8", ">i8", "u8"):
        yield Form(f"labels in an array {kind}", changed(labels=lambda labels, kind=kind: np.array(labels, kind)))
    yield Form("labels of numpy's numbers", changed(labels=lambda labels: [np.int64(label) for label in labels]))
    yield Form("names in a tuple", changed(label_names=tuple))


def _tars():
    plain = members(dumped(2))
    for name in ("GNU_FORMAT", "PAX_FORMAT", "USTAR_FORMAT"):
        kind = getattr(tarfile, name)
        yield Form(f"tar, {name}", tarred(plain, kind))
        content = tarred(plain, kind, ["cifar-10-batches-py"], mtime=1234567890, uid=1000, uname="me")
        yield Form(f"tar.gz with a folder's entry, {name}", gzip.compress(content))
    yield Form("tar, times with fractions in PAX notes", tarred(plain, tarfile.PAX_FORMAT, mtime=1234567890.5))
    yield Form("tar of Unix version 7", old_tar(plain))
    for what, folder in {
        "no folder": "",
        "a dot": "./",
        "a dot and a folder": "./cifar-10-batches-py/",
        "folders in folders": "data/cifar/cifar-10-batches-py/",
        "a folder of another name": "my pictures/ä/",
    }.items():
        yield Form(f"members in {what}", tarred(members(dumped(2), folder=folder)))
    deep = "/".join(["a-folder-with-a-long-name"] * 6) + "/"
    for name in ("GNU_FORMAT", "PAX_FORMAT"):
        found = members(dumped(2), folder=deep)
        yield Form(f"paths of over 150 characters, {name}", tarred(found, getattr(tarfile, name)))
    yield Form("members in another order", tar(dict(reversed(plain.items()))))
    extra = {"cifar-10-batches-py/readme.html": b"<html>", "cifar-10-batches-py/._data_batch_1": b"\0\5\x16\7 of a Mac"}
    extra |= {"cifar-10-batches-py/.DS_Store": b"\0\0\0\1Bud1", "pax_global_header": b""}
    yield Form("other files among them", tar(extra | plain))
    yield Form("no names", tar(members(dumped(2), meta=False)), None)


def _packings():
    content = tar(members(python2_pickle))
    for level in (0, 1, 9):
        yield Form(f"tar.gz, level {level}", gzip.compress(content, level))
    half = len(content) // 2
    yield Form("tar.gz in two parts", gzip.compress(content[:half]) + gzip.compress(content[half:]))
    stream = io.BytesIO()
    with gzip.GzipFile("cifar.tar", "wb", fileobj=stream) as file:
        file.write(content)
    yield Form("tar.gz that keeps the tar's name", stream.getvalue())
    yield Form("a tar with padding behind it", content + bytes(10_240))


def _copies():
    plain = members(dumped(2))
    copy = {f"backup/{name.rpartition('/')[2]}": content for name, content in plain.items() if "meta" not in name}
    yield Form("a second copy of all batches: counted once", tar(plain | copy))
    again = {
        f"cifar-10-batches-py/{name} (copy)": dumped(4)({b"data": DATA[name], b"labels": LABELS[name]})
        for name in ORDER
    }
    yield Form("copies of other names, pickled anew: counted once", tar(plain | again))


def forms():
    return [*_pickles(), *_tars(), *_packings(), *_copies()]


def others():
    """What is no CIFAR-10 in its python form, or not whole."""
    plain = members(dumped(2))
    content = tar(plain)
    twice = tar([*plain.items(), ("./cifar-10-batches-py/data_batch_1", plain["cifar-10-batches-py/data_batch_1"])])
    other = dumped(2)({b"data": DATA["test_batch"], b"labels": LABELS["test_batch"]})
    changed = tar(plain | {"new/data_batch_1": other})
    hundred = {
        name: dumped(2)({b"data": DATA["test_batch"], b"fine_labels": [1] * 5}) for name in ("c/train", "c/test")
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, member in plain.items():
            archive.writestr(name, member)
    binary = np.insert(DATA["test_batch"], 0, LABELS["test_batch"], 1).tobytes()
    arrays = io.BytesIO()
    np.savez(arrays, x=DATA["test_batch"])
    rows = {
        "the same path twice": (twice, "holds it twice"),
        "another batch of the same name": (changed, "another one of this name in another folder"),
        "CIFAR-100": (tar(hundred), "it is CIFAR-100, not CIFAR-10"),
        "the binary version": (gzip.compress(tar({"c/data_batch_1.bin": binary})), "the binary version of CIFAR"),
        "the Matlab version": (tar({"c/data_batch_1.mat": b"MATLAB 5.0"}), "the Matlab version of CIFAR"),
        "a binary batch alone": (binary, "the binary version of CIFAR"),
        "a batch alone": (plain["cifar-10-batches-py/data_batch_1"], "as a single batch is"),
        "a zip archive": (packed.getvalue(), "it is a zip archive"),
        "an xz archive": (lzma.compress(content), "it is an xz archive"),
        "a bzip2 archive": (bz2.compress(content), "it is a bzip2 archive"),
        "an .npz file": (arrays.getvalue(), "it is an archive of numpy's (.npz)"),
        "a web page": (b"<!DOCTYPE html><html>not found</html>", "it is a web page"),
        "a download cut short": (gzip.compress(content)[:-2000], "it is damaged"),
        "a tar cut short": (content[:9000], "8,488 can be read"),
        "an empty file": (b"", "ends too early"),
        "a file of safetensors": (
            struct.pack("<Q", 60) + b'{"a":{"dtype":"F32"' + bytes(99),
            "it is a file of safetensors",
        ),
    }
    return [Form(name, found, None, sentence) for name, (found, sentence) in rows.items()]
