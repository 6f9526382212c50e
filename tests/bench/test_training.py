"""``bench training``: both loops train alike, and each way is measured under its settings."""

import numpy as np

from fasternet_paddle.bench import measuring, training


def test_both_loops_train_alike():
    arguments = {"steps": 3, "batch_size": 16, "image_size": 64}
    theirs = training.measure_training("notebook", **arguments)
    ours = training.measure_training("ours", **arguments)
    np.testing.assert_allclose(ours["losses"], theirs["losses"], atol=training.AGREE)
    assert len(ours["losses"]) == 3 and min(*ours["rates"].values(), *theirs["rates"].values()) > 0
    assert ours["losses"][0] != ours["losses"][1]


def test_agreement_tells_of_losses_that_part_and_rounds_that_differ():
    def results(losses, again):
        return {("notebook", "s"): [{"losses": [2.0, 1.5]}], ("ours", "s"): [{"losses": losses}, {"losses": again}]}

    _, good = training.agreement(results([2.0, 1.5005], [2.0, 1.5005]))
    assert "at most 5.0e-04 from" in good and "rounds are equal to the bit" in good
    _, bad = training.agreement(results([2.0, 1.5], [2.0, 1.51]))
    assert "MORE THAN 0.001" in bad and "rounds DIFFER" in bad


def test_training_measures_each_way_under_its_settings(monkeypatch, tmp_path, capsys):
    seen = []

    def in_process(function, arguments, environment):
        assert function == "fasternet_paddle.bench.training:measure_training"
        seen.append((arguments["way"], environment.get("OMP_NUM_THREADS")))
        return {"rates": {"step": 10.0 * len(seen)}, "losses": [2.0, 1.0]}

    monkeypatch.setattr(measuring, "in_process", in_process)
    monkeypatch.setattr(measuring, "own_environment", lambda: {"MKL_DEBUG_CPU_TYPE": "5"})
    monkeypatch.setattr(training.machine, "count_cores", lambda: 3)
    assert training.main(["--rounds", "1", "--threads", "1", "--output", str(tmp_path)]) == 0
    assert seen == [("notebook", None), ("notebook", "3"), ("ours", "3"), ("notebook", "1"), ("ours", "1")]
    assert "ours      MKL_DEBUG_CPU_TYPE=5 OMP_NUM_THREADS=3" in capsys.readouterr().out
    assert len((tmp_path / "training.csv").read_text().splitlines()) == 6
    assert (tmp_path / "training.png").stat().st_size > 1000
