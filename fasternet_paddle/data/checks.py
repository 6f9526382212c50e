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
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ..errors import FasterNetError
from ..files.images import read_image
from ..files.lists import PARTS, printable
from .folders import TRAIN
from .index import Kept, keys
from .processes import in_processes

MOST_UNREADABLE = 0.01  # as a share of all images
CHUNK = 32  # files an order
SHOWN = 5  # examples of each finding
SAVE_EVERY = 100_000  # files; what is kept by then survives a killed process


@dataclass(frozen=True)
class Checked:
    """What was found; ``lines`` says it, and a report may draw it."""

    class_names: tuple[str, ...]
    counts: np.ndarray
    """Images of each part and class, int64 ``(3, K)``: train, val, test."""
    empty: tuple[str, ...] = ()
    """Names of classes without images, which are left out."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """(path, reason) of files that are left out."""
    strangers: tuple[str, ...] = ()
    """Paths of files that are no images or lie in no class's folder."""
    leaks: tuple[tuple[str, str], ...] = ()
    """(training path, other path): a validation or test image whose picture is among the training images, too."""
    conflicts: tuple[tuple[str, str], ...] = ()
    """Paths of two equal pictures with different labels."""
    remarks: tuple[str, ...] = ()
    decoded: bool = False
    """Whether the files were decoded; else leaks and conflicts are not known."""

    def lines(self):
        """The findings as a few lines of text, with at most ``SHOWN`` examples each."""
        totals = self.counts.sum(axis=1)
        parts = ", ".join(f"{total:,} {part}" for part, total in zip(PARTS, totals, strict=True))
        train = self.counts[TRAIN]
        low, high = int(train.argmin()), int(train.argmax())
        lines = [
            f"{len(self.class_names):,} classes; images: {parts}",
            f"every class has {train[low]:,} training images"
            if train[low] == train[high]
            else f"largest class {self.class_names[high]!r} with {train[high]:,} training images, smallest "
            f"{self.class_names[low]!r} with {train[low]:,} (1 to {train[high] / max(train[low], 1):.1f})",
        ]
        unseen = [name for name, count in zip(self.class_names, self.counts[1], strict=True) if not count]
        singles = [name for name, count in zip(self.class_names, train, strict=True) if count == 1]
        lines += _some("classes without images, left out", self.empty, repr)
        lines += _some("classes with one training image", singles, repr)
        lines += _some("classes without a validation image", unseen, repr)
        lines += _some("files that cannot be read, left out", self.unreadable, ": ".join, each=True)
        lines += _some("files that are no images of a class, not used", self.strangers, str)
        lines += _some("pictures in val or test that are in train, too", self.leaks, " = ".join, each=True)
        lines += _some("equal pictures with different labels", self.conflicts, " = ".join, each=True)
        lines += [printable(remark) for remark in self.remarks]
        if not self.decoded:
            lines.append("the images were not checked for damage and duplicates")
        return lines

    def as_dict(self):
        """The findings as plain values, for JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"counts": self.counts.tolist(), "class_names": list(self.class_names)}


def _some(what, items, show, each=False):
    if not items:
        return []
    shown = [printable(show(item)) for item in items[:SHOWN]]
    more = [f"and {len(items) - SHOWN:,} more"] if len(items) > SHOWN else []
    head = f"{what} ({len(items):,})"
    return [f"{head}:", *(f"  {line}" for line in shown + more)] if each else [f"{head}: {', '.join(shown + more)}"]


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
    """(leaks, conflicts), each a tuple of pairs of paths, among the files of a split listing.

    A picture outside the training images is paired with the first of its like in them; of pictures with different
    labels the first of each further label is paired with the first.
    """
    order = np.lexsort((np.arange(len(digests)), listing.parts, digests[:, 1], digests[:, 0]))
    same = (digests[order[1:]] == digests[order[:-1]]).all(axis=1)
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    ends = np.append(starts[1:], len(order))
    leaks, conflicts = [], []
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        group = order[start:end]  # training images first
        parts, labels = listing.parts[group], listing.labels[group]
        first = listing.paths[group[0]]
        if parts[0] == TRAIN:
            leaks += [(first, listing.paths[number]) for number in group[parts != TRAIN]]
        _, firsts = np.unique(labels, return_index=True)
        conflicts += [(first, listing.paths[group[place]]) for place in sorted(firsts) if place]
    return tuple(leaks), tuple(conflicts)


def checked(listing, empty=(), digests=None, remarks=()):
    """``Checked`` of a split listing; without ``digests`` nothing is said about equal pictures.

    A path that is listed in two parts is found without them.
    """
    count = len(listing.class_names)
    counts = np.stack([np.bincount(listing.labels[listing.parts == part], minlength=count) for part in range(3)])
    leaks, conflicts = equal_pictures(listing, _by_path(listing) if digests is None else digests)
    return Checked(
        class_names=listing.class_names,
        counts=counts,
        empty=tuple(empty),
        unreadable=listing.unreadable,
        strangers=listing.strangers,
        leaks=leaks,
        conflicts=conflicts,
        remarks=(*listing.remarks, *remarks),
        decoded=digests is not None,
    )


def _by_path(listing):
    """A stand-in for digests: each path's first place, uint64 ``(N, 2)``."""
    places = {}
    first = [places.setdefault(path, place) for place, path in enumerate(listing.paths)]
    return np.stack([np.array(first, np.uint64)] * 2, axis=1)
