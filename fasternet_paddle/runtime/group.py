"""Processes that share a run become a group, are asked to stop, and part.

    group.join(number=1, count=2, port=6170)       # by each of them, before Paddle computes
    with group.heeding(): ...                      # a run that saves itself before it stops
    group.leave()

What a group's processes tell each other: ``ranks.py``.
"""

import contextlib
import io
import os
import signal
from dataclasses import dataclass

HOST = "127.0.0.1"
CARD = "FLAGS_selected_gpus"  # Paddle's variable for the card of a process


@dataclass
class _Group:
    """What this process is; changed by ``join`` and ``leave`` alone."""

    number: int = 0
    count: int = 1
    seconds: float = 0.0
    """Time spent in collective calls so far, waiting for slower processes included."""
    asked: int | None = None
    """Signal that asks all processes to stop, as the one that started them has said."""
    heeds: bool = False
    """Whether that is heeded: the run then saves itself first."""


GROUP = _Group()


def join(number, count, port, host=HOST, device="cpu", interface=None):
    """Make this process number ``number`` of ``count``; to be called before Paddle computes, by each of them.

    Args:
        port, host: where process 0 lets the others meet, free so far; without a port they do not speak to each other.
        device: "cpu", or "gpu:N" for the card of this process.
        interface: name of the network interface to speak over; None: Paddle's choice.
    """
    if port is None or count == 1:
        GROUP.number, GROUP.count = number, count
        return
    ends = [f"{host}:{port + other}" for other in range(count)]  # the first is listened on, the others are names
    os.environ |= {
        "PADDLE_TRAINER_ID": str(number),
        "PADDLE_TRAINERS_NUM": str(count),
        "PADDLE_TRAINER_ENDPOINTS": ",".join(ends),
        "PADDLE_CURRENT_ENDPOINT": ends[number],
        "PADDLE_MASTER": ends[0],
        "PADDLE_DISTRI_BACKEND": "gloo" if device == "cpu" else "nccl",
    }
    if device != "cpu":
        os.environ[CARD] = device.partition(":")[2]

    if interface is not None:
        os.environ |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}

    import paddle

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # a frame about flags
        paddle.distributed.init_parallel_env()
    GROUP.number, GROUP.count = number, count
    _meet()  # who went on and ended now would take the connections of those who are still making theirs


def _meet():
    """Wait until every process has come here."""
    import paddle

    paddle.distributed.barrier()


def join_launched(device):
    """Make this process what Paddle's launcher has started it as.

    Args:
        device: as of ``join``.
    """
    host, _, port = os.environ.get("PADDLE_MASTER", os.environ["PADDLE_TRAINER_ENDPOINTS"].split(",")[0]).rpartition(
        ":"
    )
    join(int(os.environ["PADDLE_TRAINER_ID"]), int(os.environ["PADDLE_TRAINERS_NUM"]), int(port), host, device)


def leave():
    """Go on alone, as the first and only process: what follows asks nobody."""
    if GROUP.count > 1:
        import paddle

        paddle.distributed.destroy_process_group()
        GROUP.number, GROUP.count = 0, 1


@contextlib.contextmanager
def heeding():
    """While entered, a process that is asked to stop is told so by ``asked``; else it ends at once."""
    GROUP.heeds = True
    try:
        yield
    finally:
        GROUP.heeds = False


def ask(signum):
    """Ask this process to stop for ``signum``, from any of its threads; whether it heeds that."""
    if GROUP.heeds:
        GROUP.asked = signum
        if GROUP.number == 0:
            print(f"\n{signal.Signals(signum).name}: finishing this step; once more to end at once", flush=True)
    return GROUP.heeds


def asked():
    """The signal that this process was asked to stop for; None: none."""
    return GROUP.asked


def device(name):
    """The device of this process, where ``name`` is that of the run: of several on GPUs each has its own."""
    card = os.environ.get(CARD) if GROUP.count > 1 and name != "cpu" else None
    return name if card is None else f"gpu:{card}"
