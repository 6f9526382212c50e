"""What an entry prints never ends it: on any encoding, a closed stream, a reader who left, a full disk."""

import os
import subprocess
import sys

import pytest

from fasternet_paddle.runtime import streams

# An entry that prints a name of every script and bytes that are no text, a lot, and at the end leaves a file.
ENTRY = """
import pathlib, sys
from fasternet_paddle.runtime import cli, packages
packages.check_paddle = packages.check_matplotlib = lambda: None  # neither is looked at here

@cli.entry
def main(argv):
    print("cafe\\u0301 \\u732b \\u0939\\u093f \\U0001f600", "caf\\udce9")
    print("in time", file=sys.stderr)
    for number in range(20000):
        print("line", number)
    pathlib.Path("result").write_text("whole")

sys.exit(main())
"""
FULL = "error: standard output could not be written (No space left on device): what was printed is lost, nothing else"
CONDITIONS = {  # name: (environment, redirection, exit code, last line on standard error)
    **{f"in {name}": ({"PYTHONIOENCODING": name}, "| cat", 0, "in time") for name in ("cp1252", "cp932", "gbk")},
    "in ASCII": ({"PYTHONIOENCODING": "ascii:strict"}, "| cat", 0, "in time"),
    "in the C locale": ({"LC_ALL": "C"}, "| cat", 0, "in time"),
    "closed": ({}, ">&-", 0, "in time"),
    "error closed": ({}, ">/dev/null 2>&-", 0, ""),
    "all closed": ({}, "<&- >&- 2>&-", 0, ""),
    "a reader who leaves": ({}, "| head -1", 0, "in time"),
    "a reader who leaves, unbuffered": ({"PYTHONUNBUFFERED": "1"}, "| head -1", 0, "in time"),
    "a full disk": ({}, ">/dev/full", 2, FULL),
    "a full disk, unbuffered": ({"PYTHONUNBUFFERED": "1"}, ">/dev/full", 2, FULL),
    "a full disk for errors": ({}, ">/dev/null 2>/dev/full", 0, ""),
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the redirections are those of a Linux shell")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_an_entry_ends_as_if_all_had_been_read(condition, tmp_path):
    environment, redirection, code, last = CONDITIONS[condition]
    (tmp_path / "entry.py").write_text(ENTRY)
    base = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} entry.py {redirection}; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env={**base, **environment},
        capture_output=True,
        timeout=60,
    )
    said = done.stderr.decode()
    assert (done.returncode, said.splitlines()[-1:]) == (code, [last] if last else []), said
    assert (tmp_path / "result").read_text() == "whole"
    if redirection == "| cat":
        lines = done.stdout.splitlines()
        assert len(lines) == 20001 and b"caf\\udce9" in lines[0]
    if condition in ("in cp1252", "in ASCII"):
        assert b"\\u732b \\u0939\\u093f \\U0001f600" in lines[0]
    if condition == "in gbk":
        assert "猫".encode("gbk") in lines[0]


def test_streams_are_put_back_and_a_test_s_own_are_kept(capsys):
    before = sys.stdout, sys.stderr
    with streams.kept() as lost:
        print("seen \udce9")
        assert (sys.stdout, sys.stderr) == before  # capsys's, which are no files
    assert (sys.stdout, sys.stderr) == before and not lost
    assert capsys.readouterr().out == "seen \\udce9\n"


def test_within_another_entry_streams_are_safe_once(capfd):
    with streams.kept() as outer:
        first = sys.stdout
        with streams.kept() as inner:
            assert sys.stdout is first
            print("both")
    assert capfd.readouterr().out == "both\n" and not outer and not inner
