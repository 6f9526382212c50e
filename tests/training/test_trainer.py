"""The loop: it learns, repeats itself to the bit, keeps nothing alive, and records what a plain loop would."""

import csv
import json

import numpy as np
import paddle
import paddle.nn.functional as F
import psutil
import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data import datasets, loaders
from fasternet_paddle.data.datasets import ImageData, Images
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy
from fasternet_paddle.training import trainer

DIGITS = datasets.load_dataset("digits")


def _config(**changes):
    small = {"dataset": "digits", "image_size": 32, "batch_size": 16, "epochs": 1, "num_workers": 0}
    return TrainConfig(**(small | changes))


def _few(train, val):
    parts = [Images(part.images[:n], part.labels[:n]) for part, n in ((DIGITS.train, train), (DIGITS.val, val))]
    return ImageData("digits", DIGITS.class_names, *parts)


def _parts(config, data):
    paddle.seed(config.seed)
    model = create_model(config.variant)
    train_loader, val_loader = loaders.make_loaders(data, config)
    criterion = LabelSmoothingCrossEntropy(config.label_smoothing)
    optimizer, scheduler = trainer.make_optimizer(model, config, len(train_loader))
    return model, train_loader, val_loader, criterion, optimizer, scheduler


def _fit(config, data, work_path):
    parts = _parts(config, data)
    work_path.mkdir()
    history = trainer.fit(*parts, config.epochs, work_path)
    for loader in parts[1:3]:
        loader.close()
    return history


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
    model, train_loader, _, criterion, optimizer, scheduler = _parts(config, data)
    tally = trainer.train_one_epoch(model, train_loader, criterion, optimizer, scheduler)

    paddle.seed(config.seed)
    plain = create_model("t0")
    steps = 3
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
    model, _, loader, criterion, *_ = _parts(_config(batch_size=16), data)  # batches of 16, 16 and 8
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
    config, data = _config(epochs=12, batch_size=32), _few(96, 32)
    model, train_loader, val_loader, criterion, optimizer, scheduler = _parts(config, data)
    sizes = []
    for epoch in range(12):
        train_loader.sampler.set_epoch(epoch)
        trainer.train_one_epoch(model, train_loader, criterion, optimizer, scheduler)
        trainer.validate(model, val_loader, criterion)
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    assert abs(sizes[11] - sizes[2]) < 20  # MiB


def test_forecast_speaks_before_a_long_run_only(capsys, monkeypatch):
    clock = iter([0.0, 30.0, 0.0, 0.003])
    monkeypatch.setattr(trainer.time, "perf_counter", lambda: next(clock))
    train = loaders.make_loader(DIGITS.train, None, 14, drop_last=True, max_steps=100)
    val = loaders.make_loader(DIGITS.val, None, 12)  # 30 steps
    for _ in range(2):
        forecast = trainer.Forecast(train, val, epochs=10)
        for _ in range(5):
            forecast()
    assert capsys.readouterr().out == (
        "On this machine an epoch takes about 18 min and the whole run of 10 about 3.1 h.\n"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (720, "12 min"), (3.4 * 3600, "3.4 h"), (180000, "2.1 days")]
)
def test_duration(seconds, text):
    assert trainer.duration(seconds) == text
