"""Train, evaluate and explain on systems of every kind: what is printed, where it goes, who the user is, what is set.

The entries run as a user runs them, through a shell; a condition is a line of the table. Not part of ``make test``;
``.ci/run`` runs them. The users' namespace of Linux shows a user whom the system does not know.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ["train", "--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--embed-dim", "8"]
TRAIN += ["--max-steps", "2", "--epochs", "1", "--num-workers", "1"]
EVALUATE = ["evaluate", "--num-workers", "0"]
EXPLAIN = ["explain", "--index", "3", "--num-samples", "100"]
CAFE = b"caf\xe9".decode("utf-8", "surrogateescape")  # of a system that wrote Latin-1
UNKNOWN_USER = "unshare -U --map-user=12345 --map-group=12345"
WRITTEN = {"train": "work/model/predictions.png", "explain": "work/lime/lime-digits-3.png", "evaluate": None}


@dataclass(frozen=True)
class Condition:
    """What holds around an entry, and how it then ends."""

    shell: str = "{}"
    """The command line, {} being the entry."""
    environment: dict = field(default_factory=dict)
    """Variables; None takes one away. {} is the folder."""
    files: dict = field(default_factory=dict)
    """Files in the folder: name to bytes."""
    flags: tuple = ()
    code: int = 0
    says: tuple = ()
    """Of standard error; without it nothing is said there."""


FULL = ("error: standard output could not be written (No space left on device): what was printed is lost",)
NO_HOME = ("note: the home folder is no place to keep compiled networks in: set FASTERNET_CACHE to keep them",)
OWN_SETTINGS = ("note: figures are drawn with matplotlib's own settings, since yours cannot be used here (",)
NOBODY = {"HOME": None, "USER": None, "LOGNAME": None, "MPLCONFIGDIR": None, "FASTERNET_CACHE": None}
EVERYWHERE = {  # conditions under which each of the three entries runs
    **{f"prints in {name}": Condition(environment={"PYTHONIOENCODING": name}) for name in ("cp1252", "cp932", "gbk")},
    "prints in ASCII": Condition(environment={"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}),
    "output closed": Condition("{} >&-"),
    "everything closed": Condition("{} <&- >&- 2>&-"),
    "errors to a full disk": Condition("{} 2>/dev/full"),
    "output to a full disk": Condition("{} >/dev/full", code=2, says=FULL),
    "a reader who leaves": Condition("{} | head -1; exit ${{PIPESTATUS[0]}}"),
    "a missing backend": Condition(environment={"MPLBACKEND": "nonsuch"}),
    "a missing inline backend": Condition(environment={"MPLBACKEND": "module://nonsuch.backend_inline"}),
    "matplotlib's folder cannot be written": Condition(environment={"MPLCONFIGDIR": "/proc/nowhere"}),
}
UNKNOWN = {"evaluate": NO_HOME, "explain": NO_HOME, "train": ()}  # training compiles nothing


def start(arguments, folder, condition=Condition()):
    """The entry as a process of its own, in ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **condition.environment}
    values = {name: value.replace("{}", str(folder)) for name, value in environment.items() if value is not None}
    for name, content in condition.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    name, *flags = arguments
    command = [sys.executable, "-m", f"fasternet_paddle.{name}", *flags, *condition.flags]
    line = condition.shell.format('"$@"')
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(["bash", "-c", line, "bash", *command], cwd=folder, env=values, **pipes)


