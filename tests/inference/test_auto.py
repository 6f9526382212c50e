"""The engine "auto": the fastest sound engine wins, once; what crashes, lies or fails never does."""

import json
import subprocess
import sys
import timeit
import types
from pathlib import Path

import numpy as np
import pytest

from fasternet_paddle import Predictor
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.exporting import onnx
from fasternet_paddle.files import writing
from fasternet_paddle.inference import auto as automatic
from fasternet_paddle.inference import plans, trial
from fasternet_paddle.inference import race as race_module
from fasternet_paddle.inference.auto import Auto
from fasternet_paddle.inference.choosing import FAST_ENGINES
from fasternet_paddle.inference.field import kind_of, told_of, with_parts
from fasternet_paddle.inference.int8 import Int8
from fasternet_paddle.inference.notes import Notes
from fasternet_paddle.inference.opening import open_predictor, spread
from fasternet_paddle.inference.plans import InParts, Plan, cut
from fasternet_paddle.inference.race import Lane, race
from fasternet_paddle.runtime.flags import EngineFlags
from tests.inference.racing import Entrants, answers, chosen
from tests.networks import assert_close, eager, images, network


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(automatic, "SECONDS", 0.3)
    monkeypatch.setattr(race_module, "SETTLE", 0.0)


@pytest.fixture
def untried(monkeypatch):
    """Engines are opened without a child process before."""
    monkeypatch.setattr(automatic, "try_plans", lambda folder, plans, *_: dict.fromkeys(plans))


def note_of(cache):
    (path,) = (cache / "notes").glob("*.json")
    return path


# ---- parts ----


