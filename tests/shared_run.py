"""What the processes of a shared run do and tell in ``tests/training/test_several.py``: functions that are spawned."""

import dataclasses
import hashlib

import numpy as np
import paddle
from paddle import nn

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_data
from fasternet_paddle.runtime import machine
from fasternet_paddle.training import parts as assembly
from fasternet_paddle.training.averaging import average_statistics
from fasternet_paddle.training.steps import Stepper
from fasternet_paddle.training.trainer import step_seed, train_one_epoch

RECIPE = TrainConfig(
    dataset="digits", image_size=32, batch_size=14, epochs=1, num_workers=0, variant="t1", embed_dim=4, drop_path=0.5
)
MIXED = dataclasses.replace(RECIPE, batch_size=10, mixup=0.4, cutmix=1.0)  # five pairs for two or three processes


def gradients_and_weights(steps):
    """What ``test_several`` compares, in every process alike: a dict."""
    machine.begin("cpu", RECIPE.seed)
    data = load_data(RECIPE)
    told = {"plain": _first_gradient(RECIPE, data), "mixed": _first_gradient(MIXED, data)}
    told["empty share"] = _first_gradient(dataclasses.replace(RECIPE, batch_size=2), data)
    parts = assembly.make_parts(dataclasses.replace(RECIPE, max_steps=steps, ema_decay=0.9), data)
    told["start"] = digest(parts.model, statistics=True)
    seen = _watch(parts.train_loader)
    tally = train_one_epoch(*parts[:2], *parts[3:], seed=RECIPE.seed)
    told["tally"] = (tally.loss, tally.correct, tally.seen)
    told["indices"] = seen
    told["weights"] = digest(parts.model, statistics=False)
    told["own statistics"] = digest(parts.model, statistics=True)
    average_statistics(parts.model, parts.optimizer.extras)
    told["statistics"] = digest(parts.model, statistics=True)
    return told


def batches(steps):
    """Indices of each batch of one process's first ``steps``."""
    sampler = assembly.make_loaders(load_data(RECIPE), dataclasses.replace(RECIPE, max_steps=steps))[0].sampler
    return [[index for _, index in keys] for keys in sampler]


def _watch(loader):
    """A list that grows by the indices of each batch that ``loader`` makes."""
    seen, make = [], loader._make

    def watched(keys):
        seen.append([index for _, index, *_ in keys])
        return make(keys)

    loader._make = watched
    return seen


def _first_gradient(config, data):
    """Gradients of the first step of a network without batch norm, one behind the other; the optimizer takes none."""
    parts = assembly.make_parts(config, data)
    _without_batch_norm(parts.model)
    parts.model.train()
    step = Stepper(parts.model, parts.optimizer, parts.scheduler)
    taken = []
    parts.optimizer.step = lambda: taken.extend(
        parameter.grad.numpy().ravel() for parameter in parts.model.parameters() if not parameter.stop_gradient
    )
    paddle.seed(step_seed(config.seed, 0))
    images, labels = next(iter(parts.train_loader))
    _, loss = step.forward(parts.criterion, images, labels)
    step(loss, len(labels))
    return np.concatenate(taken)


def _without_batch_norm(model):
    for layer in model.sublayers(include_self=True):
        for name, child in layer.named_children():
            if isinstance(child, nn.BatchNorm2D):
                setattr(layer, name, nn.Identity())
    with paddle.no_grad():  # logits as batch norm leaves them: at 50, float32 rounds by 1e-5 of the largest
        model.fc.weight.scale_(0.01)


def digest(model, statistics):
    """Hash of a network's weights, with its running statistics or without."""
    content = hashlib.sha256()
    for name, value in model.state_dict().items():
        if statistics or not name.endswith(("._mean", "._variance")):
            content.update(value.numpy().tobytes())
    return content.hexdigest()
