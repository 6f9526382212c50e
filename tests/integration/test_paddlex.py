"""PaddleX 3.4.3 itself on an exported folder: create_model, create_pipeline, and a server on this machine."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fasternet_paddle import Predictor, load_run
from fasternet_paddle.data.preparation import preparation
from fasternet_paddle.files.images import read_image
from tests.integration.conftest import run_entry
from tests.integration.shared import BOUND, model_answers

ROUNDED = 1e-5  # PaddleX rounds its scores to five decimals
SECONDS = 180  # for the server to come up on a busy machine


@pytest.fixture(scope="module")
def folder(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "paddlex"
    said = run_entry("export", "--weights", weights, "--format", "paddlex", "--output", folder)
    assert "0 decisions differ" in said
    return folder


@pytest.fixture(scope="module")
def expected(weights, pictures):
    """Our own probabilities of the pictures, by the model as it is: ``(100, 10)``."""
    return model_answers(weights, pictures)[2]


@pytest.fixture(scope="module")
def paddlex():
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"  # it looks for its hosts on the network
    import paddlex

    return paddlex


def check(answers, expected):
    """Hold PaddleX's answers, (classes, scores, names) for each picture, to our probabilities."""
    assert len(answers) == len(expected)
    for (classes, scores, names), wanted in zip(answers, expected, strict=True):
        classes = np.asarray(classes)
        assert classes[0] == wanted.argmax()
        assert np.abs(np.asarray(scores) - wanted[classes]).max() < BOUND + ROUNDED
        assert list(names) == [str(number) for number in classes]


def answers_of(results):
    return [(result["class_ids"], result["scores"], result["label_names"]) for result in results]


def test_create_model(paddlex, folder, pictures, expected):
    model = paddlex.create_model("FasterNet-T0", model_dir=str(folder))
    check(answers_of(model.predict([str(path) for path in pictures], batch_size=7)), expected)


def test_create_pipeline(paddlex, folder, pictures, expected, monkeypatch):
    monkeypatch.chdir(folder)  # as the model card says
    pipeline = paddlex.create_pipeline("pipeline.yaml")
    check(answers_of(pipeline.predict([str(path) for path in pictures])), expected)


def test_server(folder, pictures, expected, tmp_path):
    with served(folder, tmp_path) as url:
        answers = []
        for path in pictures:
            image = base64.b64encode(Path(path).read_bytes()).decode()
            body = json.dumps({"image": image}).encode()
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                categories = json.load(response)["result"]["categories"]
            answers.append([[each[key] for each in categories] for key in ("id", "score", "name")])
        check(answers, expected)


class served:
    """The URL of a server that PaddleX runs on 127.0.0.1, while the block lasts."""

    def __init__(self, folder, scratch):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = scratch / "server.log"
        command = Path(sys.executable).with_name("paddlex")
        flags = ["--serve", "--pipeline", "pipeline.yaml", "--host", "127.0.0.1", "--port", str(self.port)]
        environment = os.environ | {"PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True"}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, command, *flags], cwd=folder, env=environment, stdout=log, stderr=log
            )

    def __enter__(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return f"http://127.0.0.1:{self.port}/image-classification"
            except OSError:
                time.sleep(0.2)
        self.__exit__()
        raise AssertionError(self.log.read_text())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)


def test_a_crop_differs_by_what_export_measured(paddlex, weights, pictures, tmp_path, capsys):
    """PaddleX rounds the longer side and centres by whole pixels: ``prepare_as_paddlex`` is its rule to 1e-4."""
    from dataclasses import replace

    from fasternet_paddle.exporting.network import WithSoftmax, export_network
    from fasternet_paddle.exporting.paddlex import prepare_as_paddlex, write_paddlex

    run = load_run(weights)
    record = replace(run.record, resize="crop", interpolation="bicubic", crop_ratio=0.9)
    export_network(WithSoftmax(run.model), tmp_path)
    write_paddlex(record, tmp_path)
    images = [read_image(path) for path in pictures]
    predict = Predictor(run.model, engine="dygraph").probabilities
    theirs = predict(np.stack([prepare_as_paddlex(record, image) for image in images]))
    ours = predict(np.stack([preparation(record)(image) for image in images]))
    model = paddlex.create_model("FasterNet-T0", model_dir=str(tmp_path))
    check(answers_of(model.predict([str(path) for path in pictures])), theirs)
    with capsys.disabled():
        most, changed = np.abs(ours - theirs).max(), (ours.argmax(axis=1) != theirs.argmax(axis=1)).sum()
        print(f"\ncrop: probabilities differ from PaddleX's by up to {most:.2g}, {changed} decisions")


def test_what_is_under_an_alpha_and_cmyk_differ_as_the_documentation_says(paddlex, folder, tmp_path):
    """PaddleX drops the alpha channel, where this package lays a picture over white; CMYK it converts otherwise."""
    model = paddlex.create_model("FasterNet-T0", model_dir=str(folder))
    draw = np.random.default_rng(1)
    colours = draw.integers(0, 256, (64, 64, 4), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "clear.png")
    Image.fromarray(colours[..., :3]).save(tmp_path / "opaque.png")
    clear, opaque = answers_of(model.predict([str(tmp_path / "clear.png"), str(tmp_path / "opaque.png")]))
    assert np.array_equal(clear[1], opaque[1])
