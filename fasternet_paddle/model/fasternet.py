"""FasterNet (Chen et al., CVPR 2023, arXiv 2303.03667; notebook 2.3.3): blocks, network, variants, builders.

    model = create_model("t0", num_classes=10)      # or fasternet_t0()
    logits = model(x)                               # (N, 3, H, W) -> (N, 10), H and W at least 32
    model = create_model("t0", weights="t0-imagenet-timm")      # or a file, the authors' .pth for one

Names of parameters, the order in which layers are created and Paddle's default initialisers are the notebook's:
its ``.pdparams`` files load, and the same seed gives the same first weights.
"""

from paddle import nn

from ..errors import FasterNetError
from ..weights.fitting import fit, open_weights, settings_of
from .layers import MIXERS, DropPath, PConv, drop_path_rates

HEAD_CHANNELS = 1280  # width of the 1x1 convolution between pooling and classifier, the same for all variants (paper)


class FasterNetBlock(nn.Layer):
    """Mixer, then two pointwise convolutions around batch norm and activation, on a residual branch (paper, fig. 4).

    Args:
        dim: channels C of input and output ``(N, C, H, W)``.
        expand_ratio: width of the hidden layer in units of C.
        act_layer: class of the activation.
        drop_path_rate: probability of dropping the branch for a sample while training.
        mixer: class of the spatial operator, called with ``dim``.
    """

    def __init__(self, dim, expand_ratio=2, act_layer=nn.ReLU, drop_path_rate=0.0, mixer=PConv):
        super().__init__()
        # Called pconv whatever the mixer: the names of parameters are a file format.
        self.pconv = mixer(dim)
        self.conv1 = nn.Conv2D(dim, dim * expand_ratio, 1, bias_attr=False)
        self.bn = nn.BatchNorm2D(dim * expand_ratio)
        self.act_layer = act_layer()
        self.conv2 = nn.Conv2D(dim * expand_ratio, dim, 1, bias_attr=False)
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate > 0.0 else nn.Identity()

    def forward(self, x):
        residual = x
        x = self.pconv(x)
        x = self.conv1(x)  # (N, C, H, W) -> (N, 2C, H, W)
        x = self.bn(x)
        x = self.act_layer(x)
        x = self.conv2(x)  # (N, 2C, H, W) -> (N, C, H, W)
        return residual + self.drop_path(x)


def _downsample(in_channels, out_channels, patch, act_layer):
    """Patch embedding or merging: ``(N, in, H, W) -> (N, out, H / patch, W / patch)``, batch norm, activation.

    The activation is the notebook's; the paper's own code, PaddleClas and timm have none here: ``act_layer=None``.
    """
    return nn.Sequential(
        nn.Conv2D(in_channels, out_channels, patch, stride=patch, bias_attr=False),
        nn.BatchNorm2D(out_channels),
        *([act_layer()] if act_layer else []),
    )


