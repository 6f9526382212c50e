"""Weights under the names of the authors' own code (github.com/JierunChen/FasterNet, PyTorch), and back.

    weights = from_authors(arrays)      # "stages.0.blocks.0.mlp.0.weight" -> "feature.0.0.conv1.weight"
    arrays = to_authors(weights)

Layers differ in their names alone, except that PyTorch keeps a Linear's weight as (out, in) and Paddle as (in, out).
Stages and the merges between them are numbered through, 0 to 6, as in the notebook.
"""

import re

import numpy as np

from ..errors import FasterNetError

STAGES, MERGES = (0, 2, 4, 6), (1, 3, 5)
BLOCK = {  # a layer of a block: theirs, the notebook's
    "spatial_mixing.partial_conv3": "pconv.conv",
    "mlp.0": "conv1",
    "mlp.1": "bn",
    "mlp.3": "conv2",
}
LAYERS = {  # "*" is the number of a block
    "patch_embed.proj": "stem.0",
    "patch_embed.norm": "stem.1",
    **{f"stages.{i}.blocks.*.{theirs}": f"feature.{i}.*.{ours}" for i in STAGES for theirs, ours in BLOCK.items()},
    **{f"stages.{i}.reduction": f"feature.{i}.0" for i in MERGES},
    **{f"stages.{i}.norm": f"feature.{i}.1" for i in MERGES},
    "avgpool_pre_head.1": "conv1",
    "head": "fc",
}
TORCH_PARTS = {"weight": "weight", "bias": "bias", "running_mean": "_mean", "running_var": "_variance"}
COUNTS = ".num_batches_tracked"  # how many steps a batch norm has seen: nothing computes with it


def from_authors(arrays, layers=LAYERS):
    """Arrays by the notebook's names and in Paddle's layout, from arrays by PyTorch's names.

    Args:
        arrays: dict of name to numpy array.
        layers: table of their layers to the notebook's.

    Returns:
        dict of name to numpy array; what the table does not know keeps its name.
    """
    kept = {name: array for name, array in arrays.items() if not name.endswith(COUNTS)}
    weights = renamed(kept, layers, TORCH_PARTS)
    if getattr(weights.get("fc.weight"), "ndim", 0) == 2:
        weights["fc.weight"] = weights["fc.weight"].T  # (K, 1280) -> (1280, K)
    return weights


def to_authors(weights, layers=LAYERS):
    """The inverse of ``from_authors``: contiguous arrays by PyTorch's names and in its layout."""
    arrays = dict(weights)
    if "fc.weight" in arrays:
        arrays["fc.weight"] = arrays["fc.weight"].T  # (1280, K) -> (K, 1280)
    arrays = renamed(arrays, inverse(layers), inverse(TORCH_PARTS))
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def renamed(arrays, layers, parts):
    """The arrays with layers and parts (what follows a name's last dot) renamed by two tables.

    Raises:
        FasterNetError: two arrays would bear one name.
    """
    patterns = [(re.compile(re.escape(old).replace(r"\*", r"(\d+)")), new) for old, new in layers.items()]
    found = {}
    for name, array in arrays.items():
        new = _renamed(name, patterns, parts)
        if new in found:
            raise FasterNetError(f"the weights hold {new} twice, once as {name}")
        found[new] = array
    return found


def _renamed(name, patterns, parts):
    layer, _, part = name.rpartition(".")
    for pattern, new in patterns:
        if part in parts and (match := pattern.fullmatch(layer)):
            return f"{new.replace('*', match[1]) if match.groups() else new}.{parts[part]}"
    return name


def inverse(table):
    """A one-to-one table the other way round."""
    return {new: old for old, new in table.items()}
