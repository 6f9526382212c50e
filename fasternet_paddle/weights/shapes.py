"""A network read off the shapes of its weights, for files that come without a recipe.

    read_shapes(load_weights("model.pdparams"), "model.pdparams")
    # Shapes(embed_dim=40, depths=(1, 2, 8, 2), mixer="pconv", num_classes=10)

Sizes are all that shapes tell: ``model.fasternet.variant_of`` says which variant has them.
"""

from dataclasses import dataclass

from ..errors import FasterNetError

# What is looked at, and its number of axes.
TELLING = {"stem.0.weight": 4, "feature.0.0.pconv.conv.weight": 4, "fc.bias": 1}
STAGES = 4


@dataclass(frozen=True)
class Shapes:
    """The sizes of a FasterNet."""

    embed_dim: int
    """Channels of the first stage."""
    depths: tuple[int, ...]
    """Blocks of each stage."""
    mixer: str
    """Spatial operator of the blocks: pconv, dwconv or conv."""
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
    operator = arrays["feature.0.0.pconv.conv.weight"].shape[:2]  # (out, in / groups)
    mixer = {(width, 1): "dwconv", (width, width): "conv"}.get(operator, "pconv")
    depths = tuple(_depth(arrays, 2 * stage) for stage in range(STAGES))  # between two stages stands a merge
    return Shapes(width, depths, mixer, len(arrays["fc.bias"]))


def _depth(arrays, stage):
    """Number of blocks of ``feature.<stage>``."""
    depth = 0
    while f"feature.{stage}.{depth}.conv1.weight" in arrays:
        depth += 1
    return depth
