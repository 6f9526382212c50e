"""What a run leaves carries its record everywhere, and a run goes on only with the classes that it knows."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fasternet_paddle import evaluate, explain, train
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.images import ImageData, Images
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.record import Record
from fasternet_paddle.runs.checkpoints import latest_checkpoint
from fasternet_paddle.runs.folder import read_recipe
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.runtime.flags import NetworkFlags
from fasternet_paddle.training.parts import make_parts
from fasternet_paddle.weights.pdparams import save_state
from tests.archives import NAMES, batch, photograph_crops, write_archive

FLAGS = ["--image-size", "32", "--batch-size", "16", "--epochs", "8", "--augment", "fast", "--num-workers", "0"]
FLAGS += ["--embed-dim", "8", "--depths", "1", "1", "2", "1", "--drop-path", "0.1", "--learning-rate", "0.01"]
ORDER = (2, 0, 1)  # of the other archive: its class 0 is called what is class 2 here


def archive(path, order=(0, 1, 2), names=NAMES):
    """The same images and classes, with the classes numbered otherwise; ``names`` as None names none."""
    import pickle

    images, labels = photograph_crops(96 + 60)
    labels = np.argsort(order)[labels]
    members = {"data_batch_1": batch(images[:96], labels[:96]), "test_batch": batch(images[96:], labels[96:])}
    if names is not None:
        meta = {b"label_names": [names[number].encode() for number in order], b"num_vis": 3072}
        members["batches.meta"] = pickle.dumps(meta, protocol=2)
    write_archive(path, members)
    return str(path)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    data = archive(folder / "photos.tar.gz")
    archive(folder / "turned.tar.gz", ORDER)
    archive(folder / "unnamed.tar.gz", names=None)
    archive(folder / "others.tar.gz", names=["owl", "cat", "coffee"])
    work_path = str(folder / "run")
    assert train.main(["--data-path", data, "--work-path", work_path, *FLAGS]) == 0
    return folder


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_record_is_in_each_file_of_a_run(scratch):
    config = TrainConfig(image_size=32, embed_dim=8, depths=[1, 1, 2, 1], drop_path=0.1)
    wanted = Record.of(config, NAMES)
    for name in ("best_model", "final_model"):
        alone = shutil.copy(scratch / "run" / f"{name}.pdparams", f"{name}.pdparams")
        run = load_run(alone)
        assert run.record == wanted and run.config.depths == (1, 1, 2, 1)
    assert Record.from_json(latest_checkpoint(scratch / "run").header["record"]) == wanted
    assert read_recipe(scratch / "run" / "config.yaml")[2] == wanted


def measured(capsys, *flags):
    assert evaluate.main(["--num-workers", "0", "--engine", "dygraph", "--batch-size", "60", *flags]) == 0
    said = capsys.readouterr().out
    return float(said.partition("top-1: ")[2].split()[0]), said


def test_a_copy_is_measured_as_the_original(scratch, capsys):
    weights = scratch / "run" / "best_model.pdparams"
    top_1, _ = measured(capsys, "--weights", str(weights))
    assert top_1 > 0.5
    copied = shutil.copy(weights, "copy.pdparams")
    assert measured(capsys, "--weights", copied, "--data-path", str(scratch / "photos.tar.gz"))[0] == top_1
    os.symlink(weights, "link.pdparams")
    assert measured(capsys, "--weights", "link.pdparams")[0] == top_1


def test_data_in_another_order_are_mapped_and_others_refused(scratch, capsys):
    flags = ["--weights", str(scratch / "run" / "best_model.pdparams")]
    top_1, said = measured(capsys, *flags)
    assert "note" not in said
    turned, said = measured(capsys, *flags, "--data-path", str(scratch / "turned.tar.gz"))
    assert turned == top_1 and said.count("mapped by name") == 1
    unnamed, said = measured(capsys, *flags, "--data-path", str(scratch / "unnamed.tar.gz"))
    assert unnamed == top_1 and said.count("does not name its classes") == 1
    assert evaluate.main([*flags, "--data-path", str(scratch / "others.tar.gz")]) == 2
    said = capsys.readouterr().err
    assert "'owl', 'cat', 'coffee'" in said and "'astronaut', 'cat', 'coffee'" in said and said.count("\n") == 1


def test_explained_items_have_the_networks_numbers(scratch, capsys):
    run = load_run(scratch / "run" / "best_model.pdparams")
    flags = explain.ExplainFlags(network=NetworkFlags(scratch / "run" / "best_model.pdparams"), index=(0, 1, 2))
    found = {}
    for name in ("photos", "turned", "unnamed"):
        config = dataclasses.replace(run.config, data_path=str(scratch / f"{name}.tar.gz"))
        found[name] = [item.label for item in explain.read_items(flags, config, run)]
    assert found["photos"] == found["turned"] == found["unnamed"] and len(set(found["photos"])) == 3
    config = dataclasses.replace(run.config, data_path=str(scratch / "others.tar.gz"))
    with pytest.raises(FasterNetError, match="does not know the class 'owl'"):
        explain.read_items(flags, config, run)


def test_names_and_size_are_given_where_a_file_has_none(scratch, capsys):
    model = load_run(scratch / "run" / "best_model.pdparams").model
    save_state(model.state_dict(), "bare.pdparams")
    network = ["--weights", "bare.pdparams", "--embed-dim", "8", "--variant", "t0", "--depths", "1", "1", "2", "1"]
    given = [
        "--image-size",
        "32",
        "--class-names",
        "coffee",
        "astronaut",
        "cat",
    ]  # wrong on purpose
    data = ["--data-path", str(scratch / "photos.tar.gz")]
    _, said = measured(capsys, *network, *data, *given)
    assert "assumed" not in said and "mapped by name" in said
    _, said = measured(capsys, *network, *data, "--image-size", "32")
    assert said.count("numbers in place of class names are assumed") == 1


def test_a_run_goes_on_with_its_own_order_of_classes(scratch, capsys):
    shutil.copytree(scratch / "run", "run")
    resume = ["--resume", "--work-path", "run", "--epochs", "9", "--data-path"]
    assert train.main([*resume, str(scratch / "others.tar.gz")]) == 2
    said = capsys.readouterr().err
    assert "run holds a run on the classes 'astronaut'" in said and "'owl'" in said
    assert train.main([*resume, str(scratch / "turned.tar.gz")]) == 0
    assert "mapped by name" in capsys.readouterr().out
    text = Path("run/config.yaml").read_text(encoding="utf-8").replace("- astronaut\n- cat\n", "- cat\n- astronaut\n")
    Path("run/config.yaml").write_text(text, encoding="utf-8")  # contradicts the checkpoint, and the labels with it
    assert train.main([*resume, str(scratch / "photos.tar.gz")]) == 2
    assert "holds a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("batch_size", "labels", "says"),
    [(1, [0, 1, 0, 1], "of that image"), (2, [1, 1, 1, 1], "of the class 'b'"), (2, [0, 1, 0, 1], None)],
)
def test_a_worthless_recipe_is_said(batch_size, labels, says, capsys):
    part = Images(np.zeros((4, 32, 32, 3), np.uint8), np.array(labels, np.int64))
    config = TrainConfig(image_size=32, embed_dim=4, batch_size=batch_size, num_workers=0)
    make_parts(config, ImageData("cifar10", ("a", "b"), part, part)).close()
    said = capsys.readouterr().err
    assert said.count("warning") == (says is not None) and (says or "") in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mix_probability": 0.5}, "mix_probability 0.5 does nothing without mixup or cutmix"),
        ({"mix_switch": 0.2, "mixup": 0.1}, "mix_switch 0.2 does nothing without mixup and cutmix"),
        ({"erasing_mode": "pixel"}, "erasing_mode pixel does nothing without random_erasing"),
        ({"momentum": 0.5}, "momentum 0.5 does nothing without the optimizer sgd"),
        ({"schedule": "constant", "min_learning_rate": 1e-5}, "does nothing without the schedule cosine"),
        ({"warmup_learning_rate": 1e-5}, "warmup_learning_rate 1e-05 does nothing without warmup_epochs"),
        ({"freeze": ("stem",)}, "stem stays as the seed made it"),
        ({"momentum": 0.5, "optimizer": "sgd", "mixup": 0.1, "cutmix": 1.0, "mix_switch": 0.2}, None),
    ],
)
def test_a_setting_that_does_nothing_is_said(settings, says, capsys):
    part = Images(np.zeros((4, 32, 32, 3), np.uint8), np.array([0, 1, 0, 1], np.int64))
    config = TrainConfig(image_size=32, embed_dim=4, batch_size=2, num_workers=0, **settings)
    make_parts(config, ImageData("cifar10", ("a", "b"), part, part)).close()
    said = capsys.readouterr().err
    assert said.count("warning") == (says is not None) and (says or "") in said


def test_a_record_survives_a_process(scratch):
    code = (
        "from fasternet_paddle import load_run, save_weights\n"
        f"run = load_run({str(scratch / 'run' / 'final_model.pdparams')!r})\n"
        "save_weights(run.model, 'again.pdparams')\n"
        "assert load_run('again.pdparams').record == run.record\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
