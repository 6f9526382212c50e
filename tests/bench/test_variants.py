"""``bench variants``: the paper beside its networks, and the notebook's loop taken apart."""

import paddle
import pytest

from fasternet_paddle.bench import variants
from fasternet_paddle.bench.paper import PAPER_COST, PAPER_SPEED
from fasternet_paddle.inference import throughput
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.model.summary import count_macs, count_parameters
from tests.clock import Clock


def test_variants_table_has_the_paper_beside_its_networks():
    costs = variants.measure_variants([("FasterNet-T0", create_model("t0", 1000))], 64, batch_size=2, runs=1)
    table = variants.variants_table(costs)
    assert {"9.2", "6807"} <= set(table.split()) and costs[0].parameters == 3_905_500
    mixers = variants.measure_variants([("PConv", create_model("t0"))], 32, batch_size=2, runs=1)
    assert "paper" not in variants.variants_table(mixers) and "2.637" in variants.variants_table(mixers)
    figure = variants.draw_variants(costs)
    assert {text.get_text() for text in figure.axes[0].texts} == {"FasterNet-T0"}


def test_six_variants_are_the_papers():
    wanted = [f"FasterNet-{name.upper()}" for name in variants.VARIANTS]
    assert list(PAPER_SPEED) == list(PAPER_COST) == wanted
    name, smallest = next(variants.six_variants())
    assert name == "FasterNet-T0"
    parameters, flops = PAPER_COST[name]
    assert count_parameters(smallest) / 1e6 == pytest.approx(parameters, abs=0.05)
    assert count_macs(smallest) / 1e9 == pytest.approx(flops, abs=0.005)


class SlowLoader:
    """Two batches of eight images, each 20 ms in the making, the first time 3 s more."""

    def __init__(self, clock):
        self.clock, self.start_up = clock, 3.0

    def __iter__(self):
        self.clock.passes(self.start_up)
        self.start_up = 0.0
        for _ in range(2):
            self.clock.passes(0.02)
            yield paddle.zeros([8, 3, 32, 32]), paddle.zeros([8], "int64")


class SlowPredictor:
    """10 ms a batch, whatever its size."""

    channels = 3

    def __init__(self, clock):
        self.clock = clock

    def logits(self, images):
        self.clock.passes(0.01)
        return images


def test_the_loop_is_taken_apart(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(variants, "time", clock)
    monkeypatch.setattr(throughput, "time", clock)
    row = variants.measure_loop("T0", SlowPredictor(clock), SlowLoader(clock), runs=3)
    assert row[0] == "T0" and row[1:] == pytest.approx((8 / 0.02, 8 / 0.01, 8 / 0.03))
    assert variants.loop_table([row]).splitlines()[2].split() == ["T0", "400", "800", "267"]
