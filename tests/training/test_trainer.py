"""The loop: it learns, repeats itself to the bit, keeps nothing alive, and records what a plain loop would."""

import contextlib
import csv
import functools
import inspect
import json
import re
import textwrap
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import paddle.nn.functional as F
import psutil
import pytest

import fasternet_paddle
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data import datasets
from fasternet_paddle.data.datasets import ImageData, Images
from fasternet_paddle.data.loaders import make_loader
from fasternet_paddle.data.transforms import test_transform
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.training import trainer
from fasternet_paddle.training.batches import from_step, steps_of
from fasternet_paddle.training.parts import make_parts
from fasternet_paddle.training.session import Session

DIGITS = datasets.load_dataset("digits")


def _config(**changes):
    small = {"dataset": "digits", "image_size": 32, "batch_size": 16, "epochs": 1, "num_workers": 0}
    return TrainConfig(**(small | {"embed_dim": 4} | changes))


def _few(train, val):
    parts = [Images(part.images[:n], part.labels[:n]) for part, n in ((DIGITS.train, train), (DIGITS.val, val))]
    return ImageData("digits", DIGITS.class_names, *parts)


def _fit(config, data, work_path):
    if work_path is not None:
        work_path.mkdir()
    with contextlib.closing(make_parts(config, data)) as parts:
        return trainer.fit(*parts, config.epochs, work_path)


def test_same_seed_same_history_with_any_number_of_workers(tmp_path):
    data = _few(64, 24)
    for name, workers in (("a", 0), ("b", 0), ("c", 4)):
        _fit(_config(epochs=2, variant="t1", num_workers=workers), data, tmp_path / name)
    texts = [(tmp_path / name / "history.csv").read_bytes() for name in "abc"]
    assert texts[0] == texts[1] == texts[2]
    _fit(_config(epochs=2, variant="t1", seed=43), data, tmp_path / "d")
    assert (tmp_path / "d" / "history.csv").read_bytes() != texts[0]


def test_one_epoch_is_what_a_plain_loop_does():
    config, data = _config(), _few(48, 16)
    model, train_loader, _, criterion, optimizer, scheduler = make_parts(config, data)
    tally = trainer.train_one_epoch(model, train_loader, criterion, optimizer, scheduler)

    paddle.seed(config.seed)
    plain = create_model("t0", embed_dim=4)
    steps = 3  # of 16 images
    rates = paddle.optimizer.lr.CosineAnnealingDecay(1e-3, T_max=steps)
    adamw = paddle.optimizer.AdamW(parameters=plain.parameters(), learning_rate=rates, weight_decay=0.005)
    losses = []
    train_loader.sampler.set_epoch(0)
    for images, labels in train_loader:
        soft = F.one_hot(labels, 10) * 0.9 + 0.01
        loss = F.cross_entropy(plain(images), soft, soft_label=True)
        loss.backward()
        adamw.step()
        rates.step()
        adamw.clear_grad()
        losses.append(float(loss))
    assert tally.loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert tally.seen == 48
    assert optimizer.get_lr() == pytest.approx(0.0, abs=1e-12)  # the cosine ends with the run
    np.testing.assert_allclose(model.fc.weight.numpy(), plain.fc.weight.numpy(), atol=2e-4)


def test_validation_weighs_images_and_leaves_the_model_as_it_was():
    data = _few(16, 40)
    model, _, loader, criterion, *_ = make_parts(_config(batch_size=16), data)  # batches of 16, 16 and 8
    model.train()
    tally = trainer.validate(model, loader, criterion)
    assert model.training
    model.eval()
    images = np.stack([loader.dataset[i][0] for i in range(40)])
    with paddle.no_grad():
        logits = model(paddle.to_tensor(images))
    assert tally.loss == pytest.approx(float(criterion(logits, paddle.to_tensor(data.val.labels))), rel=1e-5)
    assert tally.correct == (logits.argmax(-1).numpy() == data.val.labels).sum()


def test_what_a_run_prints_and_writes(tmp_path, capsys):
    history = _fit(_config(epochs=2), _few(32, 16), tmp_path / "run")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == "#===epoch: 0, lr=0.0010000000===#"
    row = history.rows[1]
    assert lines[4] == (
        f"#===epoch: 1, train loss is: {row['train_loss']:.6f}, train acc is: {row['train_top1'] * 100:2.2f}%===#"
    )
    assert lines[5].startswith("#===epoch: 1, val loss is: ")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "best_model.pdparams",
        "best_optimizer.pdopt",
        "final_model.pdparams",
        "final_optimizer.pdopt",
        "history.csv",
        "metrics.json",
    ]
    with open(tmp_path / "run" / "history.csv") as file:
        assert [float(line["val_top1"]) for line in csv.DictReader(file)] == [r["val_top1"] for r in history.rows]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["final_val_loss"] == row["val_loss"]
    assert metrics["best_val_top1"] == max(r["val_top1"] for r in history.rows)
    assert metrics["best_epoch"] == history.best()["epoch"]


def test_memory_does_not_grow_with_epochs(tmp_path):
    config, data = _config(epochs=12, batch_size=32, embed_dim=40), _few(96, 32)
    model, train_loader, val_loader, criterion, optimizer, scheduler = make_parts(config, data)
    sizes = []
    for epoch in range(12):
        train_loader.sampler.set_epoch(epoch)
        trainer.train_one_epoch(model, train_loader, criterion, optimizer, scheduler)
        trainer.validate(model, val_loader, criterion)
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    assert abs(sizes[11] - sizes[2]) < 20  # MiB


def test_validation_and_training_leave_every_sublayers_mode_as_it_says():
    model, train_loader, val_loader, *rest = make_parts(_config(max_steps=1), _few(16, 16))
    model.train()
    model.stem[1].eval()  # frozen, as when a few layers are tuned
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    trainer.validate(model, val_loader, rest[0])
    assert [layer.training for layer in model.sublayers(include_self=True)] == modes
    model.eval()
    trainer.train_one_epoch(model, train_loader, *rest)
    assert all(layer.training for layer in model.sublayers(include_self=True))


def test_no_filter_of_warnings_is_left_behind():
    model, train_loader, _, *rest = make_parts(_config(max_steps=1), _few(16, 16))
    before = list(warnings.filters)
    trainer.train_one_epoch(model, train_loader, *rest)
    assert warnings.filters == before


def test_without_a_work_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    history = _fit(_config(max_steps=1), _few(16, 16), None)
    assert len(history.rows) == 1 and list(Path().iterdir()) == []


def test_a_loss_that_breaks_without_a_work_path_is_told(monkeypatch):
    parts = make_parts(_config(max_steps=1), _few(16, 16))
    parts.model.fc.bias.set_value(paddle.full([10], float("inf")))
    with pytest.raises(FasterNetError, match=r"^the loss of step 0 is nan$") as failure:
        trainer.fit(*parts, 1, None)
    assert failure.value.change == ("learning_rate",)


class _Digits(paddle.io.Dataset):
    """The first digits as Paddle's own data sets have them: labels ``(1,)``."""

    def __init__(self, part):
        self.batches = make_loader(Images(part.images[:48], part.labels[:48]), test_transform(32), 48)

    def __getitem__(self, index):
        images, labels = next(iter(self.batches))
        return images[index].numpy(), labels[index : index + 1].numpy()

    def __len__(self):
        return 48


@pytest.mark.parametrize("kind", ["DataLoader", "list of arrays", "list of tensors"])
def test_any_iterable_of_batches_trains_alike(kind, capsys):
    config = _config(epochs=2)
    ours = [
        make_loader(Images(part.images[:48], part.labels[:48]), test_transform(32), 16)
        for part in (DIGITS.train, DIGITS.val)
    ]
    if kind == "DataLoader":
        theirs = [paddle.io.DataLoader(_Digits(part), batch_size=16) for part in (DIGITS.train, DIGITS.val)]
    else:
        theirs = [[tuple(batch) for batch in loader] for loader in ours]
        if kind == "list of arrays":
            theirs = [[(x.numpy(), y.numpy()[:, None].astype(np.int32)) for x, y in batches] for batches in theirs]
    histories = []
    for loaders in (ours, theirs):
        model, _, _, *rest = make_parts(config, _few(48, 16))
        histories.append(trainer.fit(model, *loaders, *rest, config.epochs, None, seed=1).csv())
        said = trainer.validate(model, loaders[1], rest[0])
        histories[-1] += f"{said.loss} {said.top1}"
    assert histories[0] == histories[1]


def test_a_loader_that_gives_nothing_is_told():
    model, train_loader, val_loader, *rest = make_parts(_config(), _few(16, 16))
    once = iter(list(train_loader))  # a generator comes to its end after one epoch
    with pytest.raises(FasterNetError, match="the loader gave no batch; give what can be iterated again"):
        trainer.fit(model, once, val_loader, *rest, 2, None)
    with pytest.raises(FasterNetError, match="no batch"):
        trainer.validate(model, [], rest[0])
    with pytest.raises(FasterNetError, match=r"a batch must be a pair \(images, labels\), got ndarray"):
        trainer.validate(model, np.zeros((1, 2, 3, 32, 32), np.float32), rest[0])


def test_a_run_goes_on_within_an_epoch_of_any_iterable():
    batches = list(range(5))
    assert list(from_step(batches, 0, 3)) == [3, 4] and from_step(batches, 0, 0) is batches
    told = []
    loader = SimpleNamespace(batch_sampler=SimpleNamespace(set_epoch=told.append))
    assert from_step(loader, 7, 0) is loader and told == [7]
    assert (steps_of(batches), steps_of(iter(batches))) == (5, None)


def test_the_docstrings_calls_run(capsys):
    """Every indented block, in the order of the file, with a step an epoch in place of 44."""
    names = {
        name: getattr(fasternet_paddle, name)
        for name in ("fit", "load_dataset", "make_parts", "train_one_epoch", "validate")
    }
    names["TrainConfig"] = functools.partial(TrainConfig, max_steps=1, embed_dim=4, num_workers=0)
    ran = 0
    for documented in (trainer, trainer.train_one_epoch, trainer.validate, trainer.fit):
        for block in re.findall(r"\n\n((?: {4}.*\n)+)\n", inspect.getdoc(documented)):
            if "=" in block.splitlines()[0]:
                exec(textwrap.dedent(block), names)
                ran += 1
    assert ran == 4 and len(names["history"].rows) == 1 and names["tally"].seen > 0


def test_a_session_that_was_not_started_is_told(tmp_path):
    config = _config(work_path=str(tmp_path))
    with pytest.raises(FasterNetError, match="must be started"):
        trainer.fit(*make_parts(config, _few(16, 16)), 1, tmp_path, session=Session(config))
