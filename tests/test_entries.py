"""The entries as a user meets them: whole runs, and every mistake answered by exit code 2 and one sentence."""

import dataclasses
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from fasternet_paddle import evaluate, train
from fasternet_paddle.config import SECTIONS, TrainConfig
from fasternet_paddle.files.logits import read_logits
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.model.losses import label_smoothing_cross_entropy
from fasternet_paddle.weights.pdparams import save_state
from tests.archives import batch, photograph_crops, write_archive, write_photographs

SMALL = ["--dataset", "digits", "--image-size", "32", "--batch-size", "64", "--epochs", "1", "--num-workers", "0"]
SMALL += ["--embed-dim", "8", "--depths", "1", "1", "2", "1", "--max-steps", "2"]
RUN_FILES = {
    "acc.png",
    "best_model.pdparams",
    "best_optimizer.pdopt",
    "config.yaml",
    "final_model.pdparams",
    "final_optimizer.pdopt",
    "history.csv",
    "loss.png",
    "metrics.json",
    "predictions.png",
    "report.html",
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def _files(folder="work"):
    return {path.name for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith(".")}


def test_train_then_evaluate(capsys):
    assert train.main(SMALL) == 0
    said = capsys.readouterr().out
    assert "train_dataset: 1437\nval_dataset: 360\n" in said
    assert "work/model/predictions.png" in said and "work/model/report.html" in said
    [checkpoint] = _files("work/model/checkpoints")
    assert _files() == {*RUN_FILES, checkpoint}

    metrics = json.loads(Path("work/model/metrics.json").read_text())
    assert evaluate.main(["--weights", "work/model/final_model.pdparams", "--max-steps", "2"]) == 2  # no such flag
    assert "--max-steps" in capsys.readouterr().err
    assert evaluate.main(["--weights", "work/model/final_model.pdparams", "--num-workers", "0"]) == 0
    said = capsys.readouterr().out
    for name in ("top-1: ", "top-5: ", "loss: ", "loop throughput: ", "model throughput: "):
        assert name in said
    assert 0 <= metrics["final_val_top1"] <= 1


def test_evaluate_measures_what_training_measured(capsys):
    assert train.main([*SMALL[:-2], "--batch-size", "360", "--max-steps", "1"]) == 0
    metrics = json.loads(Path("work/model/metrics.json").read_text())
    flags = ["--weights", "work/model/final_model.pdparams", "--batch-size", "60", "--logits", "logits.npz"]
    assert evaluate.main(flags) == 0
    assert f"top-1: {metrics['final_val_top1']:.4f}" in capsys.readouterr().out
    saved = read_logits("logits.npz")
    # By Paddle, which stops at 64 nats an answer; after a single step the logits here differ by a thousand.
    loss = label_smoothing_cross_entropy(paddle.to_tensor(saved.logits), paddle.to_tensor(saved.labels), 0.1)
    assert float(loss) == pytest.approx(metrics["final_val_loss"], rel=1e-5)


def test_a_run_is_repeated_from_its_config_with_flags_winning():
    assert train.main([*SMALL, "--work-path", "a"]) == 0
    assert train.main(["--config", "a/config.yaml", "--work-path", "b"]) == 0
    assert Path("a/history.csv").read_bytes() == Path("b/history.csv").read_bytes()
    assert "work_path: b" in Path("b/config.yaml").read_text()


def test_a_cifar10_archive_trains(capsys):
    write_photographs("photos.tar.gz")
    flags = ["--data-path", "photos.tar.gz", "--image-size", "32", "--batch-size", "32", "--epochs", "1"]
    flags += ["--embed-dim", "8", "--depths", "1", "1", "2", "1"]
    assert train.main([*flags, "--num-workers", "2"]) == 0
    assert "train_dataset: 96\nval_dataset: 24\n" in capsys.readouterr().out
    assert "class_names:\n- astronaut\n- cat\n- coffee\n" in Path("work/model/config.yaml").read_text()
    assert evaluate.main([]) == 0
    assert "top-3: 1.0000" in capsys.readouterr().out


def _refused(capsys, entry, argv, *says):
    """Run an entry that must refuse: code 2, one line that says why, nothing new in the folder."""
    before = sorted(Path().rglob("*"))
    assert entry.main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1, error
    for words in says:
        assert words in error, error
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--data-path", "missing.tar.gz"], ["missing.tar.gz"]),
        (["--dataset", "digits", "--variant", "t9"], ["'t9'", "t0, t1, t2, s, m, l"]),
        (["--dataset", "digits", "--mixer", "pool"], ["'pool'", "pconv, dwconv, conv"]),
        (["--dataset", "imagenet"], ["'imagenet'", "cifar10, cifar100"]),
        (["--dataset", "mnist"], ["where the data set mnist lies", "set --data-path"]),
        (["--dataset", "folder", "--data-path", "nowhere"], ["nowhere does not exist"]),
        (["--dataset", "digits", "--resize", "stretch"], ["'stretch'", "squash, crop, letterbox"]),
        (["--dataset", "digits", "--val-fraction", "1"], ["val_fraction must lie in [0, 1), got 1"]),
        (["--image-size", "31"], ["at least 32 pixels", "got 31"]),
        (["--dataset", "digits", "--batch-size", "1438"], ["got 1438 for 1437", "set --batch-size"]),
        (["--epochs", "0"], ["epochs must be at least 1, got 0"]),
        (["--batch-size", "-1"], ["batch_size must be at least 1, got -1"]),
        (["--learning-rate", "0"], ["learning_rate must be above 0"]),
        (["--config", "missing.yaml"], ["missing.yaml"]),
        ([*SMALL, "--work-path", "file"], ["work_path must be a folder", "file"]),
        ([*SMALL, "--work-path", "file/run"], ["work_path must be a folder", "file"]),
        ([*SMALL, "--work-path", "/proc/run"], ["/proc/run"]),
        ([*SMALL, "--device", "gpu:7"], ["gpu:7 is not there"]),
    ],
)
def test_train_refuses(capsys, argv, says):
    Path("file").write_text("")
    _refused(capsys, train, argv, *says)


