"""Reading files for long neither gathers memory nor keeps files open; the full size is ``tests.soak_folders``."""

from tests.soak_folders import soak


def test_memory_is_flat_and_no_descriptor_is_kept(tmp_path):
    figures = soak(tmp_path / "many", 1200, 30)
    assert figures["files"] == 1200 and figures["steps"] == 30
    assert figures["MB more at the end"] < 10 and figures["descriptors more"] == 0
