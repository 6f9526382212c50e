"""Whose weights a file holds, by its keys, and the same weights under the notebook's names.

    found = recognise(read_weights(path), path)
    found.family, found.stem_act, found.num_classes     # "timm", False, 1000

Four families of FasterNet weights are known (``FAMILIES``); what trainers put around the names (``model.``,
``module.``) is taken off. The form of a file, too, is told by its content, whatever its name ends in.
"""

import re
from dataclasses import dataclass

from ..errors import FasterNetError
from ..files.opening import open_file
from ..files.tensors import SAFETENSORS_BYTES, is_safetensors, read_safetensors
from ..files.torch_files import is_torch, read_torch
from ..record import Record
from .authors import from_authors
from .paddleclas import from_paddleclas
from .pdparams import load_arrays, split_record
from .timm import from_timm

FAMILIES = ("notebook", "authors", "paddleclas", "timm")
STEMS = ("stem.0.weight", "patch_embed.proj.weight")  # the notebook's first key, everyone else's
PREFIXES = re.compile(r"(model\.|module\.|network\.|net\.|_orig_mod\.)*")  # Lightning's and others', before each name
DETECTION = re.compile(r"norm[0246]\.")


@dataclass(frozen=True)
class Recognised:
    """The weights of a FasterNet by the notebook's names."""

    source: str
    """The file, or what else they came from."""
    family: str
    """One of ``FAMILIES``."""
    weights: dict
    """Name to numpy array, in Paddle's layout."""
    stem_act: bool
    """Whether its family has activations after stem and merges; of the notebook's a record may say otherwise."""
    passed_over: tuple[str, ...] = ()
    """Names that lie outside the network, such as a loss's; only in files where the network's share a prefix."""

    record: Record | None = None
    """What the file says of itself, where this package wrote it."""

    @property
    def num_classes(self):
        """Width of the classifier; None where the weights have none."""
        bias = self.weights.get("fc.bias")
        return None if bias is None or bias.ndim != 1 else len(bias)


def read_weights(path):
    """The named arrays of a weights file: safetensors, PyTorch's in both forms, or Paddle's ``.pdparams``.

    Returns:
        Dict of name to numpy array; bfloat16 as float32, which holds it exactly. The record's key is among them.

    Raises:
        FasterNetError: the file is missing, damaged, refused, or holds something other than named arrays.
    """
    with open_file(path, SAFETENSORS_BYTES) as (file, _):
        start = file.read(32)
    if is_torch(start):
        return read_torch(path)
    if is_safetensors(start):
        return read_safetensors(path)
    return load_arrays(path)


def recognise(arrays, source):
    """Tell the family of ``arrays`` (dict of name to numpy array) and rename them; ``source`` names them in errors.

    Raises:
        FasterNetError: no FasterNet's, a detector's backbone, one with layer scale, or several networks in one.
    """
    arrays, record = split_record(arrays, source)
    arrays, passed_over = _one_network(arrays, source)
    if detector := [name for name in arrays if DETECTION.match(name)]:
        raise FasterNetError(
            f"{source} is a detection checkpoint, a backbone with {_some(detector)} and without classifier; "
            "weights of a classifier are needed"
        )
    if scaled := [name for name in arrays if name.endswith("layer_scale")]:
        raise FasterNetError(f"{source} has layer scale ({_some(scaled)}), which no published FasterNet has")
    family, rename = _family(arrays)
    stem_act = record.stem_act if record is not None else family == "notebook"
    return Recognised(str(source), family, rename(arrays), stem_act, passed_over, record)


def _one_network(arrays, source):
    """The arrays without what stands before each of their names, and the names that do not begin with it."""
    prefixes = sorted({name[: -len(stem)] for name in arrays for stem in STEMS if _ends_in(name, stem)})
    if not prefixes:
        raise FasterNetError(
            f"{source} is not a FasterNet: it lacks {' and '.join(STEMS)}, and holds {_some(list(arrays))}"
        )
    usual = [prefix for prefix in prefixes if PREFIXES.fullmatch(prefix)] or prefixes
    if len(usual) > 1:
        raise FasterNetError(f"{source} holds several networks, under {_some(usual)}; save the weights of one")
    prefix = usual[0]
    outside = tuple(name for name in arrays if not name.startswith(prefix))
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}, outside


def _ends_in(name, key):
    return name == key or name.endswith(f".{key}")


def _family(arrays):
    """The name of a family, and the function that renames its arrays."""
    if "stem.0.weight" in arrays:
        return "notebook", dict
    if "conv_head.weight" in arrays or any(".downsample." in name for name in arrays):
        return "timm", from_timm
    if "patch_embed.norm._mean" in arrays:
        return "paddleclas", from_paddleclas
    return "authors", from_authors


def _some(names, most=6):
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
