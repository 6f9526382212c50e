"""Which integrations run here, and the network and the pictures that they share.

The tools are in environments of their own (``make paddlex``, ``make peers``), which name them in ``FASTERNET_TOOLS``.
A tool that is named and missing is a failure. Where none is named, as in ``make test``, these files are not collected.
"""

import os
import subprocess
import sys

import pytest

from tests.integration.real_pictures import write_pictures

TOOLS = {
    "test_paddlex.py": "paddlex",
    "test_onnxruntime.py": "onnxruntime",
    "test_openvino.py": "openvino",
    "test_fast.py": "fast",
    "test_timm.py": "timm",
}
collect_ignore = [name for name, tool in TOOLS.items() if tool not in os.environ.get("FASTERNET_TOOLS", "").split()]

TRAINING = "--dataset digits --image-size 32 --batch-size 32 --epochs 3 --num-workers 0 --seed 42"


def run_entry(name, *arguments, cwd=None):
    """Run ``python -m fasternet_paddle.NAME``; returns its standard output."""
    command = [sys.executable, "-m", f"fasternet_paddle.{name}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A T0 trained on the digits for three epochs: about 93 % right, every class among its answers."""
    folder = tmp_path_factory.mktemp("run")
    run_entry("train", *TRAINING.split(), "--work-path", folder)
    return folder / "best_model.pdparams"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Paths of 100 pictures: PNG, JPEG, grey, with an alpha channel, and turned by their EXIF orientation."""
    return tuple(write_pictures(tmp_path_factory.mktemp("pictures")))
