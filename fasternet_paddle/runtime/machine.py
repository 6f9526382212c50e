"""The machine at hand: its settings, cores and devices, and the seed of every generator.

    begin("auto", seed=42)          # CPU settings, device and seed, said in one line
    print(describe_machine())       # processor, cores, system and versions, in one line

Standard library only: it also runs where nothing is installed yet. The CPU settings must stand before Paddle's first
operation, so Paddle is imported inside the functions that need it.
"""

import contextlib
import importlib.metadata
import logging
import os
import platform
import random
import re
import sys
import warnings
from pathlib import Path

from ..errors import FasterNetError

MEASURED = ("paddlepaddle", "paddlepaddle-gpu", "numpy", "interpretdl")  # packages whose versions decide about speed
PREPARING = ("fasternet_paddle", "opencv-python-headless", "opencv-contrib-python", "scikit-learn")  # that decide else
HARMLESS = (  # warnings of no use to who reads a log or a notebook
    "No ccache found",  # Paddle, at every import
    "When training, we now always track global",  # Paddle's batch norm, at every step
    "IProgress not found",  # tqdm, where ipywidgets is not installed
)
MKL_FAST_PATH = "5"  # the AVX2 path of the MKL inside Paddle; on AMD it takes a generic one, 2 to 5 times slower


def quieten():
    """Keep other packages' remarks from standing between the lines of a log or the cells of a notebook."""
    for message in HARMLESS:
        warnings.filterwarnings("ignore", message=message)
    # That it looks for fonts, the first time, twice; that it keeps them elsewhere, where the home folder is no place.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's C++ part, such as at every compilation


def _started_with():
    """Names of the variables that the user set: importing Paddle adds ``OMP_NUM_THREADS=1``."""
    if "paddle" not in sys.modules:
        return frozenset(os.environ)
    with contextlib.suppress(OSError):  # no such file outside Linux
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
        return frozenset(os.fsdecode(entry.partition(b"=")[0]) for entry in entries)
    return frozenset()


STARTED_WITH = _started_with()


def cpu_settings(environ=os.environ, cpuinfo=Path("/proc/cpuinfo")):
    """Set what makes Paddle fast on this processor, unless the user has set it; call it before Paddle computes.

    Returns:
        Dict of the variables set here.
    """
    settings = {}
    with contextlib.suppress(OSError):  # no such file outside Linux
        if "AuthenticAMD" in cpuinfo.read_text():
            settings["MKL_DEBUG_CPU_TYPE"] = MKL_FAST_PATH
    chosen = {name: value for name, value in settings.items() if name not in environ}
    environ.update(chosen)
    return chosen


def count_cores(cgroup=Path("/sys/fs/cgroup")):
    """Cores that this process may use: those it is bound to, or fewer where a container grants less time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # of cgroup v2 and v1
        with contextlib.suppress(OSError, ValueError):  # no such file, or no quota: "max 100000"
            granted, period = map(int, " ".join((cgroup / name).read_text() for name in names).split())
            if granted > 0:  # v1 has -1 for no quota
                count = min(count, max(1, granted // period))
    return count


def available_threads(environ=os.environ, given=STARTED_WITH, cores=None):
    """Threads for the forward pass: ``OMP_NUM_THREADS`` if the user set it, else all cores of this process.

    Args:
        environ: where ``OMP_NUM_THREADS`` is read.
        given: names of the variables that the user set; a 1 that is not among them is Paddle's own.
        cores: of this process; by default counted.
    """
    wanted = environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if wanted.isdigit() and (int(wanted) > 1 or "OMP_NUM_THREADS" in given):
        return max(1, int(wanted))
    return count_cores() if cores is None else cores


# On two cores two threads train T0 at 224 pixels 1.3 times as fast as one, with loading processes beside them, and at
# 32 pixels no faster: there they take the cores from loading. A third of a step is serial, so more soon gain little.
THREADS_FROM = 96  # pixels
MAX_THREADS = 4


def training_threads(image_size, environ=os.environ, given=STARTED_WITH, cores=None):
    """Set how many threads Paddle trains with on a CPU, unless the user has; call it before Paddle computes.

    With the same number of threads a run gives the same numbers each time, with another the last bits differ.

    Args:
        image_size: side of the network's input, in pixels.
        environ, given, cores: as for ``available_threads``; ``OMP_NUM_THREADS`` is set in ``environ``.

    Returns:
        Dict of the variables set here.
    """
    if "OMP_NUM_THREADS" in given:
        return {}
    threads = min(count_cores() if cores is None else cores, MAX_THREADS) if image_size >= THREADS_FROM else 1
    chosen = {"OMP_NUM_THREADS": str(threads)}
    environ.update(chosen)
    return chosen


def threads_beside(count, image_size):
    """Threads of each of ``count`` processes that train side by side: their part of the cores, where more than one
    thread pays."""
    chosen = training_threads(image_size, environ={}, given=(), cores=max(1, count_cores() // count))
    return int(chosen["OMP_NUM_THREADS"])


def set_device(name):
    """Choose Paddle's device: "auto" (the first GPU, else the CPU), "cpu", "gpu" or "gpu:N".

    Returns:
        The device's name, such as "cpu" or "gpu:0".

    Raises:
        FasterNetError: a name of another form, or a GPU that is not there.
    """
    import paddle

    count = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if name == "auto":
        name = "gpu" if count else "cpu"
    if not re.fullmatch(r"cpu|gpu(:\d+)?", name):
        raise FasterNetError(f"device must be auto, cpu, gpu or gpu:N, got {name!r}", change="device")
    if name != "cpu" and int(name.partition(":")[2] or 0) >= count:
        raise FasterNetError(f"device {name} is not there: this Paddle sees {count} GPUs", change="device")
    paddle.set_device(name)
    return paddle.get_device()


def seed_everything(seed):
    """Seed Python's, numpy's and Paddle's global generators."""
    import numpy as np
    import paddle

    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)


def begin(device, seed, train_size=None):
    """CPU settings, device and seed; prints what was chosen. Returns the device's name.

    Args:
        device: as for ``set_device``.
        seed: of all generators.
        train_size: side of the images, in pixels, where a network is to be trained.
    """
    settings = cpu_settings()
    chosen = set_device(device)
    if train_size is not None and chosen == "cpu":
        settings |= training_threads(train_size)
    seed_everything(seed)
    print(f"device: {chosen}" + "".join(f", {name}={value}" for name, value in settings.items()))
    return chosen


def describe_machine():
    """One line: processor, cores of this process, system, and the versions of what decides about speed."""
    found = environment()
    versions = ", ".join(f"{name} {found[name]}" for name in ("Python", *MEASURED) if name in found)
    return f"{found['processor']}, {found['cores']} cores, {found['system']}, {versions}"


def environment():
    """What a result was computed with, for whoever wants to compute it again: a dict of text."""
    found = {
        "processor": processor(),
        "cores": str(count_cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for package in (*MEASURED, *PREPARING):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def processor(cpuinfo=Path("/proc/cpuinfo")):
    """The processor's name."""
    with contextlib.suppress(OSError):  # no such file outside Linux
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