class FasterNet(nn.Layer):
    """Four stages of FasterNet blocks with patch merging between them, pooling, and a classifier.

    Args:
        in_channel: channels of the input image.
        embed_dim: channels of the first stage; every later stage doubles them.
        act_layer: class of the activation, used everywhere.
        num_classes: width of the output.
        depths: number of blocks of each stage.
        drop_path: largest drop-path rate, reached in the last block; the first has none.
        mixer: class of the blocks' spatial operator (``layers.MIXERS``).
        stem_act: whether stem and merges end in an activation: the notebook's do, the published networks do not.

    Input ``(N, in_channel, H, W)``, H and W at least 32 (the stages divide by 4, 8, 16, 32); output
    ``(N, num_classes)``.
    """

    record = (
        None  # ``Record`` of what the weights need: set by ``make_parts``, ``load_run``, ``create_model(weights=)``
    )

    def __init__(
        self,
        in_channel=3,
        embed_dim=40,
        act_layer=nn.ReLU,
        num_classes=1000,
        depths=(1, 2, 8, 2),
        drop_path=0.0,
        mixer=PConv,
        stem_act=True,
    ):
        super().__init__()
        for name, value in (
            ("in_channel", in_channel),
            ("embed_dim", embed_dim),
            ("num_classes", num_classes),
        ):
            if value < 1:
                raise FasterNetError(f"{name} must be at least 1, got {value}")
        if not depths or min(depths) < 1:
            raise FasterNetError(f"depths must hold at least one block a stage, got {list(depths)}")
        rates = iter(drop_path_rates(drop_path, sum(depths)))

        downsample_act = act_layer if stem_act else None
        self.stem = _downsample(in_channel, embed_dim, 4, downsample_act)
        stages = []
        for stage, depth in enumerate(depths):
            if stage > 0:
                stages.append(_downsample(embed_dim, embed_dim * 2, 2, downsample_act))
                embed_dim *= 2
            blocks = [
                FasterNetBlock(embed_dim, act_layer=act_layer, drop_path_rate=next(rates), mixer=mixer)
                for _ in range(depth)
            ]
            stages.append(nn.Sequential(*blocks))
        self.feature = nn.Sequential(*stages)
        self.avg_pool = nn.AdaptiveAvgPool2D(1)
        self.conv1 = nn.Conv2D(embed_dim, HEAD_CHANNELS, 1, bias_attr=False)
        self.act_layer = act_layer()
        self.fc = nn.Linear(HEAD_CHANNELS, num_classes)

    def forward(self, x):
        x = self.stem(x)  # (N, 3, H, W) -> (N, C, H/4, W/4)
        x = self.feature(x)  # (N, C, H/4, W/4) -> (N, 8C, H/32, W/32)
        x = self.avg_pool(x)  # (N, 8C, H/32, W/32) -> (N, 8C, 1, 1)
        x = self.conv1(x)  # (N, 8C, 1, 1) -> (N, 1280, 1, 1)
        x = self.act_layer(x)
        return self.fc(x.flatten(1))  # (N, 1280) -> (N, num_classes)

    def features(self, x):
        """The stages' outputs, for detection and segmentation: (N, C, H/4, W/4), ..., (N, 8C, H/32, W/32)."""
        maps = []
        x = self.stem(x)  # (N, 3, H, W) -> (N, C, H/4, W/4)
        for index, part in enumerate(self.feature):  # stage, merge, stage, ..., stage
            x = part(x)
            if index % 2 == 0:
                maps.append(x)
        return maps


# The paper's sizes with the notebook's activations and largest drop-path rates (notebook 2.3.3; the paper trains S, M
# and L with 0.1, 0.2 and 0.3). In the margin: parameters with 1000 classes, multiply-adds at 224 pixels.
VARIANTS = {
    "t0": dict(embed_dim=40, depths=(1, 2, 8, 2), drop_path=0.0, act_layer=nn.GELU),  # 3.9 M, 0.34 G
    "t1": dict(embed_dim=64, depths=(1, 2, 8, 2), drop_path=0.02, act_layer=nn.GELU),  # 7.6 M, 0.85 G
    "t2": dict(embed_dim=96, depths=(1, 2, 8, 2), drop_path=0.05, act_layer=nn.ReLU),  # 15.0 M, 1.90 G
    "s": dict(embed_dim=128, depths=(1, 2, 13, 2), drop_path=0.03, act_layer=nn.ReLU),  # 31.2 M, 4.55 G
    "m": dict(embed_dim=144, depths=(3, 4, 18, 3), drop_path=0.05, act_layer=nn.ReLU),  # 53.5 M, 8.72 G
    "l": dict(embed_dim=192, depths=(3, 4, 18, 3), drop_path=0.05, act_layer=nn.ReLU),  # 93.5 M, 15.49 G
}


