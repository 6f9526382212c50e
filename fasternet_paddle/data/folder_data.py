"""From a folder to a data set: found, checked, split, said.

    data = load_folder("photographs", val_fraction=0.2, seed=42)
    print("\n".join(data.checked.lines()))
    data.train.images[0]                                  # uint8 (H, W, 3), decoded now

``data.listing.rows()`` is what a run stores; ``reload_folder`` takes it up again.
"""

import os

import numpy as np

from ..files.json_files import read_json
from ..files.lists import LIST_BYTES, read_listing
from . import checks as checking
from .findings import Checked
from .folders import TEST, TRAIN, VAL, WHOLE, from_rows, list_folder
from .images import ImageData, Images
from .splitting import split

SAMPLE = 200  # files by which a folder is known again


def load_folder(root, val_fraction=0.2, test_fraction=0.0, seed=42, checks=True, processes=None):
    """Make a data set of a folder in any form that ``folders`` knows.

    Args:
        root: the folder.
        val_fraction, test_fraction: shares of the images that are split off where the folder has no such part.
        seed: of the split.
        checks: decode every file that was not decoded before; False looks at names and sizes alone.
        processes: how many decode; None: a core each.

    Returns:
        ``ImageData`` with its ``listing`` and ``checked``.

    Raises:
        FasterNetError: what is wrong with the folder, in one sentence.
    """
    listing = list_folder(root)
    found, failures, remarks = checking.digests(listing, processes) if checks else (None, {}, ())
    listing, keep = checking.leave_out(listing, failures)
    listing, empty = split(listing, val_fraction, test_fraction, seed)
    return _image_data(listing, checking.checked(listing, empty, found[keep] if checks else None, remarks))


def reload_folder(root, path, findings=None):
    """The data set whose files a run listed in ``path``: ``ImageData`` with its ``listing``; nothing is checked again.

    Args:
        root: folder of the files.
        path: of the list.
        findings: path of what the run's checks found, which may be absent: ``checked``.

    Raises:
        FasterNetError: the list or the findings are damaged, or files are gone or have changed.
    """
    listing = from_rows(root, read_listing(path), path)
    known = findings is not None and os.path.exists(findings)
    return _image_data(listing, Checked.from_dict(read_json(findings, LIST_BYTES), findings) if known else None)


def is_listed(root, path):
    """Whether the files that a run listed in ``path`` lie below ``root``: most of some of them, with their sizes.

    One would not do: ``cat/001.jpg`` is in many a folder.
    """
    rows = read_listing(path)
    rows = rows[:: max(1, len(rows) // SAMPLE)]
    return 2 * sum(_has_size(os.path.join(root, name), size) for _, name, _, size in rows) > len(rows)


def _has_size(path, size):
    try:
        return os.stat(path).st_size == size
    except (OSError, ValueError):
        return False


def load_labelled(root, checks=True):
    """All images of a folder, or its validation images where it has such a part.

    Nothing is split; unreadable files are left out, as ``load_folder`` does.

    Returns:
        (``Images``, class names, ``Checked``).
    """
    listing = list_folder(root, to_train=False)
    found, failures, remarks = checking.digests(listing) if checks else (None, {}, ())
    listing, keep = checking.leave_out(listing, failures)
    part = next(part for part in (VAL, WHOLE, TEST, TRAIN) if (listing.parts == part).any())
    numbers = np.flatnonzero(listing.parts == part)
    listing = listing.take(numbers, parts=np.full(len(numbers), VAL))
    checked = checking.checked(listing, (), found[keep][numbers] if checks else None, remarks)
    return Images(*listing.images(VAL)), listing.class_names, checked


def _image_data(listing, checked=None):
    train, val, test = (Images(*listing.images(part)) for part in (TRAIN, VAL, TEST))
    return ImageData("folder", listing.class_names, train, val, test if len(test) else None, listing, checked)
