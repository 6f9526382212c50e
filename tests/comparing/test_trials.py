"""Trials of recipes: the same images for all, resumable, and the command that makes them."""

import csv
import dataclasses

import numpy as np
import pytest

from fasternet_paddle import compare
from fasternet_paddle.comparing import trials
from fasternet_paddle.comparing.trials import run_trials
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runs.run import load_run

SMALL = {"dataset": "digits", "image_size": 32, "batch_size": 8, "epochs": 1, "num_workers": 0, "train_images": 16}
SMALL |= {"depths": (1, 1, 1, 1), "embed_dim": 8}
FLAGS = "--dataset digits --image-size 32 --batch-size 8 --epochs 1 --num-workers 0 --train-images 16"
FLAGS = (FLAGS + " --depths 1 1 1 1 --embed-dim 8").split()


@pytest.fixture
def recipes(tmp_path):
    plain = TrainConfig(**SMALL, work_path=str(tmp_path))
    return {"plain": plain, "Hot one": dataclasses.replace(plain, learning_rate=1e-2)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two recipes with two seeds, their folder, and what was found."""
    folder = tmp_path_factory.mktemp("trials")
    plain = TrainConfig(**SMALL, work_path=str(folder))
    both = {"plain": plain, "Hot one": dataclasses.replace(plain, learning_rate=1e-2)}
    return both, folder, run_trials(both, seeds=(1, 2))


def test_every_network_is_asked_about_the_same_unseen_images(made):
    _, folder, found = made
    assert list(found) == ["plain", "Hot one"]
    assert {one.correct.shape for one in found.values()} == {(2, 360)}  # the data's own, not those looked at
    run = load_run(folder / "hot-one-seed2" / "final_model.pdparams")
    assert run.config.learning_rate == 1e-2 and run.config.seed == 2
    log = (folder / "hot-one-seed2" / "log.txt").read_text()
    assert "val acc" in log and found["Hot one"].correct.sum() > 0


def test_what_is_finished_is_taken_and_what_is_not_is_made(made, monkeypatch):
    recipes, folder, first = made
    (folder / "plain-seed1" / "metrics.json").unlink()  # the last file of a run
    anew, train = [], trials.train_quietly

    def noted(config, data):
        anew.append(config.work_path)
        return train(config, data)

    monkeypatch.setattr(trials, "train_quietly", noted)
    again = run_trials(recipes, seeds=(1,))
    assert anew == [str(folder / "plain-seed1")]
    assert all(np.array_equal(first[name].correct[:1], again[name].correct) for name in first)


def test_settings_that_cannot_be_trained_are_named_and_the_runs_before_are_kept(recipes, tmp_path):
    hot = recipes | {"Hot one": dataclasses.replace(recipes["plain"], learning_rate=1e30)}
    with pytest.raises(FasterNetError, match=r"^Hot one, seed 1: the loss of step .* nan.*are kept$") as told:
        run_trials(hot, seeds=(1,))
    assert not told.value.change  # what one run is mended by, --resume among it, is none of a comparison's
    kept = (tmp_path / "plain-seed1" / "metrics.json").stat().st_mtime_ns
    run_trials({"plain": recipes["plain"]}, seeds=(1,))
    assert (tmp_path / "plain-seed1" / "metrics.json").stat().st_mtime_ns == kept


def test_averaged_weights_are_what_is_asked_where_they_are_kept(recipes, tmp_path):
    averaged = {"averaged": dataclasses.replace(recipes["plain"], ema_decay=0.9)}
    first, again = run_trials(averaged, seeds=(1,)), run_trials(averaged, seeds=(1,))
    plain, kept = (
        load_run(tmp_path / "averaged-seed1" / f"{name}.pdparams") for name in ("final_model", "final_ema_model")
    )
    digits = load_dataset("digits").val
    assert not np.array_equal(plain.model.fc.weight.numpy(), kept.model.fc.weight.numpy())
    for found in (first, again):  # made, and taken from the folder
        assert np.array_equal(found["averaged"].correct[0], trials.answers(kept.model, kept.config, digits))


@pytest.mark.parametrize(
    "changes, seeds, says",
    [
        ({}, (), "a recipe and a seed"),
        ({}, (1, 1), "a seed stands twice among 1, 1"),
        ({"dataset": "cifar10"}, (1,), "Hot one has another dataset: 'cifar10', not 'digits'"),
        ({"train_images": 9}, (1,), "train_images must lie between 10, one a class, and the 1,437"),
        ({"train_images": 2000}, (1,), "train_images must lie between 10, one a class, and the 1,437"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(recipes, changes, seeds, says):
    recipes = dict(reversed(recipes.items())) if "train_images" in changes else recipes
    recipes["Hot one"] = dataclasses.replace(recipes["Hot one"], **changes)
    with pytest.raises(FasterNetError, match=says):
        run_trials(recipes, seeds)


def test_the_command_compares_and_writes(tmp_path, capsys):
    output = tmp_path / "out"
    arms = ["notebook", "notebook --learning-rate 1e-2"]
    assert compare.main(["--arms", *arms, "--seeds", "1", "2", "--output", str(output), *FLAGS]) == 0
    said = capsys.readouterr().out
    assert "notebook --learning-rate 1e-2 - notebook" in said and "95 % of seeds" in said
    with (output / "accuracies.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], row["seed"]) for row in rows] == [(arm, seed) for arm in arms for seed in "12"]
    assert all(int(row["images"]) == 360 and 0 <= float(row["accuracy"]) <= 1 for row in rows)
    assert {"comparison.txt", "comparison.png"} <= {path.name for path in output.iterdir()}


@pytest.mark.parametrize(
    "argv, says",
    [
        (["--arms", "notebook"], "two different arms at least"),
        (["--arms", "notebook", "notebook"], "two different arms at least"),
        (["--arms", "notebook", "strange"], "unknown recipe 'strange'"),
        (["--arms", "notebook", "notebook --learning-rate"], "arm 'notebook --learning-rate'"),
        (["--arms", "notebook", "notebook 'quoted"], "an arm is a recipe's name and flags"),
        (["--arms", "notebook", ""], "an arm is a recipe's name and flags"),
        (["--arms", "notebook", "notebook --seed 3"], "--seed is of one run"),
        (["--arms", "notebook", "notebook --batch-size 4", "--work-path", "x"], "--work-path is of one run"),
        (["--arms", "notebook", "notebook --batch-size 4", "--seeds", "1"], "an interval needs two seeds"),
        (["--arms", "notebook", "notebook --batch-size 4", "--strange", "1"], "--strange"),
        (["--seeds", "1", "2"], "--arms"),
    ],
)
def test_a_wrong_comparison_is_one_sentence_and_code_2(argv, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compare.main(argv) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and error.startswith("error: ")
    assert not any(tmp_path.iterdir())
