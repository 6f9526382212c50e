"""Cross-entropy with label smoothing (Szegedy et al. 2016; notebook 2.3.1): the function, then its layer."""

import paddle
import paddle.nn.functional as F
from paddle import nn

from ..errors import FasterNetError


def label_smoothing_cross_entropy(logits, target, smoothing=0.1, weight=None):
    """Mean cross-entropy against targets of which ``smoothing`` is spread evenly over all classes.

    Args:
        logits: ``(N, K)``, float.
        target: ``(N,)``, int64 class numbers in [0, K); or ``(N, K)``, float, shares of the classes that sum to one.
        smoothing: share of the target given to the uniform distribution, in [0, 1].
        weight: ``(K,)``, float; a sample counts as its class does, or as the shares of its classes do.

    Returns:
        0-D tensor, in nats: the mean over the N samples of
        ``(1 - smoothing) * -sum(target * log p) + smoothing * mean(-log p)``, times their weights. It is divided by N,
        not by the sum of weights, so that parts of a batch add up to the whole.

    Raises:
        FasterNetError: ``smoothing`` is not in [0, 1].
    """
    if not 0.0 <= smoothing <= 1.0:
        raise FasterNetError(f"smoothing is a share and must lie in [0, 1], got {smoothing}")
    log_probs = F.log_softmax(logits, axis=-1)  # (N, K)
    soft = target.ndim == 2
    if soft:
        nll = -(target * log_probs).sum(axis=-1)  # (N, K) -> (N,)
    else:
        nll = -paddle.take_along_axis(log_probs, target.unsqueeze(1), axis=1).squeeze(1)  # (N, K) -> (N,)
    uniform = -log_probs.mean(axis=-1)  # (N, K) -> (N,)
    losses = (1.0 - smoothing) * nll + smoothing * uniform
    if weight is not None:
        losses = losses * (target @ weight if soft else paddle.gather(weight, target))
    return losses.mean()


class LabelSmoothingCrossEntropy(nn.Layer):
    """``label_smoothing_cross_entropy`` as a layer: ``criterion(logits (N, K), target)`` -> 0-D loss.

    Args:
        smoothing: share of the target given to the uniform distribution, in [0, 1].
        weight: ``(K,)`` weights of the classes, which count in training mode alone; None: all alike.
    """

    def __init__(self, smoothing=0.1, weight=None):
        super().__init__()
        if not 0.0 <= smoothing <= 1.0:
            raise FasterNetError(f"smoothing is a share and must lie in [0, 1], got {smoothing}")
        self.smoothing = smoothing
        self.weight = None if weight is None else paddle.to_tensor(weight, "float32")

    def forward(self, pred, target):
        return label_smoothing_cross_entropy(pred, target, self.smoothing, self.weight if self.training else None)
