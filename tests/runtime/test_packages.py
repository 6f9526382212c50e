"""Which Paddle there is: found without importing it, and refused where it will not do."""

import types

import paddle
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runtime import packages


def pretend_paddle(monkeypatch, version, folder):
    """A Paddle of another version, found as the installed one is; None: none."""
    (folder / "version").mkdir(exist_ok=True)
    (folder / "version" / "__init__.py").write_text(f"full_version = '{version}'\n")
    spec = types.SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: spec if version is not None else None)


@pytest.mark.parametrize("version", ["2.6.2", "2.6.2.post120", "1.8.5", "0.0.9"])
def test_an_old_paddle_is_refused_with_its_version(monkeypatch, tmp_path, version):
    pretend_paddle(monkeypatch, version, tmp_path)
    with pytest.raises(FasterNetError, match=rf"3\.0 or newer, found {version}; "):
        packages.check_paddle()


@pytest.mark.parametrize("version", ["3.0.0", "3.0.0rc1", "3.3.1", "4.0.0.dev20261101", "0.0.0", ""])
def test_newer_paddles_and_builds_of_its_branch_are_taken(monkeypatch, tmp_path, version):
    pretend_paddle(monkeypatch, version, tmp_path)
    packages.check_paddle()


def test_a_missing_paddle_is_refused(monkeypatch, tmp_path):
    pretend_paddle(monkeypatch, None, tmp_path)
    with pytest.raises(FasterNetError, match="needs PaddlePaddle, which is not installed"):
        packages.check_paddle()


def test_version_is_that_of_the_paddle_that_is_imported():
    assert packages.paddle_version() == paddle.__version__


@pytest.mark.parametrize(
    "version, numbers",
    [("3.0.0rc1", (3, 0, 0)), ("2.6.2.post120", (2, 6, 2)), ("68", (68,)), ("1.26.4", (1, 26, 4)), ("4.8+x", (4, 8))],
)
def test_versions_compare_by_their_numbers(version, numbers):
    assert packages.version_numbers(version) == numbers
