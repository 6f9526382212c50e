"""Several machines that share a run: where they meet, and over which of its networks each speaks.

    machines = Machines(count=2, number=0, master="10.0.0.1:6170")     # the same on the other one with number=1
    machines.check(processes=4)

What meets at the master is Paddle's store, which asks nobody who they are: such a run belongs into a network that its
user trusts. Standard library only.
"""

import contextlib
import socket
import struct
import sys
import time
from dataclasses import dataclass

from ..errors import FasterNetError

WAIT = 600.0  # seconds in which the machine that the others meet at must be there
ASK_ADDRESS = 0x8915  # SIOCGIFADDR
OPEN = (
    "note: Paddle listens on port {port} of all addresses of {host} while the run lasts, and asks nobody who they are; "
    "use a network that you trust"
)


@dataclass(frozen=True)
class Machines:
    """Which of several machines this is."""

    count: int = 1
    number: int = 0
    """From 0; the first one's work path is written."""
    master: str = ""
    """HOST:PORT of the first one, as the others reach it."""

    def check(self, processes):
        """(host, port) where all meet; raise ``FasterNetError`` where that cannot be.

        The first machine tries the port, which it must be able to take; the others wait until somebody is there.

        Args:
            processes: of all machines together.
        """
        host, _, port = self.master.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise FasterNetError(f"master must be HOST:PORT of the first machine, got {self.master!r}", change="master")
        if not 0 <= self.number < self.count:
            raise FasterNetError(
                f"node_rank must lie in 0..{self.count - 1} for {self.count} machines, got {self.number}",
                change="node_rank",
            )
        if processes % self.count:
            raise FasterNetError(
                f"{processes} processes cannot be shared evenly by {self.count} machines", change=("nproc", "nnodes")
            )
        try:
            address = socket.gethostbyname(host)
        except OSError as error:
            raise FasterNetError(f"master {host} is not known here ({error})", change="master") from None
        if self.number == 0:
            _try_port(address, int(port))
        else:
            _wait_for(address, int(port))
        return address, int(port)


def _try_port(address, port):
    """Raise ``FasterNetError`` where a port cannot be listened on: Paddle would wait for more than a minute."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise FasterNetError(f"cannot listen on {address}:{port}: {error.strerror}", change="master") from None


def _wait_for(address, port):
    print(f"waiting for the first machine at {address}:{port}", flush=True)
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=5):
            return
        time.sleep(0.5)
    raise FasterNetError(f"nobody listened on {address}:{port} within {WAIT:.0f} s", change="master")


def interface_to(address):
    """Name of the network interface by which this machine reaches ``address``; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))  # sends nothing
        own = probe.getsockname()[0]
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe.fileno(), ASK_ADDRESS, struct.pack("256s", name.encode()[:15]))
                if socket.inet_ntoa(answer[20:24]) == own:
                    return name
    return None
