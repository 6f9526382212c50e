"""Logits on disk: back to the last bit, refused in one sentence, and the same metrics as before."""

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.arrays import write_arrays
from fasternet_paddle.files.logits import SavedLogits, read_logits, write_logits
from fasternet_paddle.results.classes import measure_classes
from tests.results.numbers import NAMES, made_up

LOGITS, LABELS = made_up(images=50)
SAVED = SavedLogits(LOGITS * np.float32(1 / 3), LABELS, NAMES, tuple(f'{n}, "猫".png' for n in range(50)))


@pytest.mark.parametrize("name", ["logits.npz", "logits.csv", "LOGITS.CSV"])
def test_back_to_the_last_bit(tmp_path, name):
    back = read_logits(write_logits(tmp_path / name, SAVED))
    assert back.logits.dtype == np.float32 and back.labels.dtype == np.int64
    assert back.logits.tobytes() == SAVED.logits.tobytes() and back.labels.tobytes() == LABELS.tobytes()
    assert (back.class_names, back.names) == (NAMES, SAVED.names)
    again, before = (measure_classes(s.logits, s.labels, s.class_names, resamples=5) for s in (back, SAVED))
    assert again.to_json() == before.to_json()


def test_no_images(tmp_path):
    none = SavedLogits(np.empty((0, 5), np.float32), np.empty(0, np.int64), NAMES, ())
    for name in ("a.csv", "a.npz"):
        assert read_logits(write_logits(tmp_path / name, none)).logits.shape == (0, 5)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"image,label,a\nx,0,1.5,2\n", "line 2 has 4 cells instead of 3"),
        ("a.csv", b"picture,a\n", "first columns are not image and label"),
        ("a.csv", b"image,label,a\nx,0,warm\n", "damaged or is no file of logits"),
        ("a.csv", b"\xff\xfe", "damaged or is no file of logits"),
        ("a.npz", b"PK\x03\x04 no archive", "damaged or is no .npz of arrays"),
        ("a.txt", b"", r"written as \.npz or \.csv"),
    ],
)
def test_refuses(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FasterNetError, match=sentence):
        read_logits(path)


def test_numpy_reads_the_arrays(tmp_path):
    with np.load(write_logits(tmp_path / "a.npz", SAVED), allow_pickle=False) as file:
        assert file["logits"].tobytes() == SAVED.logits.tobytes() and file["labels"].tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"logits": LOGITS.astype(np.int32)}, "logits.npy is int32 with 2 axes"),
        ({"logits": LOGITS[:, :3]}, "logits must be"),
        ({"names": None}, "KeyError"),
        ({"names": np.frombuffer(b"\xff\0", np.uint8)}, "UnicodeDecodeError"),
        ({"class_names": [1, 2, 3, 4, 5]}, "class_names are no names"),
    ],
)
def test_refuses_other_arrays(tmp_path, change, sentence):
    values = {"logits": LOGITS, "labels": LABELS, "names": np.zeros(50, np.uint8), "class_names": list(NAMES)} | change
    settings = {"class_names": values.pop("class_names")}
    write_arrays(tmp_path / "a.npz", settings, {name: v for name, v in values.items() if v is not None})
    with pytest.raises(FasterNetError, match=sentence):
        read_logits(tmp_path / "a.npz")
