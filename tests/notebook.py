"""The notebook's network and loss, transcribed once more and plainly: the witness that the package is held against.

It shares no code with the package. Layers are made in the notebook's order, under its names.
"""

import paddle
import paddle.nn.functional as F
from paddle import nn

# variant: width of the first stage, blocks a stage, largest drop-path rate, activation (notebook 2.3.3)
SIZES = {
    "t0": (40, [1, 2, 8, 2], 0.0, nn.GELU),
    "t1": (64, [1, 2, 8, 2], 0.02, nn.GELU),
    "t2": (96, [1, 2, 8, 2], 0.05, nn.ReLU),
    "s": (128, [1, 2, 13, 2], 0.03, nn.ReLU),
    "m": (144, [3, 4, 18, 3], 0.05, nn.ReLU),
    "l": (192, [3, 4, 18, 3], 0.05, nn.ReLU),
}


def smoothed_loss(pred, target, smoothing=0.1):
    log_probs = F.log_softmax(pred, axis=-1)
    rows = paddle.arange(log_probs.shape[0])
    nll = paddle.gather_nd(-log_probs, paddle.stack([rows, target], axis=1))
    return ((1.0 - smoothing) * nll + smoothing * paddle.mean(-log_probs, axis=-1)).mean()


def drop_samples(x, rate, training):
    if rate == 0.0 or not training:
        return x
    keep = paddle.to_tensor(1 - rate)
    mask = paddle.floor(keep + paddle.rand((paddle.shape(x)[0], 1, 1, 1), dtype=x.dtype))
    return x.divide(keep) * mask


class Partial(nn.Layer):
    def __init__(self, dim):
        super().__init__()
        self.part = dim // 4
        self.rest = dim - self.part
        self.conv = nn.Conv2D(self.part, self.part, 3, padding=1, bias_attr=False)

    def forward(self, x):
        head, tail = paddle.split(x, [self.part, self.rest], axis=1)
        return paddle.concat([self.conv(head), tail], axis=1)


class Block(nn.Layer):
    def __init__(self, dim, act, rate):
        super().__init__()
        self.rate = rate
        self.pconv = Partial(dim)
        self.conv1 = nn.Conv2D(dim, dim * 2, 1, bias_attr=False)
        self.bn = nn.BatchNorm2D(dim * 2)
        self.act = act()
        self.conv2 = nn.Conv2D(dim * 2, dim, 1, bias_attr=False)

    def forward(self, x):
        branch = self.conv2(self.act(self.bn(self.conv1(self.pconv(x)))))
        return x + drop_samples(branch, self.rate, self.training)


class Network(nn.Layer):
    def __init__(self, variant, num_classes, width=None):
        super().__init__()
        own_width, depths, largest, act = SIZES[variant]
        width = width or own_width
        self.rates = [x.item() for x in paddle.linspace(0, largest, sum(depths))]
        self.stem = nn.Sequential(nn.Conv2D(3, width, 4, stride=4, bias_attr=False), nn.BatchNorm2D(width), act())
        parts = []
        for stage, depth in enumerate(depths):
            first = sum(depths[:stage])
            parts.append(nn.Sequential(*[Block(width, act, self.rates[first + i]) for i in range(depth)]))
            if stage < len(depths) - 1:
                merge = nn.Conv2D(width, width * 2, 2, stride=2, bias_attr=False)
                parts.append(nn.Sequential(merge, nn.BatchNorm2D(width * 2), act()))
                width *= 2
        self.feature = nn.Sequential(*parts)
        self.pool = nn.AdaptiveAvgPool2D(1)
        self.conv1 = nn.Conv2D(width, 1280, 1, bias_attr=False)
        self.act = act()
        self.fc = nn.Linear(1280, num_classes)

    def forward(self, x):
        x = self.act(self.conv1(self.pool(self.feature(self.stem(x)))))
        return self.fc(x.flatten(1))
