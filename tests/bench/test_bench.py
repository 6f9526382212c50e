"""The bench measures in processes of their own, takes turns, and reports what it was given."""

import csv
import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from fasternet_paddle.bench import __main__ as bench
from fasternet_paddle.bench import decisions, inference, lime, peers, subject, sweep
from fasternet_paddle.bench import measuring as machine
from fasternet_paddle.data.transforms import MEAN, STD
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference import engine as engine_module
from fasternet_paddle.inference.engine import has_bf16
from tests.photographs import trained


def test_a_worker_has_its_own_process_and_environment():
    environment = {**machine.bare_environment(), "OMP_SEEN": "7"}
    assert machine.in_process("os:getenv", {"key": "OMP_SEEN"}, environment) == "7"
    assert machine.in_process("os:getpid", {}, environment) != os.getpid()
    with pytest.raises(FasterNetError, match=r"os:listdir failed with exit code 1: FileNotFoundError: .*nowhere"):
        machine.in_process("os:listdir", {"path": "/nowhere"}, environment)


def test_a_worker_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(machine, "SECONDS", 0.01)
    with pytest.raises(FasterNetError, match=r"longer than 0\.01 s"):
        machine.in_process("os:getpid", {}, machine.bare_environment())


def test_bare_environment_has_no_settings(monkeypatch):
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "FLAGS_use_mkldnn"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("OTHER", "1")
    bare = machine.bare_environment()
    assert bare["OTHER"] == "1" and machine.settings_text(bare) == "no settings"
    assert machine.settings_text({**bare, "OMP_B": "2", "MKL_A": "1"}) == "MKL_A=1 OMP_B=2"
    own = machine.own_environment()
    assert set(own) - set(bare) <= {"MKL_DEBUG_CPU_TYPE"}
    assert ("MKL_DEBUG_CPU_TYPE" in own) == ("AMD" in machine.processor())


def test_ways_take_turns():
    order, said = [], []
    jobs = {name: lambda name=name: order.append(name) or len(order) for name in "abc"}
    results = machine.in_turns(jobs, 2, said.append)
    assert order == ["a", "b", "c", "b", "c", "a"]  # no way is always first
    assert results == {"a": [1, 6], "b": [2, 4], "c": [3, 5]}
    assert said[0] == "round 1 of 2: a"


def test_ratio_is_taken_within_a_round():
    ratio = machine.compare([10, 40, 30], [5, 10, 10])
    assert (ratio.median, ratio.low, ratio.high) == (3.0, 2.0, 4.0)
    assert str(ratio) == "x3.00 (2.00-4.00)"


def test_machine_is_named():
    line = machine.describe_machine()
    assert "cores" in line and "Python 3." in line and "paddlepaddle" in line and "numpy" in line


def test_subjects_exist_and_unknown_ones_are_one_sentence(capsys):
    for name in bench.SUBJECTS:
        assert callable(importlib.import_module(f"fasternet_paddle.bench.{name}").main)
    assert bench.main(["--help"]) == 0
    assert all(name in capsys.readouterr().out for name in ["inference"])
    for argv, got in (([], "got none"), (["speed"], "got 'speed'")):
        assert bench.main(argv) == 2
        assert f"error: name a subject of {', '.join(bench.SUBJECTS)}, {got}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["lime", "--image", "cat"], "unknown image 'cat'; known: chelsea"),
        (["lime", "--num-samples", "5"], "num_samples must be at least 200"),
        (["inference", "--rounds", "0"], "at least 1"),
        (["inference", "--against", "caffe"], "unknown engine 'caffe'; known: timm, onnxruntime, openvino"),
    ],
)
def test_wrong_flags_are_one_sentence(argv, message, capsys):
    assert bench.main(argv) == 2
    assert message in capsys.readouterr().err