def check_names(variant, mixer="pconv"):
    """Refuse an unknown variant or mixer, listing the known ones; cheap, so that entries ask it before long work."""
    if variant not in VARIANTS:
        raise FasterNetError(f"unknown variant {variant!r}; known variants: {', '.join(VARIANTS)}")
    if isinstance(mixer, str) and mixer not in MIXERS:
        raise FasterNetError(
            f"unknown mixer {mixer!r}; known mixers: {', '.join(MIXERS)} (one of your own must be in layers.MIXERS)"
        )


def create_model(name, num_classes=None, weights=None, **overrides):
    """Build a network by name: the one place where a name becomes a FasterNet.

    Args:
        name: a key of ``VARIANTS``: "t0", "t1", "t2", "s", "m", "l".
        num_classes: width of the output; by default 10, or what ``weights`` have. Another number than theirs keeps
            the backbone to the bit and starts a new head, which a printed line says.
        weights: path of a file of any family (the notebook's, the authors', PaddleClas's, timm's) and form, or a
            name of published weights such as "t0-imagenet-timm" (``weights.published``). What belongs to them, class
            names and the preparation of images among it, is then in ``model.record``; of the notebook's own files
            nothing is known, and it is None.
        **overrides: any argument of ``FasterNet``; ``mixer`` is a name of ``layers.MIXERS`` ("pconv", "dwconv",
            "conv") or a class. ``embed_dim=42, mixer="dwconv"`` costs what T0 with PConv costs. What is not given
            is the variant's, or what the record of ``weights`` says.

    Raises:
        FasterNetError: an unknown variant or mixer (the known ones are listed), sizes below 1, or weights that cannot
            be read or do not fit.
    """
    check_names(name, overrides.get("mixer", "pconv"))
    found = None if weights is None else open_weights(weights)
    if num_classes is None:
        num_classes = 10 if found is None else found.num_classes
    if num_classes is None:
        raise FasterNetError(f"{weights} has no head; num_classes must say how wide a new one is", change="num_classes")
    settings = {**VARIANTS[name], "mixer": "pconv", **({} if found is None else settings_of(found, name)), **overrides}
    check_names(name, settings["mixer"])
    settings["mixer"] = MIXERS.get(settings["mixer"], settings["mixer"])
    model = FasterNet(num_classes=num_classes, **settings)
    if found is not None:
        fit(model, found, name)
    return model


def build_model(config, num_classes, **overrides):
    """The network that a ``TrainConfig`` names, with fresh weights; ``overrides`` as of ``create_model``."""
    names = ("embed_dim", "depths", "drop_path")
    overrides |= {name: getattr(config, name) for name in names if getattr(config, name) is not None}
    return create_model(config.variant, num_classes, mixer=config.mixer, **overrides)


def variant_of(embed_dim, depths):
    """Name of the variant with these sizes (``weights.shapes`` reads them off a file); None where there is none."""
    sizes = (embed_dim, tuple(depths))
    return next((name for name, v in VARIANTS.items() if (v["embed_dim"], v["depths"]) == sizes), None)


def fasternet_t0(num_classes=10, **overrides):
    """FasterNet-T0, the notebook's network: 2.6 M parameters with 10 classes."""
    return create_model("t0", num_classes, **overrides)


def fasternet_t1(num_classes=10, **overrides):
    """FasterNet-T1: 6.3 M parameters with 10 classes."""
    return create_model("t1", num_classes, **overrides)


def fasternet_t2(num_classes=10, **overrides):
    """FasterNet-T2: 13.7 M parameters with 10 classes."""
    return create_model("t2", num_classes, **overrides)


def fasternet_s(num_classes=10, **overrides):
    """FasterNet-S: 29.9 M parameters with 10 classes."""
    return create_model("s", num_classes, **overrides)


def fasternet_m(num_classes=10, **overrides):
    """FasterNet-M: 52.3 M parameters with 10 classes."""
    return create_model("m", num_classes, **overrides)


def fasternet_l(num_classes=10, **overrides):
    """FasterNet-L: 92.2 M parameters with 10 classes."""
    return create_model("l", num_classes, **overrides)
