"""One writer a folder, and a stop that is asked for once or twice."""

import subprocess
import sys

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runs.guards import only_writer


def test_a_second_signal_ends_at_once():
    code = (
        "import signal, sys; from fasternet_paddle.runs.guards import StopRequest\n"
        "with StopRequest() as stop:\n"
        "    signal.raise_signal(signal.SIGINT); print(stop.signal)\n"
        "    signal.raise_signal(signal.SIGTERM); print('still here')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 143
    assert "still here" not in done.stdout


def test_two_processes_do_not_write_one_folder(tmp_path):
    code = (
        "import sys, time; from fasternet_paddle.runs.guards import only_writer\n"
        f"with only_writer({str(tmp_path)!r}): print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(FasterNetError, match=f"process {other.pid} is writing"), only_writer(tmp_path):
            raise AssertionError("entered")
        other.kill()
        other.wait()
    with only_writer(tmp_path):  # a killed process leaves no lock behind
        pass
