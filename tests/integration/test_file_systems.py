"""Train, resume, evaluate and explain on file systems that lack something, and with Windows' rules for files.

The entries run as a user runs them, in a folder whose file system refuses one call (``faulty_fs.py``; needs FUSE).
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.faulty_fs import FAULTS

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ["train", "--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--max-steps", "6"]
TRAIN += ["--embed-dim", "8", "--num-workers", "1", "--checkpoint-every", "0", "--work-path", "run"]
SAID = {  # what a user is told, once; None: nothing is lost that a user would miss
    "nolock": "keeps no locks",
    "enosys": "keeps no locks",
    "nodirsync": "cannot flush a folder",
    "nofsync": "cannot flush a file",
    "fat": None,
    "norename": "cannot rename over a file",
}


@contextmanager
def mounted(fault, folder):
    """A folder with the fault."""
    source, place = folder / "source", folder / "place"
    source.mkdir()
    place.mkdir()
    command = [sys.executable, str(Path(__file__).with_name("faulty_fs.py")), fault, str(source), str(place)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(100):
            if os.path.ismount(place):
                break
            assert server.poll() is None, server.stderr.read()
            time.sleep(0.1)
        assert os.path.ismount(place), "FUSE did not mount within 10 s"
        yield place
    finally:
        subprocess.run(["fusermount", "-u", "-z", str(place)], check=False)
        server.communicate(timeout=10)


def start(arguments, folder, launcher=("-m",), **variables):
    """An entry as a process of its own, in ``folder``."""
    name, *flags = arguments
    # Compiled networks and temporary files go through the same file system.
    places = {"FASTERNET_CACHE": str(folder / "cache"), "TMPDIR": str(folder)}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **places, **variables}
    command = [sys.executable, *launcher, f"fasternet_paddle.{name}", *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes)


def done(arguments, folder, **more):
    """What an entry printed on both streams; it must have ended well."""
    process = start(arguments, folder, **more)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{arguments}\n{out}\n{err}"
    assert "Traceback" not in err, err
    return out, err


def journey(folder, **more):
    """Train until a signal, resume, evaluate, explain; returns all that was said on standard error."""
    process = start([*TRAIN, "--epochs", "3"], folder, **more)
    for line in process.stdout:  # after the first epoch there are checkpoints
        if "epoch: 1, lr" in line:
            process.send_signal(signal.SIGTERM)
            break
    _, err = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM, err
    said = [err]
    for arguments in (
        [*TRAIN, "--epochs", "3", "--resume"],
        ["evaluate", "--weights", "run/best_model.pdparams"],
        ["explain", "--weights", "run/best_model.pdparams", "--index", "3", "--num-samples", "100", "--output", "why"],
    ):
        said.append(done(arguments, folder, **more)[1])
    assert len((folder / "run" / "history.csv").read_text().splitlines()) == 4
    assert (folder / "why" / "lime-digits-3.png").stat().st_size > 0
    assert sorted(path.name for path in folder.iterdir()) == ["cache", "run", "why", "work"]  # nothing temporary
    left = [path.name for path in (folder / "run").rglob(".*") if path.name != ".lock"]
    assert left == []
    return said


@pytest.mark.parametrize("fault", FAULTS)
def test_runs_go_on_where_a_file_system_lacks_something(fault, tmp_path):
    with mounted(fault, tmp_path) as folder:
        said = journey(folder)
    notes = [line for text in said for line in text.splitlines() if line.startswith("note: ")]
    if SAID[fault] is None:
        assert notes == []
    else:
        assert all(SAID[fault] in line for line in notes)
        assert notes
        for text in said:
            assert text.count(SAID[fault]) <= 1, "said more than once"


WINDOWS = """
import errno, fcntl, multiprocessing, os, runpy, sys

flush = os.fsync


def fsync(file):  # Windows' _commit takes no descriptor that is open for reading alone
    descriptor = file if isinstance(file, int) else file.fileno()
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "Bad file descriptor")
    flush(descriptor)


os.fsync = fsync
multiprocessing.get_all_start_methods = lambda: ["spawn"]
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def test_windows_rules_for_files_and_processes(tmp_path):
    launcher = tmp_path / "as_on_windows.py"
    launcher.write_text(WINDOWS)
    folder = tmp_path / "place"
    folder.mkdir()
    stopped, *said = journey(folder, launcher=(str(launcher),))
    # On Windows no folder is opened; here one is, and cannot be flushed. No warning of what a spawned process imports.
    note = "note: this file system cannot flush a folder to its disk: a power cut may take what was written last\n"
    assert stopped == f"{note}stopped by SIGTERM; everything is saved, --resume goes on from here\n"
    assert all(text in ("", note) for text in said)
