"""Parts of a network that do not learn: their weights stand still, and so do their batch-norm statistics.

freeze(model, ("stem", "1", "2"))
model.train()
rest_frozen(model)                             # the frozen parts are in eval mode, as the loop holds them
"""

from ..errors import FasterNetError

STATISTICS = ("._mean", "._variance")  # of batch norm: Paddle keeps them as parameters, which never learn


def freeze(model, parts):
    """Let ``parts`` of a ``FasterNet`` stop learning.

    Args:
        parts: of "backbone" (all but the head), "stem", and the numbers of stages, each with the merge before it.

    Raises:
        FasterNetError: no such part.
    """
    known = frozen_prefixes(model)
    if unknown := [part for part in parts if part not in known]:
        raise FasterNetError(f"no part {unknown[0]!r} to freeze; known: {', '.join(known)}", change="freeze")
    prefixes = tuple(prefix for part in parts for prefix in known[part])
    for name, parameter in model.named_parameters():
        if name.startswith(prefixes):
            parameter.stop_gradient = True


def frozen_prefixes(model):
    """What can be frozen -> how the names of its parameters begin."""
    stages = range((len(model.feature) + 1) // 2)
    parts = {"backbone": ("stem.", "feature.", "conv1."), "stem": ("stem.",)}
    return parts | {
        str(stage + 1): tuple(f"feature.{index}." for index in (2 * stage - 1, 2 * stage) if index >= 0)
        for stage in stages
    }


def learning_parameters(model):
    """Parameters for the optimizer: all, as the notebook gives them, but for the frozen ones."""
    frozen = {id(parameter) for parameter in _frozen(model)}
    return [parameter for parameter in model.parameters() if id(parameter) not in frozen]


def rest_frozen(model):
    """Put every part into eval mode whose parameters are all frozen; to be called after ``model.train()``."""
    frozen = {id(parameter) for parameter in _frozen(model)}
    if not frozen:
        return
    for layer in model.sublayers():
        own = [id(value) for name, value in layer.named_parameters() if not f".{name}".endswith(STATISTICS)]
        if own and frozen.issuperset(own):
            layer.eval()


def _frozen(model):
    """Parameters that would learn and do not."""
    return [p for name, p in model.named_parameters() if p.stop_gradient and not name.endswith(STATISTICS)]
