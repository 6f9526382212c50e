"""``predict`` as a user meets it: rows of real photographs, files of every kind, a kill and what comes after it."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import sklearn.metrics as witness
from PIL import Image

from fasternet_paddle import evaluate, export, predict
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.preparation import config_preparation
from fasternet_paddle.files.images import read_image
from fasternet_paddle.inference.predictor import Predictor
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.runs.folder import save_config
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.weights.pdparams import save_state
from tests.photographs import PHOTOGRAPHS, crops

NAMES = ("chelsea", "coffee, black", "火箭", 'an "astronaut"')  # of the photographs' classes
CONFIG = TrainConfig(dataset="folder", image_size=48, resize="crop", embed_dim=16, batch_size=7, num_workers=0)
COUNT = 24


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with a network that least squares fits to the photographs: right often, not always."""
    folder = tmp_path_factory.mktemp("run")
    paddle.seed(0)
    model, features = create_model("t0", len(NAMES), embed_dim=16), []
    images, labels = crops(48, 160)
    prepare = config_preparation(CONFIG)
    x = np.stack([prepare(image) for image in images[:100]])
    hook = model.fc.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0].numpy()))
    model.eval()
    with paddle.no_grad():
        model(paddle.to_tensor(x))
    hook.remove()
    x = features[0] - (middle := features[0].mean(axis=0))
    x /= (scale := x.std())
    weight = np.linalg.solve(x.T @ x + 10 * np.eye(x.shape[1]), x.T @ np.eye(len(NAMES))[labels[:100]]) * 4 / scale
    model.fc.weight.set_value(weight.astype(np.float32))
    model.fc.bias.set_value((-middle @ weight).astype(np.float32))
    save_state(model.state_dict(), folder / "best_model.pdparams")
    save_config(CONFIG, NAMES, folder)
    for part, start in (("train", 0), ("val", 100)):
        for number in range(start, start + COUNT):
            path = folder / "data" / part / NAMES[labels[number]] / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[number]).save(path)
    return folder


@pytest.fixture(autouse=True)
def _here(run, monkeypatch):
    monkeypatch.chdir(run / "data")


def call(*argv):
    return predict.main([*map(str, argv), "--weights", "../best_model.pdparams"])


