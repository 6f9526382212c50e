"""What the processes of ``tests/runtime/test_launch.py`` do: functions that are spawned, none of which needs Paddle."""

import os
import signal
import sys
import time
from pathlib import Path

from fasternet_paddle.errors import FasterNetError, Stopped
from fasternet_paddle.runtime import ranks


def where(_):
    """Which process this is, what it prints is lost but for the first's, and who may be its child."""
    print(f"process {ranks.number()} of {ranks.count()}")
    print("said aside", file=sys.stderr)
    return ranks.number(), ranks.count(), os.getppid(), os.environ.get("OMP_NUM_THREADS")


def end(how):
    """Process 1 ends in a way of its own while the others wait for it; a refusal is everybody's first one's."""
    if ranks.number() != 1:
        time.sleep(60)
    if how == "refused":
        raise FasterNetError("there is no such thing", change="data_path")
    if how == "memory":
        raise MemoryError
    if how == "failed":
        raise ZeroDivisionError("a fault of ours")
    if how == "stopped":
        raise Stopped(signal.SIGTERM)
    if how == "disk":
        Path("/nowhere/at/all").write_text("")
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), getattr(signal, how))
    time.sleep(60)


def ask_parent(signum):
    """Send the process that started this one a signal, and wait to be ended."""
    if ranks.number() == 0:
        os.kill(os.getppid(), signum)
    time.sleep(60)


def stop_parent(seconds):
    """Stop the parent, and let it go on after so many seconds, as a child of init does."""
    if ranks.number() == 0 and os.fork() == 0:
        parent = os.getppid()
        os.setsid()
        grandparent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(") ")[2].split()[1])
        os.kill(grandparent, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(grandparent, signal.SIGCONT)
        os._exit(0)
    time.sleep(120)


def listening(_):
    """Ports on which some process listens on addresses that others reach, as this process sees them."""
    import paddle  # noqa: F401, the store is open by now

    return listening_ports()


def listening_ports():
    """Ports of /proc/net/tcp in state LISTEN whose address is not the loopback's."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    entries = [line.split()[1:4] for line in lines]
    return {int(local.split(":")[1], 16) for local, _, state in entries if state == "0A" and local[:8] != "0100007F"}
