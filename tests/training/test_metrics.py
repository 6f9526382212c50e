"""Counting against numpy, and the records a run keeps."""

import csv
import io

import numpy as np
import paddle
import pytest

from fasternet_paddle.training.metrics import History, Tally, count_correct


@pytest.mark.parametrize("k", [1, 3, 5, 50])
def test_count_correct_is_numpys(k):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 7)).astype("float32"), rng.integers(0, 7, 200)
    ranks = (logits > logits[np.arange(200), labels][:, None]).sum(1)
    assert count_correct(paddle.to_tensor(logits), paddle.to_tensor(labels), k) == (ranks < k).sum()


def test_tally_weighs_samples():
    tally = Tally()
    tally.add(1.0, 256, 256)
    tally.add(5.0, 0, 16)  # a last batch of 16 must not weigh as much as one of 256
    assert tally.loss == pytest.approx((256 * 1.0 + 16 * 5.0) / 272)
    assert tally.top1 == pytest.approx(256 / 272)


def test_records_carry_the_notebooks_keys_and_positions():
    history = History()
    for epoch in range(2):
        for batch in range(25):
            history.add_step(batch, epoch * 25 + batch, 2.0)
        history.add_epoch(epoch, (epoch + 1) * 25, 1e-3, Tally(10.0, 4, 10), Tally(20.0, 5 + epoch, 10))
    assert history.loss_record["train"]["iter"] == [0, 10, 20, 25, 35, 45]
    assert history.loss_record["val"] == {"loss": [2.0, 2.0], "iter": [25, 50]}
    assert history.acc_record == {
        "train": {"acc": [0.4, 0.4], "iter": [0, 1]},
        "val": {"acc": [0.5, 0.6], "iter": [0, 1]},
    }
    assert history.best()["epoch"] == 1


def test_csv_reads_back_exactly():
    history = History()
    history.add_epoch(0, 7, 1 / 3, Tally(1.0, 1, 3), Tally(2.0, 2, 3))
    [row] = csv.DictReader(io.StringIO(history.csv()))
    assert {key: float(value) for key, value in row.items()} == history.rows[0]
    assert History().best() is None
