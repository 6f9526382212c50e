"""What is shipped and what is installed: the wheel, the lock, the console scripts, and make's set-up."""

import configparser
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
SCRIPTS = dict(
    line.replace(" ", "").split("=") for line in SETUP["options.entry_points"]["console_scripts"].strip().splitlines()
)
PYTHONS = ("3.10.13", "3.11.7", "3.12.1", "3.13.0")
SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}
# interpretdl 0.8.0 asks for a scikit-learn that cannot be built and an OpenCV that overwrites the headless.
INTERPRETDL_OVERRIDES = {"scikit-learn", "opencv-python"}
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed here")


def requirements(text):
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def environments():
    for python in PYTHONS:
        for system, (os_name, platform_system) in SYSTEMS.items():
            yield default_environment() | {
                "python_version": python.rpartition(".")[0],
                "python_full_version": python,
                "sys_platform": system,
                "os_name": os_name,
                "platform_system": platform_system,
                "implementation_name": "cpython",
            }


LOCK = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the project, so that the build leaves nothing in the repository."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("fasternet_paddle", "tests", "notebooks"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", build, str(target)], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = target.glob("*.whl")
    return path


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        scripts = configparser.ConfigParser()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        scripts.read_string(archive.read(entry_points).decode())
    dist_info = f"fasternet_paddle-{SETUP['metadata']['version']}.dist-info"
    assert {name.split("/")[0] for name in names} == {"fasternet_paddle", dist_info}
    files = [path for path in (ROOT / "fasternet_paddle").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    held = {path.relative_to(ROOT).as_posix() for path in files}  # modules, and data such as names of classes
    assert {name for name in names if name.startswith("fasternet_paddle/")} == held
    assert f"{dist_info}/licenses/LICENSE" in names
    assert dict(scripts["console_scripts"]) == SCRIPTS


def test_wheel_works_outside_the_repository(wheel, tmp_path):
    code = "import sys; sys.path.insert(0, sys.argv[1]); from fasternet_paddle import config; print(config)"
    command = [sys.executable, "-c", code, str(wheel)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert str(wheel) in done.stdout, done.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_console_script_has_a_main(name, capsys):
    module, function = SCRIPTS[name].split(":")
    with pytest.raises(SystemExit) as stop:
        getattr(importlib.import_module(module), function)(["--help"])
    assert stop.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_lock_pins_every_line_and_leaves_paddle_out():
    for pin in LOCK:
        (specifier,) = pin.specifier
        assert specifier.operator == "==" and "*" not in specifier.version, f"{pin} is not one version"
        assert pin.url is None
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|/|--", text), "an address, a path or an option"
    assert not {"paddlepaddle", "paddlepaddle-gpu", "paddlex", "opencv-python"} & {pin.name for pin in LOCK}
    cpu = (ROOT / "requirements-cpu.txt").read_text(encoding="utf-8")
    assert re.fullmatch(r"-r requirements\.txt\npaddlepaddle==[\d.]+\n", cpu)


def test_lock_meets_setup_cfg_on_every_python_and_system():
    extras = SETUP["options.extras_require"]
    wanted = SETUP["options"]["install_requires"] + extras["explain"] + extras["test"] + extras["dev"]
    check_lock(LOCK, requirements(f"{wanted}\ninterpretdl==0.8.0"))


@pytest.mark.parametrize(
    ("name", "named"), [("paddlex", ["paddlex"]), ("peers", ["onnx", "openvino", "fast"]), ("timm", ["timm"])]
)
def test_the_tools_locks_meet_setup_cfg_too(name, named):
    lock = requirements((ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8"))
    extras = SETUP["options.extras_require"]
    wanted = requirements(SETUP["options"]["install_requires"] + "".join(extras[each] for each in ["cpu", *named]))
    if name == "paddlex":  # which wants the other OpenCV
        wanted = [need for need in wanted if need.name != "opencv-python-headless"]
        assert "opencv-python-headless" not in {pin.name for pin in lock}
    check_lock(lock, wanted)


def check_lock(lock, wanted):
    """Hold a lock to what is wanted, for every Python and system."""
    for environment in environments():
        where = f"Python {environment['python_version']} on {environment['sys_platform']}"
        pins = [pin for pin in lock if pin.marker is None or pin.marker.evaluate(environment)]
        versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}
        assert len(versions) == len(pins), f"two pins of one package for {where}"
        for need in (need for need in wanted if need.marker is None or need.marker.evaluate(environment)):
            version = versions.get(canonicalize_name(need.name))
            assert version and need.specifier.contains(version), f"{need} but {version} for {where}"


def test_lock_is_closed():
    """The lock is installed with --no-deps: what a locked package (or Paddle) needs must be locked too."""
    locked = {canonicalize_name(pin.name) for pin in LOCK} | {"paddlepaddle"}
    installed = {canonicalize_name(found.name): found for found in importlib.metadata.distributions()}
    checked = 0
    for pin in [*LOCK, *requirements((ROOT / "requirements-cpu.txt").read_text().partition("\n")[2])]:
        found = installed.get(canonicalize_name(pin.name))
        if found is None or not pin.specifier.contains(found.version):
            continue  # another Python's pin, or another version than the locked one
        checked += 1
        needs = {
            canonicalize_name(need.name)
            for need in map(Requirement, found.requires or ())
            if need.marker is None or need.marker.evaluate({"extra": ""})
        }
        assert needs - locked <= INTERPRETDL_OVERRIDES, f"{pin} needs {needs - locked}"
    assert checked > 10, "hardly anything of the lock is installed here"


FAKE_PYTHON = """#!/bin/sh
echo "$@" >> "$FAKE_LOG"
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip") [ -z "$FAKE_OFFLINE" ] ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """Run make in a copy of its files, where PYTHON is a script that only notes how it was called."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for path in ROOT.glob("requirements*.txt"):
        shutil.copy(path, tmp_path)
    python, log = tmp_path / "fake-python", tmp_path / "log"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)

    def run(*arguments, **environment):
        log.write_text("")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "ARGS"))}
        done = subprocess.run(
            ["make", "PYTHON=./fake-python", *arguments],
            cwd=tmp_path,
            env=clean | {"FAKE_LOG": str(log)} | environment,
            capture_output=True,
            text=True,
        )
        return done, log.read_text()

    return run


