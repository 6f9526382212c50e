"""From a folder to a data set: found, checked, split, said.

    data = load_folder("photographs", val_fraction=0.2, seed=42)
    print("\n".join(data.checked.lines()))
    data.train.images[0]                                  # uint8 (H, W, 3), decoded now

``data.listing.rows()`` is what a run stores; ``reload_folder`` takes it up again.
"""

from . import checks as checking
from .folders import TEST, TRAIN, VAL, from_rows, list_folder
from .images import ImageData, Images
from .splitting import split


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


def reload_folder(root, class_names, rows, source):
    """The data set that a run stored (arguments as ``folders.from_rows``): ``ImageData`` with its ``listing``."""
    return _image_data(from_rows(root, class_names, rows, source))


def _image_data(listing, checked=None):
    train, val, test = (Images(*listing.images(part)) for part in (TRAIN, VAL, TEST))
    return ImageData("folder", listing.class_names, train, val, test if len(test) else None, listing, checked)
