"""Start several processes that share a work, watch them, and end all of them together.

    results = launch(function, arguments, count=2)       # function(*arguments) in each; ranks.number() tells which

The processes are spawned, as Paddle's own ``distributed.spawn`` does it, which this stands in for: that one hangs when
a signal reaches the parent alone, leaves its children behind when the parent is killed, waits for a stopped process for
ever, and has Paddle imported before a process can choose its network. Here the parent imports no Paddle. It prints what
process 0 prints, notices one that ended or gives no sign of life, and ends all others with it.
"""

import contextlib
import dataclasses
import importlib.metadata
import multiprocessing
import os
import pickle
import socket
import sys
from dataclasses import dataclass

from ..errors import FasterNetError
from . import machine
from .machines import OPEN, WAIT, interface_to
from .watching import Watch

LISTENS = (
    "note: this system lets no process have a network of its own, so Paddle listens on port {port} of all addresses "
    "of this machine while the run lasts"
)


@dataclass(frozen=True)
class Place:
    """Where one of the processes stands among the others."""

    number: int
    count: int
    device: str = "cpu"
    """"cpu" or "gpu:N"."""
    port: int | None = None
    """Where they meet; None: they do not speak to each other."""
    host: str = "127.0.0.1"
    interface: str | None = None
    """Name of the network interface that they speak over; None: Paddle's choice."""
    network: bool | int | None = None
    """True: make one for all of them; a process number: join the one that it has made; None: stay."""


def launch(function, arguments, count, *, device="cpu", threads=None, together=True, machines=None):
    """``function(*arguments)`` in ``count`` processes; a list of what it returned in each of this machine.

    Args:
        function, arguments: pickled, so the function is one of a module's; or "module:name", imported there alone.
        device: "cpu", or "gpu": a card for each.
        threads: that each computes with; None leaves them to the environment.
        together: whether they speak to each other (``ranks.summed`` and the like).
        machines: ``Machines`` that share the processes evenly.

    Raises:
        FasterNetError: what one of them raised.
        EndedError: one was killed or stopped, failed, or gave no sign of life.
        MemoryError, OSError: what the system refused one of them.
        Stopped: Ctrl-C or SIGTERM reached this process or one of them.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise FasterNetError(
            "several processes are started by a script whose own lines run when it is imported: put these under "
            'if __name__ == "__main__":'
        )
    if together and device == "cpu" and sys.platform != "linux":
        raise FasterNetError(
            f"Paddle's processes speak to each other on Linux alone (gloo is not built for {sys.platform})",
            change="nproc",
        )
    work = pickle.dumps((function, arguments))
    if machines is not None:
        return _share_of_machines(work, count, device, threads, machines)
    with Watch(count) as watch, _threads(threads):
        port = _free_port() if together else None
        network = True if together and may_be_private() else None  # whether the system lets a user is to be seen
        for number in range(count):
            watch.start(Place(number, count, _device(device, number), port, network=network), work)
            if number == 0 and network is not None:
                network = watch.children[0].process.pid if watch.network_of_first() else None
            if number == 0 and together and network is None:
                print(LISTENS.format(port=port), flush=True)
        return watch.until_the_end()


def _share_of_machines(work, count, device, threads, machines):
    """The processes of this machine, among ``count`` on all of ``machines``."""
    host, port = machines.check(count)
    print(OPEN.format(host=host, port=port), flush=True)
    here, wait = count // machines.count, WAIT
    with Watch(count, patience=wait) as watch, _threads(threads):
        for own in range(here):
            place = Place(machines.number * here + own, count, _device(device, own), port, host)
            watch.start(dataclasses.replace(place, interface=interface_to(host)), work)
        return watch.until_the_end()


def _device(device, number):
    return "cpu" if device == "cpu" else f"gpu:{number}"


def may_be_private():
    """Whether this kind of system has networks of a process's own."""
    return sys.platform == "linux"


@contextlib.contextmanager
def _threads(threads):
    """The processes that are started meanwhile compute with so many threads; a number that the user set stays."""
    before = os.environ.get("OMP_NUM_THREADS")
    if threads is not None and "OMP_NUM_THREADS" not in machine.STARTED_WITH:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        yield
    finally:
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
        else:
            os.environ.pop("OMP_NUM_THREADS", None)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def device_of(name, count):
    """ "cpu" or "gpu", where ``count`` processes of a run on device ``name`` compute.

    Raises:
        FasterNetError: one card is named for several processes, or there are fewer cards.
    """
    cards = 0 if name == "cpu" else count_cards()
    if name == "cpu" or (name == "auto" and not cards):
        return "cpu"
    if name.startswith("gpu:"):
        raise FasterNetError(f"{name} is one card, and each of {count} processes needs its own", change="device")
    if cards < count:
        raise FasterNetError(f"{count} processes need a card each, and Paddle sees {cards} here", change="nproc")
    return "gpu"


def processes_for(name):
    """As many processes as ``auto`` stands for on device ``name``: one a card, or one a core."""
    return (0 if name == "cpu" else count_cards()) or machine.count_cores()


def count_cards():
    """GPUs that Paddle sees; 0 with a Paddle for CPUs, which is not imported."""
    try:
        importlib.metadata.version("paddlepaddle-gpu")
    except importlib.metadata.PackageNotFoundError:
        return 0
    import paddle

    return paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
