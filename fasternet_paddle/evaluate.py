"""Measure a trained network: ``python -m fasternet_paddle.evaluate --weights work/model/best_model.pdparams``.

Prints top-1, top-5 and loss on the validation images, and throughput two ways: ``loop`` is the notebook's figure
(2.5, "Throughout": loading and transforming included), ``model`` is the network alone on ready batches.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

from .config import BEST_MODEL, TrainConfig
from .errors import FasterNetError
from .runtime import cli, machine


@dataclass(frozen=True)
class EvaluateFlags:
    """What to evaluate, and how. What is not given comes from the run's config.yaml or the weights' shapes."""

    weights: Path = Path(TrainConfig.work_path) / BEST_MODEL
    """Weights to evaluate: this package's or the notebook's own .pdparams."""
    dataset: str | None = None
    """Data to evaluate on: cifar10 or digits."""
    data_path: str | None = None
    """CIFAR-10 archive."""
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
    batch_size: int | None = None
    """Images a batch."""
    num_workers: int | None = None
    """Processes that load images."""
    device: str | None = None
    """auto (the first GPU, else the CPU), cpu, gpu or gpu:N."""
    engine: str = "paddle"
    """paddle (compiled by paddle.inference) or dygraph (as the notebook)."""
    precision: str = "f32"
    """f32, or bf16 where the processor has it."""


@cli.entry
def main(argv=None):
    """Evaluate as the flags say; returns the exit code."""
    flags = cli.parse(
        EvaluateFlags,
        argv,
        prog="python -m fasternet_paddle.evaluate",
        description="Measure a trained FasterNet.",
    )

    from .data import datasets, loaders
    from .data.transforms import test_transform
    from .inference import predictor as inference
    from .model import losses
    from .runs import run as checkpoint
    from .training import metrics

    run = checkpoint.load_run(
        flags.weights, flags.variant, flags.mixer, flags.embed_dim, flags.num_classes, flags.image_size
    )
    given = {name: getattr(flags, name) for name in ("dataset", "data_path", "batch_size", "num_workers", "device")}
    config = dataclasses.replace(run.config, **{name: value for name, value in given.items() if value is not None})
    machine.begin(config.device, config.seed)

    data = datasets.load_dataset(config.dataset, config.data_path)
    if len(data.class_names) > len(run.class_names):
        raise FasterNetError(
            f"the network knows {len(run.class_names)} classes, but {config.dataset} has {len(data.class_names)}; "
            f"choose another --dataset or --data-path"
        )
    transform = test_transform(config.image_size)
    loader = loaders.make_loader(data.val, transform, config.batch_size, num_workers=config.num_workers)
    predictor = inference.Predictor(run.model, config.image_size, engine=flags.engine, precision=flags.precision)
    print(f"val_dataset: {len(data.val)}\npredictor: {predictor.describe()}")

    logits, labels = inference.collect_logits(predictor, loader)
    loss = losses.label_smoothing_cross_entropy(logits, labels, config.label_smoothing)
    top_k = min(5, len(run.class_names))
    print(f"top-1: {metrics.count_correct(logits, labels) / len(labels):.4f}")
    print(f"top-{top_k}: {metrics.count_correct(logits, labels, top_k) / len(labels):.4f}")
    print(f"loss: {float(loss):.4f} nats (label smoothing {config.label_smoothing})")
    loop = inference.loop_throughput(predictor, loader)
    ready = inference.model_throughput(predictor, config.batch_size, config.image_size)
    print(f"loop throughput: {loop:.1f} images/s (loading and transforms included)")
    print(f"model throughput: {ready:.1f} images/s (ready batches of {config.batch_size})")


if __name__ == "__main__":
    sys.exit(main())