def read(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def test_lime_reports_what_the_workers_return(monkeypatch, tmp_path, capsys):
    weights = [[1.0, -2.0, 0.5]] * 3
    rates = {"measure_stock": iter([20, 40, 50, 25]), "measure_ours": iter([100, 200, 220, 110])}

    def answer(function, arguments, environment):
        name = function.partition(":")[2]
        moved = np.array(weights) * (1.01 if arguments.get("precision") == "bf16" else 1)
        return {"rate": next(rates[name]), "weights": moved.tolist()}

    monkeypatch.setattr(machine, "in_process", answer)
    monkeypatch.setattr(machine, "own_environment", lambda: {"MKL_DEBUG_CPU_TYPE": "5"})
    assert bench.main(["lime", "--rounds", "2", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    # Round 1: stock 20, 40, ours 100, 200. Round 2 begins with the second way: 50, ours 220, 110, stock 25.
    assert "x6.90 (5.00-8.80)" in out and "x3.45 (2.50-4.40)" in out  # ours, f32: 100, 220 to 20, 25 and to 40, 50
    assert "ours, bf16: weights of three classes correlate with InterpretDL's by 1.000000" in out
    assert "difference is 1.0e-02 of the largest weight" in out and "difference is 0.0e+00" in out
    table = read(tmp_path / "lime.csv")
    assert table[0] == list(lime.CSV_HEADER) and len(table) == 1 + 4 * 2
    assert ["ours, f32", "MKL_DEBUG_CPU_TYPE=5", "2", "220"] in table
    assert (tmp_path / "lime.png").stat().st_size > 5000


def test_both_lime_workers_give_one_answer(monkeypatch):
    monkeypatch.setattr(lime, "WARMUP_SAMPLES", 60)
    monkeypatch.setattr(subject, "read_network", lambda _: trained())
    arguments = {"weights": "", "image": "rocket", "num_samples": 150, "seed": 0}
    stock, ours = lime.measure_stock(**arguments), lime.measure_ours(**arguments, precision="f32")
    trained().train()  # InterpretDL leaves it in eval mode
    assert stock["rate"] > 0 and ours["rate"] > 0
    first, second = np.array(stock["weights"]), np.array(ours["weights"])
    assert first.shape == (3, 58)
    assert np.abs(first - second).max() <= 1e-4 * np.abs(first).max()  # 150 samples leave rounding much weight


def test_inference_reports_what_the_workers_return(monkeypatch, tmp_path, capsys):
    figures = ("model, batch 1", "model, batch 32", "loop, batch 32")

    def answer(function, arguments, environment):
        if function.endswith("measure_peak"):
            return 100.0 if arguments["precision"] == "f32" else 200.0
        fast = {"dygraph": 1.0, "paddle": 4.0}[arguments["engine"]]
        fast *= 2.0 if arguments["precision"] == "bf16" else 1.0
        fast *= 1.6 if "MKL_DEBUG_CPU_TYPE" in environment else 1.0
        logits = [[1.0, 2.0], [3.0, 4.0 + (0.04 if arguments["precision"] == "bf16" else 0.0)]]
        return {"rates": {figure: 10 * fast for figure in figures}, "logits": logits}

    monkeypatch.setattr(machine, "in_process", answer)
    monkeypatch.setattr(machine, "own_environment", lambda: {"MKL_DEBUG_CPU_TYPE": "5"})
    monkeypatch.setattr(inference, "has_bf16", lambda: True)
    assert bench.main(["inference", "--rounds", "2", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "measured peak: f32 100 GFLOP/s, bf16 200 GFLOP/s" in out
    assert "x6.40 (6.40-6.40)" in out and "x4.00 (4.00-4.00)" in out  # ours, f32, to no settings and to the same
    share = 2 * 0.334085e9 * 64 / 1e9 / 100  # T0 with ten classes: 334 MMACs
    assert f"{share:.0%}" in out
    assert "ours, bf16 (MKL_DEBUG_CPU_TYPE=5): logits differ from the notebook's by 1.0e-02" in out
    table = read(tmp_path / "inference.csv")
    assert table[0] == list(inference.CSV_HEADER) and len(table) == 1 + 4 * 2 * 3
    assert (tmp_path / "inference.png").stat().st_size > 5000


def test_engines_are_compared_at_the_same_precision_and_figure():
    rates = {
        ("notebook", "s", "model, batch 1"): [10.0, 10.0],
        ("ours, f32", "s", "model, batch 1"): [40.0, 50.0],
        ("ours, bf16", "s", "model, batch 1"): [80.0, 80.0],
        ("ours, f32", "s", "loop, batch 32"): [30.0, 30.0],
        ("timm, compiled, f32", "s", "model, batch 1"): [40.0, 25.0],
        ("openvino, bf16", "s", "model, batch 1"): [160.0, 160.0],
    }
    assert inference.standings(rates) == [
        "model, batch 1: ours, f32 is x1.50 (1.00-2.00) of timm, compiled, f32",
        "model, batch 1: ours, bf16 is x0.50 (0.50-0.50) of openvino, bf16",
    ]


def test_inference_worker_measures_and_answers(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "BATCHES", (1, 2))
    monkeypatch.setattr(inference, "LOOP_IMAGES", 4)
    subject.write_network(tmp_path / "drawn.pdparams")
    ways = [
        inference.measure_predictor(str(tmp_path / "drawn.pdparams"), engine, "f32", runs=1)
        for engine in ("dygraph", "paddle")
    ]
    for way in ways:
        assert set(way["rates"]) == {"model, batch 1", "model, batch 2", "loop, batch 2"}
        assert all(rate > 0 for rate in way["rates"].values())
    first, second = (np.array(way["logits"]) for way in ways)
    assert first.shape == (8, 10) and first.std() > 0
    assert np.abs(first - second).max() <= 1e-5 * np.abs(first).max()


def test_peers_that_are_missing_are_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    for engine, packages in peers.NEEDS.items():
        assert bench.main(["inference", "--against", engine]) == 2
        assert f"--against {engine} needs {' and '.join(packages)}" in capsys.readouterr().err
    assert set(peers.NEEDS) == set(peers.WAYS) == set(inference.PEERS)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(engine_module, "has_bf16", lambda: False)
    assert peers.ways(["openvino"]) == ["openvino, f32"]


def test_worker_of_a_torch_network_needs_no_paddle():
    code = "import sys, fasternet_paddle.bench.peers; assert 'paddle' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_sweep_draws_every_point(monkeypatch, tmp_path):
    def answer(function, arguments, environment):
        return [(x, 100.0 / batch) for x, _, batch, _ in arguments["points"]]

    monkeypatch.setattr(machine, "in_process", answer)
    paths = sweep.run(tmp_path, ("f32", "bf16"), runs=1)
    points = sum(len(points) for *_, points in sweep.SWEEPS.values())
    assert len(read(paths[0])) == 1 + 2 * points and paths[1].stat().st_size > 5000
    assert len(sweep.measure_points([(1, "t0", 1, 32), (2, "t0", 2, 32)], "f32", runs=1)) == 2


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_peak_is_above_what_a_network_reaches(precision, monkeypatch):
    if precision == "bf16" and not has_bf16():
        pytest.skip("this processor has no bf16 instructions")
    monkeypatch.setattr(machine, "PEAK_SIZE", 512)
    assert machine.measure_peak(precision, runs=2) > 5  # any processor with vector instructions


def test_decisions_are_counted(tmp_path, capsys):
    flags = ["--steps", "3", "--crops", "40", "--output", str(tmp_path)]
    assert bench.main(["decisions", *flags]) == 0
    table = read(tmp_path / "decisions.csv")
    assert table[0] == list(decisions.HEADER) and len(table) == (3 if has_bf16() else 2)
    assert table[1][:2] == ["f32", "400"] and table[1][3] == "0"  # 40 crops and the 360 validation digits
    assert all(0 <= float(row[4]) <= 0.5 and float(row[4]) == int(row[3]) / 400 for row in table[1:])
    capsys.readouterr()
    assert bench.main(["decisions", "--crops", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


def test_crops_differ_by_seed_and_are_labelled_behind_the_digits():
    (first, labels), (again, _), (other, _) = (decisions.draw_crops(30, seed) for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()
    assert first.shape == (30, 32, 32, 3) and labels.min() >= 10 and labels.max() < 10 + len(decisions.PHOTOGRAPHS)
    wanted = (first / 255.0 - np.array(MEAN)) / np.array(STD)
    assert np.allclose(decisions.to_batch(first), wanted.transpose(0, 3, 1, 2), atol=1e-6)
