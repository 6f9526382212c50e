"""VisualDL's panel by a stand-in for its writer: what is written, and that a run is the same run with it."""

import sys
import types
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from fasternet_paddle import train
from fasternet_paddle.runs.folder import clear_work_path
from fasternet_paddle.weights.pdparams import load_weights

FLAGS = ["--dataset", "digits", "--image-size", "32", "--batch-size", "32", "--num-workers", "0", "--embed-dim", "4"]
FLAGS += ["--depths", "1", "1", "2", "1", "--max-steps", "6", "--visualdl"]


class Writer:
    """``visualdl.LogWriter``'s calls, in ``made``."""

    made: ClassVar[list] = []

    def __init__(self, logdir):
        self.scalars, self.images, self.closed = {}, [], False
        Path(logdir).mkdir(parents=True, exist_ok=True)
        self.path = Path(logdir) / f"vdlrecords.{len(self.made)}.log"
        self.path.write_text("")
        self.made.append(self)

    def add_scalar(self, tag, value, step):
        self.scalars.setdefault(tag, []).append((step, value))

    def add_image(self, tag, pixels, step):
        self.images.append((tag, pixels, step))

    def close(self):
        self.closed = True


@pytest.fixture
def visualdl(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Writer, "made", [])
    monkeypatch.setitem(sys.modules, "visualdl", types.SimpleNamespace(LogWriter=Writer))
    return Writer.made


def _rows(work_path):
    head, *lines = (Path(work_path) / "history.csv").read_text().splitlines()
    return [dict(zip(head.split(","), map(float, line.split(",")), strict=True)) for line in lines]


def test_the_panel_shows_the_history_and_changes_nothing(visualdl):
    assert train.main([*FLAGS, "--epochs", "2"]) == 0
    [writer] = visualdl
    rows = _rows("work/model")
    for tag, column, position in (
        ("loss/val", "val_loss", "steps"),
        ("top1/train", "train_top1", "epoch"),
        ("top1/val", "val_top1", "epoch"),
        ("learning rate", "learning_rate", "epoch"),
    ):
        assert writer.scalars[tag] == [(row[position], row[column]) for row in rows], tag
    assert [step for step, _ in writer.scalars["loss/train"]] == [0, 6]
    assert [(tag, step) for tag, _, step in writer.images] == [("predictions", 0), ("predictions", 1)]
    pixels = writer.images[0][1]
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and pixels.std() > 10 and writer.closed

    assert train.main([*FLAGS[:-1], "--epochs", "2", "--work-path", "plain"]) == 0
    assert Path("plain/history.csv").read_bytes() == Path("work/model/history.csv").read_bytes()
    plain, seen = (load_weights(f"{folder}/final_model.pdparams") for folder in ("plain", "work/model"))
    assert all(np.array_equal(plain[name], seen[name]) for name in seen)

    assert train.main(["--resume", "--epochs", "3", "--visualdl"]) == 0  # the earlier epochs are drawn again
    again = visualdl[1]
    assert len(again.scalars["top1/val"]) == 3 and [step for _, _, step in again.images] == [2]
    assert [path.name for path in Path("work/model/visualdl").iterdir()] == ["vdlrecords.1.log"]
    clear_work_path("work/model")
    assert not list(Path("work/model/visualdl").iterdir())  # of another run


def test_a_missing_package_is_said_before_any_work(visualdl, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    assert train.main([*FLAGS, "--epochs", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: the package visualdl is not installed; pip install") and error.count("\n") == 1
    assert not Path("work").exists()
