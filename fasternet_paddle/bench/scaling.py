"""Training in several processes: ``python -m fasternet_paddle.bench scaling``.

One process of one thread, one with a thread a core, and 2 to N processes train T0 on the same batches of digits, in
turn, beside the notebook's loop with no settings. A rate is by the wall clock, of the difference between a short and a
long run, so that starting and ending do not count and nothing that a process says of itself does. ``--against timm``
adds timm's FasterNet-T0 in PyTorch, in one process with a thread a core, by its median step as the notebook's. Expect
two processes on two idle cores to be 1.6 times or more as fast as one. Then an estimate from steps and message sizes,
no measurement: how far sharing a batch carries T0 and L over cards, machines and networks (``estimate.py``).
"""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import MIN_IMAGE_SIZE, TrainConfig
from ..errors import FasterNetError
from ..files.tables import text_table
from ..files.writing import make_folder
from ..results.plots import save_figure
from ..runtime import cli, machine, ranks
from ..runtime.launch import launch
from . import estimate, measuring, peers
from .rates import NOTEBOOK, rates_of, report, save_rows, saving
from .training import measure_training


@dataclass(frozen=True)
class ScalingFlags:
    """How to measure."""

    processes: int = 0
    """The most processes; 0: as many as there are cores."""
    rounds: int = 3
    """How often each way is measured; the median counts."""
    steps: tuple[int, int] = (4, 14)
    """Steps of the short and of the long run."""
    batch_size: int = 32
    """Images a step, of all processes together."""
    image_size: int = measuring.SIZE
    """Side of the network's input, in pixels."""
    against: tuple[str, ...] = ()
    """Another library's training beside them: timm (PyTorch)."""
    output: Path = Path("work/bench")
    """Folder for scaling.csv, scaling.png, estimate.csv and estimate.png."""

    def __post_init__(self):
        measuring.check_least(self, processes=0, rounds=1, batch_size=2, image_size=MIN_IMAGE_SIZE)
        if not 1 <= self.steps[0] < self.steps[1]:
            raise FasterNetError(f"steps must be a short run's and a longer one's, got {self.steps}")
        peers.training_ways(self.against)


def train_for(config, steps):
    """Train so many steps, as one of several processes: (seconds in the steps, seconds of these in messages)."""
    from ..data.datasets import load_data
    from ..training.parts import make_parts
    from ..training.trainer import train_one_epoch

    machine.begin("cpu", config.seed, train_size=config.image_size)
    parts = make_parts(dataclasses.replace(config, max_steps=steps), load_data(config))
    talked, began = ranks.seconds(), time.perf_counter()
    train_one_epoch(*parts[:2], *parts[3:], seed=config.seed)
    told = time.perf_counter() - began, ranks.seconds() - talked
    parts.close()
    return told


def measure_processes(count, threads, steps, batch_size, image_size):
    """A worker: images/s of ``count`` processes by the wall clock, and the share of their time that messages take."""
    config = TrainConfig(dataset="digits", batch_size=batch_size, image_size=image_size, num_workers=0)
    seconds, told = [], None
    for length in steps:
        began = time.perf_counter()
        told = launch(train_for, (config, length), count, threads=threads)
        seconds.append(time.perf_counter() - began)
    rate = batch_size * (steps[1] - steps[0]) / (seconds[1] - seconds[0])
    busy, talked = told[0]
    return {"rates": {figure(batch_size, image_size): rate}, "talked": talked / busy}


def figure(batch_size, image_size):
    """What is measured, in words."""
    return f"training, T0, {batch_size} images of {image_size}"


def measure(flags):
    """All ways in turn: dict of (way, settings) to a list of the workers' results, one a round."""
    cores = machine.count_cores()
    bare, own = measuring.bare_environment(), measuring.own_environment()
    shape = {"batch_size": flags.batch_size, "image_size": flags.image_size}
    jobs = {}
    measuring.add_way(jobs, NOTEBOOK, bare, measure_notebook, steps=flags.steps[1], **shape)
    for way in peers.training_ways(flags.against):
        environment = {**own, "OMP_NUM_THREADS": str(min(cores, machine.MAX_THREADS))}
        arguments = {"steps": flags.steps[1], "figure": figure(flags.batch_size, flags.image_size), **shape}
        measuring.add_way(jobs, way, environment, peers.measure_timm_training, way=way, **arguments)
    ways = [("1 process", 1, 1)] + ([("1 process", 1, min(cores, machine.MAX_THREADS))] if cores > 1 else [])
    ways += [(f"{count} processes", count, 1) for count in range(2, (flags.processes or cores) + 1)]
    for way, count, threads in ways:
        environment = {**own, "OMP_NUM_THREADS": str(threads)}
        arguments = {"count": count, "threads": threads, "steps": list(flags.steps), **shape}
        measuring.add_way(jobs, way, environment, measure_processes, **arguments)
    return measuring.in_turns(jobs, flags.rounds, saving("scaling", flags.output))


def measure_notebook(steps, batch_size, image_size):
    """A worker: images/s of the notebook's loop."""
    told = measure_training(NOTEBOOK, steps, batch_size, image_size)
    return {"rates": {figure(batch_size, image_size): next(iter(told["rates"].values()))}}


def sentences(results):
    """What several processes gain over every other way, round by round, and where time goes."""
    rates = {(way, settings): values for (way, settings, _), values in rates_of(results).items()}
    others = {
        f"one process with {_threads(settings)}" if way == "1 process" else way: values
        for (way, settings), values in sorted(rates.items(), key=lambda item: item[0][0] != "1 process")
        if not way.endswith("processes")
    }
    said = []
    for (way, settings), values in rates.items():
        if not way.endswith("processes"):
            continue
        count = int(way.split()[0])
        gains = {other: measuring.compare(values, base) for other, base in others.items()}
        talked = float(np.median([result["talked"] for result in results[way, settings]]))
        alone = gains.get("one process with 1 thread")  # which may have failed
        efficiency = "" if alone is None else f"; efficiency {alone.median / count:.0%}"
        said.append(
            f"{way}: "
            + ", ".join(f"{gain} of {other}" for other, gain in gains.items())
            + f"{efficiency}; {talked:.0%} of the time in messages, waiting included"
        )
    return said


def _threads(settings):
    [threads] = [text.partition("=")[2] for text in settings.split() if text.startswith("OMP_NUM_THREADS=")]
    return f"{threads} thread{'' if threads == '1' else 's'}"


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints table, gains and estimate, saves CSV and PNG."""
    flags = cli.parse(
        ScalingFlags,
        argv,
        prog="python -m fasternet_paddle.bench scaling",
        description="Time training in 1 to N processes, and estimate how far sharing a batch carries.",
    )
    peers.check_installed(flags.against)
    make_folder(flags.output)
    print(machine.describe_machine())
    results = measure(flags)
    report("scaling", rates_of(results), flags.output, sentences(results))
    rate = estimate.rate_of_one(results)
    rows = estimate.rows(rate)
    print(text_table(estimate.HEADER, rows))
    print(estimate.ASSUMPTIONS)
    print(save_rows(flags.output, "estimate", estimate.HEADER, rows))
    print(save_figure(estimate.draw(rate), flags.output / "estimate.png"))
