"""idx files: what is written by hand comes back to the byte; what is damaged is refused in one sentence."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import idx
from fasternet_paddle.files.opening import RefusedFile

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
LABELS = np.arange(7, dtype=np.uint8)


def as_idx(array):
    """The bytes of an idx file, by the format's own description: 0, 0, dtype, axes, lengths (big-endian), values."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder, images=IMAGES, labels=LABELS, prefix="", zipped=True, names=("train", "t10k")):
    folder.mkdir(exist_ok=True)
    for part in names:
        for kind, array, axes in (("images", images, 3), ("labels", labels, 1)):
            content = as_idx(array)
            path = folder / f"{prefix}{part}-{kind}-idx{axes}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
    return folder


@pytest.mark.parametrize("pack", [bytes, lambda content: gzip.compress(content, mtime=0)], ids=["plain", "gzip"])
@pytest.mark.parametrize("array", [IMAGES, LABELS, IMAGES[0], IMAGES[:0]], ids=["images", "labels", "one", "none"])
def test_an_array_comes_back(tmp_path, array, pack):
    (tmp_path / "a").write_bytes(pack(as_idx(array)))
    read = idx.read_idx(tmp_path / "a")
    assert read.dtype == np.uint8 and read.shape == array.shape and (read == array).all()


WHOLE = as_idx(IMAGES)
FAULTS = {
    "empty": (b"", "first bytes"),
    "text": (b"hello world, this is text", "first bytes"),
    "no axes": (b"\0\0\x08\0", "first bytes"),
    "many axes": (b"\0\0\x08\xff" + bytes(2000), "first bytes"),
    "floats": (b"\0\0\x0d\x01" + struct.pack(">If", 1, 1.0), "0x0d"),
    "header cut": (WHOLE[:9], "ends too early"),
    "values cut": (WHOLE[:-1], "139 can be read"),
    "bytes behind": (WHOLE + b"\0", "bytes follow"),
    "a huge claim": (struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**32 - 1] * 3), "claims to hold"),
    "zip cut": (gzip.compress(WHOLE)[:-12], "damaged"),
    "zip sum wrong": (gzip.compress(WHOLE)[:-8] + bytes(8), "damaged"),
    "zip of text": (gzip.compress(b"hello world"), "first bytes"),
    "zip too short": (gzip.compress(WHOLE[:-9]), "ends after"),
    "zip bomb": (gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 2**31) + bytes(2**20)), "can be read"),
    "zip longer": (gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 9) + bytes(2**20)), "bytes follow"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence(tmp_path, name):
    content, said = FAULTS[name]
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(RefusedFile, match=said) as caught:
        idx.read_idx(tmp_path / "a", limit_bytes=2**30)
    assert str(tmp_path / "a") in str(caught.value) and "\n" not in str(caught.value)


def test_a_claim_allocates_nothing(tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 2**30) + bytes(1000)))
    tracemalloc.start()
    with pytest.raises(RefusedFile, match="ends after"):
        idx.read_idx(tmp_path / "a")
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_every_cut_and_every_changed_header_byte_is_read_or_refused(tmp_path):
    for content in (WHOLE, gzip.compress(WHOLE, mtime=0)):
        for position in range(min(len(content), 60)):
            for damaged in (content[:position], content[:position] + b"\xff" + content[position + 1 :]):
                (tmp_path / "a").write_bytes(damaged)
                try:
                    assert idx.read_idx(tmp_path / "a").shape == IMAGES.shape
                except RefusedFile as error:
                    assert "\n" not in str(error)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_folder_is_read(tmp_path, zipped):
    train, test, names = idx.read_idx_folder(write_mnist(tmp_path, zipped=zipped))
    assert (train[0] == IMAGES).all() and (test[1] == LABELS).all() and names is None


def test_emnist_is_turned_upright_and_named(tmp_path):
    write_mnist(tmp_path, prefix="emnist-letters-", names=("train", "test"))
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n")
    train, _, names = idx.read_idx_folder(tmp_path)
    assert (train[0][3] == IMAGES[3].T).all() and names == {1: "A", 2: "B"}


def test_what_is_no_such_folder_is_one_sentence(tmp_path):
    with pytest.raises(FasterNetError, match="must hold train-images"):
        idx.read_idx_folder(tmp_path)
    with pytest.raises(FasterNetError, match="cannot be read"):
        idx.read_idx_folder(tmp_path / "nothing")
    write_mnist(tmp_path, prefix="a-")
    write_mnist(tmp_path)
    with pytest.raises(FasterNetError, match="several"):
        idx.read_idx_folder(tmp_path)
    write_mnist(tmp_path / "b", labels=LABELS[:3])
    with pytest.raises(RefusedFile, match="no pair"):
        idx.read_idx_folder(tmp_path / "b")


@pytest.mark.parametrize("text", ["1", "1 65\n1 66", "1 65\n2 65", "a b", "", "1 7", "1 é"])
def test_a_mapping_is_refused(tmp_path, text):
    (tmp_path / "m").write_text(text, encoding="utf-8")
    with pytest.raises(RefusedFile):
        idx.read_mapping(tmp_path / "m")
