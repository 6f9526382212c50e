"""OpenVINO on an exported folder, in f32 and in int8."""

import numpy as np
import openvino
import pytest

from fasternet_paddle import load_run
from fasternet_paddle.exporting.folders import parse_record
from fasternet_paddle.exporting.openvino import export_openvino
from fasternet_paddle.inference.exported import open_exported
from tests.integration.conftest import run_entry
from tests.integration.shared import agree, checksums, model_answers
from tests.threads import wrong_answers

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def export(weights, folder, *flags):
    return run_entry("export", "--weights", weights, "--format", "openvino", "--output", folder, *flags)


@pytest.fixture(scope="module")
def folder(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "openvino"
    assert "0 decisions differ" in export(weights, folder)
    return folder


@pytest.fixture(scope="module")
def int8(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "int8"
    print(export(weights, folder, "--calibrate", "digits"))
    return folder


def test_openvino_answers_as_the_model(folder, weights, pictures):
    x, logits, probabilities = model_answers(weights, pictures)
    found = openvino.compile_model(folder / "inference.xml", "CPU", F32)(x)
    agree(found["probabilities"], probabilities)
    agree(found["logits"], logits)
    predictor = open_exported(folder)
    agree(predictor.logits(x), logits)
    agree(predictor.probabilities(x), probabilities)


def test_threads_get_their_own_answers(folder):
    """OpenVINO refuses a request that two threads share: "Infer Request is busy"."""
    predictor = open_exported(folder)
    draw = np.random.RandomState(0)
    batches = [draw.standard_normal((1 + place % 2, 3, 32, 32)).astype(np.float32) for place in range(6)]
    assert wrong_answers(predictor.logits, batches, 200) == 0


def test_the_record_travels_inside(folder):
    record, _ = parse_record(
        openvino.Core().read_model(folder / "inference.xml").get_rt_info("fasternet_paddle").astype(str)
    )
    assert record.class_names == tuple("0123456789") and record.image_size == 32


def test_int8_decides_alike_with_a_quarter_of_the_bytes(folder, int8, weights, pictures):
    x, logits, _ = model_answers(weights, pictures)
    found = open_exported(int8).logits(x)
    assert (found.argmax(axis=1) == logits.argmax(axis=1)).mean() >= 0.95
    assert np.abs(found - logits).max() > 1e-3  # else nothing was reduced
    assert (int8 / "inference.bin").stat().st_size < 0.3 * (folder / "inference.bin").stat().st_size


def test_exporting_twice_gives_the_same_files(folder, int8, weights, tmp_path):
    export(weights, tmp_path / "again")
    assert checksums(tmp_path / "again") == checksums(folder)
    run = load_run(weights)
    pictures = np.random.default_rng(0).standard_normal((20, 3, 32, 32)).astype(np.float32)
    for calibration in (None, pictures):  # in one process
        found = []
        for name in ("one", "two"):
            path = tmp_path / f"{name}-{calibration is not None}"
            path.mkdir()
            export_openvino(run.model, run.record, path, calibration)
            found.append(checksums(path))
        assert found[0] == found[1]


def test_a_damaged_folder_is_one_sentence(folder, tmp_path):
    from fasternet_paddle.errors import FasterNetError

    for name, data in (("inference.xml", b"<net"), ("inference.xml", b""), ("inference.bin", b"short")):
        for source in ("inference.xml", "inference.bin"):
            (tmp_path / source).write_bytes((folder / source).read_bytes())
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FasterNetError, match="cannot run") as caught:
            open_exported(tmp_path)
        assert "\n" not in str(caught.value)
