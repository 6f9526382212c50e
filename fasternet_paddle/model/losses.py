"""Cross-entropy with label smoothing (Szegedy et al. 2016; notebook 2.3.1): the function, then its layer."""

import paddle
import paddle.nn.functional as F
from paddle import nn

from ..errors import FasterNetError


def label_smoothing_cross_entropy(logits, target, smoothing=0.1):
    """Mean cross-entropy against targets of which ``smoothing`` is spread evenly over all classes.

    Args:
        logits: ``(N, K)``, float.
        target: ``(N,)``, int64 class numbers in [0, K).
        smoothing: share of the target given to the uniform distribution, in [0, 1].

    Returns:
        0-D tensor, in nats: the mean over the N samples of
        ``(1 - smoothing) * -log p[target] + smoothing * mean(-log p)``.

    Raises:
        FasterNetError: ``smoothing`` is not in [0, 1].
    """
    if not 0.0 <= smoothing <= 1.0:
        raise FasterNetError(f"smoothing is a share and must lie in [0, 1], got {smoothing}")
    log_probs = F.log_softmax(logits, axis=-1)  # (N, K)
    nll = -paddle.take_along_axis(log_probs, target.unsqueeze(1), axis=1).squeeze(1)  # (N, K) -> (N,)
    uniform = -log_probs.mean(axis=-1)  # (N, K) -> (N,)
    return ((1.0 - smoothing) * nll + smoothing * uniform).mean()


class LabelSmoothingCrossEntropy(nn.Layer):
    """``label_smoothing_cross_entropy`` as a layer: ``criterion(logits (N, K), target (N,))`` -> 0-D loss."""

    def __init__(self, smoothing=0.1):
        super().__init__()
        if not 0.0 <= smoothing <= 1.0:
            raise FasterNetError(f"smoothing is a share and must lie in [0, 1], got {smoothing}")
        self.smoothing = smoothing

    def forward(self, pred, target):
        return label_smoothing_cross_entropy(pred, target, self.smoothing)
