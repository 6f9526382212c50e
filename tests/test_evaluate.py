"""``evaluate`` as a user meets it: what it prints equals what it writes, and what scikit-learn makes of the logits."""

import csv
import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import paddle
import pytest
import sklearn.metrics as witness
from PIL import Image

from fasternet_paddle import evaluate, predict, train
from fasternet_paddle.config import EVALUATION_FILES
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.data.transforms import test_transform
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.logits import read_logits
from fasternet_paddle.inference.predictor import Predictor
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.results.classes import measure_classes
from fasternet_paddle.runs.recorded import RecordedWeights
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.weights.pdparams import RECORD, save_state, save_weights
from tests.files.test_idx import as_idx

test_transform.__test__ = False  # the package's name, and no test
FLAGS = ["--weights", "probe.pdparams", "--dataset", "digits", "--image-size", "32", "--num-workers", "0"]
FLAGS += ["--batch-size", "40"]


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """Weights of random features under a classifier that least squares fits to 200 digits: right often, not always."""
    paddle.seed(0)
    model = create_model("t0", 10)
    model.eval()
    train, features = load_dataset("digits").train, []
    hook = model.fc.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0].numpy()))
    transform = test_transform(32)
    with paddle.no_grad():
        model(paddle.to_tensor(np.stack([transform(image) for image in train.images[:200]])))
    hook.remove()
    x = features[0] - features[0].mean(axis=0)
    targets = 5 * (np.eye(10)[train.labels[:200]] - 0.1)
    weight = x.T @ np.linalg.solve(x @ x.T + 1e-4 * np.trace(x @ x.T) / 200 * np.eye(200), targets)
    model.fc.weight.set_value(weight.astype(np.float32))
    model.fc.bias.set_value((-features[0].mean(axis=0) @ weight).astype(np.float32))
    path = tmp_path_factory.mktemp("probe") / "probe.pdparams"
    save_state(model.state_dict(), path)
    return path


@pytest.fixture
def folder(probe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "probe.pdparams").symlink_to(probe)
    return tmp_path


def test_what_is_written_equals_what_the_saved_logits_give(folder, capsys):
    assert evaluate.main([*FLAGS, "--logits", "logits.csv", "--topk", "3"]) == 0
    said = capsys.readouterr().out
    assert {path.name for path in Path("work/evaluation").iterdir()} == set(EVALUATION_FILES)
    written = Path("work/evaluation/evaluation.json").read_text(encoding="utf-8")
    values, saved = json.loads(written), read_logits("logits.csv")
    assert measure_classes(saved.logits, saved.labels, saved.class_names, k=3, seed=42).to_json() == written

    rows = list(csv.reader(Path("logits.csv").read_text(encoding="utf-8").splitlines()))  # by nothing of this package
    labels = np.array([int(row[1]) for row in rows[1:]])
    logits = np.array([row[2:] for row in rows[1:]], dtype=np.float32)
    answers = logits.argmax(axis=1)
    assert values["top1"] == witness.accuracy_score(labels, answers) and 0.5 < values["top1"] < 1
    assert values["top_k"] == witness.top_k_accuracy_score(labels, logits, k=3)
    assert values["classes"]["f1"] == witness.f1_score(labels, answers, average=None).tolist()
    assert values["macro"]["f1"] == witness.f1_score(labels, answers, average="macro")
    for line in (f"top-1: {values['top1']:.4f} (95 %: ", f"top-3: {values['top_k']:.4f} (95 %: "):
        assert line in said
    assert f"loss: {values['loss']:.4f} nats" in said and "loop throughput: " in said


