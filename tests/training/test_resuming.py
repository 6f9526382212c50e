"""A run is continued to the bit, another recipe is refused, a NaN stops in time, a full disk loses nothing."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import safetensors.numpy

from fasternet_paddle import train
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy
from fasternet_paddle.runs.checkpoints import Checkpoints, latest_checkpoint
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.training import trainer
from fasternet_paddle.weights.pdparams import load_weights

RUN_OF_0_1 = Path(__file__).parents[1] / "fixtures" / "run_of_0_1"
SOAK = bool(os.environ.get("FASTERNET_SOAK"))
RECIPE = ["--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--epochs", "2", "--max-steps", "4"]
RECIPE += ["--num-workers", "0", "--embed-dim", "4", "--depths", "1", "1", "2", "1"]  # small files, quick steps


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The end of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    assert train.main([*RECIPE, "--work-path", str(folder)]) == 0
    return _ends(folder)


def _ends(folder="work/model"):
    """What a run left, to the bit; arrays by the network's names, since Paddle's own count all layers of a process."""
    folder = Path(folder)
    ends = {name: (folder / name).read_bytes() for name in ("history.csv", "metrics.json")}
    sources = {name: load_weights(folder / f"{name}.pdparams") for name in ("best_model", "final_model")}
    sources["checkpoint"] = latest_checkpoint(folder).arrays
    for source, arrays in sources.items():
        ends |= {f"{source}/{name}": value.tobytes() for name, value in arrays.items()}
    return ends


def _stop_after(monkeypatch, steps, how):
    """Let ``how()`` happen after so many optimizer steps."""
    step, done = paddle.optimizer.AdamW.step, []

    def counted(optimizer):
        step(optimizer)
        done.append(1)
        if len(done) == steps:
            how()

    monkeypatch.setattr(paddle.optimizer.AdamW, "step", counted)


def _interrupted(monkeypatch, steps, signum=signal.SIGINT, extra=()):
    """Run until ``signum`` comes after ``steps``; returns the exit code."""
    with monkeypatch.context() as patch:
        _stop_after(patch, steps, lambda: signal.raise_signal(signum))
        return train.main([*RECIPE, *extra])


@pytest.mark.parametrize(
    ("workers", "kills", "more"),
    [(0, 50 if SOAK else 3, ()), (2, 50 if SOAK else 1, ()), (0, 50 if SOAK else 2, ("--everything",))],
)
def test_killed_at_random_moments_the_run_ends_the_same(tmp_path, workers, kills, more):
    command = [sys.executable, "-W", "ignore", "-m", "tests.kill_driver", "--folder", str(tmp_path)]
    command += ["--kills", str(kills), "--workers", str(workers), "--seed", "3", *more]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=3600)
    assert done.returncode == 0, done.stderr
    assert f"{kills} kills over" in done.stdout
    print(done.stdout)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_and_saves(monkeypatch, capsys, calm, signum, code):
    assert _interrupted(monkeypatch, 6, signum) == code
    captured = capsys.readouterr()
    assert "finishing this step" in captured.out
    assert captured.err == f"stopped by {signum.name}; everything is saved, --resume goes on from here\n"
    [path] = Path("work/model/checkpoints").iterdir()
    assert path.name.startswith("step-000000006-")
    assert train.main(["--resume"]) == 0
    assert _ends() == calm


def test_a_signal_during_validation_is_heeded(monkeypatch, calm):
    with monkeypatch.context() as patch:
        count = trainer.count_correct
        calls = []

        def counted(*args):
            calls.append(1)
            if len(calls) == 6:  # four training steps, then validation
                signal.raise_signal(signal.SIGTERM)
            return count(*args)

        patch.setattr(trainer, "count_correct", counted)
        assert train.main(RECIPE) == 143
    assert "best_model.pdparams" not in {path.name for path in Path("work/model").iterdir()}
    assert train.main(["--resume"]) == 0
    assert _ends() == calm


def test_before_the_first_checkpoint_a_run_resumes_from_its_beginning(monkeypatch, capsys, calm):
    _interrupted(monkeypatch, 2)
    for path in Path("work/model/checkpoints").iterdir():
        path.unlink()
    assert train.main(["--resume"]) == 0
    assert "from the beginning" in capsys.readouterr().out
    assert _ends() == calm


def test_a_damaged_checkpoint_falls_back_with_a_warning(monkeypatch, capsys, calm):
    _interrupted(monkeypatch, 6, extra=["--checkpoint-every", "0"])
    older, newest = sorted(Path("work/model/checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert train.main(["--resume"]) == 0
    captured = capsys.readouterr()
    assert "is damaged: its checksum is not the one in its name; trying the one before" in captured.err
    assert f"resuming from {older}" in captured.out
    assert _ends() == calm

    for path in Path("work/model/checkpoints").iterdir():
        path.write_bytes(b"")
    assert train.main(["--resume"]) == 2
    assert "no checkpoint in work/model is whole" in capsys.readouterr().err


def test_only_the_last_checkpoints_are_kept(monkeypatch):
    _interrupted(monkeypatch, 6, extra=["--checkpoint-every", "0", "--keep-checkpoints", "3"])
    assert sorted(path.name[:14] for path in Path("work/model/checkpoints").iterdir()) == [
        "step-000000004",
        "step-000000005",
        "step-000000006",
    ]


def test_another_recipe_is_refused_with_the_differences(monkeypatch, capsys):
    _interrupted(monkeypatch, 2)
    capsys.readouterr()
    assert train.main(["--resume", "--learning-rate", "0.5", "--seed", "7"]) == 2
    said = capsys.readouterr().err
    assert "learning_rate was 0.001, is 0.5; seed was 42, is 7" in said and "choose another --work-path" in said
    assert train.main(["--resume", "--epochs", "1"]) == 2
    assert "may grow when a run is resumed, not shrink" in capsys.readouterr().err
    assert train.main(["--resume", "--overwrite"]) == 2
    assert "only one of them" in capsys.readouterr().err
    assert train.main(["--resume", "--work-path", "elsewhere"]) == 2
    assert "elsewhere holds no run to resume" in capsys.readouterr().err


def test_more_epochs_go_on_along_the_longer_cosine(calm):
    assert train.main(RECIPE) == 0
    assert train.main(["--resume"]) == 0  # a finished run: nothing to do
    assert _ends() == calm
    assert train.main(["--resume", "--epochs", "4"]) == 0
    lines = Path("work/model/history.csv").read_text().splitlines()
    assert len(lines) == 5
    steps, total = 2 * (1437 // 16), 4 * (1437 // 16)
    done = 2 * 4  # max_steps ended both epochs after four
    assert float(lines[3].split(",")[2]) == pytest.approx(1e-3 * (1 + np.cos(np.pi * done / total)) / 2)
    assert total == 2 * steps


def test_a_loss_that_is_not_finite_stops_before_it_does_harm(tmp_path, monkeypatch, capsys):
    forward, calls = LabelSmoothingCrossEntropy.forward, []

    def breaks(criterion, pred, target):
        calls.append(1)
        return forward(criterion, pred, target) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(LabelSmoothingCrossEntropy, "forward", breaks)
    assert train.main([*RECIPE, "--checkpoint-every", "0"]) == 2
    error = capsys.readouterr().err
    assert "the loss of step 2 is nan; the batch and the weights before it are in work/model/failed_st" in error
    assert error.endswith("; lower --learning-rate (with --resume it goes on from the last checkpoint)\n")
    saved = safetensors.numpy.load_file("work/model/failed_step.safetensors")
    assert saved["images"].shape == (16, 3, 32, 32)
    assert all(np.isfinite(value).all() for value in saved.values())
    newest = latest_checkpoint("work/model")
    assert newest.header["progress"]["step"] == 2
    assert all(np.isfinite(value).all() for value in newest.arrays.values())

    monkeypatch.undo()  # what the sentence advises works
    monkeypatch.chdir(tmp_path)
    assert train.main(["--resume", "--learning-rate", "0.0005", "--epochs", "2"]) == 0
    said = capsys.readouterr().out
    assert "learning_rate was 0.001, is 0.0005: from this step on along the cosine of the new one" in said
    rate = float(Path("work/model/history.csv").read_text().splitlines()[2].split(",")[2])
    total = 2 * (1437 // 16)
    assert rate == pytest.approx(5e-4 * (1 + np.cos(np.pi * 4 / total)) / 2)  # max_steps ends an epoch after four
    assert "learning_rate: 0.0005" in Path("work/model/config.yaml").read_text()
    assert train.main(["--resume"]) == 0 and "learning_rate was" not in capsys.readouterr().out


def test_a_full_disk_is_one_sentence_at_any_write_and_loses_nothing(monkeypatch, capsys, calm):
    fsync = os.fsync
    for number in range(1, 60, 6):
        calls = []

        def full(handle, number=number, calls=calls):
            calls.append(1)
            if len(calls) == number:
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            flags = ["--resume"] if Path("work/model/config.yaml").exists() else RECIPE
            code = train.main([*flags, "--checkpoint-every", "0"])
        error = capsys.readouterr().err
        if code == 0:
            break
        assert (code, error.count("\n")) == (2, 1)
        assert "No space left on device" in error
    assert train.main(["--resume"]) == 0
    assert _ends() == calm


def test_on_a_disk_that_is_really_full(tmp_path, capsys, calm):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=70m", "tmpfs", str(small)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        return  # only a privileged user may mount; the test above injects the same error
    try:
        ballast = small / "ballast"
        ballast.write_bytes(b"x" * (30 << 20))
        assert train.main([*RECIPE, "--embed-dim", "40", "--work-path", str(small / "run")]) == 2
        assert "No space left on device" in capsys.readouterr().err
        ballast.unlink()
        code = train.main(["--resume", "--work-path", str(small / "run"), "--keep-checkpoints", "1"])
        assert code in (0, 2)  # 95 MB of run and temporary file may not fit either; then the run moves
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_run_of_0_1_goes_on_to_its_end():
    """Made before the package had folders; the fixture's README says how."""
    shutil.copytree(RUN_OF_0_1, "old")
    assert train.main(["--resume", "--work-path", "old"]) == 0
    names = ("history_to_the_end.csv", "history.csv")
    wanted, found = (np.genfromtxt(f"old/{name}", delimiter=",", names=True) for name in names)
    for name in wanted.dtype.names:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-4, err_msg=name)  # to the bit on one machine
    assert load_run("old/final_model.pdparams").class_names == tuple("0123456789")


def test_weights_of_0_1_load():
    run = load_run(RUN_OF_0_1 / "best_model.pdparams")
    assert (run.config.embed_dim, run.config.batch_size, run.config.max_steps) == (4, 32, 3)
    assert run.model(paddle.zeros([2, 3, 32, 32])).shape == [2, 10]


def test_a_setting_that_the_run_did_not_know_counts_as_its_default(tmp_path, capsys):
    """A later release has more settings; a run of this one was made as their defaults say."""
    shutil.copytree(RUN_OF_0_1, "old")
    [path] = Path("old/checkpoints").iterdir()
    latest = latest_checkpoint("old")
    del latest.header["identity"]["augment"]
    path.unlink()
    header = {name: value for name, value in latest.header.items() if name != "format"}
    Checkpoints("old").save(4, latest.arrays, header)
    assert train.main(["--resume", "--work-path", "old", "--augment", "fast"]) == 2
    assert "augment was notebook, is fast" in capsys.readouterr().err
    assert train.main(["--resume", "--work-path", "old"]) == 0
