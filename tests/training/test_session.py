"""A run under guard from Python: stopped by a signal it is saved, and goes on to the same end."""

import contextlib
import signal

import paddle
import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.errors import FasterNetError, Stopped
from fasternet_paddle.training.parts import make_parts
from fasternet_paddle.training.session import Session
from fasternet_paddle.training.trainer import fit

DIGITS = load_dataset("digits")


def _config(work_path):
    small = {"dataset": "digits", "image_size": 32, "batch_size": 16, "epochs": 2, "max_steps": 3, "num_workers": 0}
    return TrainConfig(**small, embed_dim=4, work_path=str(work_path))


def _train(config, **how):
    with contextlib.closing(make_parts(config, DIGITS)) as parts, Session(config, **how) as session:
        session.start(parts, DIGITS)
        return fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session)


def test_stopped_and_resumed_the_run_ends_the_same(tmp_path, monkeypatch, capsys):
    calm = _train(_config(tmp_path / "calm"))
    step, done = paddle.optimizer.AdamW.step, []

    def stopping(optimizer):
        step(optimizer)
        done.append(1)
        if len(done) == 4:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(paddle.optimizer.AdamW, "step", stopping)
        with pytest.raises(Stopped) as stopped:
            _train(_config(tmp_path / "run"))
    assert stopped.value.signal == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is handler
    assert "finishing this step" in capsys.readouterr().out
    [checkpoint] = (tmp_path / "run" / "checkpoints").iterdir()
    history = _train(_config(tmp_path / "run"), resume=True)
    assert f"resuming from {checkpoint}" in capsys.readouterr().out
    assert history == calm
    for name in ("history.csv", "metrics.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_a_run_that_is_there_is_kept_unless_it_is_to_be_replaced(tmp_path):
    (tmp_path / "history.csv").write_text("another's")
    (tmp_path / ".history.csv.half").write_text("a killed process's")
    with pytest.raises(FasterNetError, match="holds another run") as refusal:
        Session(_config(tmp_path))
    assert refusal.value.change == ("overwrite", "work_path")  # no config.yaml: there is nothing to resume
    with Session(_config(tmp_path), overwrite=True):  # nothing is lost before the run starts
        assert (tmp_path / "history.csv").exists() and not (tmp_path / ".history.csv.half").exists()


def test_a_session_writes_nothing_before_it_is_entered(tmp_path):
    Session(_config(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []
