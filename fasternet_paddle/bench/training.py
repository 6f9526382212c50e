"""The training step, the notebook's against this package's: ``python -m fasternet_paddle.bench training``.

Each way trains T0 at 224 pixels from the same weights on the same batches, in a process of its own and in turn: the
notebook's loop with no settings, as it runs; the same under the variables that this package sets; and
``trainer.train_one_epoch``. The network is the notebook's in all of them, so what differs is settings and the loop.
Batches are ready before the clock starts. Expect x2.4 against no settings with one thread (the MKL variable, on an AMD
processor), x2.6 to x3.5 with two on two idle cores, less than x2 where one of them is busy, x1.2 under the same ones
(probably because the notebook's sum of losses keeps the graphs of all steps), and the same losses.

``--against timm`` adds timm's FasterNet-T0 in PyTorch, in processes without Paddle and on drawn images.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import MIN_IMAGE_SIZE
from ..errors import FasterNetError
from ..files.writing import make_folder
from ..runtime import cli, machine
from . import measuring, peers
from .rates import NOTEBOOK, rates_of, report, saving

OURS = "ours"
AGREE = 1e-3  # largest difference between losses of the same step that counts as agreement


@dataclass(frozen=True)
class TrainingFlags:
    """How to measure."""

    rounds: int = 3
    """Processes each way; their median counts."""
    steps: int = 20
    """Steps a process; the median of all but the first counts."""
    batch_size: int = 32
    """Images a step."""
    image_size: int = measuring.SIZE
    """Side of the network's input, in pixels."""
    threads: tuple[int, ...] = (1,)
    """Also measure both ways with OMP_NUM_THREADS at each of these, to tell the gain of the threads from the rest."""
    against: tuple[str, ...] = ()
    """Another library's step beside them: timm (PyTorch)."""
    output: Path = Path("work/bench")
    """Folder for training.csv and training.png."""

    def __post_init__(self):
        measuring.check_least(self, rounds=1, steps=2, batch_size=2, image_size=MIN_IMAGE_SIZE)
        if any(count < 1 for count in self.threads):
            raise FasterNetError(f"threads must be at least 1 each, got {' '.join(map(str, self.threads))}")
        peers.training_ways(self.against)


class TimedBatches:
    """``steps`` batches of augmented photographs, labelled by photograph, the same each time; times what follows each.

    Iterating yields (images ``(N, 3, S, S)``, labels ``(N,)``) as Paddle tensors; ``seconds`` holds how long each
    batch was in use.
    """

    def __init__(self, steps, batch_size, image_size):
        from ..data.fast_transforms import fast_train_transform
        from .subject import PHOTOGRAPHS, photograph

        self.steps, self.batch_size = steps, batch_size
        self.transform, self.pictures = fast_train_transform(image_size), [photograph(name) for name in PHOTOGRAPHS]
        self.seconds = []

    def __len__(self):
        return self.steps

    def __iter__(self):
        import paddle

        for step in range(self.steps):
            labels = np.arange(self.batch_size) % len(self.pictures)
            images = np.stack(
                [
                    self.transform(self.pictures[label], np.random.default_rng((step, place)))
                    for place, label in enumerate(labels)
                ]
            )
            batch = paddle.to_tensor(images), paddle.to_tensor(labels)
            start = time.perf_counter()
            yield batch
            self.seconds.append(time.perf_counter() - start)


def notebook_loss(pred, target, smoothing=0.1):
    """The notebook's ``LabelSmoothingCrossEntropy`` (2.3.1)."""
    import paddle
    import paddle.nn.functional as F

    log_probs = F.log_softmax(pred, axis=-1)
    picked = paddle.gather_nd(-log_probs, index=paddle.stack([paddle.arange(log_probs.shape[0]), target], axis=1))
    return ((1.0 - smoothing) * picked + smoothing * paddle.mean(-log_probs, axis=-1)).mean()


