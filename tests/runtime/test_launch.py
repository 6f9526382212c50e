"""Processes that share a work are started, heard, and ended together, however one of them ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fasternet_paddle.errors import FasterNetError, Stopped
from fasternet_paddle.runtime import launch as launching
from fasternet_paddle.runtime import machine, watching
from fasternet_paddle.runtime.launch import device_of, launch, processes_for
from fasternet_paddle.runtime.watching import EndedError
from tests import shared_work


def _launch(function, argument, count=2, **options):
    return launch(function, (argument,), count, together=False, **options)


def _no_child_is_left():
    return not [
        entry
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent(entry) == os.getpid() and b"spawn_main" in (entry / "cmdline").read_bytes()
    ]


def _parent(entry):
    try:
        state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def test_each_process_knows_its_place_and_the_first_one_is_heard(capfd, monkeypatch):
    monkeypatch.setattr(machine, "STARTED_WITH", frozenset())
    before = os.environ.get("OMP_NUM_THREADS")
    told = _launch(shared_work.where, None, 3, threads=5)
    assert told == [(number, 3, os.getpid(), "5") for number in range(3)]
    assert capfd.readouterr() == ("process 0 of 3\n", "said aside\n")
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert _no_child_is_left()


@pytest.mark.parametrize(
    ("how", "error", "sentence"),
    [
        ("refused", FasterNetError, "^there is no such thing$"),
        ("memory", MemoryError, None),
        ("disk", OSError, "/nowhere/at/all"),
        ("failed", EndedError, r"process 2 of 2 \(number \d+\) failed: ZeroDivisionError: a fault of ours$"),
        ("exit", EndedError, r"process 2 of 2 \(number \d+\) ended with exit code 3, so the others were ended$"),
        ("SIGKILL", EndedError, r"was ended by SIGKILL, often for want of memory, so the others were ended$"),
        ("SIGTERM", EndedError, r"was ended by SIGTERM, so the others were ended$"),
        ("SIGSEGV", EndedError, r"was ended by SIGSEGV, so the others were ended$"),
        ("SIGSTOP", EndedError, r"was stopped or gives no sign of life, so all were ended$"),
        ("SIGINT", Stopped, "^stopped by SIGINT$"),
        ("stopped", Stopped, "^stopped by SIGTERM$"),
    ],
)
def test_one_that_ends_ends_all_with_one_sentence(monkeypatch, capsys, how, error, sentence):
    monkeypatch.setattr(watching, "LAST_WORDS", 0.5)
    monkeypatch.setattr(watching, "STOPPED_LIMIT", 2.0)
    began = time.monotonic()
    with pytest.raises(error, match=sentence) as raised:
        _launch(shared_work.end, how)
    assert time.monotonic() - began < 20
    assert getattr(raised.value, "change", ()) == (("data_path",) if how == "refused" else ())
    assert getattr(raised.value, "saved", None) == {"SIGINT": False, "stopped": True}.get(how)
    assert ("ZeroDivisionError" in capsys.readouterr().err) == (how == "failed")
    assert _no_child_is_left()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_parent_alone_ends_all(signum):
    before = signal.getsignal(signum)
    with pytest.raises(Stopped) as raised:
        _launch(shared_work.ask_parent, signum)
    assert (raised.value.signal, raised.value.saved) == (signum, False)
    assert signal.getsignal(signum) is before
    assert _no_child_is_left()


CALL = "import tests.shared_work as w; from fasternet_paddle.runtime.launch import launch\n"
CALL += "from fasternet_paddle.runtime import member; member.PARENT_LIMIT = 3\n"


def _script(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, env=environment)


def test_processes_of_a_stopped_parent_end_and_it_ends_when_it_goes_on(tmp_path):
    call = "if __name__ == '__main__':\n    launch(w.stop_parent, (6,), 2, together=False)\n"
    done = _script(tmp_path, CALL + call)
    assert done.returncode == 1
    assert "heard nothing of this one for 3 s, which was stopped" in done.stderr


def test_a_script_that_starts_processes_when_it_is_imported_is_told_so(tmp_path):
    done = _script(tmp_path, CALL + "launch(w.where, (0,), 2, together=False)\n")
    assert done.returncode == 1
    assert 'put these under if __name__ == "__main__":' in done.stderr


def test_nothing_listens_where_others_reach_it_unless_the_start_said_so(capsys):
    [seen, _] = launch(shared_work.listening, (None,), 2)
    said = re.search(r"Paddle listens on port (\d+)", capsys.readouterr().out)
    if said is None:
        assert len(seen) == 1  # Paddle's store, in a network where nobody else is
        assert not seen & shared_work.listening_ports()
    else:
        assert int(said[1]) in seen


def test_where_no_network_can_be_made_the_start_says_so(monkeypatch, capsys):
    monkeypatch.setattr(launching, "may_be_private", lambda: False)
    launch(shared_work.where, (None,), 2)
    assert "Paddle listens on port" in capsys.readouterr().out


def test_where_gloo_is_not_built_it_is_one_sentence(monkeypatch):
    monkeypatch.setattr(launching.sys, "platform", "darwin")
    with pytest.raises(FasterNetError, match="on Linux alone") as raised:
        launch(shared_work.where, (None,), 2)
    assert raised.value.change == ("nproc",)


def test_a_card_for_each_or_one_sentence(monkeypatch):
    assert device_of("auto", 8) == device_of("cpu", 8) == "cpu"
    assert processes_for("auto") == processes_for("cpu") == machine.count_cores()
    with pytest.raises(FasterNetError, match="4 processes need a card each, and Paddle sees 0 here"):
        device_of("gpu", 4)
    monkeypatch.setattr(launching, "count_cards", lambda: 2)
    assert (device_of("auto", 2), device_of("gpu", 2), device_of("cpu", 2)) == ("gpu", "gpu", "cpu")
    assert processes_for("auto") == 2
    with pytest.raises(FasterNetError, match="gpu:1 is one card, and each of 2 processes needs its own"):
        device_of("gpu:1", 2)
    with pytest.raises(FasterNetError, match="4 processes need a card each, and Paddle sees 2 here"):
        device_of("auto", 4)