def rows_of(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_rows_are_the_networks_answers_and_the_metrics_evaluates(run, tmp_path, capsys):
    sheet = tmp_path / "new" / "sheet.png"
    assert (
        call("val", "--recursive", "--output", tmp_path, "--num-workers", "2", "--batch-size", "5", "--sheet", sheet)
        == 0
    )
    said = capsys.readouterr()
    assert said.out == "" and f"{COUNT} images in " in said.err and "waiting for files" in said.err
    assert read_image(sheet).shape[1] > 1000
    header, *rows = rows_of(tmp_path / "predictions.csv")
    assert header[:3] == ["path", "class_1", "probability_1"] and len(header) == 1 + 2 * len(NAMES)
    assert [row[0] for row in rows] == sorted(str(path) for path in Path("val").rglob("*.png"))

    loaded = load_run(run / "best_model.pdparams")
    prepare = config_preparation(loaded.config)
    x = np.stack([prepare(read_image(row[0])) for row in rows])
    wanted = Predictor(loaded.model).probabilities(x)
    order = np.argsort(-wanted, axis=1, kind="stable")
    for row, numbers, values in zip(rows, order, wanted, strict=True):
        assert row[1::2] == [NAMES[number] for number in numbers]
        assert np.allclose(np.float32(row[2::2]), values[numbers], rtol=1e-4, atol=1e-6)

    flags = ["--weights", str(run / "best_model.pdparams"), "--data-path", str(run / "data"), "--output", str(tmp_path)]
    assert evaluate.main(flags) == 0
    told = json.loads((tmp_path / "evaluation.json").read_text())
    true, answers = [Path(row[0]).parent.name for row in rows], [row[1] for row in rows]
    assert told["top1"] == witness.accuracy_score(true, answers) and 0.4 < told["top1"] < 1
    values = witness.precision_recall_fscore_support(true, answers, labels=told["class_names"], zero_division=0)
    for name, column in zip(("precision", "recall", "f1"), values, strict=False):
        assert told["classes"][name] == column.tolist()
    cells = {(told["class_names"][a], told["class_names"][b]): count for a, b, count in told["cells"]}
    matrix = witness.confusion_matrix(true, answers, labels=told["class_names"])
    found = {(told["class_names"][a], told["class_names"][b]): matrix[a, b] for a, b in np.argwhere(matrix)}
    assert cells == found


def test_every_kind_of_file_is_answered_or_named(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    picture = next((run / "data" / "val").rglob("*.png")).read_bytes()
    names = [
        "a,b.png",
        "two words.png",
        'quo"te.png',
        "line\nfeed.png",
        "re\rturn.png",
        "狗.png",
        "caf\udce9.png",
        " .png",
    ]
    for name in names:
        Path(name).write_bytes(picture)
    Path("broken.png").write_bytes(picture[:200])
    Path("text.jpg").write_text("no picture")
    Path("empty.png").write_bytes(b"")
    Path("note.txt").write_text("not looked at in a folder")
    Path("below").mkdir()
    Path("below/deep.png").write_bytes(picture)
    Path("below/round").symlink_to("..", target_is_directory=True)
    weights = ["--weights", str(run / "best_model.pdparams"), "--topk", "2"]

    for form, file in (("csv", "predictions.csv"), ("json", "predictions.jsonl")):
        assert predict.main([".", "./a,b.png", "--output", "out", "--format", form, *weights]) == 1
        said = capsys.readouterr().err
        assert "1 files are given more than once" in said and "3 not read" in said
        assert sorted(line.split()[2] for line in said.splitlines() if line.startswith("not read")) == [
            "./broken.png", "./empty.png", "./text.jpg",
        ]  # fmt: skip
        if form == "csv":
            found = [row[0] for row in rows_of("out/predictions.csv")[1:]]
        else:
            rows = [json.loads(line) for line in Path("out", file).read_text("utf-8").split("\n")[:-1]]
            found = [row["path"] for row in rows]
            assert all(len(row["classes"]) == len(row["probabilities"]) == 2 for row in rows)
        assert found == [f"./{name}" for name in sorted(names)]

    assert predict.main([*names, "below", "--recursive", *weights]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == len(names) + 1 and lines[3].startswith("line\\nfeed.png ") and lines[-1].count("%") == 2
    assert "below/round leads to a folder that is read already" in said.err
    assert predict.main(["broken.png", *weights]) == 1
    assert capsys.readouterr().out == ""
    assert predict.main(["below/deep.png", "--format", "csv", *weights]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "path,class_1,probability_1,class_2,probability_2"


KILLED = """
import os, signal, sys
from fasternet_paddle import predict
from fasternet_paddle.files import rows

append, calls = rows.RowFile.append, []

def dying(self, given):
    calls.append(given)
    if len(calls) == 4:  # the header, two batches, and a half of the third
        os.write(self.file.fileno(), b"\\n".join(given)[:-9])
        os.kill(os.getpid(), signal.SIGKILL)
    append(self, given)

rows.RowFile.append = dying
predict.main(sys.argv[1:])
"""


def test_after_a_kill_it_goes_on_and_does_no_file_twice(run, tmp_path, capsys, monkeypatch):
    argv = ["val", "--recursive", "--topk", "1", "--batch-size", "4", "--num-workers", "1"]
    weights = ["--weights", "../best_model.pdparams"]
    command = [sys.executable, "-c", KILLED, *argv, *weights, "--output", str(tmp_path / "killed")]
    killed = subprocess.run(command, capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    path = tmp_path / "killed" / "predictions.csv"
    assert not path.read_bytes().endswith(b"\n")
    assert call(*argv, "--output", tmp_path / "killed") == 2
    assert "holds results already; go on with it with --resume or replace" in capsys.readouterr().err

    answered = []
    parts = predict.Predicting._predictions
    monkeypatch.setattr(predict.Predicting, "_predictions", lambda *args: answered.append(args[1]) or parts(*args))
    assert call(*argv, "--output", tmp_path / "killed", "--resume") == 0
    whole = 2 * 4 + 3  # rows that were there
    assert answered[0] == [whole - 1] and sum(map(len, answered[1:])) == COUNT - whole
    assert call(*argv, "--output", tmp_path / "left in peace") == 0
    killed, peaceful = rows_of(path), rows_of(tmp_path / "left in peace" / "predictions.csv")
    assert [row[:2] for row in killed] == [row[:2] for row in peaceful] and len(killed) == COUNT + 1
    assert np.allclose([float(row[2]) for row in killed[1:]], [float(row[2]) for row in peaceful[1:]], rtol=1e-5)

    before = path.read_bytes()
    assert call(*argv, "--output", tmp_path / "killed", "--resume") == 0
    assert "0 images" in capsys.readouterr().err and path.read_bytes() == before
    assert call(*argv[:3], "2", "--output", tmp_path / "killed", "--resume") == 2
    assert "begun with other settings" in capsys.readouterr().err
    state = load_run(run / "best_model.pdparams").model.state_dict()
    state["fc.bias"] += paddle.to_tensor([9.0, 0, 0, 0])
    save_state(state, tmp_path / "other.pdparams")
    save_config(CONFIG, NAMES, tmp_path)
    other = ["--weights", str(tmp_path / "other.pdparams")]
    assert predict.main([*argv, *other, "--output", str(tmp_path / "killed"), "--resume"]) == 2
    assert "were written by another network" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_an_exported_network_gives_the_same_rows(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "PICTURES", 4)
    flags = ["--weights", str(run / "best_model.pdparams"), "--format", "paddlex", "--output", str(tmp_path / "x")]
    assert export.main(flags) == 0
    argv = ["val", "--recursive", "--num-workers", "0", "--output"]
    assert call(*argv, tmp_path / "a") == 0
    assert predict.main([*argv, str(tmp_path / "b"), "--weights", str(tmp_path / "x")]) == 0
    ours, exported = (rows_of(tmp_path / name / "predictions.csv")[1:] for name in "ab")
    assert [row[:2] for row in ours] == [row[:2] for row in exported]
    assert np.allclose([float(row[2]) for row in ours], [float(row[2]) for row in exported], rtol=1e-4)


def test_a_signal_ends_it_after_a_batch(tmp_path, capsys, monkeypatch):
    parts = predict.Predicting._predictions
    monkeypatch.setattr(
        predict.Predicting, "_predictions", lambda *args: os.kill(os.getpid(), signal.SIGTERM) or parts(*args)
    )
    argv = ("val", "--recursive", "--batch-size", "4", "--num-workers", "0", "--output", tmp_path)
    assert call(*argv) == 128 + signal.SIGTERM
    assert "--resume goes on" in capsys.readouterr().err
    assert len(rows_of(tmp_path / "predictions.csv")) == 5


def test_it_ends_where_nobody_reads_the_rows(monkeypatch, capsys):
    monkeypatch.setattr(predict, "reader_left", lambda: True)
    assert call("val", "--recursive", "--batch-size", "4", "--num-workers", "1") == 128 + signal.SIGPIPE
    said = capsys.readouterr()
    assert said.out.count("\n") == 4 and "images in" not in said.err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "no file or folder was named"),
        (["missing.png"], "missing.png is no file and no folder"),
        (["bare"], "bare holds no images"),
        (["."], "its 1 folders are not looked into; set --recursive"),
        (["x.png", "--topk", "0"], "topk must be at least 1, got 0"),
        (["x.png", "--batch-size", "0"], "batch_size must be at least 1"),
        (["x.png", "--num-workers", "-1"], "num_workers must be at least 0"),
        (["x.png", "--format", "xml"], "unknown format 'xml'; known: table, csv, json"),
        (["x.png", "--format", "table", "--output", "new"], "set --format"),
        (["x.png", "--resume"], "set --output"),
        (["x.png", "--output", "new", "--resume", "--overwrite"], "either resumed or overwritten"),
        (["x.png", "--sheet", "sheet.jpg"], "written as .png"),
        (["x.png", "--weights", "none.pdparams"], "none.pdparams"),
        (["x.png", "--output", "x.png"], "set --output"),
    ],
)
def test_mistakes_are_one_sentence(argv, says, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bare").mkdir()
    if argv != ["bare"]:
        Path("x.png").write_bytes(next((run / "data").rglob("*.png")).read_bytes())
    if argv == ["."]:
        Path("x.png").unlink()
    before = sorted(Path().rglob("*"))
    assert predict.main(["--weights", str(run / "best_model.pdparams"), *argv]) == 2
    said = capsys.readouterr()
    assert says in next(line for line in said.err.splitlines() if line.startswith("error: ")), said.err
    assert "Traceback" not in said.err and said.out == "" and sorted(Path().rglob("*")) == before


def test_the_photographs_are_those_of_the_names():
    assert len(PHOTOGRAPHS) == len(NAMES)