@pytest.mark.parametrize("streams", [1, 2, 3])
@pytest.mark.parametrize("part", [None, 1, 3, 4, 100])
def test_parts_are_a_batch_in_its_order(part, streams):
    plan = Plan("openvino", streams=streams, part=part)
    for count in (0, 1, 2, 7, 8, 9, 32):
        parts = cut(count, plan)
        assert [index for one in parts for index in range(count)[one]] == list(range(count))
        largest = max((one.stop - one.start for one in parts), default=0)
        assert largest <= (part or count) and (part is not None or largest <= -(-count // streams))
        x = np.arange(count, dtype=np.float32).reshape(count, 1, 1, 1)
        assert (InParts(lambda x: x[:, 0, 0], plan)(x)[:, 0] == x[:, 0, 0, 0]).all()


@pytest.mark.parametrize("streams", [1, 2, 3])
@pytest.mark.parametrize("part", [None, 1, 4, 100])
def test_no_more_is_in_work_than_fits_into_memory_and_small_parts_stay(part, streams):
    plan = Plan("openvino", streams=streams, part=part)
    for count in (1, 8, 128):
        for most in (1, 10, 43, 1000):
            parts = cut(count, plan, most)
            assert [index for one in parts for index in range(count)[one]] == list(range(count))
            assert streams * max(one.stop - one.start for one in parts) <= max(most, streams)
            if part and streams * part <= most:  # 128 in parts of 4, and not thrice 43 in some of 4 and one of 3
                assert parts == cut(count, plan)


def test_every_size_of_parts_occurs_once():
    for count in (1, 2, 3, 5, 8, 32, 48):
        for plan in (Plan("paddle", threads=2), Plan("openvino", streams=2), Plan("openvino", streams=4)):
            found = [max(p.stop - p.start for p in cut(count, one)) for one in with_parts(plan, count)]
            assert len(found) == len(set(found))
            assert max(found, default=None) == (-(-count // plan.streams) if 2 * count > plan.streams else None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"engine": "tensorrt"}, "unknown engine 'tensorrt'; known: paddle, dygraph, openvino, onnxruntime"),
        ({"engine": "paddle", "streams": 2}, "openvino and onnxruntime run several streams, got 2"),
        ({"engine": "openvino", "part": 0}, "part must be a whole number in 1..4096, got 0"),
        ({"engine": "openvino", "threads": 2.0}, "threads must be a whole number"),
        ({"engine": "openvino", "streams": True}, "streams must be a whole number"),
    ],
)
def test_plans_that_are_none_are_refused(values, message):
    with pytest.raises(FasterNetError, match=message):
        Plan(**values)


def test_paddle_in_parts_answers_as_the_model():
    model, x = network(), images(7)
    predictor = Predictor(model, engine=Plan("paddle", threads=1, part=3))
    assert_close(predictor.logits(x), eager(model, x))
    assert predictor.logits(x[:0]).shape == (0, 10)
    assert predictor.describe() == "paddle.inference with oneDNN, f32, cpu, 1 thread, parts of 3"


# ---- the race ----


def lane(name, seconds, clock, images=4, engine=""):
    def call():
        clock[0] += seconds * images
        return name

    return Lane(name, call, images, engine)


def run(lanes, clock, seconds=15.0, check=None):
    start = clock[0]
    standing = race(lanes, seconds, check, clock=lambda: clock[0])
    return standing, clock[0] - start


def test_the_fastest_wins_within_the_time():
    for fastest in range(9):
        clock = [0.0]
        lanes = [lane(n, 0.01 if n == fastest else 0.012 + 0.01 * n, clock, 1 + n) for n in range(9)]
        standing, took = run(lanes, clock)
        assert standing[0].name == fastest and took <= 15.0
        assert abs(standing[0].rate - 100) < 1e-6


def test_what_takes_too_long_is_not_begun():
    clock = [0.0]
    lanes = [lane("small", 1.0, clock, 1), lane("medium", 1.0, clock, 2), lane("large", 0.9, clock, 64)]
    standing, took = run(lanes, clock)
    assert standing[0].name == "small" and took <= 15.0
    assert [one.out for one in standing if one.name == "large"] == ["no time was left of 15 s"]


def test_who_fails_or_answers_wrongly_is_out():
    clock = [0.0]

    def broken():
        raise RuntimeError("no kernel\nfor this shape")

    lanes = [
        lane("lies", 0.001, clock),
        Lane("broken", broken, 4),
        lane("slow", 0.1, clock),
        lane("sound", 0.01, clock),
    ]
    standing, _ = run(lanes, clock, check=lambda lane, answer: "differs" if answer == "lies" else None)
    assert [one.name for one in standing[:2]] == ["sound", "slow"]
    assert {one.name: one.out for one in standing[2:]} == {"lies": "differs", "broken": "RuntimeError: no kernel"}
    assert run([], clock)[0] == []


def test_one_line_tells_of_the_winner_the_others_and_who_is_out():
    clock = [0.0]
    lanes = [lane(Plan("onnxruntime", streams=2, part=2), 1 / 151, clock, engine="onnxruntime")]
    lanes += [lane(Plan("paddle", threads=2), 1 / 112, clock, engine="paddle")]
    standing, _ = run(lanes, clock)
    out = {"openvino": "not installed", "paddle, 2 threads": "too slow", "paddle, 2 threads, parts of 4": "too slow"}
    assert told_of(standing, out) == (
        "onnxruntime, 2 x 1 thread, parts of 2: 151 images/s; paddle 112; left out: openvino (not installed); "
        "left out: 2 ways of paddle (too slow)"
    )


# ---- the choice ----


def test_the_fastest_engine_is_chosen_told_and_kept(tmp_path, capsys):
    assert "onnxruntime" in chosen(tmp_path)
    said = capsys.readouterr().err
    assert "auto: onnxruntime" in said and "paddle" in said and "left out: mxnet (not installed)" in said
    note = json.loads(note_of(tmp_path).read_text())
    assert note["plan"]["engine"] == "onnxruntime" and len(note["rates"]) >= 6
    assert all("onnxruntime" in again for again in (chosen(tmp_path), chosen(tmp_path)))
    assert min(timeit.repeat(lambda: chosen(tmp_path), number=1, repeat=5)) < 0.05  # seconds
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("crashes", "ended its process with code -11"),
        ("lies", "answers differ from the model's by"),
        ("fails", "OSError: no such instruction"),
        ("unconverted", "cannot convert"),
        ("unopened", "cannot be opened here"),
        ("wrong in the race", "answers differ from the model's by 1 of"),
    ],
)
def test_an_unsound_engine_is_left_out_with_the_reason(tmp_path, capsys, fault, reason):
    assert "openvino" in chosen(tmp_path, fault)
    assert f"({reason}" in capsys.readouterr().err
    assert any(reason in why for why in json.loads(note_of(tmp_path).read_text())["out"].values())


