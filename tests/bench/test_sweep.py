"""``bench inference --sweep``: every point is measured and drawn."""

from fasternet_paddle.bench import measuring, sweep


def test_sweep_draws_every_point(monkeypatch, tmp_path):
    def answer(function, arguments, environment):
        return [(x, 100.0 / batch) for x, _, batch, _ in arguments["points"]]

    monkeypatch.setattr(measuring, "in_process", answer)
    sweep.run(tmp_path, ("f32", "bf16"), runs=1)
    points = sum(len(points) for *_, points in sweep.SWEEPS.values())
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 1 + 2 * points
    assert (tmp_path / "sweep.png").stat().st_size > 5000
