"""``bench inference --sweep``: the map of engines is drawn from what the races found, cell by cell."""

import csv

from fasternet_paddle.bench import engines, measuring
from fasternet_paddle.errors import FasterNetError


def test_the_map_keeps_every_cell_and_draws_who_wins(monkeypatch, tmp_path, capsys):
    def answer(function, arguments, environment):
        if arguments["side"] == 96:
            raise FasterNetError("it failed")
        small = arguments["batch"] < 16
        return {"openvino, 2 threads": 90.0 if small else 200.0, "paddle, 2 threads": 100.0, "openvino, 1 thread": 20.0}

    monkeypatch.setattr(measuring, "in_process", answer)
    engines.run(tmp_path, ("f32", "bf16"))
    rows = list(csv.reader((tmp_path / "engines.csv").read_text().splitlines()))
    assert tuple(rows[0]) == engines.HEADER and len(rows) == 1 + 2 * 4 * 3 * 3
    assert (tmp_path / "engines.png").stat().st_size > 5000
    assert "the map lacks f32, 1 images of 96: it failed" in capsys.readouterr().err


def test_the_best_use_of_each_engine_counts():
    rates = {"openvino, 2 threads": 90.0, "paddle, 2 threads": 100.0, "openvino, 2 x 1 thread, parts of 2": 95.0}
    assert list(engines.best_by_engine(rates).items()) == [("paddle", 100.0), ("openvino", 95.0)]
