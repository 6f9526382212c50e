"""``bench lime``: ratios and agreement follow from what the workers return."""

import csv

import numpy as np

from fasternet_paddle.bench import lime, measuring


def test_lime_reports_what_the_workers_return(monkeypatch, tmp_path, capsys):
    weights = [[1.0, -2.0, 0.5]] * 3
    rates = {"measure_stock": iter([20, 40, 50, 25]), "measure_ours": iter([100, 200, 220, 110])}

    def answer(function, arguments, environment):
        name = function.partition(":")[2]
        moved = np.array(weights) * (1.01 if arguments.get("precision") == "bf16" else 1)
        return {"rates": {"LIME": next(rates[name])}, "weights": moved.tolist()}

    monkeypatch.setattr(measuring, "in_process", answer)
    monkeypatch.setattr(measuring, "own_environment", lambda: {"MKL_DEBUG_CPU_TYPE": "5"})
    assert lime.main(["--rounds", "2", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    # Round 1: stock 20, 40, ours 100, 200. Round 2 begins with the second way: 50, ours 220, 110, stock 25.
    assert "x6.90 (5.00-8.80)" in out and "x3.45 (2.50-4.40)" in out  # ours, f32: 100, 220 to 20, 25 and to 40, 50
    assert "ours, bf16: weights of three classes correlate with InterpretDL's by 1.000000" in out
    assert "difference is 1.0e-02 of the largest weight" in out and "difference is 0.0e+00" in out
    table = list(csv.reader((tmp_path / "lime.csv").read_text().splitlines()))
    assert table[0] == ["way", "settings", "figure", "round", "samples/s"] and len(table) == 1 + 4 * 2
    assert ["ours, f32", "MKL_DEBUG_CPU_TYPE=5", "LIME", "2", "220"] in table
    assert (tmp_path / "lime.png").stat().st_size > 5000
