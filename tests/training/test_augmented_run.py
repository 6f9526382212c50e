"""A run with every means on the data: it is resumed to the bit; losses and accuracies of mixed labels; wrong values."""

import signal

import numpy as np
import paddle
import pytest

from fasternet_paddle import train
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy
from fasternet_paddle.runs.checkpoints import latest_checkpoint
from fasternet_paddle.training.batches import batches_of
from fasternet_paddle.training.metrics import count_correct

SMALL = ["--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--epochs", "2", "--max-steps", "3"]
SMALL += ["--embed-dim", "4", "--depths", "1", "1", "2", "1"]
ALL_ON = ["--mixup", "0.8", "--cutmix", "1", "--mix-probability", "0.9", "--mix-switch", "0.6", "--random-erasing"]
ALL_ON += ["0.5", "--erasing-mode", "pixel", "--auto-augment", "rand-m7-mstd0.5-inc1", "--balanced-sampling"]


def _ends(folder):
    ends = {name: (folder / name).read_bytes() for name in ("history.csv", "metrics.json")}
    return ends | {name: array.tobytes() for name, array in latest_checkpoint(folder).arrays.items()}


def test_a_resumed_run_equals_the_undisturbed_one(tmp_path, monkeypatch):
    argv = [*SMALL, *ALL_ON, "--work-path"]
    assert train.main([*argv, str(tmp_path / "calm"), "--num-workers", "0"]) == 0
    with monkeypatch.context() as patch:
        step, done = paddle.optimizer.AdamW.step, []

        def counted(optimizer):
            step(optimizer)
            done.append(1)
            if len(done) == 4:
                signal.raise_signal(signal.SIGTERM)

        patch.setattr(paddle.optimizer.AdamW, "step", counted)
        assert train.main([*argv, str(tmp_path / "broken"), "--num-workers", "2"]) == 143
    assert train.main(["--resume", "--work-path", str(tmp_path / "broken"), "--num-workers", "1"]) == 0
    assert _ends(tmp_path / "broken") == _ends(tmp_path / "calm")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--mixup", "-0.1"], "mixup must be 0 or more, got -0.1"),
        (["--cutmix", "-1"], "cutmix must be 0 or more, got -1"),
        (["--mixup", "nan"], "mixup must be finite, got nan"),
        (["--mix-probability", "1.1"], "mix_probability must lie in [0, 1], got 1.1"),
        (["--mix-switch", "-0.1"], "mix_switch must lie in [0, 1], got -0.1"),
        (["--random-erasing", "2"], "random_erasing must lie in [0, 1], got 2"),
        (["--erasing-mode", "rand"], "unknown erasing_mode 'rand'; known: const, pixel"),
        (["--class-weights", "inverse"], "unknown class_weights 'inverse'; known: none, balanced"),
        (["--class-weights", "balanced", "--balanced-sampling"], "only one of them can be on"),
        (["--auto-augment", "rand-m7-z3"], "'z3' is none of its parts"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path, capsys, flags, says):
    assert train.main([*SMALL, *flags, "--work-path", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_the_dominant_class_counts_as_right():
    logits = paddle.to_tensor([[3.0, 1, 0], [3, 1, 0], [0, 1, 3]])
    shares = paddle.to_tensor([[0.6, 0.4, 0], [0.4, 0.6, 0], [0, 0.5, 0.5]])  # of equals the first
    assert count_correct(logits, shares) == 1
    assert count_correct(logits, shares, k=2) == 3


def test_shares_of_classes_pass_as_batches():
    images, shares = np.zeros((2, 3, 32, 32)), np.array([[0.25, 0.75], [1, 0]])
    [(_, labels)] = batches_of([(images, shares)])
    np.testing.assert_array_equal(labels.numpy(), shares)
    for column in (np.array([[3.0], [1.0]]), paddle.to_tensor([[3], [1]])):  # as some loaders give numbers
        [(_, labels)] = batches_of([(images, column)])
        assert labels.tolist() == [3, 1] and labels.dtype == paddle.int64
    [(_, labels)] = batches_of([(images, paddle.ones([2, 1]))])  # of a single class, mixed
    assert labels.shape == [2, 1]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weights_and_shares_in_the_loss(smoothing):
    rng = np.random.default_rng(0)
    logits, shares = rng.normal(0, 3, (8, 5)), rng.dirichlet(np.ones(5), 8)
    weights = np.array([0.5, 2, 1, 0, 3])
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    smooth = shares * (1 - smoothing) + smoothing / 5  # timm's ``mixup_target`` is this, since both are linear
    losses = -(smooth * log_p).sum(1)
    x, target = (paddle.to_tensor(array, "float32") for array in (logits, shares))
    criterion = LabelSmoothingCrossEntropy(smoothing, weights)
    assert float(LabelSmoothingCrossEntropy(smoothing)(x, target)) == pytest.approx(losses.mean(), rel=1e-5)
    assert float(criterion(x, target)) == pytest.approx((losses * (shares @ weights)).mean(), rel=1e-5)
    labels = rng.integers(0, 5, 8)
    hard, as_shares = (criterion(x, paddle.to_tensor(t)) for t in (labels, np.eye(5, dtype=np.float32)[labels]))
    assert float(hard) == pytest.approx(float(as_shares), rel=1e-6)
    criterion.eval()
    assert float(criterion(x, target)) == pytest.approx(losses.mean(), rel=1e-5)
