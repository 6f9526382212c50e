"""Images/s that one core makes ready for the network: ``python -m fasternet_paddle.bench pipeline``.

The notebook's composition of Paddle's transforms, this package's notebook recipe (``--augment notebook``), its fast one
(``--augment fast``), the light one, and the fast one with RandAugment and with erasing, from images of 32 pixels to
224, take turns in one process that is bound to one core. What counts is the core's time that the process used, so that
a busy machine does not disturb the figure. Expect x1.3 and x4.8 in training, x1.8 in validation (one AMD Zen 4 core).
Then how many cores feed which GPU and, by itself, how fast photographs are decoded (``decode.py``).
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files.tables import text_table
from ..files.writing import make_folder
from ..runtime import cli, machine
from . import decode, measuring
from .paper import PAPER_SPEED
from .rates import NOTEBOOK, report, saving

SIDE = 32  # pixels a side of CIFAR-10's images
TRAIN, VAL = "train, a core", "validation, a core"
RECIPE, FAST, LIGHT = "ours, notebook recipe", "ours, fast", "ours, light"
RANDAUGMENT = "rand-m7-mstd0.5-inc1"
AUGMENTED, ERASED = "ours, fast and RandAugment", "ours, fast and erasing"

PAPER_GPU = {name.removeprefix("FasterNet-"): rate for name, (*_, rate) in PAPER_SPEED.items()}  # images/s, forward
# What a GPU asks for: (who, images/s, which figure feeds it). Where only the forward pass is known, a training step is
# counted as three of it; on the H100, where both were measured, it was 3.1 (T0) and 3.4 (L).
CONSUMERS = (
    ("V100-class GPU, T0 (notebook 3, its validation loop)", 982, VAL),
    ("the same with DWConv (notebook 3)", 580, VAL),
    ("2080 Ti, T0 forward (paper)", PAPER_GPU["T0"], VAL),
    ("2080 Ti, T0 training, a third of that", PAPER_GPU["T0"] / 3, TRAIN),
    ("2080 Ti, T2 training, likewise", PAPER_GPU["T2"] / 3, TRAIN),
    ("2080 Ti, L training, likewise", PAPER_GPU["L"] / 3, TRAIN),
    ("H100, T0 training (measured: timm in PyTorch, batch 256, TF32)", 14203, TRAIN),
    ("H100, L training, likewise", 1291, TRAIN),
)


@dataclass(frozen=True)
class PipelineFlags:
    """How to measure."""

    rounds: int = 3
    """Processes for each environment; their median counts."""
    blocks: int = 15
    """Turns of each way in a process; their median counts."""
    block_images: int = 50
    """Images a turn."""
    output: Path = Path("work/bench")
    """Folder for pipeline.csv and decode.csv, and their figures."""

    def __post_init__(self):
        measuring.check_least(self, rounds=1, blocks=1, block_images=1)


def notebook_transforms():
    """The notebook's two compositions (2.2), of Paddle's transforms alone: training and validation.

    Its ``MixupImage`` is left out: it hands a single image on untouched.
    """
    from paddle.vision import transforms as T

    from ..data.transforms import MEAN, STD

    finish = [T.ToTensor(), T.Normalize(mean=MEAN, std=STD)]
    train = T.Compose(
        [
            T.RandomResizedCrop(measuring.SIZE),
            T.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
            T.RandomHorizontalFlip(0.5),
            T.RandomRotation(20),
            *finish,
        ]
    )
    return train, T.Compose([T.Resize((measuring.SIZE, measuring.SIZE)), *finish])


def pipelines(images):
    """Dict of (figure, way) to a function that makes image number i ready for the network."""
    from ..data.datasets import Images
    from ..data.erasing import RandomErasing
    from ..data.fast_transforms import fast_train_transform, light_train_transform
    from ..data.loaders import TransformedImages
    from ..data.randaugment import RandAugment
    from ..data.transforms import test_transform, train_transform

    def ours(transform, **more):
        return TransformedImages(labelled, transform(measuring.SIZE), **more).__getitem__

    labelled = Images(images, np.zeros(len(images), np.int64))
    train, val = notebook_transforms()
    return {
        (TRAIN, NOTEBOOK): lambda index: train(images[index]),
        (TRAIN, RECIPE): ours(train_transform),
        (TRAIN, FAST): ours(fast_train_transform),
        (TRAIN, LIGHT): ours(light_train_transform),
        (TRAIN, AUGMENTED): ours(fast_train_transform, augment=RandAugment.read(RANDAUGMENT)),
        (TRAIN, ERASED): ours(fast_train_transform, erase=RandomErasing(1.0)),
        (VAL, NOTEBOOK): lambda index: val(images[index]),
        (VAL, RECIPE): ours(test_transform),
    }


def measure_pipeline(blocks, block_images):
    """A worker: [[figure, way, images/s], ...], medians over ``blocks`` turns."""
    import cv2

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(0)
    make = pipelines(np.random.RandomState(0).randint(0, 256, (block_images, SIDE, SIDE, 3), dtype=np.uint8))
    rates = {way: [] for way in make}
    for block in range(blocks + 1):  # the first turn warms up
        for way, function in make.items():
            start = time.process_time()
            for index in range(block_images):
                function(index)
            if block:
                rates[way].append(block_images / (time.process_time() - start))
    return [[*way, float(np.median(values))] for way, values in rates.items()]


def agreement(count=20):
    """Sentences: this package's output against the notebook's for the same draws."""
    import random

    from paddle.vision.transforms import functional as F

    from ..data.fast_transforms import Law, augment, draw_augmentation
    from ..data.transforms import MEAN, STD, train_transform
    from .subject import PHOTOGRAPHS, photograph

    size, levels = measuring.SIZE, 255 * np.array(STD, np.float32).reshape(3, 1, 1)
    pictures = [np.ascontiguousarray(photograph(name)[::7, ::7]) for name in PHOTOGRAPHS]  # 224 -> 32 pixels
    recipes, equal, largest = (train_transform(size), notebook_transforms()[0]), True, 0.0
    for index in range(count):
        picture, results = pictures[index % len(pictures)], []
        for recipe in recipes:
            random.seed(index)
            np.random.seed(index)
            results.append(np.asarray(recipe(picture)))
        equal = equal and np.array_equal(*results)
        drawn = draw_augmentation(np.random.default_rng(index), *picture.shape[:2], Law(jitter=0.0))
        theirs = F.resize(F.crop(picture, *drawn.box), (size, size))
        theirs = F.rotate(F.hflip(theirs) if drawn.flip else theirs, drawn.angle)
        theirs = F.normalize(F.to_tensor(theirs), MEAN, STD).numpy()
        largest = max(largest, float((np.abs(augment(picture, drawn, size) - theirs) * levels).max()))
    return [
        f"{RECIPE}: {count} images {'are the same to the bit' if equal else 'DIFFER from the notebook'}",
        f"{FAST}: {count} images without colour jitter differ by at most {largest:.2f} of 255 levels for the same "
        f"draws (tests/data/test_fast_transforms.py holds colours and laws against Paddle's)",
    ]


def measure(flags):
    """Both environments in turn: dict of (way, settings, figure) to images/s, one a round."""
    jobs = {}
    for environment in (measuring.bare_environment(), measuring.own_environment()):
        given = {"blocks": flags.blocks, "block_images": flags.block_images}
        measuring.add_way(jobs, NOTEBOOK, environment, measure_pipeline, **given)
    return _rates(measuring.in_turns(jobs, flags.rounds, saving("pipeline", flags.output, read=_rates)))


def _rates(results):
    rates, own = {}, measuring.settings_text(measuring.own_environment())
    for (_, settings), rounds in results.items():
        for result in rounds:
            for figure, way, rate in result:
                if way == NOTEBOOK or settings == own:  # ours always runs under what it sets
                    rates.setdefault((way, settings, figure), []).append(rate)
    return dict(sorted(rates.items(), key=lambda item: (item[0][2], item[0][0] != NOTEBOOK)))


def cores_table(rates):
    """Text table: the cores that feed a GPU, on paper: from this machine's rates and ``CONSUMERS``.

    Counted is the work on images; that a loader's main process also copies batches is not.
    """
    middle = {(figure, way): np.median(values) for (way, _, figure), values in rates.items()}
    header = ("GPU", "images/s", "cores, notebook", "cores, notebook recipe", "cores, fast")
    rows = []
    for who, wanted, figure in CONSUMERS:
        cores = (wanted / middle[figure, way] if (figure, way) in middle else None for way in (NOTEBOOK, RECIPE, FAST))
        rows.append((who, f"{wanted:.0f}", *(None if one is None else f"{one:.1f}" for one in cores)))
    return text_table(header, rows)


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints tables and agreement, saves CSV and PNG."""
    flags = cli.parse(
        PipelineFlags,
        argv,
        prog="python -m fasternet_paddle.bench pipeline",
        description="Time the input pipeline: the notebook's transforms against this package's.",
    )
    make_folder(flags.output)
    machine.begin("cpu", seed=0)
    print(machine.describe_machine())
    rates = measure(flags)
    cores = ["On paper, with this machine's cores (batches' copies not counted):", cores_table(rates)]
    report("pipeline", rates, flags.output, [*agreement(), *cores])
    report("decode", decode.measure(flags), flags.output)
