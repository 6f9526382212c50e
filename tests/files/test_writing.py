"""A file is written whole or not at all."""

import os

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.writing import atomic_path, write_text


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "notes.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_the_system_refuses_is_one_sentence(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    write_text(tmp_path / "notes.txt", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FasterNetError, match=r"cannot write .*notes.txt: No space left on device"):
        write_text(tmp_path / "notes.txt", "new")
    assert (tmp_path / "notes.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_written_files_have_the_users_usual_permissions(tmp_path):
    write_text(tmp_path / "ours", "")
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
