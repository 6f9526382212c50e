"""Settings that must stand before Paddle computes: the CPU's fast path, and no writing outside the tests' folders."""

import atexit
import os
import shutil
import tempfile

import matplotlib

from fasternet_paddle.runtime import machine

machine.cpu_settings()
if "FASTERNET_CACHE" not in os.environ:  # compiled networks are cached for one run of the tests, not in the user's home
    os.environ["FASTERNET_CACHE"] = tempfile.mkdtemp(prefix="fasternet-tests-")
    atexit.register(shutil.rmtree, os.environ["FASTERNET_CACHE"], ignore_errors=True)
os.environ.setdefault("MPLBACKEND", "agg")
# Tests that change HOME still find the font cache, whose making would be logged.
os.environ.setdefault("MPLCONFIGDIR", matplotlib.get_configdir())
