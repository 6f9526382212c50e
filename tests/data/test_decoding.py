"""Batches of files: in order, the same with processes as without, a broken file costing itself alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fasternet_paddle.data import decoding
from fasternet_paddle.data.decoding import decoded_batches
from fasternet_paddle.data.preparation import Preparation
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.images import read_image

BROKEN = (0, 3, 4, 5, 10)


@pytest.fixture
def names(tmp_path):
    found = []
    for number in range(11):
        found.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(found[-1], np.full((40, 50, 3), 20 * number, np.uint8))
        if number in BROKEN:
            Path(found[-1]).write_bytes(Path(found[-1]).read_bytes()[:40])
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_in_order_and_without_the_broken_ones(names, workers):
    prepare = Preparation(32)
    numbers, broken = [], []
    for batch in decoded_batches(names, iter(range(11)), prepare, 3, workers):
        assert batch.x.dtype == np.float32 and batch.x.shape == (len(batch.numbers), 3, 32, 32)
        for number, x in zip(batch.numbers, batch.x, strict=True):
            assert np.array_equal(x, prepare(read_image(names[number])))
        numbers += batch.numbers
        broken += batch.broken
    assert numbers == [number for number in range(11) if number not in BROKEN]
    assert [number for number, _ in broken] == list(BROKEN)
    assert all(names[number] in reason for number, reason in broken)


def test_a_file_that_is_whole_the_second_time_is_taken(names, monkeypatch):
    calls = []

    def read(path, at_least):
        calls.append(path)
        if calls.count(path) == 1:
            raise FasterNetError("still being written")
        return np.zeros((40, 40, 3), np.uint8)

    monkeypatch.setattr(decoding, "read_image", read)
    [batch] = decoded_batches(names, [1, 2], Preparation(32), 4)
    assert batch.numbers == [1, 2] and batch.broken == [] and np.ptp(batch.x[:, 0]) == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_it_may_be_broken_off_and_nothing_gives_nothing(names, workers):
    batches = decoded_batches(names, range(11), Preparation(32), 2, workers)
    assert next(batches).numbers == [1]
    batches.close()
    assert list(decoded_batches(names, [], Preparation(32), 2, workers)) == []
