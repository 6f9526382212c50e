"""Flags that several entries share, typed once: which network, which data, and what runs it. Standard library only.

An entry's own dataclass holds these as fields, and ``cli.parse`` makes flat flags of them:

    @dataclass(frozen=True)
    class PredictFlags:
        network: NetworkFlags = field(default_factory=NetworkFlags)       # --weights --variant --mixer ...
        inference: EngineFlags = field(default_factory=EngineFlags)       # --device --engine --precision

    run = load_run(**vars(flags.network))
    config = override(run.config, flags.data, flags.inference)
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ..config import BEST_MODEL, TrainConfig


@dataclass(frozen=True)
class NetworkFlags:
    """Which network; what is not given comes from the run's config.yaml or the weights' shapes."""

    weights: Path = Path(TrainConfig.work_path) / BEST_MODEL
    """Weights of the network: this package's or the notebook's own .pdparams."""
    variant: str | None = None
    """Size of the network."""
    mixer: str | None = None
    """Spatial operator of the blocks."""
    embed_dim: int | None = None
    """Channels of the first stage."""
    num_classes: int | None = None
    """Width of the network's output."""
    image_size: int | None = None
    """Side of the network's input, in pixels."""


@dataclass(frozen=True)
class DataFlags:
    """Which data; what is not given comes from the run's config.yaml."""

    dataset: str | None = None
    """Data whose validation images are taken: cifar10, cifar100, cifar100-coarse, digits, mnist or folder."""
    data_path: str | None = None
    """Archive or folder of the data."""


@dataclass(frozen=True)
class EngineFlags:
    """What runs the network."""

    device: str | None = None
    """auto (the first GPU, else the CPU), cpu, gpu or gpu:N; by default the run's."""
    engine: str = "paddle"
    """paddle (compiled by paddle.inference) or dygraph (as the notebook)."""
    precision: str = "f32"
    """f32, or bf16 where the processor has it."""


def override(config, *flags):
    """``config`` with every field replaced that one of ``flags`` gives, by name; None gives nothing."""
    names = {field.name for field in dataclasses.fields(config)}
    given = {name: value for one in flags for name, value in vars(one).items() if name in names and value is not None}
    return dataclasses.replace(config, **given)
