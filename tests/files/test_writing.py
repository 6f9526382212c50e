"""A file is written whole or not at all."""

import os

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import writing
from fasternet_paddle.files.writing import atomic_path, longest_name, make_folder, write_text


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


def test_the_longest_name_that_fits_is_written(tmp_path):
    for name in ("n" * longest_name(tmp_path), "猫" * (longest_name(tmp_path) // 3)):
        write_text(tmp_path / name, "whole")
        assert (tmp_path / name).read_text() == "whole"
    assert longest_name(tmp_path / "new" / "folder") == longest_name(tmp_path)
    with pytest.raises(FasterNetError, match="File name too long"):
        write_text(tmp_path / ("n" * (longest_name(tmp_path) + 1)), "")


@pytest.mark.parametrize("folder", ["file/new", "{long}", "/proc/new"])
def test_a_folder_that_takes_no_files_is_refused_before_the_work(folder, tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / folder.format(long="n" * 300)
    with pytest.raises(FasterNetError, match="cannot write the folder") as refusal:
        make_folder(folder)
    assert refusal.value.change == ("output",) and [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("fails", [False, True])
def test_an_old_file_steps_aside_where_it_cannot_be_replaced(fails, tmp_path, monkeypatch, capsys):
    """As SMB servers and some FUSE file systems answer; when the new file cannot come either, the old one is back."""
    rename = os.rename

    def refuse(_old, _new):
        raise PermissionError(13, "Permission denied")

    def some(old, new):
        if fails and not str(new).endswith(".old") and not str(old).endswith(".old"):
            refuse(old, new)
        rename(old, new)

    write_text(tmp_path / "a", "old")
    write_text(tmp_path / "b", "old")
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, "rename", some)
    monkeypatch.setattr(writing, "_said", set())
    for name in ("a", "b"):
        if fails:
            with pytest.raises(FasterNetError, match="Permission denied"):
                write_text(tmp_path / name, "new")
        else:
            write_text(tmp_path / name, "new")
        assert (tmp_path / name).read_text() == ("old" if fails else "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert capsys.readouterr().err.count("cannot rename over a file") == (0 if fails else 1)  # said once
