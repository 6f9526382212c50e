"""AdamW along a cosine, as the notebook has it (notebook 2.4), and what recipes change of it.

optimizer, scheduler = make_optimizer(model, config, steps_per_epoch)
"""

import math

import paddle

from .freezing import learning_parameters
from .schedules import make_schedule


def make_optimizer(model, config, steps_per_epoch):
    """The optimizer and the schedule of a ``TrainConfig``; by default the notebook's AdamW and cosine.

    Args:
        model: a ``FasterNet``; frozen parameters are left out.
        config: ``TrainConfig``.
        steps_per_epoch: batches of an epoch; ``config.accumulate`` of them make a step of the optimizer.

    Returns:
        (optimizer, scheduler)
    """
    scheduler = make_schedule(config, math.ceil(steps_per_epoch / config.accumulate))
    clip = None if config.clip_norm is None else paddle.nn.ClipGradByGlobalNorm(config.clip_norm)
    common = {"learning_rate": scheduler, "grad_clip": clip, "weight_decay": config.weight_decay}
    common["parameters"] = parameter_groups(model, config)
    if config.optimizer == "sgd":
        return paddle.optimizer.Momentum(momentum=config.momentum, use_nesterov=True, **common), scheduler
    return paddle.optimizer.AdamW(**common), scheduler


def parameter_groups(model, config):
    """What the optimizer is given: all parameters alike, as the notebook does, or groups of a rate and a decay each."""
    parts = {config.layer_decay, config.backbone_rate} != {1.0}
    if not parts and config.decay == "all":
        return learning_parameters(model)
    shares = rate_shares(model, config.layer_decay, config.backbone_rate)
    groups = {}
    for name, parameter in model.named_parameters():
        if parameter.stop_gradient:
            continue
        # Weights of convolutions and of the classifier have several axes, biases and batch norm one (timm's rule).
        decay = config.weight_decay if config.decay == "all" or parameter.ndim > 1 else 0.0
        groups.setdefault((shares[name], decay), []).append(parameter)
    return [
        {"params": members, "learning_rate": share, "weight_decay": decay} for (share, decay), members in groups.items()
    ]


def rate_shares(model, layer_decay=1.0, backbone_rate=1.0):
    """Name of each parameter -> its share of the learning rate.

    The head's is 1. Below it each layer's is ``layer_decay`` times that of the layer above: layers are the last
    convolution, every block, every merge and the stem. ``backbone_rate`` multiplies all but the head's.
    """
    depths = {}
    for name, _ in model.named_parameters():
        stage, _, block = name.removeprefix("feature.").partition(".")
        is_block = name.startswith("feature.") and int(stage) % 2 == 0
        depths[name] = (
            (int(stage), int(block.split(".")[0]) if is_block else 0)
            if name.startswith("feature.")
            else ({"stem": (-1, 0), "fc": (math.inf, 1)}.get(name.split(".")[0], (math.inf, 0)))
        )
    order = {place: number for number, place in enumerate(sorted(set(depths.values()), reverse=True))}
    return {
        name: layer_decay ** order[place] * (1.0 if name.startswith("fc.") else backbone_rate)
        for name, place in depths.items()
    }
