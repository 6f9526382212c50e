"""Flags, CPU settings, device, and how a user's mistake ends."""

import os
import random
from dataclasses import dataclass

import numpy as np
import paddle
import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runtime import cli, machine

WHO = {"prog": "python -m fasternet_paddle.something", "description": "Something."}


@dataclass(frozen=True)
class Flags:
    """Flags of a test."""

    index: tuple[int, ...] = ()
    """Numbers of images."""
    loud: bool = False
    """Say more."""


def test_flags_are_the_fields():
    config = cli.parse(TrainConfig, ["--learning-rate", "3e-4", "--embed-dim", "42", "--dataset", "digits"], **WHO)
    assert config == TrainConfig(learning_rate=3e-4, embed_dim=42, dataset="digits")
    assert cli.parse(Flags, ["--index", "3", "7", "--loud"], **WHO) == Flags((3, 7), True)
    assert cli.parse(TrainConfig, [], **WHO) == TrainConfig()
    assert cli.parse(TrainConfig, ["--epochs", "2"], **WHO, default=TrainConfig(seed=7)).seed == 7


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--epochs", "many"], "--epochs.*'many'"),
        (["--epoch-count", "3"], "--epoch-count"),
        (["--epochs"], "--epochs"),
        (["--epochs", "0"], "^epochs must be at least 1, got 0 "),
        (["--variant"], "--variant"),
        (["--image-size", "31"], "at least 32 pixels, since the network divides by 32, got 31"),
        (["--learning-rate", "-1"], "learning_rate must be above 0"),
        (["--label-smoothing", "1.5"], "label_smoothing"),
        (["--num-workers", "-1"], "num_workers must be 0 or more"),
        (["--batch-size", "-4"], "batch_size must be at least 1"),
        (["--seed", "-1"], "seed must lie in"),
        (["--weight-decay", "-0.1"], "weight_decay must be 0 or more"),
        (["--max-steps", "0"], "max_steps must be at least 1"),
        (["--dataset", "mnist"], "known datasets: cifar10, digits"),
        (["--work-path", ""], "work_path must name a folder"),
        (["--augment", "slow"], "unknown augment 'slow'; known: notebook, fast"),
    ],
)
def test_a_wrong_flag_is_one_sentence(argv, says):
    with pytest.raises(FasterNetError, match=says) as caught:
        cli.parse(TrainConfig, argv, **WHO)
    assert "\n" not in str(caught.value)
    assert "something --help" in str(caught.value)


def test_help_lists_every_field(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.parse(TrainConfig, ["--help"], **WHO)
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for name in TrainConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in shown


def test_cpu_settings_are_for_amd_and_never_override(tmp_path):
    (tmp_path / "amd").write_text("vendor_id\t: AuthenticAMD\n")
    (tmp_path / "intel").write_text("vendor_id\t: GenuineIntel\n")
    for vendor, before, after in (
        ("amd", {}, {"MKL_DEBUG_CPU_TYPE": "5"}),
        ("amd", {"MKL_DEBUG_CPU_TYPE": "0"}, {"MKL_DEBUG_CPU_TYPE": "0"}),
        ("intel", {}, {}),
        ("missing", {}, {}),
    ):
        environ = dict(before)
        chosen = machine.cpu_settings(environ, tmp_path / vendor)
        assert environ == after
        assert chosen == {name: value for name, value in after.items() if name not in before}


def test_training_threads_are_the_cores_where_they_pay_and_never_override():
    for image_size, cores, threads in ((224, 2, "2"), (96, 1, "1"), (224, 64, "4"), (32, 64, "1")):
        environ = {"OMP_NUM_THREADS": "1"}  # as Paddle leaves it
        assert machine.training_threads(image_size, environ, (), cores) == {"OMP_NUM_THREADS": threads}
        assert environ == {"OMP_NUM_THREADS": threads}
    environ = {"OMP_NUM_THREADS": "1"}
    assert machine.training_threads(224, environ, environ, 2) == {}
    assert environ == {"OMP_NUM_THREADS": "1"}


def test_cores_are_those_that_a_container_grants(tmp_path):
    bound = machine.count_cores(tmp_path / "missing")
    assert 1 <= bound <= os.cpu_count()
    for text, cores in (("max 100000\n", bound), ("150000 100000", 1), ("50000 100000", 1), ("9900000 100000", bound)):
        (tmp_path / "cpu.max").write_text(text)
        assert machine.count_cores(tmp_path / "cpu.max") == min(bound, cores)


def test_begin_says_what_it_chose(monkeypatch, capsys):
    monkeypatch.setattr(cli, "cpu_settings", lambda: {"MKL_X": "5"})
    monkeypatch.setattr(cli, "training_threads", lambda image_size: {"OMP_NUM_THREADS": image_size})
    for sizes, threads in (((), ""), ((224,), ", OMP_NUM_THREADS=224")):
        assert machine.begin("cpu", 0, *sizes) == "cpu"
        assert capsys.readouterr().out == f"device: cpu, MKL_X=5{threads}\n"


def test_device():
    assert machine.set_device("cpu") == "cpu"
    for name, says in (("tpu", "auto, cpu, gpu or gpu:N, got 'tpu'"), ("gpu:99", "gpu:99 is not there")):
        with pytest.raises(FasterNetError, match=says):
            machine.set_device(name)


def test_seed_reaches_all_three_generators():
    draws = []
    for _ in range(2):
        machine.seed_everything(5)
        draws.append((random.random(), np.random.random(), float(paddle.rand([]))))
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (FasterNetError("epochs must be at least 1"), 2, "error: epochs must be at least 1\n"),
        (ModuleNotFoundError("No module named 'paddle'", name="paddle"), 2, "pip install paddlepaddle"),
        (ImportError("libgomp.so.1: cannot open shared object file"), 2, "apt-get install libgomp1"),
        (MemoryError(), 2, "lower --batch-size or --image-size"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_how_an_entry_ends(capsys, raised, code, says):
    @cli.entry
    def main(argv):
        raise raised

    assert main() == code
    assert says in capsys.readouterr().err


def test_an_entry_returns_0_and_lets_real_faults_through():
    assert cli.entry(lambda argv: None)() == 0
    with pytest.raises(ZeroDivisionError):
        cli.entry(lambda argv: 1 / 0)()
