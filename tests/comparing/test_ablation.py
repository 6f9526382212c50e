"""The paired tests against scipy's and against their law; runs of the ablation against the trainer itself."""

import dataclasses
import math
import signal
import types

import numpy as np
import paddle
import pytest
from scipy import stats

from fasternet_paddle.comparing import ablation
from fasternet_paddle.comparing import statistics as comparison
from fasternet_paddle.comparing import trials as machinery
from fasternet_paddle.comparing.statistics import McNemar, Trials, compare, images_test, mcnemar_exact, seeds_test
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError, Stopped
from fasternet_paddle.runs import folder as run_folder
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.runtime.notebook import settings


def answers(accuracy, images, runs=1, seed=0):
    return np.random.default_rng(seed).random((runs, images)) < accuracy


# ---- tests of two networks ----


@pytest.mark.parametrize("only_first, only_second", [(0, 0), (0, 1), (3, 3), (1, 9), (10, 2), (40, 60), (0, 500)])
def test_mcnemar_is_the_binomial_test(only_first, only_second):
    first = np.array([1] * only_first + [0] * only_second + [1] * 20 + [0] * 5, bool)
    second = np.array([0] * only_first + [1] * only_second + [1] * 20 + [0] * 5, bool)
    wanted = stats.binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    result = mcnemar_exact(first, second)
    assert (result.only_first, result.only_second) == (only_first, only_second)
    assert result.p == pytest.approx(wanted, rel=1e-9)


def test_mcnemar_refuses_answers_to_other_images():
    with pytest.raises(FasterNetError, match="same images"):
        mcnemar_exact(np.ones(3, bool), np.ones(4, bool))