def notebook_loop(model, batches, optimizer, scheduler):
    """The notebook's training loop (2.4) over ``batches``; returns the losses.

    Left out is ``Accuracy.update``, which today's Paddle refuses. Losses are summed as tensors, as in the notebook.
    """
    import paddle

    losses, train_loss = [], 0.0
    model.train()
    for images, y_data in batches:
        labels = paddle.unsqueeze(y_data, axis=1)
        logits = model(images)
        loss = notebook_loss(logits, y_data)
        paddle.metric.accuracy(logits, labels)
        losses.append(loss.numpy())
        loss.backward()
        optimizer.step()
        scheduler.step()
        optimizer.clear_grad()
        train_loss += loss
    return [float(loss) for loss in losses]


def our_loop(model, batches, optimizer, scheduler):
    """This package's loop over ``batches``; returns the losses."""
    from ..model.losses import LabelSmoothingCrossEntropy
    from ..training.metrics import Progress
    from ..training.trainer import train_one_epoch

    progress, sums = Progress(), [0.0]
    train_one_epoch(
        model,
        batches,
        LabelSmoothingCrossEntropy(),
        optimizer,
        scheduler,
        progress,
        seed=0,
        after_step=lambda: sums.append(progress.tally.loss_sum),
    )
    return (np.diff(sums) / batches.batch_size).tolist()


def measure_training(way, steps, batch_size, image_size):
    """A worker: images/s of a way (the median step but for the first), and the loss of each step."""
    import paddle

    from ..config import TrainConfig
    from ..model.fasternet import create_model
    from ..training.optimizers import make_optimizer

    paddle.seed(0)
    model = create_model("t0")
    optimizer, scheduler = make_optimizer(model, TrainConfig(), steps_per_epoch=195)  # 50,000 // 256
    batches = TimedBatches(steps, batch_size, image_size)
    losses = {NOTEBOOK: notebook_loop, OURS: our_loop}[way](model, batches, optimizer, scheduler)
    return {"rates": measuring.training_rate(batches.seconds, batch_size, image_size), "losses": losses}


def measure(flags):
    """All ways in turn: dict of (way, settings) to a list of the workers' results, one a round."""
    bare, own = measuring.bare_environment(), measuring.own_environment()
    machine.training_threads(flags.image_size, own, given=())
    ways = [(NOTEBOOK, bare), (NOTEBOOK, own), (OURS, own)]
    timms = peers.training_ways(flags.against)
    theirs = [(way, own) for way in timms]
    for count in flags.threads:
        threaded = {**own, "OMP_NUM_THREADS": str(count)}
        ways += [(NOTEBOOK, threaded), (OURS, threaded)]
        theirs += [(way, threaded) for way in timms]
    arguments = {"steps": flags.steps, "batch_size": flags.batch_size, "image_size": flags.image_size}
    jobs = {}
    for way, environment in ways:
        measuring.add_way(jobs, way, environment, measure_training, way=way, **arguments)
    for way, environment in theirs:
        measuring.add_way(jobs, way, environment, peers.measure_timm_training, way=way, **arguments)
    return measuring.in_turns(jobs, flags.rounds, saving("training", flags.output))


def agreement(results):
    """Sentences: how far each way's losses are from the notebook's, and whether its own rounds are equal to the bit."""
    first = next(iter(results))
    if first[0] != NOTEBOOK:
        return ["the notebook's way gave no losses to compare with"]
    wanted, sentences = np.array(results[first][0]["losses"]), []
    for (way, settings), rounds in results.items():
        if way not in (NOTEBOOK, OURS):  # timm's network and images are others
            continue
        losses = np.array([result["losses"] for result in rounds])
        difference = float(np.abs(losses - wanted).max())
        sentences.append(
            f"{way} ({settings}): losses of {len(wanted)} steps ({wanted[0]:.3f} to {wanted[-1]:.3f}) differ by at "
            f"most {difference:.1e}{'' if difference <= AGREE else f', MORE THAN {AGREE}'} from the notebook's; "
            + ("rounds are equal to the bit" if (losses == losses[0]).all() else "rounds DIFFER from each other")
        )
    return sentences


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints table and agreement, saves CSV and PNG."""
    flags = cli.parse(
        TrainingFlags,
        argv,
        prog="python -m fasternet_paddle.bench training",
        description="Time the training step: the notebook's against this package's.",
    )
    peers.check_installed(flags.against)
    make_folder(flags.output)
    machine.begin("cpu", seed=0)
    print(machine.describe_machine())
    results = measure(flags)
    report("training", rates_of(results), flags.output, agreement(results))
