"""``bench operators``: its arithmetic against the paper's table 1, and compiled layers against the layers."""

import paddle
import pytest

from fasternet_paddle.bench import operators


def test_flops_are_those_of_the_papers_table():
    timings = operators.measure_operators(["dygraph"], shapes=operators.OPERATOR_SHAPES[2:], runs=1, warmup=0)
    mega = {(t.operator, t.channels): round(t.macs / 1e6, 1) for t in timings}
    assert mega["Conv 3x3", 384] == mega["Conv 3x3", 768] == 2601.1  # the paper: 2601
    assert (mega["DWConv", 384], mega["DWConv", 768]) == (6.8, 3.4)  # 6.8, 3.4
    assert mega["PConv", 384] == mega["PConv", 768] == 162.6  # 162


def test_gflops_follow_from_time_and_batch():
    timing = operators.Timing("PConv", 96, 56, "dygraph", macs=162_000_000, batch_size=4, milliseconds=8.0)
    assert timing.gflops == pytest.approx(4 * 0.162 / 0.008)
    assert timing.paper_ms == 5.46


def test_compiled_operators_answer_as_the_model_does():
    model = paddle.nn.Sequential(operators.PConv(768), operators.PConv(768))
    model.eval()
    x = paddle.randn([1, 768, 7, 7])
    place = paddle.CPUPlace()
    compiled = operators._compiled(model, x.numpy(), place)(x.numpy())
    with paddle.no_grad():
        assert abs(compiled - model(x).numpy()).max() < 1e-4
