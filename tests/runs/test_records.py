"""What a model carries comes back from its file alone, wherever that lies; and what is assumed for others is said."""

import copy
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml

from fasternet_paddle.config import CIFAR10_NAMES, TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference.cache import fingerprint
from fasternet_paddle.model.fasternet import build_model, create_model
from fasternet_paddle.model.layers import MIXERS, FullConv
from fasternet_paddle.record import Record
from fasternet_paddle.runs.folder import read_recipe, save_config
from fasternet_paddle.runs.records import given_names
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.weights.pdparams import RECORD, load_weights, save_state, save_weights

CONFIG = TrainConfig(dataset="digits", image_size=32, batch_size=8, embed_dim=4, resize="crop")
NAMES = ("zero", "猫", "two")


def network(config=CONFIG, names=NAMES, **others):
    model = build_model(config, len(names), stem_act=others.get("stem_act", True))
    model.record = Record.of(config, names, **others)
    model.eval()
    return model


def saved(folder, model=None, **config):
    """A weights file with a record in a folder with its ``config.yaml``, as training leaves them."""
    folder.mkdir()
    model = model or network()
    save_weights(model, folder / "best_model.pdparams")
    recipe = dataclasses.replace(CONFIG, **config)
    save_config(recipe, model.record.class_names, folder, model.record)
    return folder / "best_model.pdparams"


def bare(folder, model=None):
    """A weights file as the notebook writes it."""
    folder.mkdir(exist_ok=True)
    save_state((model or network()).state_dict(), folder / "model.pdparams")
    return folder / "model.pdparams"


def test_a_file_alone_says_what_belongs_to_it(tmp_path, capsys):
    copied = shutil.copy(saved(tmp_path / "run"), tmp_path / "renamed.bin")
    run = load_run(copied)
    assert run.record == network().record and run.class_names == NAMES and run.named
    assert (run.config.dataset, run.config.image_size, run.config.resize) == ("digits", 32, "crop")
    assert run.config.batch_size == TrainConfig().batch_size  # that stands beside it alone
    assert capsys.readouterr() == ("", "")
    created = create_model("t0", weights=copied)
    assert created.record == dataclasses.replace(run.record, depths=(1, 2, 8, 2))


def test_the_config_of_the_run_lends_the_rest_and_links_are_followed(tmp_path, capsys):
    link = tmp_path / "link.pdparams"
    link.symlink_to(saved(tmp_path / "run"))
    for weights in (link, tmp_path / "run" / "best_model.pdparams"):
        run = load_run(weights)
        assert (run.config.batch_size, run.class_names) == (8, NAMES)
    assert capsys.readouterr() == ("", "")


def test_a_foreign_config_lends_nothing_and_is_named_once(tmp_path, capsys):
    weights = saved(tmp_path / "run")
    others = TrainConfig(dataset="digits", image_size=64, embed_dim=4, resize="crop", batch_size=3)
    save_config(others, ("a", "b", "c"), tmp_path / "run")
    run = load_run(weights)
    assert (run.record, run.config.image_size) == (network().record, 32)
    assert run.config.batch_size == TrainConfig().batch_size
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "contradicts the record" in said and "class_names, image_size" in said
    (tmp_path / "run" / "config.yaml").write_text("epochs: many")
    assert load_run(weights).record == network().record
    assert "epochs must be a whole number" in capsys.readouterr().out


def test_a_file_without_record_takes_a_config_that_fits(tmp_path, capsys):
    weights = bare(tmp_path)
    save_config(CONFIG, NAMES, tmp_path)
    run = load_run(weights)
    assert (run.class_names, run.config.image_size, run.record.image_size, run.named) == (NAMES, 32, 32, True)
    assert capsys.readouterr().out.count("carries no record") == 1
    save_config(CONFIG, ("only", "two"), tmp_path)
    run = load_run(weights, variant="t0", embed_dim=4)
    said = capsys.readouterr().out
    assert "is of another network" in said and "224 pixels a side are assumed" in said
    assert (run.class_names, run.config.image_size, run.named) == (("class 0", "class 1", "class 2"), 224, False)


def test_what_is_assumed_is_said_and_can_be_given(tmp_path, capsys):
    weights = bare(tmp_path, create_model("t0"))
    run = load_run(weights)
    assert (run.class_names, run.record.image_size, run.named) == (CIFAR10_NAMES, 224, False)
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "CIFAR-10's class names and 224 pixels a side are assumed" in said
    (tmp_path / "names.txt").write_text("".join(f"class of {n}\n" for n in range(10)), encoding="utf-8")
    for names in (tmp_path / "names.txt", [str(tmp_path / "names.txt")], [f"class of {n}" for n in range(10)]):
        run = load_run(weights, class_names=names, image_size=64)
        assert (run.record.class_names[9], run.record.image_size, run.named) == ("class of 9", 64, True)
    assert capsys.readouterr().out == ""
    with pytest.raises(FasterNetError, match="each of the network's 10 classes, got 2") as refusal:
        load_run(weights, class_names=["a", "b"])
    assert refusal.value.change == ("class_names",)


def test_a_file_without_activation_after_the_stem_comes_back_so(tmp_path):
    model = network(stem_act=False)
    run = load_run(saved(tmp_path / "run", model))
    assert len(run.model.stem) == 2
    x = paddle.rand([2, 3, 32, 32])
    assert np.array_equal(run.model(x).numpy(), model(x).numpy())


def test_depths_rate_and_mixer_of_ones_own_are_rebuilt(tmp_path, monkeypatch):
    class Shifted(FullConv):
        def __init__(self, dim):
            super().__init__(dim, kernel_size=1)
            self.inner, self.conv = self.conv, paddle.nn.Identity()

        def forward(self, x):
            return self.inner(paddle.roll(x, 1, axis=3))

    monkeypatch.setitem(MIXERS, "shifted", Shifted)
    config = dataclasses.replace(CONFIG, mixer="shifted", depths=(1, 1, 2), drop_path=0.25)
    weights = saved(tmp_path / "run", network(config), mixer="shifted", depths=(1, 1, 2), drop_path=0.25)
    assert read_recipe(tmp_path / "run" / "config.yaml")[0] == config
    alone = shutil.copy(weights, tmp_path / "alone.pdparams")
    run = load_run(alone)
    assert (run.config.depths, run.config.drop_path, run.config.mixer) == ((1, 1, 2), 0.25, "shifted")
    assert run.model.feature[4][1].drop_path.drop_prob == 0.25 and len(run.model.feature) == 5
    assert isinstance(run.model.feature[0][0].pconv, Shifted)
    monkeypatch.delitem(MIXERS, "shifted")
    with pytest.raises(FasterNetError, match=r"unknown mixer 'shifted'; known mixers: pconv, .*layers.MIXERS"):
        load_run(alone)


def test_a_copy_keeps_the_record_and_the_compiled_network_does_not_depend_on_it():
    model = network()
    assert copy.deepcopy(model).record == model.record
    named = fingerprint(model)
    model.record = None
    assert fingerprint(model) == named


def test_a_new_head_has_no_names_and_the_rest_stays(tmp_path, capsys):
    model = create_model("t0", num_classes=7, weights=saved(tmp_path / "run"))
    assert model.record.class_names == tuple(f"class {n}" for n in range(7))
    assert (model.record.image_size, model.record.dataset) == (32, "")
    assert "a new head of 7 classes" in capsys.readouterr().out