def test_what_a_child_said_before_it_died_counts(tmp_path):
    ways = [Plan("openvino"), Plan("onnxruntime"), Plan("openvino", threads=2)]
    x = images(2, 32, 32)
    found = trial.try_plans(tmp_path, ways, x, answers(x), 1e-3, "tests.inference.unsound:crashes")
    assert [found[plan] for plan in ways] == [None, "ended its process with code -11", None]


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"plan": {}}', '{"plan": {"engine": "mxnet"}}', "[" * 100_000, "\x00\xff"]
)
def test_a_damaged_note_is_raced_for_again(tmp_path, untried, damage):
    chosen(tmp_path)
    note_of(tmp_path).write_text(damage)
    assert "onnxruntime" in chosen(tmp_path)
    assert json.loads(note_of(tmp_path).read_text())["plan"]["engine"] == "onnxruntime"


def test_a_winner_that_does_not_open_any_more_is_raced_for_again(tmp_path, untried):
    chosen(tmp_path)
    assert "openvino" in chosen(tmp_path, "unopened")
    assert json.loads(note_of(tmp_path).read_text())["plan"]["engine"] == "openvino"


def test_notes_that_cannot_be_written_are_said_and_nothing_else_fails(tmp_path, untried, capsys):
    (tmp_path / "notes").write_text("a file in the folder's place")
    assert "onnxruntime" in chosen(tmp_path)
    assert "what was measured is measured again next time" in capsys.readouterr().err


def test_the_first_note_of_a_key_is_everybodys(tmp_path):
    notes = Notes(tmp_path)
    assert notes.write("k", {"plan": 1}) == {"plan": 1}
    assert notes.write("k", {"plan": 2}) == {"plan": 1} == notes.read("k")
    assert notes.write("k", {"plan": 3}, anew=True) == {"plan": 3} == notes.read("k")
    (tmp_path / "notes/k.json").write_text("damaged")
    assert notes.write("k", {"plan": 4}) == {"plan": 4} == notes.read("k")
    assert not [path for path in (tmp_path / "notes").iterdir() if path.name.startswith("tmp-")]


def test_two_processes_that_race_at_once_agree(tmp_path):
    """Each finds another engine the fastest; one of them is right for both, and one alone has raced."""
    work = (
        "import sys; from tests.inference import racing\n"
        "from fasternet_paddle.inference import auto; auto.SECONDS = 0.5\n"
        "racing.SECONDS_AN_IMAGE[sys.argv[2]] = 2e-5\n"
        "print(racing.chosen(sys.argv[1]))"
    )
    command = [sys.executable, "-c", work, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([*command, engine], **pipes) for engine in ("paddle", "openvino")]
    said = [process.communicate(timeout=120) for process in both]
    assert all(process.returncode == 0 for process in both), said
    plans_of = {out.split(", parts")[0] for out, _ in said}
    assert len(plans_of) == 1, said
    assert sum("measuring for at most" in err for _, err in said) == 1


def test_rare_kinds_of_batches_take_the_nearest_plan_and_frequent_ones_race(tmp_path, untried, capsys):
    assert kind_of(5, 224, 224) == kind_of(8, 224, 224) != kind_of(9, 224, 224)
    auto, x = Auto(Entrants(), tmp_path), images(8, 32, 32)
    assert np.array_equal(auto(x[:0]), answers(x[:0]))
    races = []
    for count in (8, 1, 8, 1, 1, 1):
        assert np.array_equal(auto(x[:count]), answers(x[:count]))
        races.append(capsys.readouterr().err.count("measuring"))
    assert races == [1, 0, 0, 0, 1, 0]
    for count in (3, 4, 4, 4, 4):  # half as many as 8: the same plan
        assert np.array_equal(auto(x[:count]), answers(x[:count]))
    assert "measuring" not in capsys.readouterr().err
    auto.ready(4, 32, 32)
    assert "measuring" in capsys.readouterr().err
    auto.ready(4, 32, 32)
    assert "measuring" not in capsys.readouterr().err


