"""Rows that are appended: none is lost or halved, and one process alone writes."""

import errno
import os
import subprocess
import sys

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import rows
from fasternet_paddle.files.rows import RowFile


def test_results_are_not_replaced_unasked(tmp_path):
    path = tmp_path / "rows"
    with RowFile(path, b"head") as file:
        file.append([b"a", b"b"])
    with pytest.raises(FasterNetError, match="holds results already") as error:
        RowFile(path, b"head")
    assert error.value.change == ("resume", "overwrite") and path.read_bytes() == b"head\na\nb\n"
    with RowFile(path, b"new", overwrite=True) as file:
        file.append([])
    assert path.read_bytes() == b"new\n"
    with pytest.raises(FasterNetError, match="cannot write"):
        RowFile(tmp_path / "missing" / "rows")


def test_a_row_without_end_is_refused_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST", 100)
    path = tmp_path / "rows"
    for content in (b"x" * 200, b'"' + b"line\n" * 50):
        path.write_bytes(content)
        with RowFile(path, resume=True, quoted=True) as file, pytest.raises(FasterNetError, match="row 1 has no end"):
            file.read(list)
        assert path.read_bytes() == content


class FullDisk:
    """A file on which the disk is full after ``room`` bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self.file.write(data[: self.room])
        self.room -= written
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("room", [0, 1, 4, 7])
def test_a_full_disk_is_one_sentence_and_leaves_whole_rows(tmp_path, room):
    path = tmp_path / "rows"
    with RowFile(path) as file:
        file.append([b"first"])
        plain, file.file = file.file, FullDisk(file.file, room)
        with pytest.raises(FasterNetError, match="No space left"):
            file.append([b"abc", b"def"])
        file.file = plain
    assert path.read_bytes() == b"first\n"


def test_two_processes_do_not_write_one_file(tmp_path):
    code = "import sys; from fasternet_paddle.files.rows import RowFile; RowFile(sys.argv[1], resume=True)"
    with RowFile(tmp_path / "rows") as file:
        file.append([b"a"])
        file.read(list)  # must not let go of the lock
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "rows"], capture_output=True, text=True)
    assert "another process is writing" in done.stderr