def test_the_notebook_takes_the_file_and_its_other_keys_are_as_paddle_writes_them(tmp_path):
    model = network()
    weights = saved(tmp_path / "run", model)
    save_state(model.state_dict(), tmp_path / "plain.pdparams")
    code = (
        "import paddle, numpy as np\n"
        "from tests.runs.test_records import network\n"
        f"with_record, plain = paddle.load({str(weights)!r}), paddle.load({str(tmp_path / 'plain.pdparams')!r})\n"
        f"record = with_record[{RECORD!r}]\n"
        "assert list(with_record) == [*plain, record.name] and record.dtype == paddle.uint8 and record.ndim == 1\n"
        "model = network()\n"
        "missing, _ = model.set_state_dict(with_record)\n"
        "assert not missing\n"
        "assert all(np.array_equal(v.numpy(), plain[k].numpy()) for k, v in model.state_dict().items())\n"
        "assert all(with_record[k].name == v.name and with_record[k].dtype == v.dtype for k, v in plain.items())\n"
    )
    quiet = ["-W", "error", "-W", "ignore:No ccache", "-W", "ignore::DeprecationWarning"]
    done = subprocess.run([sys.executable, *quiet, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "arn" not in done.stderr
    assert list(load_weights(weights)) == list(model.state_dict())
    again = tmp_path / "again.pdparams"
    save_weights(model, again)
    assert again.read_bytes() == weights.read_bytes()  # nothing in it counts the tensors of a process


def _bytes(text):
    return np.frombuffer(text.encode(), np.uint8)


def _record(**changes):
    return _bytes(json.dumps({"format": 1, "class_names": ["a", "b", "c"], "image_size": 32} | changes))


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (_bytes("{"), "record is damaged"),
        (_bytes("[" * 100_000), "record is damaged"),
        (_bytes('{"format": 2}'), "format 2, this release reads 1"),
        (_bytes('{"format": 1}'), "record is damaged"),
        (_bytes('{"format": 1, "class_names": 3, "image_size": 32}'), "class_names must be names"),
        (_bytes('{"format": 1, "class_names": "abc", "image_size": 32}'), "class_names must be names"),
        (_bytes('{"format": 1, "class_names": ["a", "b", "c"], "image_size": 3}'), "image_size must be 32"),
        *((_record(resize="crop", crop_ratio=value), "crop_ratio must lie in") for value in (1e-320, 1e-4, 10**400)),
        *((_record(std=[value] * 3), "std must be three numbers in") for value in (1e-300, 1e-45, 0, 1e30, 10**400)),
        *((_record(mean=[value] * 3), "mean must be three numbers in") for value in (1e300, -11, 10**400)),
        *((_record(temperature=value), "temperature must be above 0") for value in (1e-300, 1e300, 10**400)),
        *((_record(image_size=value), "image_size must be 32 pixels or more, up to") for value in (4097, 10**30)),
        (_record(drop_path=10**400), "drop_path must lie in"),
        (_record(class_names=["a", "b", "\ud800"]), "class_names must be names"),  # which no file's encoding takes
        (np.zeros((2, 3), np.float32), "damaged .float32"),
        (_bytes(dataclasses.replace(network().record, depths=(10**9,) * 4).to_json()), "another network"),
        (_bytes(dataclasses.replace(network().record, embed_dim=8).to_json()), "another network"),
        (_bytes(dataclasses.replace(network().record, class_names=("a",)).to_json()), "another network"),
        (_bytes(dataclasses.replace(network().record, variant="t9").to_json()), "unknown variant 't9'"),
        (_bytes(dataclasses.replace(network().record, mixer="dwconv").to_json()), "another network"),
    ],
)
def test_a_damaged_or_hostile_record_is_refused_by_name(tmp_path, record, says):
    state = {**network().state_dict(), RECORD: paddle.to_tensor(record)}
    paddle.save(state, str(tmp_path / "model.pdparams"))
    with pytest.raises(FasterNetError, match=says) as refusal:
        load_run(tmp_path / "model.pdparams")
    assert "model.pdparams" in str(refusal.value) or "t9" in says


@pytest.mark.parametrize(
    ("beyond", "says"),
    [
        ("text", "record in .* must be a mapping"),
        ({"format": 2}, "has format 2"),
        ({"format": 1, "mean": [1, 2]}, "mean must be three numbers"),
        ({"format": 1, "stem_act": "yes"}, "stem_act must be true or false"),
    ],
)
def test_a_config_with_a_damaged_record(tmp_path, beyond, says):
    save_config(CONFIG, NAMES, tmp_path, network().record)
    values = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    assert values["record"]["interpolation"] == "bicubic"  # of resize="crop"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values | {"record": beyond}), encoding="utf-8")
    with pytest.raises(FasterNetError, match=says):
        read_recipe(tmp_path / "config.yaml")


def test_names_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "names.txt").write_text("cat\ndog\n", encoding="utf-8")
    for given in ("~/names.txt", ("~/names.txt",), Path("~/names.txt")):
        assert given_names(given, 2) == ("cat", "dog")
    assert given_names(("~",), 1) == ("~",)  # a name, where no such file is
    for given in ({"cat", "dog"}, {"cat": 0, "dog": 1}, 2):
        with pytest.raises(FasterNetError, match="in the order of the network's outputs"):
            given_names(given, 2)
