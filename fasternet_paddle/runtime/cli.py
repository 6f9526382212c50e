"""What every entry does around its work: flags from a dataclass, CPU settings, device, seed, errors.

The CPU settings must stand before Paddle's first operation, so an entry imports what needs Paddle inside its ``main``.
That also keeps ``--help`` quick.
"""

import contextlib
import functools
import io
import os
import random
import re
import sys
import warnings
from pathlib import Path

from ..errors import NEEDS_OPENMP, NEEDS_PADDLE, FasterNetError
from ..runs.guards import Stopped

STARTED_WITH = frozenset(os.environ)  # importing Paddle sets OMP_NUM_THREADS to 1; the user's word comes before it
MKL_FAST_PATH = "5"  # the AVX2 path of the MKL inside Paddle; on AMD it takes a generic one, 2 to 5 times slower


def entry(main):
    """Decorate ``main(argv)`` of an entry: it returns an exit code, and a user's mistake is one sentence and code 2."""

    @functools.wraps(main)
    def run(argv=None):
        warnings.filterwarnings("ignore", message="No ccache found")  # Paddle says it at every import
        os.environ.setdefault("GLOG_minloglevel", "2")  # its C++ part says more, of no use to the reader of a log
        try:
            return main(argv) or 0
        except FasterNetError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except ImportError as error:
            needs = NEEDS_PADDLE if error.name == "paddle" else NEEDS_OPENMP if "libgomp" in str(error) else None
            if needs is None:
                raise
            print(f"error: {needs}", file=sys.stderr)
            return 2
        except Stopped as stop:
            print(f"{stop}; everything is saved, --resume goes on from here", file=sys.stderr)
            return 128 + stop.signal  # as a shell expects
        except MemoryError:  # Paddle's, on the CPU and on a GPU, and numpy's
            print("error: out of memory; lower --batch-size or --image-size", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130  # 128 + SIGINT, as a shell expects

    return run


def parse(kind, argv=None, *, prog, description, default=None):
    """Turn command-line flags into an instance of the dataclass ``kind``; nested dataclasses give flags too.

    Args:
        kind: dataclass; its fields' names become flags with hyphens, their docstrings the help.
        argv: arguments without the program's name; by default the process's.
        prog, description: for ``--help``.
        default: instance whose values replace the dataclass's defaults.

    Raises:
        FasterNetError: a flag that is unknown or has no value of its kind, or what the dataclass itself refuses.
        SystemExit: 0, after ``--help``.
    """
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                kind,
                args=argv,
                prog=prog,
                description=description,
                default=default,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise FasterNetError(f"{_sentence(said.getvalue())} (see {prog} --help)") from None


def _sentence(box):
    """The message out of tyro's framed one, which ends at a rule or at an empty line."""
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines()[1:]]
    end = next((number for number, line in enumerate(lines) if not line or set(line) == {"─"}), len(lines))
    return re.sub(r"^Error parsing [A-Z]\w*: ", "", " ".join(lines[:end])).rstrip(".")


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


# On two cores two threads train T0 at 224 pixels 1.3 times as fast as one, with loading processes beside them, and at
# 32 pixels no faster: there they take the cores from loading. A third of a step is serial, so more soon gain little.
THREADS_FROM = 96  # pixels
MAX_THREADS = 4


def training_threads(image_size, environ=os.environ, given=STARTED_WITH, cores=None):
    """Set how many threads Paddle trains with on a CPU, unless the user has; call it before Paddle computes.

    With the same number of threads a run gives the same numbers each time, with another the last bits differ.

    Args:
        image_size: side of the network's input, in pixels.
        environ: where ``OMP_NUM_THREADS`` is set.
        given: names of the variables that the user set.
        cores: of this process; by default counted.

    Returns:
        Dict of the variables set here.
    """
    if "OMP_NUM_THREADS" in given:
        return {}
    threads = min(count_cores() if cores is None else cores, MAX_THREADS) if image_size >= THREADS_FROM else 1
    chosen = {"OMP_NUM_THREADS": str(threads)}
    environ.update(chosen)
    return chosen


def count_cores(quota=Path("/sys/fs/cgroup/cpu.max")):
    """Cores that this process may use: those it is bound to, or fewer where a container grants less time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no such file, or no quota: "max 100000"
        granted, period = map(int, quota.read_text().split())
        count = min(count, max(1, granted // period))
    return count


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
        raise FasterNetError(f"device must be auto, cpu, gpu or gpu:N, got {name!r}")
    if name != "cpu" and int(name.partition(":")[2] or 0) >= count:
        raise FasterNetError(f"device {name} is not there: this Paddle sees {count} GPUs; use --device cpu")
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
