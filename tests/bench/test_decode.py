"""Decoding is timed on the same photographs in every way, and the ways do the same work."""

import warnings

import numpy as np
import pytest

from fasternet_paddle.bench import decode


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode.write_photographs(tmp_path_factory.mktemp("photographs"))


def test_every_way_makes_the_same_of_a_photograph(photographs):
    ways = decode.ways()
    for path in photographs[::2]:
        pictures = [np.asarray(ways[decode.DECODE, way](path)) for way in (decode.OURS, decode.PIL, decode.OPENCV)]
        assert max(pictures[1].shape) <= 1000 and min(pictures[1].shape[:2]) >= 400
        assert np.array_equal(pictures[0], pictures[1]) or pictures[0].size < pictures[1].size
        assert np.abs(pictures[1].astype(int) - pictures[2]).mean() < 1
        ready = [ways[decode.READY, way](path) for way in (decode.OURS, decode.PIL, decode.OPENCV)]
        assert {one.shape for one in ready} == {(3, 224, 224)}
        assert np.abs(ready[0] - ready[1]).mean() < 0.02  # of a standard deviation
        assert np.abs(ready[2] - ready[1]).mean() < 0.3  # OpenCV's resize skips pixels


def test_a_rate_for_every_way():
    rows = decode.measure_decode(1, size=64)
    assert {(figure, way) for figure, way, _ in rows} == set(decode.ways()) and all(rate > 0 for *_, rate in rows)
