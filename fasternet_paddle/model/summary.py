"""What a network costs: its trainable parameters, and the multiply-adds of its convolutions and linear layers.

    count_macs(create_model("t0", 1000))            # 335,352,320 at 224 x 224 pixels (paper, table 6: 0.34 G)
    count_parameters(create_model("t0", 1000))      # 3,905,500 (paper: 3.9 M)

A multiply-add counts once, as the paper's "FLOPs" do. Batch norm, activations, pooling and additions are left out, so
the paper's own column is larger by up to 2 %.
"""

import contextlib
import threading
import weakref
from dataclasses import dataclass
from math import prod

import paddle
from paddle import nn


@dataclass(frozen=True)
class LayerCost:
    """One convolution or linear layer, as it was met in a forward pass."""

    name: str
    """Its name in the network, such as ``feature.0.0.conv1``."""
    output_shape: tuple[int, ...]
    """Of one image, without the batch axis."""
    macs: int
    """Multiply-adds for one image."""


def layer_costs(model, shape=(3, 224, 224)):
    """``LayerCost`` of every convolution and linear layer that one image of ``shape`` (C, H, W) passes, in order.

    They are counted in a forward pass, so any mixer and any ``paddle.nn.Layer`` will do. The model is left as it is.
    """
    costs, hooks = [], []

    def note(name, macs_per_output):
        def hook(_layer, _inputs, output):
            costs.append(LayerCost(name, tuple(output.shape[1:]), macs_per_output * prod(output.shape[1:])))

        return hook

    for name, layer in model.named_sublayers(include_self=True):
        if isinstance(layer, nn.Conv2D):  # weight (out, in / groups, k, k)
            hooks.append(layer.register_forward_post_hook(note(name, prod(layer.weight.shape[1:]))))
        elif isinstance(layer, nn.Linear):  # weight (in, out)
            hooks.append(layer.register_forward_post_hook(note(name, layer.weight.shape[0])))
    try:
        with eval_mode(model), paddle.no_grad():
            model(paddle.zeros([1, *shape]))
    finally:
        for hook in hooks:
            hook.remove()
    return costs


def count_macs(model, shape=(3, 224, 224)):
    """Multiply-adds of ``model`` for one image of ``shape`` (C, H, W)."""
    return sum(cost.macs for cost in layer_costs(model, shape))


def count_parameters(model):
    """Trainable parameters of ``model``; batch norm's running statistics are none."""
    return sum(prod(parameter.shape) for parameter in model.parameters() if not parameter.stop_gradient)


_in_eval = weakref.WeakKeyDictionary()  # networks that are in eval mode for a while: how many hold them there
_lock = threading.Lock()


@contextlib.contextmanager
def eval_mode(model):
    """Put ``model`` into eval mode for a while; every sublayer gets its own mode back, whatever happens.

    Several threads may do so at a time: the modes are those that the first one found, and the last one puts them back.
    """
    with _lock:
        if model not in _in_eval:
            _in_eval[model] = Holders([(layer, layer.training) for layer in model.sublayers(include_self=True)])
        holders = _in_eval[model]
        holders.count += 1
        model.eval()
    try:
        yield model
    finally:
        with _lock:
            holders.count -= 1
            if not holders.count:
                for layer, training in holders.modes:
                    layer.training = training
                del _in_eval[model]


@dataclass
class Holders:
    """Who holds a network in eval mode."""

    modes: list
    """Each layer and the mode that it had."""
    count: int = 0
