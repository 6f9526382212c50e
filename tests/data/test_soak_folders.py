"""Reading files for long neither gathers memory nor keeps files open, and a killed prediction does no file twice.

Small here; ``make soak`` takes 200,000 files, as does ``tests.soak_folders`` from a shell.
"""

import os

from tests.soak_folders import predict_all, soak

FILES, STEPS = (200_000, 200) if os.environ.get("FASTERNET_SOAK") else (2400, 30)
MOST = 50  # MB more
PIPES = 10  # of processes that begin after the first look; a leak has one a batch at least, 75 here


def test_memory_is_flat_and_no_descriptor_is_kept(tmp_path):
    figures = soak(tmp_path / "many", FILES, STEPS)
    assert figures["files"] == FILES and figures["steps"] == STEPS
    assert figures["MB more at the end"] < MOST and figures["descriptors more"] == 0
    figures = predict_all(tmp_path / "many", tmp_path, FILES)
    assert figures["rows"] == figures["files with a row"] == FILES and figures["exit code"] == 0
    assert FILES // 2 < figures["rows of the killed process"] < FILES
    assert figures["MB more in the end (killed)"] < MOST and figures["MB more in the end (resumed)"] < MOST
    assert figures["descriptors more (predicting)"] < PIPES
