"""Throughputs are images over time, by a clock that the test moves by hand."""

import numpy as np
import paddle
import pytest

from fasternet_paddle.inference import throughput
from fasternet_paddle.inference.throughput import collect_logits, loop_throughput, model_throughput, time_calls
from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(throughput, "time", clock)
    return clock


class Clocked:
    """A predictor that takes 2 ms an image, the first time 5 s more; the logits are the means of the channels."""

    channels = 3

    def __init__(self, clock):
        self.clock, self.shapes = clock, []

    def logits(self, x):
        self.clock.passes(0.002 * len(x) + (0 if self.shapes else 5))
        self.shapes.append(x.shape)
        return x.mean(axis=(2, 3))


def test_calls_are_timed_after_a_warm_up(clock):
    taken = iter([7.0, 1.0, 0.5, 0.25])
    assert time_calls(lambda: clock.passes(next(taken)), runs=3, warmup=1) == [1.0, 0.5, 0.25]


def test_the_network_alone_is_timed_on_ready_batches(clock):
    predictor = Clocked(clock)
    assert model_throughput(predictor, batch_size=8, image_size=40, runs=3, warmup=1) == pytest.approx(500)
    assert predictor.shapes == 4 * [(8, 3, 40, 40)]


def loader(clock):
    for size in (4, 4, 2):
        clock.passes(0.01)  # of loading
        yield paddle.full([size, 3, 32, 32], size), paddle.arange(size)


def test_the_loop_is_timed_with_its_loading(clock):
    predictor = Clocked(clock)
    predictor.shapes.append("warm")
    assert loop_throughput(predictor, loader(clock)) == pytest.approx(10 / (3 * 0.01 + 10 * 0.002))


def test_logits_and_labels_are_collected_in_order(clock):
    logits, labels = collect_logits(Clocked(clock), loader(clock))
    assert logits.numpy()[:, 0].tolist() == [4.0] * 8 + [2.0] * 2
    assert labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1] and str(labels.dtype).endswith("int64")
    assert np.asarray(logits).shape == (10, 3)