def test_a_temperature_leaves_accuracy_and_loss(folder, capsys):
    Image.new("RGB", (40, 30), (200, 30, 30)).save("lime.png")
    assert evaluate.main(FLAGS) == 0
    plain = json.loads(Path("work/evaluation/evaluation.json").read_text())
    assert evaluate.main([*FLAGS, "--temperature", "--output", "warm", "--explanations", "lime.png"]) == 0
    warm = json.loads(Path("warm/evaluation.json").read_text())
    (temperature,) = re.findall(r"temperature ([\d.]+) from 360 images", capsys.readouterr().out)
    assert plain["temperature"] is None and f"{warm['temperature']:.4f}" == temperature
    for name in ("top1", "top_k", "loss", "cells", "macro"):
        assert warm[name] == plain[name]
    assert warm["nll"] < plain["nll"] and warm["ece"] < plain["ece"]
    page = Path("warm/report.html").read_text(encoding="utf-8")
    assert 'alt="lime"' in page and 'alt="lime"' not in Path("work/evaluation/report.html").read_text(encoding="utf-8")


def test_a_temperature_is_written_into_the_record_alone(folder, probe, capsys):
    recorded = load_run(probe, class_names=tuple("零一二三四五六七八九"), image_size=32).model
    save_weights(recorded, "named.pdparams")
    Path("link.pdparams").symlink_to("named.pdparams")
    before = paddle.load("named.pdparams")
    flags = ["--weights", "link.pdparams", *FLAGS[2:], "--class-names", *"0123456789"]
    picture = Image.fromarray(load_dataset("digits").val.images[3])
    picture.save("digit.png")
    assert predict.main(["digit.png", "--weights", "named.pdparams", "--output", "cold"]) == 0
    capsys.readouterr()
    assert evaluate.main([*flags, "--write-temperature", "--output", "warm"]) == 0
    assert "is in the record of link.pdparams" in capsys.readouterr().out
    values = json.loads(Path("warm/evaluation.json").read_text())

    after = paddle.load("named.pdparams")
    assert list(after) == list(before) and Path("link.pdparams").is_symlink()
    for name in before:
        assert after[name].dtype == before[name].dtype and after[name].name == before[name].name
        assert name == RECORD or np.array_equal(after[name].numpy(), before[name].numpy())
    run, old = load_run("named.pdparams"), recorded.record
    assert run.record == dataclasses.replace(old, temperature=values["temperature"]) and values["temperature"] != 1
    assert len(list(Path.cwd().glob("*.pdparams"))) == 3 and not list(Path.cwd().glob(".named*"))

    images = np.stack([test_transform(32)(image) for image in load_dataset("digits").val.images[:8]])
    warm, cold = (Predictor(model, engine="dygraph") for model in (run.model, recorded))
    assert np.array_equal(warm.logits(images), cold.logits(images))
    scaled = np.exp(cold.logits(images).astype(np.float64) / run.record.temperature)
    assert np.allclose(warm.probabilities(images), scaled / scaled.sum(axis=1, keepdims=True), atol=1e-6)
    assert predict.main(["digit.png", "--weights", "named.pdparams", "--output", "hot"]) == 0
    texts = [Path(f"{name}/predictions.csv").read_text(encoding="utf-8") for name in ("cold", "hot")]
    rows = [next(csv.DictReader(text.splitlines())) for text in texts]
    assert rows[0]["class_1"] == rows[1]["class_1"] and rows[0]["probability_1"] != rows[1]["probability_1"]
    assert evaluate.main([*flags, "--output", "again"]) == 0  # which reads the record
    assert json.loads(Path("again/evaluation.json").read_text()) == values


