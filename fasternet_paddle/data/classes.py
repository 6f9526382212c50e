"""Whether data and a network mean the same by a class's number; where not, the labels of the data are renumbered.

    images = renumbered(data.val, data.class_names, run.class_names)      # by name
    data = in_order_of(data, class_names)                                 # all parts of a data set

The same names in another order are mapped, and a line says so; other names are refused, with both lists. Data without
names of their own are taken by number.
"""

import dataclasses
import unicodedata

import numpy as np

from ..errors import FasterNetError
from .images import Images

SHOWN = 6  # names of a list in an error


def renumbered(images, names, wanted, source="the data"):
    """``Images`` whose labels, indices into ``names``, are made indices into ``wanted``.

    Args:
        images: ``Images``; of its classes all must be wanted, of others without images the names may differ.
        names, wanted: class names of the data and of the network, in their orders.
        source: what to call the data.

    Raises:
        FasterNetError: an image of a class that ``wanted`` lacks.
    """
    names, wanted = _comparable(names, wanted)
    if names == wanted:
        return images
    place = {name: number for number, name in enumerate(wanted)}
    _check_once(names, wanted, images.labels)
    lacking = [names[label] for label in np.unique(images.labels) if names[label] not in place]
    if lacking:
        raise FasterNetError(
            f"the network does not know the class {lacking[0]!r}: {source} has {shortened(names)}, "
            f"the network {shortened(wanted)}",
            change=("dataset", "data_path"),
        )
    places = np.array([place.get(name, -1) for name in names], np.int64)
    if not np.array_equal(places, np.arange(len(names))):
        print(f"note: {source} numbers its classes otherwise than the network: mapped by name")
    return Images(images.images, places[images.labels])


def by_number(images, _names, wanted, source="the data"):
    """``images`` as they are, for data or a network whose class names are not known; arguments as of ``renumbered``.

    Raises:
        FasterNetError: an image of a class that the network has no output for.
    """
    count = int(images.labels.max(initial=-1)) + 1
    if count > len(wanted):
        raise FasterNetError(
            f"the network knows {len(wanted)} classes, but {source} has {count}", change=("dataset", "data_path")
        )
    return images


def in_order_of(data, wanted, run):
    """``ImageData`` with the classes of ``run``, which had ``wanted``, in their order.

    Raises:
        FasterNetError: the data have not the same classes.
    """
    own, (names, wanted) = tuple(wanted), _comparable(data.class_names, wanted)
    if tuple(data.class_names) == own:
        return data
    if names == wanted:
        return dataclasses.replace(data, class_names=own)
    if len(names) == len(wanted) and not data.named:
        return dataclasses.replace(data, class_names=own)
    if sorted(names) != sorted(wanted) or len(set(names)) < len(names) or data.listing is not None:
        raise FasterNetError(
            f"{run} holds a run on the classes {shortened(wanted)}, and {data.name} has {shortened(names)}",
            change=("dataset", "data_path", "work_path"),
        )
    place = {name: number for number, name in enumerate(wanted)}
    places = np.array([place[name] for name in names], np.int64)
    print(f"note: {data.name} numbers its classes otherwise than the run in {run}: mapped by name")
    parts = {name: getattr(data, name) for name in ("train", "val", "test") if getattr(data, name) is not None}
    moved = {name: Images(part.images, places[part.labels]) for name, part in parts.items()}
    return dataclasses.replace(data, class_names=own, **moved)


def _comparable(names, wanted):
    """Two lists of names in one form of Unicode, for a Mac writes an accent apart; as they are where that is no name's
    own any more."""
    alike = [tuple(unicodedata.normalize("NFC", name) for name in given) for given in (names, wanted)]
    distinct = all(len(set(a)) == len(set(b)) for a, b in zip(alike, (names, wanted), strict=True))
    return alike if distinct else (tuple(names), tuple(wanted))


def _check_once(names, wanted, labels):
    """Refuse a name that images have and that two of the network's outputs share."""
    twice = [names[label] for label in np.unique(labels) if wanted.count(names[label]) > 1]
    if twice:
        raise FasterNetError(
            f"{wanted.count(twice[0])} of the network's classes are called {twice[0]!r}, so that data in another order "
            f"cannot be mapped to them by name",
            change="class_names",
        )


def shortened(names):
    """A list of class names for a sentence: the first few of many."""
    shown = ", ".join(repr(name)[:40] for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
