"""What a notebook needs before its first step: packages, folders and settings. Standard library only.

    work = prepare()                    # installs what is missing, says where results go
    config = settings("digits", work)   # or "cifar10": the notebook's recipe

Made for AI Studio as much as for a laptop: Paddle and everything else that is there already stays as it is.
"""

import configparser
import dataclasses
import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ..config import TrainConfig
from ..errors import FasterNetError
from . import machine, packages

REPOSITORY = Path(__file__).resolve().parents[2]
# Installed without what it asks for: its scikit-learn<=0.24 builds on no Python from 3.10 on.
ALONE = "interpretdl==0.8.0"
RELEASE = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")

# A run of a minute on two cores, for a first look: FasterNet-T0 on scikit-learn's 1,797 handwritten digits.
QUICK = {"dataset": "digits", "image_size": 32, "batch_size": 32, "epochs": 10, "num_workers": 2}


def prepare(work=None):
    """Make a notebook's surroundings ready; again it costs nothing. Prints what was found and done.

    Packages that are missing or too old are installed with pip, held to the versions of all that is there, so that
    neither Paddle nor numpy is replaced. Paddle itself is never installed: CPU and GPU wheels overwrite each other.

    Args:
        work: folder for results; by default ``work_folder()``.

    Returns:
        ``Path`` of the folder for results.

    Raises:
        FasterNetError: Paddle is missing or too old, or pip failed.
    """
    if str(REPOSITORY) not in sys.path:  # later cells find the package wherever they run
        sys.path.insert(0, str(REPOSITORY))
    machine.quieten()
    packages.check_paddle()
    installed = install_missing()
    work = Path(work) if work is not None else work_folder()
    print(f"Python {sys.version.split()[0]}, {_paddle()}")
    print(f"installed: {', '.join(installed) if installed else 'nothing, all packages are there'}")
    print(f"results: {_shown(work)}")
    return work


def work_folder():
    """Where results go: ``work`` in the home folder on AI Studio, which keeps it; elsewhere the repository's."""
    home = _home()
    return (home if home is not None and home.name == "aistudio" else REPOSITORY) / "work"


def _home():
    try:
        return Path.home()
    except RuntimeError:  # a container's user may have none
        return None


def _shown(work):
    """A folder as the reader knows it."""
    for base, prefix in ((REPOSITORY, "in the repository, "), (_home(), "~/")):
        if base is not None and work.is_relative_to(base):
            return f"{prefix}{work.relative_to(base)}/"
    return f"{work}/"


def settings(dataset="digits", work=None, **changes):
    """The settings of a notebook.

    Args:
        dataset: "cifar10", the notebook's recipe as ``TrainConfig`` holds it, or "digits", the quick run ``QUICK``.
        work: folder for results (``prepare``'s); by default ``work`` in the current folder. Runs go to ``model``, the
            quick one to ``digits``, so that it never replaces the other.
        **changes: fields of ``TrainConfig`` to change.

    Returns:
        ``TrainConfig``.
    """
    work = Path("work" if work is None else work)
    chosen = {"dataset": dataset, "work_path": str(work / "model")}
    if dataset == QUICK["dataset"]:
        chosen |= QUICK | {"work_path": str(work / dataset)}
    return TrainConfig(**chosen | changes)


def describe(config):
    """One line on what a ``TrainConfig`` trains, to stand above results."""
    names = ("image_size", "batch_size", "epochs", "seed")
    values = dataclasses.asdict(config)
    return f"{config.dataset}, {config.variant}: " + ", ".join(f"{name} {values[name]}" for name in names)


def _paddle():
    """Which Paddle there is, by the name of its wheel where it came as one."""
    found = [f"{name} {_version(name)}" for name in ("paddlepaddle-gpu", "paddlepaddle") if _version(name)]
    return " and ".join(found) or f"paddle {packages.paddle_version()}"


def requirements():
    """``(name, oldest version)`` of what ``setup.cfg`` asks for: the core and what explanations need.

    Without the file the package was installed by pip, and its requirements with it.
    """
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    if "options" not in setup:
        return []
    lines = setup["options"]["install_requires"] + setup["options.extras_require"]["explain"]
    return [tuple(line.split(">=")) for line in lines.split("\n") if line and not line.startswith("#")]


def missing_packages():
    """``requirements`` that this environment does not meet, as pip takes them."""
    wanted = []
    for name, oldest in requirements():
        # Any flavour of OpenCV will do: a second one would overwrite the first.
        versions = filter(None, map(_version, OPENCV if name in OPENCV else (name,)))
        if not any(packages.version_numbers(version) >= packages.version_numbers(oldest) for version in versions):
            wanted.append(f"{name}>={oldest}")
    return wanted


def install_missing():
    """Install what ``missing_packages`` names, and InterpretDL; returns the names, none where all is there."""
    wanted = missing_packages()
    if wanted:
        names = {requirement.partition(">=")[0].lower() for requirement in wanted}
        held = [pin for pin in _installed() if pin.partition("==")[0].lower() not in names]
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("\n".join(held), encoding="utf-8")
            _pip("--constraint", str(constraints), *wanted)
    if not _version("interpretdl"):
        _pip("--no-deps", ALONE)
        wanted = [*wanted, ALONE]
    importlib.invalidate_caches()
    return wanted


def _installed():
    """``name==version`` of every distribution that an index would know; builds of one's own cannot be pinned."""
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
    return [f"{name}=={version}" for name, version in sorted(found.items()) if RELEASE.fullmatch(version)]


def _pip(*arguments):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise FasterNetError(
            f"pip could not install {' '.join(arguments[-3:])}: {last[0]}; see to it and run the cell again"
        )


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
