"""Flags that several entries share, typed once: which network, which data, and what runs it. Standard library only.

An entry's own dataclass holds these as fields, and ``cli.parse`` makes flat flags of them:

    @dataclass(frozen=True)
    class PredictFlags:
        network: NetworkFlags = field(default_factory=NetworkFlags)       # --weights --variant --mixer ...
        inference: EngineFlags = field(default_factory=EngineFlags)       # --device --engine --precision ...

    run = load_run(**vars(flags.network))
    config = override(run.config, flags.data, flags.inference)
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ..config import BEST_MODEL, TrainConfig


@dataclass(frozen=True)
class NetworkFlags:
    """Which network; what is not given comes from the record in the weights, or what stands beside them."""

    weights: Path = Path(TrainConfig.work_path) / BEST_MODEL
    """Weights of the network, or a name of published ones: this package's or the notebook's own .pdparams, or files of
    other families (.pth, .safetensors)."""
    variant: str | None = None
    """Size of the network."""
    mixer: str | None = None
    """Spatial operator of the blocks."""
    embed_dim: int | None = None
    """Channels of the first stage."""
    depths: tuple[int, ...] = ()
    """Blocks of each stage."""
    num_classes: int | None = None
    """Width of the network's output."""
    image_size: int | None = None
    """Side of the network's input, in pixels."""
    class_names: tuple[str, ...] = ()
    """Names of the network's outputs in their order, or a text file with a name a line."""


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
    """paddle (compiled by paddle.inference), openvino or onnxruntime (the extra fast), auto (whichever a race of 15 s
    finds fastest for these batches on this machine, kept for later) or dygraph (as the notebook)."""
    precision: str = "f32"
    """f32, bf16 where the processor has it, or int8 (engines openvino and auto)."""
    part: int | None = None
    """Images that are run at once, of a batch; by default all of them. The engine auto finds out."""
    streams: int | None = None
    """Parts that are run at a time, by openvino and onnxruntime; by default one. The engine auto finds out."""
    calibrate: Path | None = None
    """With int8: a folder of images to calibrate on; by default 300 of the run's training images."""
    max_drop: float = 1.0
    """With int8: largest loss of accuracy, in points, measured on up to 500 validation images."""
    accuracy_control: bool = False
    """With int8: put layers back to f32 until the loss is small enough (minutes)."""


@dataclass(frozen=True)
class RecipeFlags:
    """The flags that a recipe's own settings depend on; None where they are not given."""

    variant: str | None = None
    epochs: int | None = None
    image_size: int | None = None
    init_weights: str | None = None


@dataclass(frozen=True)
class LoadingFlags:
    """How images are loaded; what is not given is the run's."""

    batch_size: int | None = None
    """Images a batch."""
    num_workers: int | None = None
    """Processes that load images."""


def override(config, *flags):
    """``config`` with every field replaced that one of ``flags`` gives, by name; None gives nothing."""
    names = {field.name for field in dataclasses.fields(config)}
    given = {name: value for one in flags for name, value in vars(one).items() if name in names and value is not None}
    return dataclasses.replace(config, **given)
