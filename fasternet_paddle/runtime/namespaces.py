"""A network of the processes' own, so that nobody else reaches what they listen on.

    made = make_private()                  # in the first of them, before it has threads
    join_private(pid)                      # in the others; pid is the first one's

Paddle's store takes connections on every address of the machine and asks nobody who they are. In a network namespace
with nothing but a loopback interface there is nobody who could. Linux alone has these, and not every system lets a user
make one. Standard library only.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct

NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000  # CLONE_NEWNET, CLONE_NEWUSER
SET_FLAGS, IS_UP, IS_RUNNING = 0x8914, 0x1, 0x40  # SIOCSIFFLAGS, IFF_UP, IFF_RUNNING
LOOPBACK = b"lo"


def make_private():
    """Move this process, which must have one thread, into a network of its own; whether the system allows it.

    Root, which owns files of others, keeps its user namespace, where it may still read these; another user needs a new
    one, in which it is itself.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    if libc.unshare(NEW_NETWORK) != 0:
        user, group = os.geteuid(), os.getegid()
        if user == 0 or libc.unshare(NEW_USER | NEW_NETWORK) != 0:
            return False
        with contextlib.suppress(OSError):  # absent from old kernels, which do not ask for it
            _write("setgroups", "deny")
        _write("uid_map", f"{user} {user} 1")
        _write("gid_map", f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14s", LOOPBACK, IS_UP | IS_RUNNING, b""))
    return True


def join_private(pid):
    """Move this process, which must have one thread, into the network that process ``pid`` has made.

    Raises:
        OSError: the system does not allow it, or the process has gone.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for name, kind in (("user", NEW_USER), ("net", NEW_NETWORK)):
        theirs, ours = f"/proc/{pid}/ns/{name}", f"/proc/self/ns/{name}"
        if os.readlink(theirs) == os.readlink(ours):
            continue
        with open(theirs) as file:
            if libc.setns(file.fileno(), kind) != 0:
                raise OSError(ctypes.get_errno(), f"cannot join the network of process {pid}")


def _write(name, text):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
