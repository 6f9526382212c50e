"""Settings that must stand before Paddle computes: the CPU's fast path, and no writing outside the tests' folders."""

import atexit
import os
import shutil
import tempfile

import matplotlib
import pytest

from fasternet_paddle.runtime import drawing, machine
from tests.sketches import sketch

machine.cpu_settings()
if "FASTERNET_CACHE" not in os.environ:  # compiled networks are cached for one run of the tests, not in the user's home
    os.environ["FASTERNET_CACHE"] = tempfile.mkdtemp(prefix="fasternet-tests-")
    atexit.register(shutil.rmtree, os.environ["FASTERNET_CACHE"], ignore_errors=True)
os.environ.setdefault("MPLBACKEND", "agg")
# Tests that change HOME still find the font cache, whose making would be logged.
os.environ.setdefault("MPLCONFIGDIR", matplotlib.get_configdir())

# Folders and files whose tests look at figures, or at files of figures.
LOOKED_AT = ("results", "runtime", "integration", "bench", "test_figures", "test_explain", "test_predict")


@pytest.fixture(autouse=True)
def _figures_are_sketches(request, monkeypatch):
    """Where a test does not look at figures they are drawn small and without a layout, which is what takes long."""
    if not {request.path.parent.name, request.path.stem} & set(LOOKED_AT):
        monkeypatch.setattr(drawing, "_draw_once", sketch)


LONGEST = ("training/test_resuming", "test_notebooks", "training/test_several", "explaining/test_lime", "test_evaluate")


def pytest_collection_modifyitems(items):
    """The files that take longest come first, so that neither of two processes ends with one of them."""
    places = {f"tests/{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.location[0], len(places)))
