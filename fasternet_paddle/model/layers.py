"""The building blocks of FasterNet: stochastic depth, partial convolution, and the mixers it is compared with.

A mixer is the 3x3 convolution that opens a block; it keeps the shape ``(N, C, H, W)``. The pointwise convolutions
that follow it are part of the block (``fasternet.py``), the same for every mixer.
"""

import numpy as np
import paddle
from paddle import nn

from ..errors import FasterNetError
from ..runtime import ranks


def drop_path(x, drop_prob=0.0, training=False):
    """Drop whole samples of a residual branch (stochastic depth, Huang et al. 2016; notebook 2.3.2).

    Args:
        x: tensor of any shape whose first axis is the batch, ``(N, ...)``.
        drop_prob: probability, in [0, 1], that a sample of the branch becomes zero.
        training: outside training the input is returned as it is.

    Returns:
        A tensor of the shape of ``x``: each sample is zero or ``x / (1 - drop_prob)``, so that its mean is ``x``.

    Raises:
        FasterNetError: ``drop_prob`` is not in [0, 1].
    """
    if not 0.0 <= drop_prob <= 1.0:
        raise FasterNetError(f"drop_prob is a probability and must lie in [0, 1], got {drop_prob}")
    if drop_prob == 0.0 or not training:
        return x
    if drop_prob == 1.0:  # nothing is kept, and 1 / (1 - drop_prob) has no value
        return paddle.zeros_like(x)
    keep_prob = 1.0 - drop_prob
    # paddle.shape, not x.shape: the batch size may be unknown while a graph is compiled
    shape = [paddle.shape(x)[0]] + [1] * (x.ndim - 1)
    keep = paddle.floor(keep_prob + ranks.draw(shape, x.dtype))  # (N, 1, ...), 1 with probability keep_prob
    return x / keep_prob * keep


class DropPath(nn.Layer):
    """``drop_path`` as a layer; active in ``train()`` mode only. ``None`` stands for 0, as in the notebook."""

    def __init__(self, drop_prob=None):
        super().__init__()
        drop_prob = 0.0 if drop_prob is None else drop_prob
        if not 0.0 <= drop_prob <= 1.0:  # said when the network is built, not at its first step
            raise FasterNetError(f"drop_prob is a probability and must lie in [0, 1], got {drop_prob}")
        self.drop_prob = drop_prob

    def forward(self, x):
        return drop_path(x, self.drop_prob, self.training)

    def extra_repr(self):
        return f"drop_prob={self.drop_prob}"


def drop_path_rates(largest, count):
    """``count`` drop-path rates rising evenly from 0 to ``largest``, as Python floats.

    They are the float32 values of the notebook's ``paddle.linspace`` to the bit, computed without Paddle, since
    iterating over a ``linspace`` never ends while a static graph is built. Paddle steps upwards in the first half
    and downwards from the end in the second.
    """
    if count < 2:
        return [0.0] * count
    largest = np.float32(largest)
    step = largest / np.float32(count - 1)
    upwards = [step * np.float32(i) for i in range(count // 2)]
    downwards = [largest - step * np.float32(count - 1 - i) for i in range(count // 2, count)]
    return [float(rate) for rate in upwards + downwards]


def _same_conv(channels, kernel_size, groups=1):
    """A convolution that keeps ``(N, channels, H, W)``: odd kernel, stride 1, no bias."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise FasterNetError(f"a mixer keeps the image's size, so kernel_size must be odd, got {kernel_size}")
    padding = (kernel_size - 1) // 2
    return nn.Conv2D(channels, channels, kernel_size, padding=padding, groups=groups, bias_attr=False)


class PConv(nn.Layer):
    """Partial convolution (paper, section 3.2; notebook 2.3.3): convolve the first ``dim // n_div`` channels and
    pass the others on untouched.

    With ``n_div=4`` it costs 1/16 of the multiply-adds of a full convolution and reads a quarter of its channels.

    Args:
        dim: number of channels C of the input ``(N, C, H, W)``.
        kernel_size: odd, in pixels.
        n_div: one in how many channels is convolved.
    """

    def __init__(self, dim, kernel_size=3, n_div=4):
        super().__init__()
        if not 1 <= n_div <= dim:
            raise FasterNetError(f"n_div must lie between 1 and dim={dim} for one channel to be convolved, got {n_div}")
        self.dim_conv = dim // n_div
        self.dim_untouched = dim - self.dim_conv
        self.conv = _same_conv(self.dim_conv, kernel_size)

    def forward(self, x):
        convolved, untouched = paddle.split(x, [self.dim_conv, self.dim_untouched], axis=1)
        return paddle.concat([self.conv(convolved), untouched], axis=1)  # (N, C, H, W)


class DWConv(nn.Layer):
    """Depthwise 3x3 convolution: the operator that the paper argues against, at the same width.

    Nothing stands between it and the pointwise convolution, just as with PConv.
    """

    def __init__(self, dim, kernel_size=3):
        super().__init__()
        self.conv = _same_conv(dim, kernel_size, groups=dim)

    def forward(self, x):
        return self.conv(x)  # (N, C, H, W)


class FullConv(nn.Layer):
    """Ordinary 3x3 convolution over all channels: the upper end of the comparison."""

    def __init__(self, dim, kernel_size=3):
        super().__init__()
        self.conv = _same_conv(dim, kernel_size)

    def forward(self, x):
        return self.conv(x)  # (N, C, H, W)


# A mixer of your own: a class that is called with ``dim`` and keeps the shape, registered under its name before a model
# is built or loaded: ``MIXERS["shift"] = Shift``, then ``TrainConfig(mixer="shift")``.
MIXERS = {"pconv": PConv, "dwconv": DWConv, "conv": FullConv}
