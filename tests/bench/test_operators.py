"""The benches of operators and variants: their arithmetic against the paper's table, their files, their refusals."""

import csv
import time
from pathlib import Path

import paddle
import pytest

from fasternet_paddle.bench import operators, variants
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import create_model

SMALL = operators.SHAPES[-1:]
original = operators.measure_operators


def test_flops_are_those_of_the_papers_table():
    timings = operators.measure_operators(["dygraph"], shapes=operators.SHAPES[2:], runs=1, warmup=0)
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


def test_entry_prints_the_machine_and_saves_table_and_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(operators, "SHAPES", SMALL)
    monkeypatch.setattr(operators, "PAPER_CPU_MS", {k: v[-1:] for k, v in operators.PAPER_CPU_MS.items()})
    monkeypatch.setattr(operators, "measure_operators", lambda engines, **_: original(engines, SMALL, runs=1, warmup=0))
    assert operators.main(["--engine", "dygraph", "--output", str(tmp_path / "new")]) == 0
    said = capsys.readouterr().out
    assert "cores" in said and "GFLOP/s" in said
    with (tmp_path / "new" / "operators.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["operator"] for row in rows] == list(operators.OPERATORS)
    assert all(float(row["GFLOP/s"]) > 0 for row in rows)
    assert (tmp_path / "new" / "operators.png").read_bytes().startswith(b"\x89PNG")


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
    assert list(variants.PAPER) == list(variants.PAPER_COST) == wanted
    assert next(variants.six_variants(10))[0] == "FasterNet-T0"


def test_variants_entry_saves(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(variants, "CONTENDERS", {"PConv": {"mixer": "pconv"}})
    flags = ["--mixers", "--image-size", "32", "--batch-size", "2", "--runs", "1", "--output", str(tmp_path)]
    assert variants.main(flags) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"mixers.csv", "mixers.png"}
    assert "PConv" in capsys.readouterr().out


class SlowLoader:
    """Two batches of eight images, each 20 ms in the making."""

    def __iter__(self):
        for _ in range(2):
            time.sleep(0.02)
            yield paddle.zeros([8, 3, 32, 32]), paddle.zeros([8], "int64")


class SlowPredictor:
    """10 ms a batch, whatever its size."""

    channels = 3

    def logits(self, images):
        time.sleep(0.01)
        return images


def test_the_loop_is_taken_apart():
    name, loader, network, loop = row = variants.measure_loop("T0", SlowPredictor(), SlowLoader(), runs=3)
    assert name == "T0"
    # A sleep never ends early; a busy machine makes it end late.
    assert 100 < loader <= 8 / 0.02 and 200 < network <= 8 / 0.01 and 80 < loop <= 8 / 0.03
    assert variants.loop_table([row]).splitlines()[2].split() == [
        "T0",
        f"{loader:.0f}",
        f"{network:.0f}",
        f"{loop:.0f}",
    ]


@pytest.mark.parametrize(
    "main, flags, sentence",
    [
        (operators.main, ["--engine", "tpu"], "unknown engine 'tpu'"),
        (operators.main, ["--runs", "0"], "runs must be at least 1"),
        (variants.main, ["--image-size", "16"], "image_size must be at least 32"),
        (variants.main, ["--engine", "tpu"], "unknown engine 'tpu'"),
    ],
)
def test_mistakes_are_one_sentence(main, flags, sentence, capsys):
    assert main(flags) == 2
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error


def test_a_bad_flag_is_found_before_any_file_is_made(tmp_path):
    with pytest.raises(FasterNetError):
        operators.OperatorFlags(batch_size=0, output=Path(tmp_path / "x"))
    assert not (tmp_path / "x").exists()
