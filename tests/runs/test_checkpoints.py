"""Checkpoints are kept whole: read back, pruned, and refused where a byte is wrong."""

import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runs import checkpoints
from fasternet_paddle.runs.checkpoints import Checkpoints, latest_checkpoint
from fasternet_paddle.training.resuming import check_header

SOAK = bool(os.environ.get("FASTERNET_SOAK"))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _named(content):
    """Write ``content`` under the name that its checksum demands."""
    path = Path(f"step-000000001-{hashlib.sha256(content).hexdigest()[:16]}.safetensors")
    path.write_bytes(content)
    return path


def _checkpoint_bytes(**changes):
    header = {
        "format": checkpoints.FORMAT,
        "identity": {"seed": 1},
        "schedule": {"last_epoch": 1, "last_lr": 1e-3, "T_max": 10},
        "progress": {
            "epoch": 0,
            "step": 1,
            "learning_rate": 1e-3,
            "tally": {"loss_sum": 2.0, "correct": 1, "seen": 2},
            "history": {
                "loss_record": {"train": {"loss": [1.0], "iter": [0]}, "val": {"loss": [], "iter": []}},
                "acc_record": {"train": {"acc": [], "iter": []}, "val": {"acc": [], "iter": []}},
                "rows": [],
            },
        },
    } | changes
    arrays = {"model/fc.bias": np.zeros(3, np.float32)}
    return safetensors.numpy.save(arrays, {"fasternet_paddle": json.dumps(header)})


def test_a_checkpoint_reads_back():
    read = checkpoints.read_checkpoint(_named(_checkpoint_bytes()), check_header)
    assert read.header["identity"] == {"seed": 1}
    assert list(read.arrays) == ["model/fc.bias"]


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"identity": 3},
        {"schedule": {"last_epoch": "1", "last_lr": 1e-3, "T_max": 10}},
        {"schedule": {"last_epoch": 1, "last_lr": 1e-3, "T_max": 0}},
        {"progress": []},
        {"progress": {"epoch": 0, "unknown": 1}},
    ],
)
def test_a_checkpoint_with_a_right_checksum_and_wrong_content_is_refused(changes):
    with pytest.raises(FasterNetError, match=r"is not a checkpoint of this package|has format 2"):
        checkpoints.read_checkpoint(_named(_checkpoint_bytes(**changes)), check_header)


@settings(max_examples=2000 if SOAK else 200, deadline=None)
@given(data=st.data())
def test_damaged_checkpoints_are_read_right_or_refused(data):
    content = bytearray(_checkpoint_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    path = _named(content)
    try:
        checkpoints.read_checkpoint(path, check_header)
    except FasterNetError:
        pass
    finally:
        path.unlink()


def test_checkpointing_by_the_clock(tmp_path):
    kept = Checkpoints(tmp_path, every=60.0)
    assert not kept.is_due()
    kept.last = time.monotonic() - 61
    assert kept.is_due()


@pytest.mark.parametrize(("settings", "says"), [((-1.0, 2), "0 or more seconds"), ((60.0, 0), "keep_.* at least 1")])
def test_settings_that_make_no_sense(settings, says):
    with pytest.raises(FasterNetError, match=says):
        Checkpoints("run", *settings)


def test_the_newest_are_kept_and_the_last_is_read():
    kept = Checkpoints(".", keep=2)
    assert latest_checkpoint(".") is None
    for steps in (1, 2, 3):
        kept.save(steps, {"a": np.full(2, steps, np.float32)}, {"identity": {}})
    assert [path.name[:14] for path in sorted(Path("checkpoints").iterdir())] == ["step-000000002", "step-000000003"]
    latest = latest_checkpoint(".")
    assert latest.header == {"format": checkpoints.FORMAT, "identity": {}}
    assert latest.arrays["a"].tolist() == [3, 3]


def test_what_is_not_finite_is_not_saved():
    kept = Checkpoints(".")
    kept.save(1, {"a": np.zeros(2)}, {})
    with pytest.raises(FasterNetError, match="after step 2 b holds values that are not finite") as refusal:
        kept.save(2, {"a": np.zeros(2), "b": np.array([0.0, np.inf])}, {})
    assert refusal.value.change == ("learning_rate",)
    assert [path.name[:14] for path in Path("checkpoints").iterdir()] == ["step-000000001"]
