"""README's table "from where, to where": each of its cells is run, on a file or into a folder of that kind."""

import importlib
import os
import pickle
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.record import Record
from fasternet_paddle.runs.folder import save_weights_file
from tests import foreign

README = Path(__file__).resolve().parent.parent / "README.md"
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("|").split("|")]
    for line in README.read_text(encoding="utf-8").splitlines()
    if re.search(r"\| `fasternet-(evaluate|export) ", line)
]
FROM = {where: command for where, command, _, _ in ROWS}
TO = {where: command for _, _, where, command in ROWS}
NEEDS = {"ONNX Runtime": "paddle2onnx", "OpenVINO": "openvino", "timm, PyTorch": None}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files that the table names, of T0 with ten classes."""
    folder = tmp_path_factory.mktemp("files")
    theirs = foreign.authors(40, (1, 2, 8, 2))
    clas = foreign.paddleclas(theirs)
    for number, image in enumerate(load_dataset("digits").val.images[:10]):  # one of each class will do
        (folder / "few" / str(number)).mkdir(parents=True)
        cv2.imwrite(str(folder / "few" / str(number) / "one.png"), image)
    paddle.seed(0)
    model = create_model("t0")
    with paddle.no_grad():
        for _ in range(20):  # batch norms that have seen images: without, logits are in the hundreds
            model(paddle.randn([8, 3, 32, 32]))
    paddle.save(model.state_dict(), str(folder / "best.pdparams"))  # as the notebook does
    model.record = Record(tuple("0123456789"), 32)
    save_weights_file(model, folder, "ours.pdparams")
    (folder / "authors.pth").write_bytes(foreign.torch_zip(foreign.with_counts(theirs)))
    lightning = {f"model.{name}": array for name, array in theirs.items()}
    (folder / "last.ckpt").write_bytes(foreign.torch_zip(lightning, lambda state: {"epoch": 1, "state_dict": state}))
    (folder / "clas.pdparams").write_bytes(pickle.dumps(clas, 4))
    (folder / "timm.safetensors").write_bytes(foreign.safetensors(foreign.timm(theirs)))
    return folder


def run(command, *more):
    """The exit code of a console script's command."""
    script, *words = shlex.split(command)
    return importlib.import_module(f"fasternet_paddle.{script.removeprefix('fasternet-')}").main([*words, *more])


def test_the_table_has_every_family_and_every_format():
    assert list(FROM) == ["the notebook", "the authors", "Lightning", "PaddleClas, X", "timm"]
    formats = [shlex.split(command)[2] for command in TO.values()]
    assert formats == ["paddle", "paddlex", "onnx", "openvino", "timm"]


@pytest.mark.parametrize("where", FROM)
def test_from(where, files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(files)
    more = [
        "--dataset",
        "folder",
        "--data-path",
        "few",
        "--image-size",
        "32",
        "--engine",
        "dygraph",
        "--num-workers",
        "0",
    ]
    assert run(FROM[where], *more, "--output", str(tmp_path / "out")) == 0, capsys.readouterr().err
    assert re.search(r"top-1\b.*0\.\d+", capsys.readouterr().out)
    assert (tmp_path / "out" / "evaluation.json").is_file()


@pytest.mark.parametrize("where", TO)
def test_to(where, files, tmp_path, capsys):
    """In this environment the formats of other tools end in a sentence that names what is missing; tests/integration
    runs them in theirs."""
    weights = files / ("authors.pth" if where == "timm, PyTorch" else "ours.pdparams")
    out = tmp_path / "out"
    code = run(TO[where], "--weights", os.fspath(weights), "--image-size", "32", "--output", os.fspath(out))
    said = capsys.readouterr()
    needed = NEEDS.get(where)
    if needed is not None and not _is_there(needed):
        assert code == 2 and needed in said.err and said.err.count("\n") == 1 and not out.exists()
        return
    assert code == 0, said.err
    assert {"agreement.json", "fasternet.json", "README.md"} <= {path.name for path in out.iterdir()}
    assert np.all([path.stat().st_size for path in out.iterdir()])


def _is_there(package):
    return importlib.util.find_spec(package) is not None
