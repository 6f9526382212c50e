"""Which images a network is measured on: its run's own validation images, or those of other data.

measured = measured_on(config, run, "work/model")     # config: the run's, with the data that a user names
measured.val, measured.test, measured.checked, measured.own
"""

import os
from typing import NamedTuple

from .classes import by_number, renumbered
from .datasets import all_data, listing_of
from .findings import Checked
from .folder_data import is_listed, load_labelled
from .images import Images

ONE_SPLIT = ("cifar10", "cifar100", "cifar100-coarse", "digits")  # the same validation images wherever they lie


class Measured(NamedTuple):
    """Labels are indices into the network's class names."""

    val: Images
    test: Images | None = None
    """Images that neither training nor the choice of the best epoch saw, where the run kept some."""
    checked: Checked | None = None
    """What was found in the files, where they are files."""
    own: bool = False
    """Whether the run's best epoch was chosen on these validation images."""


def measured_on(config, run, run_folder):
    """``Measured``: the run's own images, or all of another folder, or its validation images where it has such a part.

    Args:
        config: ``TrainConfig``, its dataset and data_path being those to measure on.
        run: ``Run`` of the network: its ``config``, ``class_names``, and ``named``, whether these are known; classes
            are matched by name, or by number where the network or the data name none.
        run_folder: where the run lists its files.

    Raises:
        FasterNetError: a class that the network does not know, or whatever is wrong with the data.
    """
    listing = listing_of(config, run_folder)
    if config.dataset == "folder" and (listing is None or not is_listed(config.data_path, listing)):
        images, names, checked = load_labelled(config.data_path, config.checks == "on")
        for line in checked.findings():
            print(line)
        match = renumbered if run.named else by_number
        return Measured(match(images, names, run.class_names, config.dataset), checked=checked)
    data = all_data(config, run_folder)
    match = renumbered if run.named and data.named else by_number

    def matched(part):
        return None if part is None else match(part, data.class_names, run.class_names, config.dataset)

    own = listing is not None or _is_same(config, run.config)
    return Measured(matched(data.val), matched(data.test), data.checked, own)


def _is_same(config, own):
    """Whether two configs name the same data."""
    if config.dataset != own.dataset:
        return False
    return config.dataset in ONE_SPLIT or os.path.realpath(config.data_path) == os.path.realpath(own.data_path)
