"""``bench training`` and ``bench pipeline``: both loops train alike, and the tables say what was measured."""

import csv
import os

import numpy as np
import pytest

from fasternet_paddle.bench import measuring as machine
from fasternet_paddle.bench import pipeline, rates, training

TWO = {  # (way, settings, figure): images/s, one a round
    ("notebook", "no settings", "a"): [10.0, 20.0, 10.0],
    ("notebook", "X=1", "a"): [20.0, 20.0, 20.0],
    ("ours", "X=1", "a"): [40.0, 100.0, 60.0],
}


def _columns(line):
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_each_ratio_is_printed_twice():
    lines = rates.rates_table(TWO).splitlines()
    assert _columns(lines[0])[-2:] == ["to no settings", "to same settings"]
    ours = "ours, X=1, a, 60.0, 40.0, 100.0, x5.00 (4.00-6.00), x3.00 (2.00-5.00)"
    assert ", ".join(_columns(lines[-1])) == ours
    assert rates.rates_rows(TWO)[-1] == ("ours", "X=1", "a", 3, 60.0)


def test_both_loops_train_alike():
    arguments = {"steps": 3, "batch_size": 16, "image_size": 64}
    theirs = training.measure_training("notebook", **arguments)
    ours = training.measure_training("ours", **arguments)
    np.testing.assert_allclose(ours["losses"], theirs["losses"], atol=training.AGREE)
    assert len(ours["losses"]) == 3 and ours["rate"] > 0 and theirs["rate"] > 0
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
        return {"rate": 10.0 * len(seen), "losses": [2.0, 1.0]}

    monkeypatch.setattr(machine, "in_process", in_process)
    monkeypatch.setattr(machine, "own_environment", lambda: {"MKL_DEBUG_CPU_TYPE": "5"})
    monkeypatch.setattr(training.cli, "count_cores", lambda: 3)
    assert training.main(["--rounds", "1", "--threads", "1", "--output", str(tmp_path)]) == 0
    assert seen == [("notebook", None), ("notebook", "3"), ("ours", "3"), ("notebook", "1"), ("ours", "1")]
    assert "ours      MKL_DEBUG_CPU_TYPE=5 OMP_NUM_THREADS=3" in capsys.readouterr().out
    assert len((tmp_path / "training.csv").read_text().splitlines()) == 6
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_pipelines_make_what_the_network_takes():
    images = np.random.RandomState(0).randint(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    made = {way: make(1) for way, make in pipeline.pipelines(images).items()}
    shown = {way: np.asarray(one if way[1] == "notebook" else one[0]) for way, one in made.items()}
    assert len(shown) == 5 and all(one.shape == (3, 224, 224) and one.dtype == np.float32 for one in shown.values())
    assert np.array_equal(shown[pipeline.VAL, "notebook"], shown[pipeline.VAL, pipeline.RECIPE])
    same, fast = pipeline.agreement(4)
    assert "the same to the bit" in same
    assert float(fast.split("at most ")[1].split()[0]) < 1.01


def test_pipeline_measures_and_draws(tmp_path, capsys):
    bound_to = getattr(os, "sched_getaffinity", lambda pid: None)  # not on macOS
    cores = bound_to(0)
    flags = ["--rounds", "1", "--blocks", "1", "--block-images", "2", "--output", str(tmp_path)]
    assert pipeline.main(flags) == 0
    assert bound_to(0) == cores  # a worker binds itself, nobody else
    rows = list(csv.DictReader((tmp_path / "pipeline.csv").read_text().splitlines()))
    assert {(row["way"], row["figure"]) for row in rows} == set(map(lambda way: way[::-1], pipeline.pipelines([])))
    assert all(float(row["images/s"]) > 0 for row in rows)
    assert "cores, fast" in capsys.readouterr().out
    assert (tmp_path / "pipeline.png").stat().st_size > 1000


def test_cores_that_feed_a_gpu():
    measured = {("notebook", "s", pipeline.TRAIN): [90.0, 100.0], (pipeline.FAST, "s", pipeline.TRAIN): [1000.0]}
    line = next(line for line in pipeline.cores_table(measured).splitlines() if "T2 training" in line)
    assert _columns(line)[1:] == ["664", "7.0", "0.7"]  # 1991 / 3 images/s over 95 and 1000 images/s a core


@pytest.mark.parametrize(
    ("main", "argv", "says"),
    [
        (training.main, ["--steps", "1"], "steps and batch_size 2"),
        (training.main, ["--image-size", "31"], "image_size 32, got 3, 20, 32 and 31"),
        (training.main, ["--threads", "0"], "threads must be at least 1 each, got 0"),
        (pipeline.main, ["--blocks", "0"], "at least 1, got 3, 0 and 50"),
    ],
)
def test_wrong_flags_are_one_sentence(main, argv, says, capsys):
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and says in said and said.count("\n") == 1