def test_no_temperature_is_written_where_it_does_not_belong(folder, probe, capsys):
    run = load_run(probe, class_names=tuple("0123456789"), image_size=32)
    save_weights(run.model, "named.pdparams")
    weights = RecordedWeights("named.pdparams")
    os.utime("named.pdparams", ns=(1, 1))  # as a training that goes on meanwhile does
    with pytest.raises(FasterNetError, match="was written anew meanwhile"):
        weights.write(temperature=2.0)
    content = Path("named.pdparams").read_bytes()
    Path("notes.pdparams").write_text("no weights")
    Path("exported").mkdir()
    for name, sentence in (
        ("probe.pdparams", "carries no record to write into"),
        ("notes.pdparams", "is refused"),
        ("exported", "is a directory"),
        ("none.pdparams", "cannot be opened"),
    ):
        capsys.readouterr()
        assert evaluate.main(["--weights", name, *FLAGS[2:], "--write-temperature"]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and sentence in error, error
    assert Path("named.pdparams").read_bytes() == content and not Path("work").exists()


def test_untouched_images_of_a_folder_are_measured_beside(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 4), ("test", 3)):
        for name, level in (("暗", 60), ("light", 190)):
            (tmp_path / "photos" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(level - 50, level + 50, (36, 40, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "photos" / part / name / f"{number}.png")
    flags = ["--dataset", "folder", "--data-path", "photos", "--image-size", "32", "--batch-size", "4"]
    assert train.main([*flags, "--epochs", "1", "--embed-dim", "8", "--depths", *"1121", "--num-workers", "0"]) == 0
    assert evaluate.main(["--num-workers", "0", "--logits", "l.csv"]) == 0
    said = capsys.readouterr().out
    test = json.loads(Path("work/evaluation/evaluation_test.json").read_text(encoding="utf-8"))
    assert test["images"] == 6 and f"top-1 on 6 untouched test images: {test['top1']:.4f}" in said
    assert "the best epoch was chosen on these images" in said
    page = Path("work/evaluation/report.html").read_text(encoding="utf-8")
    assert "Top-1 on untouched test images" in page and "Learning curves" in page and "暗/" in page
    assert {name.split("/")[-2] for name in read_logits("l.csv").names} == {"暗", "light"}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--logits", "logits.txt"], ".npz or .csv, got logits.txt; set --logits"),
        (["--topk", "0"], "topk must be at least 1, got 0"),
        (["--nproc", "many"], "nproc must be a number from 1 on or auto, got 'many'; set --nproc"),
        (["--nproc", "0"], "nproc must be a number from 1 on or auto, got '0'; set --nproc"),
        (["--output", "probe.pdparams/x"], "cannot write the folder probe.pdparams/x"),
        (["--explanations", "none.png"], "none.png cannot be opened"),
    ],
)
def test_refuses_before_the_work(folder, capsys, flags, sentence):
    assert evaluate.main([*FLAGS, *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and sentence in error
    assert [path.name for path in folder.iterdir()] == ["probe.pdparams"]


def test_any_number_of_processes_gives_the_same_files(folder, capsys):
    digits = load_dataset("digits")
    images = np.concatenate([digits.train.images, digits.val.images])[..., 0]  # (1797, 8, 8)
    labels = np.concatenate([digits.train.labels, digits.val.labels])
    (folder / "idx").mkdir()
    for part in ("train", "t10k"):
        (folder / "idx" / f"{part}-images-idx3-ubyte").write_bytes(as_idx(images.astype(np.uint8)))
        (folder / "idx" / f"{part}-labels-idx1-ubyte").write_bytes(as_idx(labels.astype(np.uint8)))
    flags = [*FLAGS[:2], "--dataset", "mnist", "--data-path", "idx", *FLAGS[4:], "--class-names", *digits.class_names]
    written = {}
    for count in ("1", "2", "3"):
        assert evaluate.main([*flags, "--nproc", count, "--output", count, "--logits", f"{count}.npz"]) == 0
        written[count] = [(folder / count / name).read_bytes() for name in EVALUATION_FILES if "report" not in name]
        logits = read_logits(folder / f"{count}.npz")
        written[count] += [logits.logits.tobytes(), logits.labels.tobytes(), logits.names]
    assert len(logits.labels) == 1797
    assert written["1"] == written["2"] == written["3"]
    assert "3 processes share the images" in capsys.readouterr().out
