"""The cache's root: the package's variable, the user's cache by XDG, else the system's place for caches."""

import functools
import os
import sys
import tempfile
from pathlib import Path

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import cache, writing
from fasternet_paddle.files.cache import CACHE_VARIABLE, cache_root, home_for_paddle


def test_the_variable_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv(CACHE_VARIABLE, "~/mine")
    assert cache_root() == Path.home() / "mine"


@pytest.fixture
def without_home(monkeypatch):
    """A user whom the system does not know, and no HOME, as in many containers."""
    pwd = pytest.importorskip("pwd")

    def unknown(_):
        raise KeyError("no such user")

    for name in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(pwd, name, unknown)
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", CACHE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    _fresh(monkeypatch)


def _fresh(monkeypatch):
    monkeypatch.setattr(cache, "_temporary", functools.cache(cache._temporary.__wrapped__))
    monkeypatch.setattr(writing, "_said", set())


NOTE = f"note: the home folder is no place to keep compiled networks in: set {CACHE_VARIABLE} to keep them\n"


def test_without_a_home_the_process_has_a_folder_of_its_own(without_home, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert cache_root() == cache_root() and cache_root().parent == tmp_path
    assert capsys.readouterr().err == NOTE and not (tmp_path / "~").exists()
    monkeypatch.setenv(CACHE_VARIABLE, "~/mine")
    with pytest.raises(FasterNetError, match=f"{CACHE_VARIABLE} is ~/mine, and this user's home folder is not known"):
        cache_root()
    monkeypatch.setenv(CACHE_VARIABLE, "mine")
    assert cache_root() == Path("mine")


def test_paddle_has_a_home_for_as_long_as_it_compiles(without_home, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for home in (None, f"{tmp_path}/caf\udce9"):
        monkeypatch.setenv("HOME", home) if home else monkeypatch.delenv("HOME", raising=False)
        with pytest.raises(KeyError), home_for_paddle():
            assert Path.home().parent == tmp_path
            raise KeyError
        assert os.environ.get("HOME") == home
    monkeypatch.setenv("HOME", str(tmp_path))
    with home_for_paddle():
        assert Path.home() == tmp_path
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems keep caches elsewhere")
@pytest.mark.parametrize("home", ["{}/caf\udce9", "{}/file"])
def test_a_home_that_cannot_hold_it_is_not_taken(home, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    _fresh(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", home.format(tmp_path))
    for name in ("XDG_CACHE_HOME", CACHE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    assert cache_root().parent == tmp_path and capsys.readouterr().err == NOTE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems keep caches elsewhere")
def test_the_users_cache_is_where_it_was(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "fasternet_paddle"
    for value in ("", None):
        monkeypatch.setenv("XDG_CACHE_HOME", value) if value is not None else monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_root() == tmp_path / ".cache" / "fasternet_paddle"
    assert not any(tmp_path.iterdir())  # asking makes nothing