def check(arguments, folder, condition):
    """Run the entry; it ends as the condition says, in sentences, and leaves its results where it should."""
    out, err = start(arguments, folder, condition).communicate(timeout=300)
    said = err.decode()
    lines = said.splitlines()
    assert condition.code in (0, 2) and "Traceback" not in said + out.decode("latin-1"), said
    assert len(lines) == len(condition.says), said
    assert all(line.startswith(wanted) for line, wanted in zip(lines, condition.says, strict=True)), said
    written = WRITTEN[arguments[0]]
    if (condition.code == 0 or condition.says == FULL) and written is not None:
        assert (folder / written).stat().st_size > 0
    return out


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A trained network."""
    folder = tmp_path_factory.mktemp("trained")
    check(TRAIN, folder, Condition())
    return folder / "work" / "model" / "best_model.pdparams"


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("entry", ["train", "evaluate", "explain"])
def test_what_is_printed_and_drawn_ends_no_run(entry, name, weights, tmp_path):
    arguments = {"train": TRAIN, "evaluate": EVALUATE, "explain": EXPLAIN}[entry]
    named = [] if entry == "train" else ["--weights", str(weights)]
    out = check([*arguments, *named], tmp_path, EVERYWHERE[name])
    if name.startswith("prints") and entry == "evaluate":
        assert b"top-1: " in out


def test_predicting_ends_with_the_reader(weights, tmp_path):
    """``predict`` has nothing but its rows: behind ``| head`` it ends as filters do, on a full disk it says so."""
    for number in range(600):
        Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(tmp_path / f"{number}.png")
    arguments = ["predict", str(tmp_path), "--weights", str(weights), "--format", "csv", "--batch-size", "2"]
    left = start(arguments, tmp_path, EVERYWHERE["a reader who leaves"])
    out, err = left.communicate(timeout=300)
    assert left.returncode == 141 and out.count(b"\n") == 1 and b"Traceback" not in err
    full = start([*arguments[:-1], "600"], tmp_path, EVERYWHERE["output to a full disk"])
    said = full.communicate(timeout=300)[1].decode()
    assert full.returncode == 2 and said.splitlines()[-1].startswith(FULL[0]) and "Traceback" not in said


@pytest.mark.parametrize("entry", ["train", "evaluate", "explain"])
def test_a_user_without_a_home_and_a_name(entry, weights, tmp_path):
    arguments = {"train": TRAIN, "evaluate": EVALUATE, "explain": EXPLAIN}[entry]
    named = [] if entry == "train" else ["--weights", str(weights)]
    check([*arguments, *named], tmp_path, Condition(f"{UNKNOWN_USER} {{}}", NOBODY, says=UNKNOWN[entry]))
    assert not (tmp_path / "~").exists()


def shown(name):
    """A name that no encoding of ASCII holds, as it is printed."""
    return name.encode("ascii", "backslashreplace")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii:strict"])
def test_folders_of_any_name(encoding, tmp_path):
    """Names in any script, and bytes that are no text: trained in, resumed, evaluated and explained."""
    name = f"{CAFE} 猫 हि"
    condition = Condition(environment={"PYTHONIOENCODING": encoding})
    (tmp_path / name).mkdir()
    flags = ["--work-path", f"{name}/run"]
    for arguments in ([*TRAIN, *flags], [*TRAIN, *flags, "--epochs", "2", "--resume"]):
        out, err = start(arguments, tmp_path, condition).communicate(timeout=300)
        assert err == b"" and (b"caf\\udce9" in out if encoding == "utf-8" else shown(name) in out)
    made = f"{name}/run/best_model.pdparams"
    check([*EVALUATE, "--weights", made], tmp_path, condition)
    out, err = start([*EXPLAIN, "--weights", made, "--output", f"{name}/why"], tmp_path, condition).communicate(
        timeout=300
    )
    assert err == b"" and (tmp_path / name / "why" / "lime-digits-3.png").stat().st_size > 0
    refused = Condition(
        environment={"FASTERNET_CACHE": f"{{}}/{CAFE}"}, code=2, says=("error: the cache folder's name",)
    )
    check([*EVALUATE, "--weights", made], tmp_path, refused)


SETTINGS = {  # what stands in a matplotlibrc: what is said, and the code
    b"text.usetex: True\n": (OWN_SETTINGS, 0),
    b"image.cmap: nonsuch\n": (OWN_SETTINGS, 0),
    b"backend: nonsuch\nnonsense: 3\nfont.family: Nonsuch\n": ((), 0),
    b"font.family: \xe9\n": (("error: matplotlib cannot start with the settings that it finds",), 2),
}


@pytest.mark.parametrize("content", SETTINGS)
def test_settings_of_matplotlib_are_tried_before_the_run(content, tmp_path):
    says, code = SETTINGS[content]
    hidden = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"} if says is OWN_SETTINGS else {}
    condition = Condition(environment=hidden, files={"matplotlibrc": content}, code=code, says=says)
    check(TRAIN, tmp_path, condition)
    assert (tmp_path / "work").exists() == (code == 0)


def test_a_home_folder_is_found_behind_an_equals_sign(tmp_path):
    condition = Condition(environment={"HOME": "{}/home"}, flags=("--work-path=~/run",))
    (tmp_path / "home").mkdir()
    assert start(TRAIN, tmp_path, condition).communicate(timeout=300)[1] == b""
    assert (tmp_path / "home" / "run" / "predictions.png").exists()
    assert not (tmp_path / "~").exists()


def test_the_cache_and_temporary_files_may_lie_anywhere(weights, tmp_path):
    for name in ("cache", "temporary"):
        (tmp_path / name).mkdir()
    condition = Condition(environment={"FASTERNET_CACHE": "{}/cache", "TMPDIR": "{}/temporary"})
    check([*EVALUATE, "--weights", str(weights)], tmp_path, condition)
    assert any((tmp_path / "cache").iterdir()) and not any((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("library", ["libpaddle", "_multiarray_umath", "matplotlib"])
@pytest.mark.parametrize("entry", ["train", "evaluate"])
def test_ctrl_c_while_paddle_is_imported(entry, library, tmp_path):
    """The signal comes when a library has been loaded, which Paddle's import does in this order of names or another."""
    process = start([entry], tmp_path, Condition("exec {}"))
    for _ in range(6000):
        try:
            if library in Path(f"/proc/{process.pid}/maps").read_text():
                break
        except ProcessLookupError:
            pass
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"interrupted\n")