def test_images_test_is_scipys_permutation_test():
    first, second = answers(0.80, 200, 3, seed=1), answers(0.85, 200, 3, seed=2)
    difference = second.mean(axis=0) - first.mean(axis=0)
    wanted = stats.permutation_test(
        (difference,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(3)
    ).pvalue
    assert images_test(first, second) == pytest.approx(wanted, abs=0.02)
    assert images_test(first, second) == images_test(first, second)  # the draw is seeded


def test_images_test_on_one_run_agrees_with_mcnemar():
    first, second = answers(0.80, 300, seed=1), answers(0.88, 300, seed=2)
    assert images_test(first, second) == pytest.approx(mcnemar_exact(first[0], second[0]).p, abs=0.02)


def test_images_test_rejects_equals_as_often_as_it_says():
    ps = [images_test(answers(0.9, 120, 2, seed), answers(0.9, 120, 2, seed + 1000), flips=400) for seed in range(200)]
    assert 0.01 < np.mean(np.array(ps) < 0.05) < 0.09  # 0.05 with a standard error of 0.015
    assert images_test(answers(0.9, 50, 2), answers(0.9, 50, 2)) == 1.0


def test_seeds_test_is_scipys_paired_t_test():
    first, second = np.array([0.91, 0.93, 0.92, 0.90]), np.array([0.92, 0.95, 0.92, 0.93])
    wanted = stats.ttest_rel(second, first)
    p, low, high = seeds_test(first, second)
    assert p == pytest.approx(wanted.pvalue)
    assert (low, high) == pytest.approx(tuple(wanted.confidence_interval(0.95)))


def test_seeds_test_says_nothing_without_spread():
    assert all(math.isnan(value) for value in seeds_test([0.9, 0.8], [0.95, 0.85]))
    with pytest.raises(FasterNetError, match="at least two"):
        seeds_test([0.9], [0.95])


# ---- what is shown ----


def trials(name, accuracy, images=2000, seed=0, seeds=(1, 2, 3)):
    return Trials(name, seeds, answers(accuracy, images, len(seeds), seed))


def test_a_clear_difference_is_shown_and_equals_are_not():
    worse, better = trials("worse", 0.70, seed=1), trials("better", 0.95, seed=2)
    result = compare(worse, better)
    assert result.difference == pytest.approx(better.mean - worse.mean) and result.difference > 0.2
    assert result.is_shown() and compare(better, worse).is_shown()
    assert not compare(worse, trials("like it", 0.70, seed=3)).is_shown()


def test_both_tests_must_agree():
    kinds = {"first": "a", "second": "b", "difference": 0.1, "low": 0, "high": 0, "mcnemar": ()}
    make = lambda images_p, seeds_p: comparison.Comparison(images_p=images_p, seeds_p=seeds_p, **kinds)  # noqa: E731
    assert make(0.001, 0.001).is_shown()
    for images_p, seeds_p in ((0.001, 0.2), (0.2, 0.001), (0.001, math.nan)):
        assert not make(images_p, seeds_p).is_shown()


def test_mean_and_std_are_those_of_the_runs():
    t = trials("t", 0.8)
    assert t.mean == pytest.approx(np.mean(t.correct)) and t.std == pytest.approx(np.std(t.accuracies, ddof=1))
    assert math.isnan(trials("one", 0.8, seeds=(1,)).std)


def test_only_the_same_seeds_and_images_compare():
    with pytest.raises(FasterNetError, match="same seeds"):
        compare(trials("a", 0.8), trials("b", 0.8, seeds=(1, 2, 4)))
    with pytest.raises(FasterNetError, match="same seeds"):
        compare(trials("a", 0.8), trials("b", 0.8, images=1999))


def test_tables_hold_every_network_and_pair():
    three = {name: trials(name, 0.9, 300, seed) for seed, name in enumerate(("a", "b", "c"))}
    assert [line.split()[0] for line in ablation.accuracy_table(three).splitlines()[2:]] == ["a", "b", "c"]
    lines = ablation.comparison_table(three).splitlines()[2:]
    assert [line[:5] for line in lines] == ["b - a", "c - a", "c - b"]


def test_bonferroni_shares_alpha_among_the_pairs():
    two = {"a": trials("a", 0.70, 400, seed=1), "b": trials("b", 0.95, 400, seed=2)}
    p = compare(*two.values()).seeds_p
    assert ablation.comparison_table(two, alpha=p * 1.01).endswith("yes")
    three = {**two, "c": trials("c", 0.95, 400, seed=3)}
    assert ablation.comparison_table(three, alpha=p * 1.01).splitlines()[2].endswith("no")


# ---- runs ----


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    work = tmp_path_factory.mktemp("ablation")
    config = settings("digits", work, epochs=1, max_steps=2, num_workers=0, depths=(1, 1, 1, 1))
    two = {name: ablation.CONTENDERS[name] for name in ("PConv", "DWConv equal cost")}
    return config, two, ablation.run_ablation(config, two, seeds=(5, 6))


def test_every_run_answers_every_validation_image(quick):
    _, two, results = quick
    assert list(results) == list(two)
    for t in results.values():
        assert t.seeds == (5, 6) and t.correct.shape == (2, 360) and t.correct.dtype == bool


def test_a_runs_folder_holds_its_network_and_log(quick):
    config, _, results = quick
    folder = f"{config.work_path}/dwconv-equal-cost-seed6"
    run = load_run(f"{folder}/final_model.pdparams")
    assert (run.config.mixer, run.config.embed_dim, run.config.seed) == ("dwconv", 42, 6)
    with open(f"{folder}/log.txt", encoding="utf-8") as file:
        assert "#===epoch: 0, lr=" in file.read()
    data = machinery.load_data(config)
    again = machinery.answers(run.model, run.config, data.val)
    assert (again == results["DWConv equal cost"].correct[1]).all()


def test_a_finished_run_is_taken_and_another_recipe_is_not(quick, monkeypatch):
    config, two, results = quick

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(machinery, "train_quietly", refuse)
    again = ablation.run_ablation(config, two, seeds=(5, 6))
    assert all((again[name].correct == results[name].correct).all() for name in two)
    with pytest.raises(AssertionError, match="trained again"):
        ablation.run_ablation(dataclasses.replace(config, learning_rate=1e-4), two, seeds=(5, 6))


def test_a_run_that_was_stopped_goes_on(quick, tmp_path, monkeypatch):
    config, two, results = quick
    config = dataclasses.replace(config, work_path=str(tmp_path))
    one = {"PConv": two["PConv"]}
    step = paddle.optimizer.AdamW.step

    def stopping(optimizer):
        step(optimizer)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(paddle.optimizer.AdamW, "step", stopping)
        with pytest.raises(Stopped):
            ablation.run_ablation(config, one, seeds=(5,))
    again = ablation.run_ablation(config, one, seeds=(5,))
    assert (again["PConv"].correct[0] == results["PConv"].correct[0]).all()
    log = (tmp_path / "pconv-seed5" / "log.txt").read_text()
    assert "finishing this step" in log and "resuming from" in log  # one log, both parts


def test_an_ablation_needs_contenders_and_seeds():
    with pytest.raises(FasterNetError, match="a contender and a seed"):
        ablation.run_ablation(TrainConfig(dataset="digits"), seeds=())


def test_contenders_are_the_notebooks_and_the_fair_ones():
    assert ablation.CONTENDERS["PConv"] == {"mixer": "pconv"}
    assert {c["mixer"] for c in ablation.CONTENDERS.values()} == {"pconv", "dwconv", "conv"}
    assert isinstance(mcnemar_exact(np.ones(2, bool), np.ones(2, bool)), McNemar)


def test_a_network_of_ones_own_is_known_again(tmp_path):
    config = TrainConfig(dataset="digits", depths=(1, 1, 2, 1), drop_path=0.1, work_path=str(tmp_path))
    names = tuple("0123456789")
    run_folder.save_config(config, names, tmp_path)
    data = types.SimpleNamespace(class_names=names)
    assert machinery._is_run_of(config, data)
    assert not machinery._is_run_of(dataclasses.replace(config, depths=(1, 1, 2, 2)), data)
    assert not machinery._is_run_of(config, types.SimpleNamespace(class_names=names[::-1]))
