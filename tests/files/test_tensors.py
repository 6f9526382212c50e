"""The safetensors format as it is written: without memory for it nothing but a ``MemoryError`` comes of it."""

import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load

from fasternet_paddle.files.tensors import read_safetensors, safetensors_bytes

ARRAYS = 6
IN_LITTLE_MEMORY = """
import resource, sys
import numpy as np
from safetensors.numpy import save  # before there is little memory
from fasternet_paddle.files.tensors import safetensors_bytes
arrays, count, left = map(int, sys.argv[1:])
arrays = {f"w{number}": np.ones(count, np.float32) for number in range(arrays)}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + left, used + left))
try:
    print(len(safetensors_bytes(arrays)) > 0)
except MemoryError:
    print("MemoryError")
"""


def test_what_is_written_is_read(tmp_path):
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([True, False])}
    content = safetensors_bytes(arrays, {"format": "pt"})
    (tmp_path / "one.safetensors").write_bytes(content)
    for read in (load(content), read_safetensors(tmp_path / "one.safetensors")):
        assert {name: value.tolist() for name, value in read.items()} == {
            name: value.tolist() for name, value in arrays.items()
        }


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("copies", [0.0, 0.5, 1.01, 1.9, 2.5, 4.0])
@pytest.mark.parametrize("count", [30_000, 3_000_000])
def test_without_memory_it_is_an_error_and_no_panic(count, copies):
    """By itself the package prints, and panics or ends the process, according to which of its copies finds no room."""
    left = 1_000_000 + int(copies * ARRAYS * 4 * count)
    command = [sys.executable, "-c", IN_LITTLE_MEMORY, str(ARRAYS), str(count), str(left)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    if copies < 2:
        assert done.stdout.strip() == "MemoryError"
    elif copies == 4 and count > 1_000_000:  # enough for what is spare, too
        assert done.stdout.strip() == "True"
