"""``bench lime``: ratios and agreement follow from what the workers return."""

import csv

import numpy as np

from fasternet_paddle.bench import lime, measuring
from fasternet_paddle.errors import FasterNetError


def test_lime_reports_what_the_workers_return(monkeypatch, tmp_path, capsys):
    weights = [[1.0, -2.0, 0.5]] * 3
    rates = {"measure_stock": iter([20, 40, 50, 25]), "measure_ours": iter([100, 200, 220, 110])}

    def answer(function, arguments, environment):
        name = function.partition(":")[2]
        moved = np.array(weights) * (1.01 if arguments.get("precision") == "bf16" else 1)
        return {"rates": {"LIME": next(rates[name])}, "weights": moved.tolist()}

    monkeypatch.setattr("fasternet_paddle.inference.engine.has_bf16", lambda: True)
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


def test_lime_measures_what_the_processor_can_and_keeps_it(monkeypatch, tmp_path, capsys):
    """Without bf16, where a way fails in its second round, and the user has had enough in the third."""
    asked = []

    def answer(function, arguments, _environment):
        asked.append((function.partition(":")[2], arguments.get("precision")))
        if len(asked) == 3:
            raise FasterNetError("it failed")
        if len(asked) == 5:
            raise KeyboardInterrupt
        return {"rates": {"LIME": 10.0 * len(asked)}, "weights": [[1.0, 2.0]] * 3}

    monkeypatch.setattr("fasternet_paddle.inference.engine.has_bf16", lambda: False)
    monkeypatch.setattr(measuring, "in_process", answer)
    monkeypatch.setattr(measuring, "own_environment", measuring.bare_environment)
    assert lime.main(["--rounds", "4", "--output", str(tmp_path)]) == 130
    said = capsys.readouterr()
    assert "this processor has no bf16 instructions: bf16 is not measured" in said.out
    assert "note: ours, f32, no settings is measured no further: it failed" in said.err
    ours, stock = ("measure_ours", "f32"), ("measure_stock", None)
    assert asked == [stock, ours, ours, stock, stock]  # in turns
    rows = list(csv.reader((tmp_path / "lime.csv").read_text().splitlines()))[1:]
    kept = [(row[0], row[3], float(row[4])) for row in rows]
    assert kept == [("InterpretDL", "1", 10.0), ("InterpretDL", "2", 40.0), ("ours, f32", "1", 20.0)]
