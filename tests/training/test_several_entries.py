"""``--nproc`` as a user meets it: what it stands for, and what is refused before or at the start, in one sentence."""

import dataclasses
import re
from pathlib import Path

import pytest

from fasternet_paddle import train
from fasternet_paddle.comparing.trials import run_trials
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runtime import machines as several_machines
from fasternet_paddle.runtime.machines import Machines, interface_to
from fasternet_paddle.training import several
from fasternet_paddle.training.parts import run_training
from tests.test_docs import ROOT

RECIPE = ["--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--epochs", "1", "--max-steps", "2"]
RECIPE += ["--num-workers", "0", "--embed-dim", "4", "--nproc", "2"]


def test_a_run_of_two_from_python_goes_on_with_two_alone(tmp_path, capsys):
    config = TrainConfig(dataset="digits", image_size=32, batch_size=16, epochs=1, max_steps=2, num_workers=0)
    made = run_training(dataclasses.replace(config, embed_dim=4, work_path=str(tmp_path), nproc=2))
    assert made.history.csv() == (tmp_path / "history.csv").read_text()
    assert made.class_names == tuple("0123456789")
    assert re.search(r"^nproc: 2$", (tmp_path / "config.yaml").read_text(), re.MULTILINE)
    assert "2 processes share each batch of 16" in capsys.readouterr().out

    assert train.main(["--resume", "--work-path", str(tmp_path), "--nproc", "3"]) == 2
    said = capsys.readouterr().err
    assert "(nproc was 2, is 3)" in said and said.endswith("set --nproc or choose another --work-path\n")
    assert len(said.splitlines()) == 1


def test_auto_is_a_process_a_core(monkeypatch):
    asked = []
    monkeypatch.setattr(several, "train_in_processes", lambda settings, *_: asked.append(settings.nproc))
    monkeypatch.setattr("fasternet_paddle.runtime.launch.processes_for", lambda device: 6 if device == "cpu" else 4)
    for flags in (["--nproc", "auto"], ["--nproc=auto", "--device", "cpu"], ["--nproc", "auto", "--nnodes", "2"]):
        assert train.main([*RECIPE[:-2], *flags]) == 0
    assert asked == [4, 6, 8]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--nproc", "0"], "nproc must be at least 1, got 0"),
        (["--nproc", "two"], "two"),
        (
            ["--nproc", "2", "--device", "gpu:0"],
            "gpu:0 is one card, and each of 2 processes needs its own; set --device",
        ),
        (["--nproc", "2", "--sync-batch-norm"], "Paddle has none on a CPU; leave out --sync-batch-norm"),
        (["--nproc", "2", "--dataset", "folder", "--data-path", "nowhere"], "nowhere"),
        (["--nproc", "2", "--master", "127.0.0.1:6170"], "are of a run on several machines; set --nnodes"),
        (["--nproc", "2", "--nnodes", "2"], "master must be HOST:PORT of the first machine, got ''; set --master"),
        (["--nproc", "3", "--nnodes", "2", "--master", "127.0.0.1:6170"], "3 processes cannot be shared evenly by 2"),
        (
            ["--nproc", "2", "--nnodes", "2", "--node-rank", "2", "--master", "127.0.0.1:6170"],
            "node_rank must lie in 0..1",
        ),
        (["--nproc", "2", "--nnodes", "2", "--master", "no.such.host.:6170"], "no.such.host. is not known here"),
    ],
)
def test_what_is_refused_is_one_sentence(tmp_path, capsys, flags, sentence):
    assert train.main([*RECIPE[:-2], *flags, "--work-path", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_port_in_use_is_told_before_anything_starts(tmp_path, capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        master = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = ["--nnodes", "2", "--master", master, "--work-path", str(tmp_path / "run")]
        assert train.main([*RECIPE, *flags]) == 2
    assert f"cannot listen on {master}: Address already in use; set --master" in capsys.readouterr().err


def test_who_waits_for_the_first_machine_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(several_machines, "WAIT", 0.6)
    with pytest.raises(FasterNetError, match=r"nobody listened on 127\.0\.0\.1:9 within 1 s"):
        Machines(2, 1, "127.0.0.1:9").check(2)
    assert interface_to("127.0.0.1") == "lo"


def test_trials_are_of_one_process_each(tmp_path):
    config = TrainConfig(dataset="digits", image_size=32, work_path=str(tmp_path), nproc=2)
    with pytest.raises(FasterNetError, match="trials train in this process alone, and two asks for several"):
        run_trials({"two": config}, (1,))


def test_the_launchers_processes_are_known(monkeypatch):
    assert not several.is_launched({}) and not several.is_launched({"PADDLE_TRAINERS_NUM": "1"})
    assert several.is_launched({"PADDLE_TRAINERS_NUM": "2"})
    assert "--log_dir" in Path(ROOT / "docs/parallel.md").read_text(encoding="utf-8")
