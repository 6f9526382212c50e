"""Measure a trained network: ``python -m fasternet_paddle.evaluate --weights work/model/best_model.pdparams``.

Prints top-1, top-5 and loss on the validation images, and throughput two ways: ``loop`` is the notebook's figure
(2.5, "Throughout": loading and transforming included), ``model`` is the network alone on ready batches.
"""

import sys
from dataclasses import dataclass, field

from .runtime import cli, machine
from .runtime.flags import DataFlags, EngineFlags, NetworkFlags, override


@dataclass(frozen=True)
class EvaluateFlags:
    """What to evaluate, and how."""

    network: NetworkFlags = field(default_factory=NetworkFlags)
    data: DataFlags = field(default_factory=DataFlags)
    batch_size: int | None = None
    """Images a batch."""
    num_workers: int | None = None
    """Processes that load images."""
    inference: EngineFlags = field(default_factory=EngineFlags)


@cli.entry
def main(argv=None):
    """Evaluate as the flags say; returns the exit code."""
    flags = cli.parse(
        EvaluateFlags,
        argv,
        prog="python -m fasternet_paddle.evaluate",
        description="Measure a trained FasterNet.",
    )

    from .data.datasets import load_validation
    from .data.loaders import decoded_to, make_loader
    from .data.preparation import config_preparation
    from .inference.predictor import Predictor
    from .inference.throughput import collect_logits, loop_throughput, model_throughput
    from .model.losses import label_smoothing_cross_entropy
    from .runs.run import load_run
    from .training.metrics import count_correct

    run = load_run(**vars(flags.network))
    config = override(run.config, flags.data, flags.inference, flags)
    machine.begin(config.device, config.seed)

    prepare = config_preparation(config)
    val = decoded_to(load_validation(config, run.class_names, flags.network.weights.parent), prepare.at_least)
    loader = make_loader(val, prepare, config.batch_size, num_workers=config.num_workers)
    engine, precision = flags.inference.engine, flags.inference.precision
    predictor = Predictor(run, engine=engine, precision=precision, prepare=prepare)
    print(f"val_dataset: {len(val)}\npredictor: {predictor.describe()}")

    logits, labels = collect_logits(predictor, loader)
    loss = label_smoothing_cross_entropy(logits, labels, config.label_smoothing)
    for k in (1, min(5, len(run.class_names))):
        print(f"top-{k}: {count_correct(logits, labels, k) / len(labels):.4f}")
    print(f"loss: {float(loss):.4f} nats (label smoothing {config.label_smoothing})")
    loop = loop_throughput(predictor, loader)
    ready = model_throughput(predictor, config.batch_size, config.image_size)
    print(f"loop throughput: {loop:.1f} images/s (loading and transforms included)")
    print(f"model throughput: {ready:.1f} images/s (ready batches of {config.batch_size})")


if __name__ == "__main__":
    sys.exit(main())
