"""Training in several processes that share every batch: one a core of a CPU, or one a card.

    history, test = train_in_processes(config, options)      # config.nproc of them

Each computes the gradient of its share of a batch, all step by the sum (``steps.py``), and the first one writes and
prints. This process imports no Paddle: it starts them and waits.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path

from ..config import CIFAR10_ARCHIVE
from ..errors import FasterNetError
from ..runtime import group, machine, ranks
from ..runtime.launch import count_cards, device_of, launch
from ..runtime.member import named
from ..runtime.watching import EndedError

TRAIN = "fasternet_paddle.training.parts:train_share"  # by name, for its module imports Paddle
OWN = ("work_path", "num_workers", "device")  # settings that each machine has its own of
LAUNCHED = (
    "warning: Paddle's launcher writes the whole environment, keys and passwords included, into its log folder; let "
    "nobody else read that"
)


def train_in_processes(config, options, machines=None):
    """Train as ``run_training`` does, in ``config.nproc`` processes.

    Args:
        config: ``TrainConfig``.
        options: of ``run_training``, by name.
        machines: ``Machines`` that share the processes; the first one writes.

    Returns:
        (``History``, ``ClassMetrics`` of the test images or None); None on a machine that does not write.

    Raises:
        FasterNetError: as ``run_training``; or a process ended, and with it the run, which can be resumed.
    """
    here = config.nproc if machines is None else config.nproc // machines.count
    device = device_of(config.device, here)
    threads = machine.threads_beside(here, config.image_size) if device == "cpu" else None
    if machines is None:
        _fetch(config)
    print(f"{config.nproc} processes share each batch of {config.batch_size}", flush=True)
    try:
        return launch(TRAIN, (config, options), config.nproc, device=device, threads=threads, machines=machines)[0]
    except EndedError as error:
        from ..runs.folder import CONFIG  # here, since it imports Paddle

        begun = (Path(config.work_path) / CONFIG).exists()
        raise FasterNetError(str(error), change="resume" if begun else ()) from None


def of_the_first(config, options):
    """Recipe and options of the first process, which may be on another machine, with what is this machine's own."""
    given = json.dumps([dataclasses.asdict(config), options]).encode()
    recipe, options = json.loads(ranks.from_first(given))
    own = OWN if config.data_path == CIFAR10_ARCHIVE else (*OWN, "data_path")  # where nobody said it, it is the first's
    return dataclasses.replace(config, **{name: value for name, value in recipe.items() if name not in own}), options


def is_launched(environ=os.environ):
    """Whether Paddle's launcher has started this process as one of several."""
    return environ.get("PADDLE_TRAINERS_NUM", "1") != "1"


def train_as_launched(config, options):
    """As ``train_in_processes``, in a process that Paddle's launcher has started; the launcher watches it, not we."""
    device = "cpu" if not count_cards() or config.device == "cpu" else f"gpu:{os.environ[group.CARD]}"
    group.join_launched(device)
    if not ranks.is_first():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, for the rest of the process
    print(LAUNCHED, file=sys.stderr)
    return named(TRAIN)(dataclasses.replace(config, nproc=ranks.count()), options)


def _fetch(config):
    """Download here what is to be downloaded: the processes may have a network of their own, which leads nowhere."""
    if config.dataset == "cifar10" and config.data_path == CIFAR10_ARCHIVE:
        from ..data.datasets import find_archive

        find_archive()
    if config.init_weights or config.teacher:
        from ..weights.published import PUBLISHED, fetch

        for name in {config.init_weights, config.teacher} & set(PUBLISHED):
            fetch(name)
