"""One assembly of a run: from Python it is what the entry does, and its model is the best one."""

import numpy as np
import pytest

from fasternet_paddle import train
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.results import plots
from fasternet_paddle.training import trainer
from fasternet_paddle.training.metrics import Tally
from fasternet_paddle.training.parts import make_parts, run_training
from fasternet_paddle.weights.pdparams import load_weights

SMALL = {"dataset": "digits", "image_size": 32, "batch_size": 16, "epochs": 2, "max_steps": 2, "num_workers": 0}


def _config(work_path, **changes):
    return TrainConfig(**SMALL | {"embed_dim": 4, "depths": (1, 1, 2, 1), "work_path": str(work_path)} | changes)


def _weights(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_from_python_a_run_is_what_the_entry_makes(tmp_path, capsys):
    run = run_training(_config(tmp_path / "python"))
    python = capsys.readouterr().out.splitlines()
    flags = [text for name, value in SMALL.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    assert train.main([*flags, "--embed-dim", "4", "--depths", *"1121", "--work-path", str(tmp_path / "entry")]) == 0
    entry = capsys.readouterr().out.splitlines()
    assert python[1:] == entry[1 : len(python)]  # the first names the CPU settings that were missing
    assert entry[len(python)].startswith("best validation accuracy")
    names = sorted(path.name for path in (tmp_path / "python").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "entry").iterdir())
    for name in ("history.csv", "metrics.json", "predictions.png"):
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "entry" / name).read_bytes(), name
    assert run.history.csv() == (tmp_path / "entry" / "history.csv").read_text()
    assert (run.config, run.class_names) == (_config(tmp_path / "python"), tuple("0123456789"))


def test_the_best_weights_are_returned_and_shown(tmp_path, monkeypatch):
    shown, tallies = [], iter([Tally(2.0, 9, 10), Tally(2.0, 5, 10)])  # the first of two epochs is the best
    show = plots.show_predictions

    def showing(model, *rest, **more):
        shown.append(_weights(model))
        return show(model, *rest, **more)

    monkeypatch.setattr(trainer, "validate", lambda *_, **__: next(tallies))
    monkeypatch.setattr(plots, "show_predictions", showing)
    run = run_training(_config(tmp_path))
    best, final = (load_weights(tmp_path / f"{name}_model.pdparams") for name in ("best", "final"))
    assert not np.array_equal(best["fc.weight"], final["fc.weight"])
    for weights in (_weights(run.model), *shown):
        assert all(np.array_equal(weights[name], value) for name, value in best.items())
    assert len(shown) == 1 and not run.model.training


def test_the_same_config_gives_the_same_first_weights():
    data = load_dataset("digits")
    first, second = (_weights(make_parts(_config("unused"), data).model) for _ in range(2))
    other = _weights(make_parts(_config("unused", seed=43), data).model)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["fc.weight"], other["fc.weight"])


@pytest.mark.parametrize(
    ("changes", "how", "says"),
    [
        ({"variant": "t9"}, {}, "unknown variant 't9'"),
        ({}, {"resume": True}, "holds no run to resume"),
        ({}, {"resume": True, "overwrite": True}, "only one of them"),
        ({}, {"checkpoint_every": -1.0}, "checkpoint_every must be 0 or more seconds, got -1"),
        ({}, {"keep_checkpoints": 0}, "keep_checkpoints must be at least 1, got 0"),
        ({"batch_size": 1438}, {}, "got 1438 for 1437"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(tmp_path, changes, how, says):
    with pytest.raises(FasterNetError, match=says):
        run_training(_config(tmp_path / "run", **changes), **how)
    assert list(tmp_path.iterdir()) == []