def _archive_with(batch_bytes):
    return {"data_batch_1": batch_bytes, "test_batch": batch(*photograph_crops(4))}


class _RunsCode:
    def __reduce__(self):
        return os.system, ("touch ran",)


def _abuses_numpy():
    """A pickle of numpy's own names alone, whose state lies about the number of bytes."""
    array = pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0] * 4}, protocol=2)
    return array.replace(b"M\x00\x0c\x86", b"J\x00\x00\x00\x40\x86")  # 3072 columns become 2**30


@pytest.mark.parametrize("fault", ["truncated", "object", "numpy", "labels"])
def test_train_refuses_an_archive(capsys, fault):
    images, labels = photograph_crops(8)
    path = Path("photos.tar.gz")
    if fault == "truncated":
        write_photographs(path)
        path.write_bytes(path.read_bytes()[:-20000])
    elif fault == "object":
        hostile = pickle.dumps({b"data": _RunsCode(), b"labels": [0]}, protocol=2)
        write_archive(path, _archive_with(hostile))
    elif fault == "numpy":
        assert _abuses_numpy() != batch(images[:4], labels[:4])
        write_archive(path, _archive_with(_abuses_numpy()))
    else:
        write_archive(path, _archive_with(batch(images, labels + 9)))
    _refused(capsys, train, ["--data-path", str(path), "--batch-size", "4"], str(path))
    assert not Path("ran").exists()


def test_train_keeps_another_run(capsys):
    assert train.main(SMALL) == 0
    before = Path("work/model/history.csv").stat().st_mtime_ns
    capsys.readouterr()
    _refused(capsys, train, SMALL, "holds another run", "--overwrite")
    assert Path("work/model/history.csv").stat().st_mtime_ns == before  # replaced: test_session


