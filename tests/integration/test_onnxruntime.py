"""ONNX Runtime on an exported file, without this package's help and with it."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from fasternet_paddle import Predictor
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.exporting.folders import parse_record
from fasternet_paddle.exporting.onnx import export_onnx
from fasternet_paddle.files.onnx_files import read_onnx
from fasternet_paddle.inference.exported import open_exported
from fasternet_paddle.inference.onnxruntime import load_onnx
from fasternet_paddle.record import Record
from tests.exporting.networks import images, make_network
from tests.integration.conftest import run_entry
from tests.integration.shared import agree, checksums, model_answers
from tests.onnx_messages import classifier

DAMAGED = 300  # cases through ONNX Runtime's own reader


@pytest.fixture(scope="module")
def folder(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    said = run_entry("export", "--weights", weights, "--format", "onnx", "--output", folder)
    assert "through onnxruntime" in said and "0 decisions differ" in said
    return folder


def test_onnxruntime_answers_as_the_model(folder, weights, pictures):
    x, logits, probabilities = model_answers(weights, pictures)
    session = onnxruntime.InferenceSession(folder / "inference.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": x})
    agree(found[0], probabilities)
    agree(found[1], logits)


def test_batch_height_and_width_are_free(folder):
    session = onnxruntime.InferenceSession(folder / "inference.onnx", providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    assert source.shape == ["batch", 3, "height", "width"]
    assert [value.name for value in session.get_outputs()] == ["probabilities", "logits"]
    for shape in ((1, 3, 32, 32), (3, 3, 64, 96), (2, 3, 33, 47)):
        (logits,) = session.run(["logits"], {"images": np.zeros(shape, np.float32)})
        assert logits.shape == (shape[0], 10)


def test_onnxruntime_has_nothing_to_warn_of(folder, capfd):
    onnxruntime.InferenceSession(folder / "inference.onnx", providers=["CPUExecutionProvider"])
    assert capfd.readouterr() == ("", "")


def test_the_record_travels_inside(folder):
    (entry,) = onnx.load(folder / "inference.onnx").metadata_props
    record, _ = parse_record(entry.value)
    assert entry.key == "fasternet_paddle" and record.class_names == tuple("0123456789") and record.image_size == 32


def test_this_package_opens_it(folder, weights, pictures):
    x, logits, probabilities = model_answers(weights, pictures)
    for path in (folder, folder / "inference.onnx"):
        predictor = open_exported(path)
        assert predictor.engine == "onnxruntime"
        agree(predictor.logits(x), logits)
        agree(predictor.probabilities(x), probabilities)


def test_exporting_twice_gives_the_same_files(folder, weights, tmp_path):
    run_entry("export", "--weights", weights, "--format", "onnx", "--output", tmp_path / "again")
    assert checksums(tmp_path / "again") == checksums(folder)
    _, record = make_network()
    for name in ("one", "two"):  # in one process
        (tmp_path / name).mkdir()
        export_onnx(make_network()[0], record, tmp_path / name)
    assert checksums(tmp_path / "one") == checksums(tmp_path / "two")


@pytest.mark.parametrize("overrides", [{"mixer": "dwconv"}, {"mixer": "conv"}], ids=str)
def test_every_mixer_passes_the_reader(tmp_path, overrides):
    model, record = make_network(**overrides)
    run = load_onnx(export_onnx(model, record, tmp_path), threads=1)
    x = images(3)
    agree(run(x), Predictor(model, engine="dygraph").logits(x))


def test_a_file_written_by_hand_runs(tmp_path):
    """So that the hostile files of ``tests/files/test_onnx_files.py`` are refused for what they say."""
    (tmp_path / "inference.onnx").write_bytes(classifier(Record(("a", "b"), image_size=32).to_json()))
    found = open_exported(tmp_path).logits(np.ones((2, 3, 32, 32), np.float32))
    assert np.allclose(found, [[1.5, 2.0]] * 2)


def test_damaged_files_are_one_sentence(folder, tmp_path):
    """In a process of its own, which must live to the end: ONNX Runtime's reader is C++."""
    script = f"""
import sys
from pathlib import Path
import numpy as np
from fasternet_paddle import Predictor
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference.exported import open_exported
sound = Path({str(folder / "inference.onnx")!r}).read_bytes()
head, path = sound[:4000], Path({str(tmp_path)!r}) / "inference.onnx"
draw = np.random.default_rng(0)
for case in range({DAMAGED}):
    data = bytearray(sound)
    start = 0 if case % 2 else len(data) - 40000
    for _ in range(3):
        data[start + int(draw.integers(0, 4000 if start == 0 else 40000))] = int(draw.integers(0, 256))
    path.write_bytes(data[: int(draw.integers(1, len(data)))] if case % 7 == 0 else data)
    try:
        open_exported(path, threads=1)
    except FasterNetError as error:
        assert "\\n" not in str(error), error
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr[-2000:]


def test_a_foreign_file_is_refused_by_name(tmp_path):
    path = tmp_path / "inference.onnx"
    path.write_bytes(classifier("").replace(b"fasternet_paddle", b"something_elses_"))
    read_onnx(path)
    with pytest.raises(FasterNetError, match="carries no record of this package"):
        open_exported(path)


def test_evaluate_and_explain_take_the_folder(folder, weights, tmp_path):
    told = run_entry("evaluate", "--weights", weights, "--dataset", "digits", "--num-workers", "0")
    found = run_entry("evaluate", "--weights", folder, "--dataset", "digits", "--num-workers", "0")
    assert "through onnxruntime" in found
    shown = [[line for line in text.splitlines() if line.startswith("top-")] for text in (told, found)]
    assert shown[0] == shown[1] and len(shown[0]) == 2
