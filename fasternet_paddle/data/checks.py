"""What is wrong with a folder of images, said before hours are spent on it.

    found, failures, remarks = digests(listing)           # decodes every file once; kept by size and time
    listing, keep = leave_out(listing, failures)          # then split it
    print("\n".join(checked(listing, empty, found[keep], remarks).lines()))

Each file is decoded in full, on all cores, and its picture's digest compared with the others': equal pictures in train
and val make the validation figure a memory test, equal pictures with other labels cannot both be learned. Files that
cannot be read are left out, each named once; more than 1 % of them is an error. Expect 50 to 200 photographs a second
and core, and nothing to wait for the second time.
"""

import contextlib
import hashlib
import os
import sys

import numpy as np
from tqdm import tqdm

from ..errors import FasterNetError
from ..files.images import read_image
from ..files.lists import printable
from .findings import SHOWN, Checked
from .folders import TRAIN
from .index import Kept, keys
from .processes import in_processes

MOST_UNREADABLE = 0.01  # as a share of all images
CHUNK = 32  # files an order
SAVE_EVERY = 100_000  # files; what is kept by then survives a killed process


def look(path):
    """(digest, reason): 16 bytes for a picture's size and pixels, or why it cannot be read."""
    try:
        image = read_image(path)
    except FasterNetError as error:
        return None, str(error).removeprefix(f"{path} is refused: ")
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(image)
    return digest.digest(), None


def digests(listing, processes=None, progress=True):
    """Decode every file that is new or has changed.

    Args:
        listing: a ``folders.Listing``.
        processes: how many decode; None: a core each.
        progress: show a bar where standard error is a terminal.

    Returns:
        (digests uint64 ``(N, 2)``, failures: dict of place to reason, remarks).
    """
    kept, numbers = Kept(listing.root), keys(listing.paths, listing.sizes.tolist(), listing.times.tolist())
    known, found, failures = kept.look_up(numbers)
    todo = np.flatnonzero(~known)
    remarks, unsaved = [], 0
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    tasks = [[os.path.join(listing.root, listing.paths[place]) for place in chunk] for chunk in chunks]

    def save():
        try:
            kept.save(numbers[known], found[known], _among(known, failures))
        except FasterNetError as error:  # only the next start is slower
            remarks[:] = [f"the checks' results are not kept: {error}"]

    bar = tqdm(
        total=len(todo), desc="check", unit="image", leave=False, file=sys.stderr, disable=None if progress else True
    )
    try:
        with bar, contextlib.closing(in_processes(look, tasks, processes)) as results:
            for chunk, answers in results:
                for place, (digest, reason) in zip(chunks[chunk].tolist(), answers, strict=True):
                    if reason is None:
                        found[place] = np.frombuffer(digest, np.uint64)
                    else:
                        failures[place] = reason
                known[chunks[chunk]] = True
                bar.update(len(answers))
                unsaved += len(answers)
                if unsaved >= SAVE_EVERY:
                    save()
                    unsaved = 0
    finally:  # also when it was stopped
        if unsaved:
            save()
    return found, failures, remarks


def _among(known, failures):
    """Places of failures among the files that are known."""
    place = np.cumsum(known) - 1
    return {int(place[number]): reason for number, reason in failures.items()}


def leave_out(listing, failures):
    """The listing without the places in ``failures``, and which stay, bool ``(N,)``.

    Raises:
        FasterNetError: more than ``MOST_UNREADABLE`` of all images, empty files and dead links among them, are out.
    """
    reasons = [(listing.paths[place], failures[place]) for place in sorted(failures)]
    unreadable = (*listing.unreadable, *reasons)
    total = len(listing) + len(listing.unreadable)
    if len(unreadable) > MOST_UNREADABLE * total:
        named = "; ".join(f"{printable(path)} ({printable(reason)})" for path, reason in unreadable[:SHOWN])
        more = f" and {len(unreadable) - SHOWN:,} more" if len(unreadable) > SHOWN else ""
        raise FasterNetError(
            f"at most {MOST_UNREADABLE:.0%} of the images may be unreadable, here {len(unreadable):,} of {total:,} "
            f"are: {named}{more}; mend or remove them",
            change="data_path",
        )
    keep = np.ones(len(listing), bool)
    keep[list(failures)] = False
    return listing.take(np.flatnonzero(keep), unreadable=unreadable), keep


def equal_pictures(listing, digests):
    """(leaks, conflicts, repeats), each a tuple of pairs of paths, among the files of a split listing.

    A picture outside the training images is paired with the first of its like in them; of pictures with different
    labels the first of each further label is paired with the first; and so is what is left.
    """
    order = np.lexsort((np.arange(len(digests)), listing.parts, digests[:, 1], digests[:, 0]))
    same = (digests[order[1:]] == digests[order[:-1]]).all(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    ends = np.append(starts[1:], len(order))
    leaks, conflicts, repeats = [], [], []
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        group = order[start:end]  # training images first
        parts, labels = listing.parts[group], listing.labels[group]
        first = listing.paths[group[0]]
        leaked = (parts != TRAIN) & (parts[0] == TRAIN)
        contradicts = np.zeros(len(group), bool)
        contradicts[np.unique(labels, return_index=True)[1]] = True
        contradicts[0] = False
        rest = ~leaked & ~contradicts
        rest[0] = False
        for found, which in ((leaks, leaked), (conflicts, contradicts), (repeats, rest)):
            found += [(first, listing.paths[number]) for number in group[which]]
    return tuple(leaks), tuple(conflicts), tuple(repeats)


def checked(listing, empty=(), digests=None, remarks=()):
    """``Checked`` of a split listing; without ``digests`` nothing is said about equal pictures.

    A path that is listed in two parts is found without them.
    """
    count = len(listing.class_names)
    counts = np.stack([np.bincount(listing.labels[listing.parts == part], minlength=count) for part in range(3)])
    leaks, conflicts, repeats = equal_pictures(listing, _by_path(listing) if digests is None else digests)
    return Checked(
        class_names=listing.class_names,
        counts=counts,
        empty=tuple(empty),
        unreadable=listing.unreadable,
        strangers=listing.strangers,
        leaks=leaks,
        conflicts=conflicts,
        repeats=repeats,
        remarks=(*listing.remarks, *remarks),
        decoded=digests is not None,
    )


def _by_path(listing):
    """A stand-in for digests: each path's first place, uint64 ``(N, 2)``."""
    places = {}
    first = [places.setdefault(path, place) for place, path in enumerate(listing.paths)]
    return np.stack([np.array(first, np.uint64)] * 2, axis=1)
