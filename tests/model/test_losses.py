"""The smoothed loss against Paddle's own cross-entropy with soft labels."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy, label_smoothing_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6, 1.0])
def test_is_cross_entropy_with_soft_labels(smoothing):
    rng = np.random.default_rng(3)
    logits = paddle.to_tensor(rng.normal(0, 5, (32, 7)).astype("float32"), stop_gradient=False)
    target = paddle.to_tensor(rng.integers(0, 7, 32))
    soft = F.one_hot(target, 7) * (1 - smoothing) + smoothing / 7
    expected = F.cross_entropy(logits, soft, soft_label=True)
    expected.backward()
    expected_gradient = logits.grad.numpy()
    logits.clear_grad()

    loss = LabelSmoothingCrossEntropy(smoothing)(logits, target)
    loss.backward()
    assert loss.shape == []
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    np.testing.assert_allclose(logits.grad.numpy(), expected_gradient, atol=1e-7)


def test_default_smoothing_is_the_notebooks():
    logits, target = paddle.rand([4, 10]), paddle.to_tensor([1, 2, 3, 4])
    assert float(LabelSmoothingCrossEntropy()(logits, target)) == float(
        label_smoothing_cross_entropy(logits, target, 0.1)
    )


def test_stays_finite_for_large_logits():
    logits = paddle.to_tensor([[1e4, 0.0, -1e4]])
    assert np.isfinite(float(label_smoothing_cross_entropy(logits, paddle.to_tensor([2]))))


@pytest.mark.parametrize("smoothing", [-0.1, 1.5])
def test_refuses_a_share_outside_0_1(smoothing):
    with pytest.raises(FasterNetError, match=r"\[0, 1\]"):
        LabelSmoothingCrossEntropy(smoothing)
    with pytest.raises(FasterNetError, match=r"\[0, 1\]"):
        label_smoothing_cross_entropy(paddle.zeros([1, 2]), paddle.to_tensor([0]), smoothing)
