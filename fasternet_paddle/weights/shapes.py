"""A network read off the shapes of its weights, for files that come without a recipe.

    read_shapes(load_weights("model.pdparams"), "model.pdparams")
    # Shapes(embed_dim=40, depths=(1, 2, 8, 2), mixer="pconv", num_classes=10)

Sizes are all that shapes tell: ``model.fasternet.variant_of`` says which variant has them.
"""

from dataclasses import dataclass

from ..errors import FasterNetError

# What is looked at, and its number of axes.
TELLING = {"stem.0.weight": 4, "feature.0.0.conv1.weight": 4, "fc.bias": 1}
MIXER = "feature.0.0.pconv.conv.weight"


@dataclass(frozen=True)
class Shapes:
    """The sizes of a FasterNet."""

    embed_dim: int
    """Channels of the first stage."""
    depths: tuple[int, ...]
    """Blocks of each stage."""
    mixer: str | None
    """Spatial operator of the blocks: pconv, dwconv or conv; None where it is none of them."""
    num_classes: int
    """Width of the output."""


def read_shapes(arrays, source):
    """``Shapes`` of named ``arrays``, as ``load_weights`` returns them; ``source`` names them in an error.

    Raises:
        FasterNetError: they lack one of the arrays that tell a FasterNet's sizes.
    """
    for name, axes in TELLING.items():
        if name not in arrays or arrays[name].ndim != axes:
            raise FasterNetError(f"{source} is not a FasterNet: it lacks {name} of {axes} axes")
    width = arrays["stem.0.weight"].shape[0]
    mixer = None
    if MIXER in arrays and arrays[MIXER].ndim == 4:
        operator = arrays[MIXER].shape[:2]  # (out, in / groups)
        mixer = {(width, 1): "dwconv", (width, width): "conv"}.get(operator, "pconv")
    depths = []
    while depth := _depth(arrays, 2 * len(depths)):  # between two stages stands a merge
        depths.append(depth)
    return Shapes(width, tuple(depths), mixer, len(arrays["fc.bias"]))


def _depth(arrays, stage):
    """Number of blocks of ``feature.<stage>``."""
    depth = 0
    while f"feature.{stage}.{depth}.conv1.weight" in arrays:
        depth += 1
    return depth