def test_a_run_that_failed_at_once_leaves_a_folder_for_the_next(capsys):
    assert train.main([*SMALL, "--learning-rate", "1e30"]) == 2
    assert "lower --learning-rate" in capsys.readouterr().err
    assert {"config.yaml", "failed_step.safetensors"} <= _files() and not list(Path("work").rglob("step-*"))
    assert train.main(SMALL) == 0
    assert not Path("work/model/failed_step.safetensors").exists()


def test_evaluate_refuses(capsys):
    _refused(capsys, evaluate, ["--weights", "missing.pdparams"], "missing.pdparams")
    Path("noise.pdparams").write_bytes(b"noise")
    _refused(capsys, evaluate, ["--weights", "noise.pdparams"], "noise.pdparams")
    save_state(create_model("t1").state_dict(), "t1.pdparams")
    _refused(capsys, evaluate, ["--weights", "t1.pdparams", "--variant", "t0"], "t1.pdparams does not fit", "misshapen")
    save_state(create_model("t0", 3).state_dict(), "three.pdparams")
    mismatch = ("knows 3 classes", "has 10; set --dataset or set --data-path")
    _refused(capsys, evaluate, ["--weights", "three.pdparams", "--dataset", "digits"], *mismatch)
    _refused(capsys, evaluate, ["--weights", "t1.pdparams", "--dataset", "digits", "--engine", "magic"], "magic")


def _python(*argv, **environ):
    environ = {**os.environ, "PYTHONWARNINGS": "default", **environ}
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=120, env=environ)


def test_modules_run_and_a_log_holds_no_bars_and_no_warnings(tmp_path):
    # A fresh machine: Matplotlib looks for fonts, and says so where nobody asks it not to.
    done = _python("-m", "fasternet_paddle.train", *SMALL, MPLCONFIGDIR=str(tmp_path / "matplotlib"))
    assert list((tmp_path / "matplotlib").glob("fontlist-*.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "\r" not in done.stdout
    refused = _python("-m", "fasternet_paddle.evaluate", "--weights", "missing.pdparams")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


WITHOUT_PADDLE = """
import runpy, sys
sys.modules["paddle"] = None  # as if it were not installed
name, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(f"fasternet_paddle.{name}", run_name="__main__", alter_sys=True)
"""


def test_without_paddle_one_sentence_says_so():
    done = _python("-c", WITHOUT_PADDLE, "train", *SMALL)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install paddlepaddle" in done.stderr
    code = "import sys; sys.modules['paddle'] = None; import fasternet_paddle; fasternet_paddle.fasternet_t0()"
    assert "pip install paddlepaddle" in _python("-c", code).stderr.splitlines()[-1]
    assert _python("-c", WITHOUT_PADDLE, "train", "--help").returncode == 0


def test_importing_changes_nothing():
    check = "import sys, fasternet_paddle; assert not {'paddle', 'numpy', 'cv2', 'matplotlib'} & set(sys.modules)"
    assert _python("-c", check).returncode == 0


def test_help_tells_what_the_entries_do():
    for name in ("train", "evaluate"):
        done = _python("-m", f"fasternet_paddle.{name}", "--help")
        assert done.returncode == 0
        assert "--batch-size" in done.stdout


def test_help_of_training_has_every_setting_once_in_its_section():
    text = _python("-m", "fasternet_paddle.train", "--help").stdout
    titles = re.findall(r"[╭+][─-] (\w+) options", text)
    assert titles == list(SECTIONS.values())
    flags = re.findall(r"(?m)^[│|] (--[\w-]+)", text)
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    assert [flag for flag in flags if flag[2:].replace("-", "_") in names] == [
        f"--{n.replace('_', '-')}" for n in names
    ]
    assert set(SECTIONS) <= set(names)