# ---- what is missing is one sentence; nothing of ``fast`` is needed by what is not asked for it ----


@pytest.fixture
def bare(monkeypatch):
    monkeypatch.setattr(plans.importlib.util, "find_spec", lambda name: None)


@pytest.mark.parametrize("engine", FAST_ENGINES)
def test_an_engine_that_is_not_installed_is_one_sentence(bare, engine):
    with pytest.raises(FasterNetError, match=rf"^the engine {engine} needs {engine}, not installed here; run pip") as e:
        Predictor(network(), engine=engine)
    assert "\n" not in str(e.value) and e.value.change == ("engine",)


def test_auto_is_paddle_where_nothing_else_is_installed_and_says_so_once(bare, capsys):
    model, x = network(), images()
    for _ in range(2):
        predictor = Predictor(model, engine="auto", threads=1)
        predictor.ready(5, 64)
        assert_close(predictor.logits(x), eager(model, x))
    said = capsys.readouterr().err
    assert said.count("auto is paddle here") <= 1 and "measuring" not in said
    assert predictor.describe() == "auto: paddle.inference with oneDNN, f32, cpu, 1 thread"


def test_python_3_13_has_no_files_for_the_engines_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(writing, "_said", set())
    monkeypatch.setattr(plans, "missing", lambda engine: [])
    monkeypatch.setattr(onnx, "sys", types.SimpleNamespace(version_info=(3, 13, 0)))
    assert Predictor(network(), engine="auto", threads=1).describe().startswith("auto: paddle.inference")
    said = capsys.readouterr().err
    assert said.startswith("note: auto is paddle here: onnxruntime: ONNX files are written by paddle2onnx")
    assert "and this is Python 3.13" in said


def test_int8_needs_images_and_openvino(bare):
    with pytest.raises(FasterNetError, match="needs images to calibrate on"):
        Predictor(network(), engine="auto", precision="int8")
    with pytest.raises(FasterNetError, match="offered by the engine openvino on a CPU, got the engine paddle"):
        Predictor(network(), precision=Int8(images()))
    with pytest.raises(FasterNetError, match="the engine openvino needs openvino"):
        Predictor(network(), engine="auto", precision=Int8(images()))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"precision": "int8"}, "offered by the engine openvino on a CPU, got the engine paddle"),
        ({"precision": "int8", "engine": "auto"}, "the engine openvino needs openvino"),
        ({"calibrate": Path("folder")}, "calibrate is for the precision int8, got f32"),
        ({"accuracy_control": True}, "accuracy_control is for the precision int8, got f32"),
        ({"engine": "auto", "part": 2}, "part and streams are of the engines paddle, openvino and onnxruntime"),
        ({"engine": "dygraph", "streams": 2}, "got the engine dygraph"),
        ({"streams": 2}, "run several streams, got 2 for the engine paddle"),
        ({"part": 0}, "part must be a whole number in 1..4096, got 0"),
        ({"engine": "onnxruntime", "streams": 0}, "streams must be a whole number in 1..4096, got 0"),
        ({"engine": "onnxruntime"}, "the engine onnxruntime needs onnxruntime"),
    ],
)
def test_flags_that_contradict_are_refused_before_any_image_is_read(bare, flags, message):
    run = types.SimpleNamespace(model=network(), class_names=(), config=None)
    with pytest.raises(FasterNetError, match=message):
        open_predictor(run, None, EngineFlags(**flags), None)


def test_a_spread_covers_all_of_it():
    assert [*spread(3, 10)] == [0, 1, 2] and [*spread(11, 3)] == [0, 5, 10] and not len(spread(0, 5))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"images": images(0)}, "int8 needs normalised images"),
        ({"images": np.zeros((2, 3, 32, 32), np.uint8)}, "int8 needs normalised images"),
        ({"images": images(2), "max_drop": -1.0}, "max_drop must be 0 points or more"),
        ({"images": images(2), "max_drop": float("nan")}, "max_drop must be 0 points or more"),
        ({"images": images(2), "accuracy_control": True}, "needs validation images with labels"),
    ],
)
def test_int8_without_what_it_takes_is_refused(values, message):
    with pytest.raises(FasterNetError, match=message):
        Int8(**values)
