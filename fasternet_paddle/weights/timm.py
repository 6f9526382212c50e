"""Weights under the names of timm (``timm.create_model("fasternet_t0")``, PyTorch), and back.

    weights = from_timm(arrays)         # "stages.1.downsample.norm.bias" -> "feature.1.1.bias"
    arrays = to_timm(weights)           # load_state_dict(..., strict=True) takes them: nothing missing, nothing else

timm numbers the stages 0 to 3 and puts the merge in front of the stage that it leads to.
"""

from .authors import BLOCK, MERGES, STAGES, from_authors, to_authors

LAYERS = {
    "patch_embed.proj": "stem.0",
    "patch_embed.norm": "stem.1",
    **{f"stages.{i // 2}.blocks.*.{theirs}": f"feature.{i}.*.{ours}" for i in STAGES for theirs, ours in BLOCK.items()},
    **{f"stages.{(i + 1) // 2}.downsample.reduction": f"feature.{i}.0" for i in MERGES},
    **{f"stages.{(i + 1) // 2}.downsample.norm": f"feature.{i}.1" for i in MERGES},
    "conv_head": "conv1",
    "classifier": "fc",
}


def from_timm(arrays):
    """Arrays by the notebook's names and in Paddle's layout; what is no name of timm's keeps it."""
    return from_authors(arrays, LAYERS)


def to_timm(weights):
    """The inverse of ``from_timm``; of a network without activations after stem and merges, which timm's is."""
    return to_authors(weights, LAYERS)
