"""Training in several processes that share every batch: one a core of a CPU, or one a card.

    history, test = train_in_processes(config, options)      # config.nproc of them

Each computes the gradient of its share of a batch, all step by the sum (``steps.py``), and the first one writes and
prints. This process imports no Paddle: it starts them and waits.
"""

from pathlib import Path

from ..config import CIFAR10_ARCHIVE
from ..errors import FasterNetError
from ..runtime import machine
from ..runtime.launch import device_of, launch
from ..runtime.watching import EndedError


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
    _fetch(config)
    print(f"{config.nproc} processes share each batch of {config.batch_size}", flush=True)
    try:
        return launch(_train, (config, options), config.nproc, device=device, threads=threads, machines=machines)[0]
    except EndedError as error:
        from ..runs.folder import CONFIG  # here, since it imports Paddle

        begun = (Path(config.work_path) / CONFIG).exists()
        raise FasterNetError(str(error), change="resume" if begun else ()) from None


def _train(config, options):
    from .parts import run_training

    run = run_training(config, **options)
    return None if run is None else (run.history, run.test)


def _fetch(config):
    """Download here what is to be downloaded: the processes may have no network."""
    if config.dataset == "cifar10" and config.data_path == CIFAR10_ARCHIVE:
        from ..data.datasets import find_archive

        find_archive()
    if config.init_weights or config.teacher:
        from ..weights.published import PUBLISHED, fetch

        for name in {config.init_weights, config.teacher} & set(PUBLISHED):
            fetch(name)
