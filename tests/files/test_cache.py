"""The cache's root: the package's variable, the user's cache by XDG, else the system's place for caches."""

import sys
from pathlib import Path

import pytest

from fasternet_paddle.files.cache import CACHE_VARIABLE, cache_root


def test_the_variable_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv(CACHE_VARIABLE, "~/mine")
    assert cache_root() == Path.home() / "mine"


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
