"""What a notebook stands on: nothing is replaced, nothing is installed twice, results go where the reader is told."""

import ast
import configparser
import sys
from pathlib import Path

import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runtime import machine, packages
from fasternet_paddle.runtime import notebook as workspace

ROOT = Path(workspace.__file__).resolve().parents[2]


@pytest.fixture
def pip(monkeypatch):
    """The calls of pip, each as (arguments, lines of its constraints file); none is carried out."""
    calls = []

    def note(*arguments):
        held = Path(arguments[1]).read_text(encoding="utf-8").split("\n") if arguments[0] == "--constraint" else []
        calls.append((arguments, held))

    monkeypatch.setattr(workspace, "_pip", note)
    return calls


def pretend(monkeypatch, **versions):
    """Make packages seem to have these versions; None stands for not installed."""
    versions = {name.replace("_", "-"): version for name, version in versions.items()}
    real = workspace._version
    monkeypatch.setattr(
        workspace, "_version", lambda name: versions.get(name, real(name)) if name in versions else real(name)
    )


def test_nothing_is_installed_where_all_is_there(pip):
    assert workspace.install_missing() == [] and pip == []


def test_what_is_missing_is_installed_and_the_rest_held(pip, monkeypatch):
    pretend(monkeypatch, tyro=None, tqdm="3.0")
    assert {name.partition(">=")[0] for name in workspace.install_missing()} == {"tyro", "tqdm"}
    ((arguments, held),) = pip
    assert [name.partition(">=")[0] for name in arguments[2:]] == ["tqdm", "tyro"]
    names = {line.partition("==")[0].lower() for line in held}
    assert {"numpy", "paddlepaddle"} <= names or {"numpy", "paddlepaddle-gpu"} <= names
    assert not {"tyro", "tqdm"} & names


def test_interpretdl_comes_without_what_it_asks_for(pip, monkeypatch):
    pretend(monkeypatch, interpretdl=None)
    assert workspace.install_missing() == ["interpretdl==0.8.0"]
    assert pip == [(("--no-deps", "interpretdl==0.8.0"), [])]


def test_another_opencv_will_do(monkeypatch):
    pretend(monkeypatch, opencv_python_headless=None, opencv_python="4.8.0.76")
    assert workspace.missing_packages() == []
    pretend(monkeypatch, opencv_python_headless=None, opencv_python="3.4.0")
    assert [name.partition(">=")[0] for name in workspace.missing_packages()] == ["opencv-python-headless"]


def test_paddle_is_never_asked_for():
    names = {name.lower() for name, _ in workspace.requirements()}
    assert {"numpy", "scikit-image", "tyro"} <= names and not any("paddle" in name for name in names)


def test_every_requirement_of_setup_cfg_is_read():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    text = setup["options"]["install_requires"] + setup["options.extras_require"]["explain"]
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    assert [">=".join(pair) for pair in workspace.requirements()] == lines


def test_a_failing_pip_is_one_sentence(monkeypatch):
    with pytest.raises(FasterNetError, match="pip could not install"):
        workspace._pip("--no-index", "--no-such-option")


def test_paddle_missing_or_old_is_said_before_anything_is_installed(pip, monkeypatch, tmp_path):
    for version, says in (("2.6.2", r"3\.0 or newer, found 2\.6\.2"), (None, "needs PaddlePaddle, which is not")):
        monkeypatch.setattr(packages, "paddle_version", lambda version=version: version)
        with pytest.raises(FasterNetError, match=says):
            workspace.prepare(tmp_path)
    assert pip == []


def test_results_go_to_the_repository_or_to_ai_studios_home(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(workspace.Path, "home", lambda: tmp_path / "someone")
    assert workspace.work_folder() == ROOT / "work"
    monkeypatch.setattr(workspace.Path, "home", lambda: tmp_path / "aistudio")
    assert workspace.work_folder() == tmp_path / "aistudio" / "work"
    assert workspace.prepare() == tmp_path / "aistudio" / "work"
    said = capsys.readouterr().out
    assert "results: ~/work/" in said and "paddlepaddle" in said and str(tmp_path) not in said
    monkeypatch.setattr(workspace.Path, "home", lambda: tmp_path / "someone")
    workspace.prepare()
    assert "results: in the repository, work/" in capsys.readouterr().out

    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(workspace.Path, "home", unknown)
    assert workspace.prepare(tmp_path) == tmp_path and workspace.work_folder() == ROOT / "work"
    assert f"results: {tmp_path}/" in capsys.readouterr().out


def test_settings_are_the_recipe_or_the_quick_run(tmp_path):
    assert workspace.settings("cifar10") == TrainConfig()
    quick = workspace.settings("digits", tmp_path, epochs=1)
    assert (quick.dataset, quick.epochs, quick.image_size) == ("digits", 1, 32)
    assert Path(quick.work_path) != Path(workspace.settings("cifar10", tmp_path).work_path)
    assert "digits" in workspace.describe(quick) and "epochs 1" in workspace.describe(quick)
    with pytest.raises(FasterNetError, match="unknown dataset 'imagenet'"):
        workspace.settings("imagenet")


def test_the_module_needs_the_standard_library_only():
    """It runs before anything is installed."""
    for module in (workspace, machine, packages):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module.split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom) and n.level == 0}
        assert names <= sys.stdlib_module_names
        ours = {n.module or n.names[0].name for n in tree.body if isinstance(n, ast.ImportFrom) and n.level}
        assert ours <= {"config", "errors", "machine", "packages"}
