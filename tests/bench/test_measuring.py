"""The bench measures in processes of their own and in turns, and takes ratios within a round."""

import os
import types

import pytest

from fasternet_paddle.bench import measuring, rates
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference.engine import has_bf16
from fasternet_paddle.runtime import machine


def test_a_worker_has_its_own_process_and_environment():
    environment = {**measuring.bare_environment(), "OMP_SEEN": "7"}
    assert measuring.in_process("os:getenv", {"key": "OMP_SEEN"}, environment) == "7"
    assert measuring.in_process("os:getpid", {}, environment) != os.getpid()
    with pytest.raises(FasterNetError, match=r"os:listdir failed with exit code 1: FileNotFoundError: .*nowhere"):
        measuring.in_process("os:listdir", {"path": "/nowhere"}, environment)


def test_a_worker_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(measuring, "SECONDS", 0.01)
    with pytest.raises(FasterNetError, match=r"longer than 0\.01 s"):
        measuring.in_process("os:getpid", {}, measuring.bare_environment())


def test_bare_environment_has_no_settings(monkeypatch):
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "FLAGS_use_mkldnn"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("OTHER", "1")
    bare = measuring.bare_environment()
    assert bare["OTHER"] == "1" and measuring.settings_text(bare) == "no settings"
    assert measuring.settings_text({**bare, "OMP_B": "2", "MKL_A": "1"}) == "MKL_A=1 OMP_B=2"
    own = measuring.own_environment()
    assert set(own) - set(bare) <= {"MKL_DEBUG_CPU_TYPE"}
    assert ("MKL_DEBUG_CPU_TYPE" in own) == ("AMD" in machine.processor())


def test_ways_take_turns(capsys):
    order = []
    jobs = {(name, "s"): lambda name=name: order.append(name) or len(order) for name in "abc"}
    results = measuring.in_turns(jobs, 2)
    assert order == ["a", "b", "c", "b", "c", "a"]  # no way is always first
    assert results == {("a", "s"): [1, 6], ("b", "s"): [2, 4], ("c", "s"): [3, 5]}
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines()[0] == "round 1 of 2: a, s"


def test_a_way_that_fails_leaves_the_others_and_all_that_was_measured(capsys):
    def fail():
        raise FasterNetError("no such instruction")

    answers = iter([1, FasterNetError("late"), 2, 3])

    def later():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept, good = [], iter(range(10, 20))
    jobs = {("bad", "s"): fail, ("late", "s"): later, ("good", "s"): lambda: next(good)}
    results = measuring.in_turns(jobs, 3, lambda found: kept.append({way: len(r) for (way, _), r in found.items()}))
    assert results == {("late", "s"): [1], ("good", "s"): [10, 11, 12]}
    assert kept == [{"late": 1}, {"late": 1, "good": 1}, {"late": 1, "good": 2}, {"late": 1, "good": 3}]
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: bad, s is measured no further: no such instruction", "note: late, s is measured no further: late",
    ]  # fmt: skip
    with pytest.raises(FasterNetError, match="no such instruction"):
        measuring.in_turns({("bad", "s"): fail}, 2)


def test_precisions_are_what_the_processor_has(monkeypatch, capsys):
    monkeypatch.setattr("fasternet_paddle.inference.engine.has_bf16", lambda: True)
    assert measuring.possible(("f32", "bf16")) == ("f32", "bf16") and capsys.readouterr().out == ""
    monkeypatch.setattr("fasternet_paddle.inference.engine.has_bf16", lambda: False)
    assert measuring.possible(("f32",)) == ("f32",) and capsys.readouterr().out == ""
    assert measuring.possible(("f32", "bf16")) == ("f32",)
    assert capsys.readouterr().out == "this processor has no bf16 instructions: bf16 is not measured\n"
    for precisions, says in ((("bf16",), "no bf16 instructions"), ((), "got none"), (("f32", "int8"), "got 'int8'")):
        with pytest.raises(FasterNetError, match=says):
            measuring.possible(precisions)


def test_a_way_is_a_worker_under_its_settings(monkeypatch):
    monkeypatch.setattr(measuring, "in_process", lambda *call: call)
    jobs, environment = {}, {"OMP_NUM_THREADS": "2", "OTHER": "1"}
    measuring.add_way(jobs, "ours", environment, rates.rates_of, way=1, worker=2)
    ((key, job),) = jobs.items()
    assert key == ("ours", "OMP_NUM_THREADS=2")
    assert job() == ("fasternet_paddle.bench.rates:rates_of", {"way": 1, "worker": 2}, environment)


def test_numbers_that_are_too_small_are_named():
    flags = types.SimpleNamespace(rounds=3, steps=1)
    measuring.check_least(flags, rounds=3, steps=1)
    with pytest.raises(FasterNetError, match=r"^steps must be at least 2, got 1$"):
        measuring.check_least(flags, rounds=1, steps=2)


def test_a_single_image_is_timed_ten_times_as_often(monkeypatch):
    monkeypatch.setattr(measuring, "SIZE", 32)
    shapes = []
    found = measuring.model_rates(lambda x: shapes.append(x.shape), runs=2, batches=(1, 3))
    assert set(found) == {"model, batch 1", "model, batch 3"} and min(found.values()) > 0
    assert shapes == [(1, 3, 32, 32)] * 22 + [(3, 3, 32, 32)] * 4  # two of each warm up


def test_ratio_is_taken_within_a_round():
    ratio = measuring.compare([10, 40, 30], [5, 10, 10])
    assert (ratio.median, ratio.low, ratio.high) == (3.0, 2.0, 4.0)
    assert str(ratio) == "x3.00 (2.00-4.00)"


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_peak_is_above_what_a_network_reaches(precision, monkeypatch):
    if precision == "bf16" and not has_bf16():
        pytest.skip("this processor has no bf16 instructions")
    monkeypatch.setattr(measuring, "PEAK_SIZE", 512)
    assert measuring.measure_peak(precision, runs=2) > 5  # any processor with vector instructions
