"""Weights on disk: Paddle's format both ways, what must fit, what is refused, and nothing half written."""

import os

import numpy as np
import paddle
import pytest
import yaml

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import writing as files
from fasternet_paddle.model.fasternet import VARIANTS, create_model
from fasternet_paddle.runs import folder as run_folder
from fasternet_paddle.runs import run as checkpoint
from tests import notebook


def _state(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def _same(model, other):
    ours, theirs = _state(model), _state(other)
    return list(ours) == list(theirs) and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_notebook_users_weights_load(tmp_path):
    trained = notebook.Network("t0", 10)
    paddle.save(trained.state_dict(), str(tmp_path / "best_model.pdparams"))
    run = checkpoint.load_run(tmp_path / "best_model.pdparams")
    assert _same(run.model, trained)
    assert not run.model.training
    assert (run.config.variant, run.config.mixer, run.config.image_size) == ("t0", "pconv", 224)
    assert run.class_names[3] == "cat"


def test_the_notebook_loads_this_packages_files(tmp_path):
    model = create_model("t0")
    optimizer = paddle.optimizer.AdamW(parameters=model.parameters())
    model(paddle.rand([2, 3, 32, 32])).sum().backward()
    optimizer.step()
    checkpoint.save_model(model, optimizer, tmp_path, "best")
    theirs = notebook.Network("t0", 10)
    missing, unexpected = theirs.set_state_dict(paddle.load(str(tmp_path / "best_model.pdparams")))
    assert (missing, unexpected) == ([], [])
    assert _same(model, theirs)
    moments = paddle.load(str(tmp_path / "best_optimizer.pdopt"))
    assert any("moment1" in name for name in moments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best_model.pdparams", "best_optimizer.pdopt"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_bare_file_tells_variant_and_classes_by_its_shapes(tmp_path, variant):
    model = create_model(variant, num_classes=7)
    checkpoint.save_state(model.state_dict(), tmp_path / "model.pdparams")
    run = checkpoint.load_run(tmp_path / "model.pdparams")
    assert (run.config.variant, len(run.class_names)) == (variant, 7)


@pytest.mark.parametrize(("mixer", "width"), [("dwconv", 40), ("conv", 40), ("dwconv", 42)])
def test_a_bare_file_tells_its_mixer_but_not_a_width_of_its_own(tmp_path, mixer, width):
    model = create_model("t0", mixer=mixer, embed_dim=width)
    checkpoint.save_state(model.state_dict(), tmp_path / "model.pdparams")
    if width == 42:
        with pytest.raises(FasterNetError, match="no known variant; name its --variant and --embed-dim"):
            checkpoint.load_run(tmp_path / "model.pdparams")
        run = checkpoint.load_run(tmp_path / "model.pdparams", variant="t0", embed_dim=42)
    else:
        run = checkpoint.load_run(tmp_path / "model.pdparams")
    assert (run.config.mixer, run.config.embed_dim or 40) == (mixer, width)


def test_a_config_beside_the_weights_is_heeded_and_arguments_win(tmp_path):
    names = ["left", "right"]
    run_folder.save_config(TrainConfig(dataset="digits", image_size=48, variant="t1"), names, tmp_path)
    checkpoint.save_state(create_model("t1", 2).state_dict(), tmp_path / "best_model.pdparams")
    run = checkpoint.load_run(tmp_path / "best_model.pdparams", image_size=64)
    assert (run.config.dataset, run.config.image_size, run.class_names) == ("digits", 64, ("left", "right"))


def test_keys_that_do_not_fit_are_listed_and_nothing_is_changed():
    model = create_model("t0")
    before = _state(model)
    weights = dict(before)
    del weights["fc.bias"]
    weights["head.bias"] = np.zeros(3, np.float32)
    weights["conv1.weight"] = np.zeros((1280, 512, 1, 1), np.float32)
    expected = r"missing fc.bias; extra head.bias; misshapen conv1.weight \(1280, 512, 1, 1\) for \(1280, 320, 1, 1\)"
    with pytest.raises(FasterNetError, match=expected):
        checkpoint.set_weights(model, weights, "file")
    assert all(np.array_equal(before[name], value) for name, value in _state(model).items())


def test_weights_of_another_variant(tmp_path):
    checkpoint.save_state(create_model("t1").state_dict(), tmp_path / "model.pdparams")
    with pytest.raises(FasterNetError, match=r"does not fit this network.*misshapen stem.0.weight"):
        checkpoint.load_run(tmp_path / "model.pdparams", variant="t0")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([1, 2], "must hold a dict of named arrays, got a list"),
        ({"epoch": 3}, "got epoch that are not"),
        ({"fc.weight": np.zeros((2, 2), np.int64)}, "got fc.weight that are not"),
        ({"fc.weight": np.zeros((2, 2), np.float32)}, "is not a FasterNet"),
    ],
)
def test_files_that_hold_no_network(tmp_path, content, says):
    paddle.save(content, str(tmp_path / "model.pdparams"), protocol=4)
    with pytest.raises(FasterNetError, match=says):
        checkpoint.load_run(tmp_path / "model.pdparams")


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "notes.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_the_system_refuses_is_one_sentence(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    files.write_text(tmp_path / "notes.txt", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FasterNetError, match=r"cannot write .*notes.txt: No space left on device"):
        files.write_text(tmp_path / "notes.txt", "new")
    assert (tmp_path / "notes.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_written_files_have_the_users_usual_permissions(tmp_path):
    files.write_text(tmp_path / "ours", "")
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_config_reads_back(tmp_path):
    config = TrainConfig(dataset="digits", image_size=32, embed_dim=42, learning_rate=3e-4, max_steps=5)
    run_folder.save_config(config, ["猫", "dog"], tmp_path)
    assert run_folder.load_config(tmp_path / "config.yaml") == (config, ("猫", "dog"))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"epochs": "many"}, "epochs must be a whole number, got 'many'"),
        ({"epochs": True}, "epochs must be a whole number, got True"),
        ({"learning_rate": float("nan")}, "learning_rate must be finite"),
        ({"depth": 3}, "unknown settings depth; known: .*batch_size"),
        ({"class_names": 3}, "class_names in .* must be a list of names"),
        ({"image_size": 16}, "image_size must be at least 32 pixels"),
    ],
)
def test_config_that_is_not_one(tmp_path, values, says):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(FasterNetError, match=says):
        run_folder.load_config(tmp_path / "config.yaml")


def test_work_path_is_checked_before_it_is_made(tmp_path):
    run_folder.check_work_path(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(FasterNetError, match="is a file"):
        run_folder.check_work_path(tmp_path / "file" / "run")


def test_another_run_is_not_overwritten_silently(tmp_path):
    (tmp_path / "history.csv").write_text("old")
    (tmp_path / "own_notes.txt").write_text("mine")
    with pytest.raises(FasterNetError, match=r"holds another run.*--overwrite"):
        run_folder.check_work_path(tmp_path)
    run_folder.check_work_path(tmp_path, overwrite=True)
    run_folder.clear_work_path(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["own_notes.txt"]
