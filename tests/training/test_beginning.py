"""Where a training begins, and what is said about it: weights of files, their classes and their preparation."""

import contextlib
import dataclasses
import signal

import numpy as np
import paddle
import pytest

from fasternet_paddle import export, train
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.errors import Stopped
from fasternet_paddle.runs.folder import save_weights_file
from fasternet_paddle.runtime import ranks
from fasternet_paddle.train import _parse
from fasternet_paddle.training.beginning import begin_model, settings_of_weights
from fasternet_paddle.training.distilling import read_teacher
from fasternet_paddle.training.parts import make_parts
from fasternet_paddle.training.session import Session
from fasternet_paddle.training.steps import extras_of

DIGITS = load_dataset("digits")
NAMES = DIGITS.class_names
SMALL = {"dataset": "digits", "image_size": 32, "batch_size": 16, "epochs": 1, "max_steps": 2, "num_workers": 0}
SMALL |= {"embed_dim": 4, "depths": (1, 1, 1, 1)}
FLAGS = "--dataset digits --image-size 32 --batch-size 16 --epochs 2 --max-steps 2 --num-workers 0"
FLAGS = (FLAGS + " --embed-dim 4 --depths 1 1 1 1").split()


@pytest.fixture
def weights(tmp_path):
    """A file of weights, prepared for as published ones are, and its network."""
    paddle.seed(1)
    model = begin_model(TrainConfig(**SMALL | {"resize": "crop"}), NAMES)
    model.record = dataclasses.replace(model.record, crop_ratio=0.9, interpolation="bilinear")
    save_weights_file(model, tmp_path, "first.pdparams")
    return str(tmp_path / "first.pdparams"), model


def test_the_same_classes_in_another_order_keep_their_outputs(weights, capsys):
    path, first = weights
    turned = begin_model(TrainConfig(**SMALL, init_weights=path), NAMES[::-1])
    x = paddle.randn([2, 3, 32, 32])
    first.eval()
    turned.eval()
    assert np.array_equal(turned(x).numpy(), first(x).numpy()[:, ::-1])
    assert "head" not in capsys.readouterr().out


@pytest.mark.parametrize("resize, ratio, how", [("crop", 0.9, "bilinear"), ("squash", 0.875, "bilinear")])
def test_the_preparation_of_the_weights_goes_on(weights, resize, ratio, how, capsys):
    path, _ = weights
    parts = make_parts(TrainConfig(**SMALL | {"resize": resize}, init_weights=path), DIGITS)
    assert (parts.model.record.crop_ratio, parts.model.record.interpolation) == (ratio, how)
    prepare = parts.val_loader.dataset.transform  # what validation sees is what the record will say
    assert (prepare.resize, prepare.crop_ratio, prepare.interpolation) == (resize, ratio, how)
    assert ("note: resize of" in capsys.readouterr().out) == (resize == "squash")


def test_a_file_tells_the_settings_that_go_on(weights):
    wanted = {"variant": "t0", "mixer": "pconv", "embed_dim": 4, "depths": (1, 1, 1, 1)}
    assert settings_of_weights(weights[0]) == wanted | {"image_size": 32, "resize": "crop"}


def test_frozen_parts_of_no_training_are_warned_of(capsys):
    make_parts(TrainConfig(**SMALL, freeze=("backbone",)), DIGITS)
    assert "frozen parts need init_weights" in capsys.readouterr().err


@pytest.mark.parametrize("waiting, saved", [(1, 0), (0, 1)])
def test_half_a_step_is_never_saved(waiting, saved, tmp_path):
    """Gradients that wait for a step are in no checkpoint, so there a signal leaves the last one standing."""
    config = TrainConfig(**SMALL, accumulate=2, work_path=str(tmp_path / "run"))
    with Session(config) as session:
        parts = make_parts(config, DIGITS)
        session.start(parts, DIGITS)
        extras_of(parts.optimizer).waiting = waiting
        session.stop.signal = signal.SIGTERM
        with pytest.raises(Stopped):
            session.leave_if_asked()
    assert len(list((tmp_path / "run").glob("checkpoints/step-*"))) == saved


@pytest.mark.parametrize("asked", [0, signal.SIGTERM])
def test_a_process_that_failed_exchanges_nothing_with_the_others(asked, tmp_path, monkeypatch):
    """Of several, the others are in the midst of a step: what it sent would be taken for a part of theirs."""
    with Session(TrainConfig(**SMALL, work_path=str(tmp_path / "run"))) as session:
        monkeypatch.setattr(ranks, "count", lambda: 2)
        monkeypatch.setattr(ranks, "largest", lambda values: pytest.fail("it asked the others"))
        session.stop.signal = asked
        with pytest.raises(Stopped) if asked else contextlib.nullcontext() as stopped:
            session.leave_if_asked(alone=True)
    assert not asked or (stopped.value.signal, stopped.value.saved) == (asked, False)


def test_an_exported_network_teaches(weights, tmp_path):
    path, model = weights
    assert export.main(["--weights", path, "--output", str(tmp_path / "exported")]) == 0
    model.eval()
    x = paddle.randn([3, 3, 64, 64])  # of another size than it was exported for
    answer = read_teacher(str(tmp_path / "exported"), model.record)(x).numpy()
    np.testing.assert_allclose(answer, model(x).numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--warmup-epochs", "-1"], "warmup_epochs must be 0 or more, got -1"),
        (["--warmup-epochs", "2"], "set --warmup-epochs or set --epochs"),
        (["--min-learning-rate", "1"], "set --min-learning-rate or lower --learning-rate"),
        (["--accumulate", "0"], "accumulate must be at least 1, got 0"),
        (["--patience", "0"], "patience must be at least 1, got 0"),
        (["--least-gain", "0.1"], "least_gain needs patience"),
        (["--clip-norm", "0"], "clip_norm must be above 0, got 0"),
        (["--ema-decay", "1"], "ema_decay must lie in [0, 1), got 1"),
        (["--ema-decay", "-0.1"], "ema_decay must lie in [0, 1), got -0.1"),
        (["--layer-decay", "0"], "layer_decay must lie in (0, 1], got 0"),
        (["--layer-decay", "1.01"], "layer_decay must lie in (0, 1], got 1.01"),
        (["--backbone-rate", "nan"], "backbone_rate must be finite"),
        (["--freeze", "neck"], "no part 'neck' to freeze; known: backbone, stem, 1, 2, 3, 4"),
        (["--freeze", "5"], "no part '5' to freeze"),
        (["--init-weights", "none.pth"], "none.pth cannot be opened: No such file or directory; set --init-weights"),
        (["--init-weights", "t9-imagenet"], "set --init-weights"),
        (["--init-weights", "FIRST", "--variant", "t1", "--depths", "2", "1", "1", "1"], "set --init-weights or set"),
        (["--teacher", "none.pdparams"], "none.pdparams cannot be opened: No such file or directory; set --teacher"),
        (["--teacher", "FIRST", "--alpha", "1.5"], "alpha must lie in [0, 1], got 1.5"),
        (["--teacher", "FIRST", "--temperature", "0"], "temperature must be above 0, got 0"),
        (["--teacher", "OTHER"], "set --teacher"),
        (["--amp", "bf16", "--device", "cpu"], "amp bf16 needs a GPU"),
        (["--amp", "fp16", "--device", "cpu"], "amp fp16 needs a GPU"),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_code_2(flags, says, weights, tmp_path, capsys, monkeypatch):
    path, model = weights
    model.record = dataclasses.replace(model.record, class_names=("a", *NAMES[1:]))
    save_weights_file(model, tmp_path, "other.pdparams")
    flags = [{"FIRST": path, "OTHER": str(tmp_path / "other.pdparams")}.get(flag, flag) for flag in flags]
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert train.main([*FLAGS, *flags]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and error.startswith("error: "), error
    assert not any(folder.iterdir())


def test_the_entry_goes_on_with_the_network_and_the_size_of_the_weights(weights, tmp_path, monkeypatch):
    path, _ = weights
    monkeypatch.chdir(tmp_path)
    for flags, size, resize in (([], 32, "crop"), (["--image-size", "64", "--resize", "squash"], 64, "squash")):
        settings = _parse(["--dataset", "digits", "--recipe", "finetune", "--init-weights", path, *flags]).settings
        assert (settings.embed_dim, settings.depths, settings.variant) == (4, (1, 1, 1, 1), "t0")
        assert (settings.image_size, settings.resize, settings.epochs) == (size, resize, 20)


@pytest.mark.parametrize("size, early, epochs", [(224, 192, 280.0), (448, 384, 280.0), (32, None, 0.0)])
def test_the_early_size_is_a_share_of_the_size(size, early, epochs):
    settings = _parse(["--recipe", "paper", "--image-size", str(size)]).settings
    assert (settings.image_size, settings.early_image_size, settings.early_epochs) == (size, early, epochs)


def test_a_flag_that_needs_a_setting_of_the_recipe_is_taken(tmp_path):
    (tmp_path / "mine.yaml").write_text("patience: 3\n")
    assert _parse(["--recipe", str(tmp_path / "mine.yaml"), "--least-gain", "0.1"]).settings.least_gain == 0.1


def test_help_tells_what_each_recipe_contains(capsys):
    with pytest.raises(SystemExit):
        _parse(["--help"])
    said = capsys.readouterr().out
    assert "- finetune: few images" in said and "backbone_rate 0.1" in said and "early_image_size 192" in said
