"""What the readers' tests share."""

import pytest


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """``file(content)`` writes one file of the module again and again and returns its path."""
    path = tmp_path_factory.mktemp("reading") / "file"

    def write(content):
        path.write_bytes(content)
        return path

    return write
