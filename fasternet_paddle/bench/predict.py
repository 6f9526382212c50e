"""From files to predictions: ``python -m fasternet_paddle.bench predict``.

What ``predict`` does with photographs in JPEG (``decode.py`` writes them): decoding in this process, in one, and in one
a core, beside the network alone on ready batches. What counts is the share of the time in which the network has no
batch to work on. On two cores the processes and the network share the cores, so the rate is below the network's own
while it never waits. Then one ``Predictor`` that one, two and four threads ask for an image at a time: they should be
no slower than one (docs/serving.md says why they are no faster).
"""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..files.writing import make_folder
from ..runtime import cli, machine
from . import measuring
from .rates import rates_of, report, saving

FIGURE = "T0, photographs"
READY = "ready batches"
ALONE = "T0, an image a call"
THREADS = (1, 2, 4)


@dataclass(frozen=True)
class PredictFlags:
    """How to measure."""

    rounds: int = 3
    """Processes each way; their median counts."""
    images: int = 640
    """Files a process."""
    output: Path = Path("work/bench")
    """Folder for predict.csv and predict.png."""

    def __post_init__(self):
        measuring.check_least(self, rounds=1, images=2)


def measure_files(weights, images, workers):
    """A worker: images/s, and the share of the time in which the network waits; ``workers`` None: ready batches."""
    import numpy as np

    from ..data.preparation import Preparation
    from ..inference.answering import BATCH, Answers
    from ..inference.predictor import Predictor
    from .decode import write_photographs
    from .subject import read_network

    predictor = Predictor(read_network(weights), measuring.SIZE)
    warm = np.zeros((BATCH, 3, measuring.SIZE, measuring.SIZE), np.float32)
    predictor.logits(warm)
    if workers is None:
        [rate] = measuring.model_rates(predictor.logits, -(-images // BATCH), [BATCH]).values()
        return {"rates": {FIGURE: rate}}
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(path) for path in write_photographs(folder)]
        names = [paths[number % len(paths)] for number in range(images)]
        prepare = Preparation(measuring.SIZE, "crop")
        answers = Answers(predictor, names, prepare, batch_size=min(BATCH, images // 2), num_workers=workers)
        for _ in answers:
            pass
    return {"rates": {FIGURE: answers.images / answers.seconds}, "waited": answers.waited / answers.seconds}


def measure_threads(weights, images, threads):
    """A worker: images/s of so many threads that ask one predictor, an image a call."""
    import numpy as np

    from ..inference.predictor import Predictor
    from .subject import read_network

    predictor = Predictor(read_network(weights), measuring.SIZE)
    image = np.zeros((1, 3, measuring.SIZE, measuring.SIZE), np.float32)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(predictor.logits, [image] * 4 * threads))
        began = time.perf_counter()
        list(pool.map(predictor.logits, [image] * images))
        return {"rates": {ALONE: images / (time.perf_counter() - began)}}


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints table and waiting, saves CSV and PNG."""
    flags = cli.parse(
        PredictFlags,
        argv,
        prog="python -m fasternet_paddle.bench predict",
        description="Time predictions of files: whether the network waits for decoding.",
    )
    from .subject import weights_file

    make_folder(flags.output)
    machine.begin("cpu", seed=0)
    print(machine.describe_machine())
    own, jobs = measuring.own_environment(), {}
    ways = {READY: None, "files, decoded in the main process": 0}
    ways |= {f"files, processes: {count}": count for count in sorted({1, machine.count_cores()})}
    with weights_file() as weights:
        for way, workers in ways.items():
            measuring.add_way(jobs, way, own, measure_files, weights=weights, images=flags.images, workers=workers)
        for threads in THREADS:
            way = f"threads: {threads}"
            measuring.add_way(jobs, way, own, measure_threads, weights=weights, images=flags.images, threads=threads)
        results = measuring.in_turns(jobs, flags.rounds, saving("predict", flags.output))
    waits = []
    for (way, _), rounds in results.items():
        if "waited" in rounds[0]:
            shares = ", ".join(f"{one['waited']:.1%}" for one in rounds)
            waits.append(f"{way}: the network waits {shares} of the time")
    report("predict", rates_of(results), flags.output, waits)
