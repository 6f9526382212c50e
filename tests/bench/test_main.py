"""Every subject of the bench: one whole run, as small as it can be, and its mistakes as one sentence."""

import csv
import importlib
import json
import os
import re

import cv2
import pytest

from fasternet_paddle.bench import __main__ as bench
from fasternet_paddle.bench import (
    decode,
    inference,
    lime,
    measuring,
    operators,
    peers,
    scaling,
    subject,
    sweep,
    training,
    variants,
)
from fasternet_paddle.inference.engine import has_bf16
from tests.networks import network

RUNS = {  # subject: flags, files, a column that holds positive numbers
    "inference": ("--rounds 1 --runs 1 --batch 1", {"inference"}, "images/s"),
    "training": ("--rounds 1 --steps 2 --batch-size 4 --image-size 32", {"training"}, "images/s"),
    "scaling": (
        "--rounds 1 --steps 1 15 --processes 2 --batch-size 4 --image-size 32",
        {"scaling", "estimate"},
        "images/s",
    ),
    "pipeline": ("--rounds 1 --blocks 1 --block-images 1", {"pipeline", "decode"}, "images/s"),
    "predict": ("--rounds 1 --images 4", {"predict"}, "images/s"),
    "lime": ("--rounds 1 --image rocket --num-samples 100 --precision f32", {"lime"}, "samples/s"),
    "decisions": ("--steps 1 --crops 10", {"decisions"}, "images"),
    "operators": ("--runs 1", {"operators"}, "GFLOP/s"),
    "variants": ("--mixers --image-size 32 --batch-size 2 --runs 1", {"mixers"}, "images/s"),
}
AGREEMENT = {  # subject: what it says of a difference between ways, and the largest that rounding makes
    "inference": (r"(?m)^(?!.*\bbf16\b).*logits differ from the notebook's by (\S+) of the largest", 1e-5),
    "training": (r"differ by at most (\S+) from the notebook's; rounds are equal to the bit", training.AGREE),
    "pipeline": (r"differ by at most (\S+) of 255 levels", 1.01),
    "lime": (r"the largest difference is (\S+) of the largest weight", 1e-4),  # 100 samples leave rounding much weight
}


@pytest.fixture
def small(monkeypatch):
    """Everything in this process and tiny; what a worker does to its process is not done."""

    def here(function, arguments, _environment):
        module, _, name = function.partition(":")
        worker = getattr(importlib.import_module(module), name)
        return json.loads(json.dumps(worker(**json.loads(json.dumps(arguments)))))

    monkeypatch.setattr(measuring, "in_process", here)
    monkeypatch.setattr(measuring, "own_environment", measuring.bare_environment)
    bound = []  # cores that a worker would have bound its process to
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: bound.append(cores), raising=False)
    monkeypatch.setattr(cv2, "setNumThreads", lambda _: None)
    monkeypatch.setattr(measuring, "SIZE", 64)
    monkeypatch.setattr(measuring, "BATCHES", (1, 2))
    monkeypatch.setattr(measuring, "PEAK_SIZE", 64)
    monkeypatch.setattr(inference, "LOOP_IMAGES", 2)
    monkeypatch.setattr(scaling, "launch", lambda function, arguments, count, **_: [function(*arguments)] * count)
    monkeypatch.setattr(sweep, "SWEEPS", {"batch size": ("a title", "an axis", [(1, "t0", 1, 32)])})
    monkeypatch.setattr(lime, "WARMUP_SAMPLES", 60)  # of 58 superpixels
    monkeypatch.setattr(operators, "OPERATOR_SHAPES", ((32, 8),))
    monkeypatch.setattr(decode, "PHOTOGRAPHS", decode.PHOTOGRAPHS[:2])
    monkeypatch.setattr(variants, "CONTENDERS", {"PConv": {"mixer": "pconv"}})
    return bound


def test_every_subject_is_run_below():
    assert set(RUNS) == set(bench.SUBJECTS)


@pytest.mark.parametrize("name", bench.SUBJECTS)
def test_a_subject_measures_prints_and_saves(name, small, tmp_path, capsys, monkeypatch):
    if name == "lime":
        monkeypatch.setattr(subject, "read_network", lambda path: network())  # InterpretDL is slow
    else:
        monkeypatch.setattr(subject, "SIZE", measuring.SIZE)
    flags, files, column = RUNS[name]
    assert bench.main([name, *flags.split(), "--output", str(tmp_path / "new")]) == 0
    said = capsys.readouterr().out
    assert ", Python 3." in said and " cores, " in said
    drawn = set() if name == "decisions" else {f"{file}.png" for file in files}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {f"{file}.csv" for file in files} | drawn
    for file in files:
        with (tmp_path / "new" / f"{file}.csv").open(newline="") as table:
            rows = list(csv.DictReader(table))
        if file == "estimate":
            assert rows and all(0 < int(row["128 workers"].removesuffix(" %")) <= 100 for row in rows)
            continue
        assert rows and all(float(row[column]) > 0 for row in rows)
        assert str(tmp_path / "new" / f"{file}.csv") in said
    if name in AGREEMENT:
        pattern, largest = AGREEMENT[name]
        differences = list(map(float, re.findall(pattern, said)))
        assert differences and max(differences) <= largest
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        assert [len(cores) for cores in small] == ([1, 1] if name == "pipeline" else [])
    if name == "decisions":  # 10 crops and the 360 validation digits; f32 differs from itself in none
        assert list(rows[0].values())[:2] == ["f32", "370"] and float(rows[0]["share"]) == 0
        assert len(rows) == (2 if has_bf16() else 1)


def test_help_lists_every_subject_and_unknown_ones_are_one_sentence(capsys):
    assert bench.main(["--help"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines[2:]] == list(bench.SUBJECTS) and min(map(len, lines[2:])) > 3
    for argv, got in (([], "got none"), (["speed"], "got 'speed'")):
        assert bench.main(argv) == 2
        assert f"error: name a subject of {', '.join(bench.SUBJECTS)}, {got}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("lime --image cat", "unknown image 'cat'; known: chelsea"),
        ("lime --num-samples 5", "num_samples must be at least 200, got 5"),
        ("lime --precision", "precision must name one or more"),
        ("inference --rounds 0", "rounds must be at least 1, got 0"),
        ("training --against caffe", "against must be timm, got caffe"),
        ("inference --against caffe", f"unknown engine 'caffe'; known: {', '.join(peers.NEEDS)}"),
        ("scaling --against caffe", "against must be timm, got caffe"),
        ("training --steps 1", "steps must be at least 2, got 1"),
        ("training --image-size 31", "image_size must be at least 32, got 31"),
        ("training --threads 0", "threads must be at least 1 each, got 0"),
        ("pipeline --blocks 0", "blocks must be at least 1, got 0"),
        ("predict --images 1", "images must be at least 2, got 1"),
        ("decisions --crops 0", "crops must be at least 1, got 0"),
        ("operators --engine tpu", "unknown engine 'tpu'"),
        ("operators --runs 0", "runs must be at least 1, got 0"),
        ("variants --image-size 16", "image_size must be at least 32, got 16"),
        ("variants --engine tpu", "unknown engine 'tpu'"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(argv, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measuring, "in_process", lambda *_: pytest.fail("it went on"))
    assert bench.main(argv.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and says in said and said.count("\n") == 1
    assert not any(tmp_path.iterdir())
