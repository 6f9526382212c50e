"""The folder of a run: its recipe reads back, its weights are the notebook's, and another run is not lost."""

import ast
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml

import fasternet_paddle
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.runs import folder as run_folder
from tests import notebook


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
    with pytest.raises(FasterNetError, match="holds no run to resume"):
        run_folder.check_work_path(tmp_path / "new", resume=True)


@pytest.mark.parametrize(
    ("held", "is_run"),
    [
        (["config.yaml"], False),  # whatever went wrong before the first checkpoint
        (["config.yaml", "files.csv", "failed_step.safetensors", ".lock", "own_notes.txt"], False),
        (["config.yaml", "checkpoints/step-000000001-0123456789abcdef.safetensors"], True),
        (["config.yaml", "history.csv"], True),
        (["best_model.pdparams"], True),  # the notebook's
        (["predictions.png"], True),
    ],
)
def test_a_run_that_got_nowhere_does_not_block_its_folder(held, is_run, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for name in held:
        (tmp_path / name).write_text("")
    if is_run:
        with pytest.raises(FasterNetError, match="holds another run"):
            run_folder.check_work_path(tmp_path)
    else:
        run_folder.check_work_path(tmp_path)
    run_folder.check_work_path(tmp_path, overwrite=True)


@pytest.mark.parametrize("work_path", ["n" * 300, "猫" * 90 + "/run", "/".join(["n" * 200] * 20)])
def test_a_work_path_that_is_too_long_is_refused(work_path, tmp_path):
    with pytest.raises(FasterNetError, match="work_path is too long for this system") as refusal:
        run_folder.check_work_path(tmp_path / work_path)
    assert refusal.value.change == ("work_path",) and not any(tmp_path.iterdir())


def test_another_run_is_not_overwritten_silently(tmp_path):
    (tmp_path / "history.csv").write_text("old")
    (tmp_path / "own_notes.txt").write_text("mine")
    with pytest.raises(FasterNetError, match=r"holds another run \(history.csv\)") as refusal:
        run_folder.check_work_path(tmp_path)
    assert refusal.value.change == ("overwrite", "work_path")  # without config.yaml there is none to resume
    (tmp_path / "config.yaml").write_text("old")
    with pytest.raises(FasterNetError, match="holds another run") as refusal:
        run_folder.check_work_path(tmp_path)
    assert refusal.value.change == ("resume", "overwrite", "work_path")
    run_folder.check_work_path(tmp_path, overwrite=True)
    run_folder.clear_work_path(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["own_notes.txt"]


def test_the_notebook_loads_this_packages_files(tmp_path):
    model = create_model("t0")
    optimizer = paddle.optimizer.AdamW(parameters=model.parameters())
    model(paddle.rand([2, 3, 32, 32])).sum().backward()
    optimizer.step()
    run_folder.save_model(model, optimizer, tmp_path, run_folder.BEST)
    theirs = notebook.Network("t0", 10)
    missing, unexpected = theirs.set_state_dict(paddle.load(str(tmp_path / "best_model.pdparams")))
    assert (missing, unexpected) == ([], [])
    for name, value in theirs.state_dict().items():
        assert np.array_equal(value.numpy(), model.state_dict()[name].numpy()), name
    moments = paddle.load(str(tmp_path / "best_optimizer.pdopt"))
    assert any("moment1" in name for name in moments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best_model.pdparams", "best_optimizer.pdopt"]


def _texts(tree):
    """String constants of a module but for docstrings, the parts of f-strings among them."""
    docs = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs)
    return [node.value for node in constants if isinstance(node.value, str)]


def test_each_file_name_of_a_run_stands_once_in_the_package():
    texts = []
    for path in Path(fasternet_paddle.__file__).parent.rglob("*.py"):
        texts += _texts(ast.parse(path.read_text(encoding="utf-8")))
    for name in (*run_folder.RUN_FILES, run_folder.LOCK, run_folder.LOG, "checkpoints"):
        found = [text for text in texts if text == name or text.endswith(f"/{name}")]
        assert len(found) == 1, (name, found)