@needs_make
def test_make_lists_its_targets(make, tmp_path):
    done, calls = make()
    targets = re.findall(r"^([a-z]+):", (tmp_path / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^make ([a-z]+) +\S", done.stdout, re.MULTILINE) == targets
    assert done.returncode == 0 and calls == "" and not (tmp_path / ".venv").exists()


@needs_make
def test_make_sets_up_once_and_again_when_the_lock_changes(make, tmp_path):
    done, calls = make("lint")
    assert done.returncode == 0 and "-m venv .venv" in calls and "-r requirements-cpu.txt" in calls
    assert calls.rstrip().endswith("-m ruff format --check .")

    done, calls = make("lint")
    assert done.returncode == 0 and "venv" not in calls and "pip" not in calls

    stamp = (tmp_path / ".venv/.stamp").stat().st_mtime
    os.utime(tmp_path / "requirements.txt", (stamp + 10, stamp + 10))
    done, calls = make("lint")
    assert done.returncode == 0 and "-m venv" not in calls and "-r requirements-cpu.txt" in calls


@needs_make
@pytest.mark.parametrize(("target", "name"), [("paddlex", "paddlex"), ("onnxruntime", "peers"), ("timm", "timm")])
def test_a_tools_environment_is_its_own_and_made_from_its_own_lock(make, tmp_path, target, name):
    done, calls = make(target)
    assert done.returncode == 0, done.stderr
    assert f"-m venv .venv-{name}" in calls and f"-r requirements-{name}.txt" in calls
    assert calls.rstrip().endswith(f"-m pytest tests/integration/test_{target}.py")
    assert not (tmp_path / ".venv").exists()
    done, calls = make(target)
    assert done.returncode == 0 and "venv" not in calls and "pip" not in calls


@needs_make
def test_make_starts_anew_after_an_interrupted_set_up(make, tmp_path):
    done, calls = make("lint", FAKE_OFFLINE="yes")
    assert done.returncode != 0 and "ruff" not in calls and not (tmp_path / ".venv/.stamp").exists()
    (tmp_path / ".venv/half-installed").touch()
    done, calls = make("lint")
    assert done.returncode == 0 and "-m venv .venv" in calls
    assert not (tmp_path / ".venv/half-installed").exists()


@needs_make
def test_make_leaves_a_foreign_venv_alone(make, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/mine").touch()
    done, calls = make("train")
    assert done.returncode != 0 and "touch .venv/.stamp" in done.stderr and calls == ""
    assert (tmp_path / ".venv/mine").exists()


@needs_make
@pytest.mark.parametrize("version", ["3.9.18", "3.14.0", "2.7.18"])
def test_make_refuses_another_python_in_one_sentence(make, tmp_path, version):
    script = f"import sys; sys.version_info = {tuple(map(int, version.split('.')))}; exec(sys.argv[2])"
    (tmp_path / "fake-python").write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{script}' \"$@\"\n")
    done, _ = make("train")
    sentence, *rest = done.stderr.splitlines()
    assert sentence.startswith("This project needs Python 3.10 to 3.13 and ./fake-python is ")
    assert all(line.startswith("make:") for line in rest) and done.returncode != 0
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_make_explain_asks_for_a_model_first(make, tmp_path):
    done, calls = make("explain")
    assert done.returncode != 0 and "run make train first" in done.stderr and calls == ""
