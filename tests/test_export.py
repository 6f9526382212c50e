"""The export entry from end to end, for the formats that need nothing beyond Paddle."""

import json

import pytest
import yaml

from fasternet_paddle import evaluate, explain, export
from fasternet_paddle.exporting.folders import read_record
from fasternet_paddle.inference.exported import open_exported


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A T0 of the digits, trained for two steps, in a run's folder."""
    from fasternet_paddle import train

    folder = tmp_path_factory.mktemp("run")
    flags = "--dataset digits --image-size 32 --batch-size 64 --epochs 1 --max-steps 2 --num-workers 0"
    flags += " --embed-dim 16 --depths 1 1 2 1"
    assert train.main([*flags.split(), "--work-path", str(folder)]) == 0
    return folder / "best_model.pdparams"


def run(entry, *arguments):
    return entry.main([str(argument) for argument in arguments])


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("form", ["paddle", "paddlex"])
def test_an_export_is_checked_described_and_the_same_each_time(weights, tmp_path, capsys, form):
    for name in ("one", "two"):
        assert run(export, "--weights", weights, "--format", form, "--output", tmp_path / name) == 0
    said = capsys.readouterr().out
    assert "100 pictures (digits, validation) through paddle.inference" in said and "0 decisions differ" in said
    assert written(tmp_path / "one") == written(tmp_path / "two")
    found = json.loads((tmp_path / "one" / "agreement.json").read_text())["network"]
    assert found["images"] == 100 and found["differing_decisions"] == 0
    assert found["largest_difference"] < 1e-4 * max(1, found["largest_output"])
    record, outputs = read_record(tmp_path / "one")
    assert record.image_size == 32 and len(record.class_names) == 10
    assert outputs == ("logits" if form == "paddle" else "probabilities")
    head, text = (tmp_path / "one" / "README.md").read_text().removeprefix("---\n").split("---\n", 1)
    head = yaml.safe_load(head)
    assert head["license"] == "apache-2.0" and head["pipeline_tag"] == "image-classification"
    assert head["datasets"] == ["digits"] and "model-index" not in head
    assert "No evaluation lay beside the weights" in text and "0 decisions differ" in text


def test_an_evaluations_figures_are_in_the_card(weights, tmp_path):
    path = weights.parent / "evaluation.json"
    figures = {"class_names": list("0123456789"), "images": 360, "top1": 0.9, "intervals": {"top1": [0.8646, 0.927]}}
    path.write_text(json.dumps(figures | {"more": []}))
    try:
        assert run(export, "--weights", weights, "--output", tmp_path / "out") == 0
        head, text = (tmp_path / "out" / "README.md").read_text().removeprefix("---\n").split("---\n", 1)
        (result,) = yaml.safe_load(head)["model-index"][0]["results"]
        (accuracy,) = result["metrics"]
        assert accuracy["value"] == 0.9 and accuracy["args"] == {"images": 360, "interval_95": [0.8646, 0.927]}
        assert "Top-1 accuracy 90.0% of 360 images (95 % interval 86.5% to 92.7%)." in text
        for wrong in ('{"top1": 1}', json.dumps(figures | {"class_names": ["a"] * 10}), "[]"):
            path.write_text(wrong)
            assert run(export, "--weights", weights, "--output", tmp_path / "none") == 2
        assert not (tmp_path / "none").exists()
    finally:
        path.unlink()


def test_a_network_that_does_not_agree_leaves_nothing(weights, tmp_path, capsys, monkeypatch):
    from fasternet_paddle.inference import exported

    monkeypatch.setattr(exported.ExportedPredictor, "logits", lambda self, x: -open_exported_logits(self, x))
    open_exported_logits = exported.Predictor.logits
    assert run(export, "--weights", weights, "--output", tmp_path / "out") == 2
    assert "does not answer as the model does" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--format coreml", "unknown format 'coreml'; known formats: paddle, paddlex, onnx, openvino, timm"),
        ("--format paddle --calibrate digits", "int8 is offered for openvino alone, got the format paddle"),
        ("--format timm", "timm's FasterNet has no activation after stem and merges"),
        ("--dataset nothing", "unknown dataset 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(weights, tmp_path, capsys, flags, sentence):
    assert run(export, "--weights", weights, "--output", tmp_path / "out", *flags.split()) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("form", "extra"), [("onnx", "onnx"), ("openvino", "openvino")])
def test_a_missing_tool_names_the_extra_to_install(weights, tmp_path, capsys, monkeypatch, form, extra):
    from fasternet_paddle.exporting import onnx

    monkeypatch.setattr(onnx, "is_installed", lambda name: False)
    monkeypatch.setattr(onnx.sys, "version_info", (3, 12))
    assert run(export, "--weights", weights, "--format", form, "--output", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "not installed here" in said and f"pip install 'fasternet_paddle[{extra}]'" in said
    monkeypatch.setattr(onnx.sys, "version_info", (3, 13))
    assert run(export, "--weights", weights, "--format", form, "--output", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "no release for Python 3.13" in said and said.count("\n") == 1


def test_a_folder_that_is_no_export_is_never_replaced(weights, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("")
    assert run(export, "--weights", weights, "--output", tmp_path, "--overwrite") == 2
    assert "no export of this package; set --output" in capsys.readouterr().err
    assert written(tmp_path) == {"mine.txt": b""}


def test_evaluate_and_explain_take_an_exported_folder(weights, tmp_path, capsys):
    folder = tmp_path / "out"
    assert run(export, "--weights", weights, "--output", folder) == 0
    lines = []
    for source in (weights, folder):
        capsys.readouterr()
        assert run(evaluate, "--weights", source, "--num-workers", "0") == 0
        lines.append([line for line in capsys.readouterr().out.splitlines() if line.startswith("top-")])
    assert lines[0] == lines[1] != []
    flags = ["--weights", folder, "--index", "3", "--num-samples", "30", "--output", tmp_path / "lime"]
    assert run(explain, *flags) == 0
    assert (tmp_path / "lime" / "lime-digits-3.png").exists()
    capsys.readouterr()
    assert run(explain, *flags, "--method", "grad_cam") == 2
    assert "which an exported one does not show" in capsys.readouterr().err
    assert run(evaluate, "--weights", folder, "--variant", "t1") == 2
    assert "is an exported network, which has its variant already" in capsys.readouterr().err


def test_an_engine_that_is_not_installed_is_one_sentence(tmp_path, capsys, monkeypatch):
    import sys

    from tests.onnx_messages import classifier

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "inference.onnx").write_bytes(classifier(""))
    assert run(evaluate, "--weights", tmp_path) == 2
    assert "needs onnxruntime, not installed here" in capsys.readouterr().err


def test_the_file_of_a_folder_opens_too(weights, tmp_path):
    assert run(export, "--weights", weights, "--output", tmp_path / "out") == 0
    assert open_exported(tmp_path / "out" / "inference.json").record == open_exported(tmp_path / "out").record
