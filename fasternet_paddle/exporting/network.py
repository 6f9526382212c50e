"""A network as the two files that ``paddle.inference`` runs.

export_network(model, folder)                      # folder/inference.json, folder/inference.pdiparams
export_network(suited_to_bf16(model), folder)      # the same network, laid out so that all of it runs in bf16
"""

import copy
from pathlib import Path

import paddle
from paddle import nn

from ..model.layers import PConv

FILES = ("inference.json", "inference.pdiparams")


def export_network(model, folder, shape=None):
    """Write ``model`` as ``FILES`` into ``folder``; the model is left as it is.

    The files are the same each time, but for the layers' names in the JSON: Paddle counts them through the process.

    Args:
        model: ``paddle.nn.Layer``, images ``(N, C, H, W)`` float32 -> logits ``(N, K)``; it is exported in eval mode.
        folder: that is there already.
        shape: (N, C, H, W) of the images; by default N, H and W stay free.
    """
    spec = paddle.static.InputSpec(shape or [None, input_channels(model), None, None], "float32", "images")
    # The guard keeps the process's counters of variables as they were, and starts at 0 here.
    with paddle.base.unique_name.guard(), paddle.no_grad():
        network = copy.deepcopy(model)  # to_static changes the layers that it is given, sublayers included
        network.eval()
        static = paddle.jit.to_static(network, input_spec=[spec], full_graph=True)
        paddle.jit.save(static, str(Path(folder) / "inference"))


def input_channels(model):
    """Channels of a network's input, as its first convolution tells; 3 where it has none."""
    for layer in model.sublayers(include_self=True):
        if isinstance(layer, nn.Conv2D):
            return layer._in_channels
    return 3


class TimesOne(nn.Layer):
    """The input, by an operator that Paddle keeps."""

    def forward(self, x):
        return paddle.scale(x, 1.0, bias_after_scale=False)  # after the scale, a bias would bar it from bf16


def suited_to_bf16(model):
    """A copy of ``model`` that ``paddle.inference`` runs in bf16 throughout, with the same outputs.

    Paddle puts a convolution back to f32, with conversions around it, where it stands alone between operators that
    it has no precision for (``cpu_bfloat16_placement_pass``, Paddle 3.3). A partial convolution does, between the
    packing of a split's results and that of a concat's inputs; with one more operator behind it, it does not.
    """
    with paddle.base.unique_name.guard():
        network = copy.deepcopy(model)
    for layer in network.sublayers(include_self=True):
        if isinstance(layer, PConv):
            layer.conv = nn.Sequential(layer.conv, TimesOne())
    return network
