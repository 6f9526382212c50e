"""A network as the two files that ``paddle.inference`` runs.

export_network(model, folder)                      # folder/inference.json, folder/inference.pdiparams
export_network(suited_to_bf16(model), folder)      # the same network, laid out so that all of it runs in bf16
export_network(WithSoftmax(model), folder)         # probabilities in place of logits
"""

import copy
import re
from pathlib import Path

import paddle
from paddle import nn

from ..errors import FasterNetError
from ..files.cache import home_for_paddle, is_text
from ..model.layers import PConv
from ..runtime.interrupting import held

FILES = ("inference.json", "inference.pdiparams")
LAYER_PATH = re.compile(r'"D":"(/[^"]*)"\},"N":"struct_name"')  # of the layer that an operator of the JSON came from


def export_network(model, folder, shape=None):
    """Write ``model`` as ``FILES`` into ``folder``; the model is left as it is.

    The files are the same each time, in one process too. In them parameters have the names of ``state_dict``.

    Args:
        model: ``paddle.nn.Layer``, images ``(N, C, H, W)`` float32 -> logits ``(N, K)``; it is exported in eval mode.
        folder: that is there already.
        shape: (N, C, H, W) of the images; by default N, H and W stay free.

    Raises:
        FasterNetError: the folder's name holds bytes that are no text.
    """
    if not is_text(folder):
        raise FasterNetError(f"the folder's name {folder} is no text, and Paddle writes to paths that are text alone")
    spec = paddle.static.InputSpec(shape or [None, input_channels(model), None, None], "float32", "images")
    # The guard keeps the process's counters of variables as they were, and starts at 0 here.
    with paddle.base.unique_name.guard(), paddle.no_grad(), home_for_paddle(), held():
        network = copy.deepcopy(model)  # to_static changes the layers that it is given, sublayers included
        network.eval()
        for name, value in network.to_static_state_dict().items():
            value.name = name  # Paddle's own names are counted through the process
        static = paddle.jit.to_static(network, input_spec=[spec], full_graph=True)
        paddle.jit.save(static, str(Path(folder) / "inference"))
    path = Path(folder) / FILES[0]
    path.write_text(_counted_from_zero(path.read_text(encoding="utf-8")), encoding="utf-8")


def _counted_from_zero(program):
    """The JSON with its outermost layers numbered by their order: Paddle counts them through the process."""
    numbers = {}

    def renamed(match):
        _, outermost, *inner = match[1].split("/")
        kind = re.sub(r"_\d+$", "", outermost)
        seen = numbers.setdefault(kind, {})
        number = seen.setdefault(outermost, len(seen))
        path = "/".join(("", f"{kind}_{number}" if number else kind, *inner))
        return match[0].replace(match[1], path, 1)

    return LAYER_PATH.sub(renamed, program)


def input_channels(model):
    """Channels of a network's input, as its first convolution tells; 3 where it has none."""
    for layer in model.sublayers(include_self=True):
        if isinstance(layer, nn.Conv2D):
            return layer._in_channels
    return 3


class WithSoftmax(nn.Layer):
    """A classifier's probabilities ``(N, K)``, of its logits divided by a temperature; behind them, if asked, logits.

    Args:
        model: images ``(N, C, H, W)`` -> logits ``(N, K)``.
        temperature: above 0; None leaves the logits as they are.
        logits_too: return (probabilities, logits).
    """

    def __init__(self, model, temperature=None, logits_too=False):
        super().__init__()
        self.model = model
        self.temperature = temperature or 1.0
        self.logits_too = logits_too

    def forward(self, x):
        logits = self.model(x)
        cooled = logits if self.temperature == 1.0 else logits / self.temperature
        probabilities = nn.functional.softmax(cooled, axis=1)
        return (probabilities, logits) if self.logits_too else probabilities


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
