"""A data set of your own: images in folders, or in lists (``--dataset folder --data-path DIR``).

    DIR/train/cat/*, DIR/val/cat/*, DIR/test/cat/*        parts that are given; a part that is missing is split off
    DIR/cat/*, DIR/dog/*                                  one tree, split by ``val_fraction`` and ``test_fraction``
    DIR/train.txt, DIR/val.txt, DIR/label.txt             PaddleX's and PaddleClas's lists: "PATH NUMBER" a line

Folders below a class's folder belong to the class. Nothing is decoded here: ``list_folder`` looks at names and sizes,
``checks`` may decode, ``splitting`` divides, and ``FileImages`` decodes an image when it is asked for.
"""

import dataclasses
import os
import unicodedata
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..files.images import is_image_file
from ..files.lists import PARTS, check_class_name, printable, read_class_list, read_image_list
from .file_images import FileImages, PackedNames
from .index import Found, chain, find_files, scan

TRAIN, VAL, TEST, WHOLE = 0, 1, 2, 3  # of ``Listing.parts``; the first three by their place in PARTS
FOLDERS = {"train": TRAIN, "val": VAL, "valid": VAL, "validation": VAL, "test": TEST}
LISTS = {
    TRAIN: ("train.txt", "train_list.txt"),
    VAL: ("val.txt", "val_list.txt"),
    TEST: ("test.txt", "test_list.txt"),
}
LABELS = ("label.txt", "labels.txt", "label_list.txt")


@dataclass(frozen=True)
class Listing:
    """The images of a folder before any is decoded: N files with their class and part."""

    root: str
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    sizes: np.ndarray
    """Bytes, int64 ``(N,)``."""
    times: np.ndarray
    """Of the last change, in nanoseconds, int64 ``(N,)``."""
    labels: np.ndarray
    """Index into ``class_names``, int64 ``(N,)``."""
    parts: np.ndarray
    """``TRAIN``, ``VAL``, ``TEST``, or ``WHOLE`` of a tree that is yet to be split, int64 ``(N,)``."""
    unreadable: tuple = ()
    """(path, reason) of files that are known to be no use."""
    strangers: tuple = ()
    """Paths of files that are no images, or lie in no class's folder."""
    remarks: tuple = ()
    """Sentences on what was passed over."""

    def __len__(self):
        return len(self.paths)

    def take(self, numbers, **changes):
        """The listing of these files, by number and in this order."""
        arrays = {name: getattr(self, name)[numbers] for name in ("sizes", "times", "labels", "parts")}
        paths = tuple(self.paths[number] for number in numbers)
        return dataclasses.replace(self, paths=paths, **(arrays | changes))

    def images(self, part):
        """(``FileImages``, labels int64) of one part."""
        numbers = np.flatnonzero(self.parts == part)
        names = PackedNames([self.paths[number] for number in numbers])
        return FileImages(self.root, names, self.sizes[numbers]), self.labels[numbers]

    def rows(self):
        """(part, path, class, bytes) of every file, as ``files.lists.write_listing`` takes them."""
        columns = zip(self.parts.tolist(), self.paths, self.labels.tolist(), self.sizes.tolist(), strict=True)
        return [(PARTS[part], path, self.class_names[label], size) for part, path, label, size in columns]


def list_folder(root, to_train=True):
    """Find the images of a folder in any of the three forms.

    Args:
        to_train: whether training images are needed; else ``val`` or ``test`` alone will do.

    Returns:
        ``Listing``, class by class; its classes are all that were found, empty ones too, in the order of their names,
        or of their numbers where a list gives them.

    Raises:
        FasterNetError: the folder is missing or of none of the forms, a part of it cannot be read, a class's name is
            no text, or validation holds a class that training lacks.
    """
    root = str(root)
    if not os.path.isdir(root):
        what = "is a file" if os.path.exists(root) else "does not exist"
        raise FasterNetError(f"{printable(root)} {what}, a folder of images is needed", change=("data_path", "dataset"))
    if _first_file(root, LISTS[TRAIN]):
        listing = _from_lists(root)
    else:
        folders = [entry.name for entry in scan(root) if entry.is_dir()]
        parts = [name for name in folders if name in FOLDERS]
        has_parts = parts == folders or ("train" in parts and len(parts) > 1)
        listing = _from_folders(root, parts if has_parts else [])
    if not len(listing) and listing.unreadable:
        named = "; ".join(f"{printable(path)} ({reason})" for path, reason in listing.unreadable[:2])
        raise FasterNetError(
            f"none of the {len(listing.unreadable):,} images of {printable(root)} can be read: {named}",
            change="data_path",
        )
    if not len(listing) or (to_train and listing.parts.min() not in (TRAIN, WHOLE)):
        raise FasterNetError(
            f"{printable(root)} holds no images{' to train on' * to_train}: it must hold a folder of images a class, "
            f"or folders train and val with such folders, or lists train.txt, val.txt and label.txt",
            change="data_path",
        )
    return listing.take(np.argsort(listing.labels, kind="stable"))


def _from_folders(root, parts):
    """Class folders below each of ``parts``, or below the root itself."""
    found, spans, remarks, strangers = Found(), [], [], []
    for part in parts or [""]:
        start = len(found.paths)
        above, lie_beside, names = chain(os.path.join(root, part)), 0, {}
        for entry in scan(os.path.join(root, part)):
            path = f"{part}/{entry.name}" if part else entry.name
            if not entry.is_dir():
                lie_beside += is_image_file(entry.path)
                strangers.append(path)
                continue
            check_class_name(entry.name, f"{root}/{part}")
            name = unicodedata.normalize("NFC", entry.name)
            if name in names:
                raise FasterNetError(
                    f"two class folders in {printable(root)}/{part} have the same name {name!r}, written with other "
                    f"code points; rename one"
                )
            names[name] = path
        for name, path in names.items():
            find_files(root, path, found, above)
            spans.append((FOLDERS[part] if part else WHOLE, name, start, len(found.paths)))
            start = len(found.paths)
        if lie_beside:
            remarks.append(f"{lie_beside:,} images in {part or 'the folder itself'} lie in no class's folder")
    if parts and (others := [entry.name for entry in scan(root) if entry.is_dir() and entry.name not in FOLDERS]):
        remarks.append(f"folders beside {', '.join(parts)} are not used: {', '.join(map(printable, others[:5]))}")
    remarks += [
        f"{printable(path)} leads to a folder that is read already, and is not followed" for path in found.circles
    ]
    class_names = tuple(sorted({name for _, name, _, _ in spans}))
    _check_case(class_names, remarks)
    number = {name: place for place, name in enumerate(class_names)}
    labels, kinds = np.empty(len(found.paths), np.int64), np.empty(len(found.paths), np.int64)
    for part, name, start, end in spans:
        labels[start:end], kinds[start:end] = number[name], part
    return _listing(root, class_names, found, labels, kinds, strangers, remarks)


def _check_case(class_names, remarks):
    folded = {}
    for name in class_names:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            remarks.append(f"the classes {other!r} and {name!r} differ in case only, and are two classes")


def _listing(root, class_names, found, labels, parts, strangers=(), remarks=()):
    arrays = [np.asarray(values, np.int64) for values in (found.sizes, found.times, labels, parts)]
    return Listing(
        root,
        class_names,
        tuple(found.paths),
        *arrays,
        unreadable=tuple(found.unreadable),
        strangers=(*strangers, *found.strangers),
        remarks=tuple(remarks),
    )


def _first_file(root, names):
    return next((os.path.join(root, name) for name in names if os.path.isfile(os.path.join(root, name))), None)


def _from_lists(root):
    """PaddleX's and PaddleClas's form; the order of the files is the lists'."""
    found, labels, parts = Found(), [], []
    for part, names in LISTS.items():
        path = _first_file(root, names)
        for name, number in zip(*read_image_list(path), strict=True) if path else ():
            name, before = _relative(name, root), len(found.paths)
            if "\\" in name and not os.path.lexists(os.path.join(root, name)):
                name = name.replace("\\", "/")  # as Windows writes it
            try:
                found.add(name, os.stat(os.path.join(root, name)))
            except OSError as error:
                found.unreadable.append((name, error.strerror))
            if len(found.paths) > before:
                labels.append(number)
                parts.append(part)
    path = _first_file(root, LABELS)
    names = read_class_list(path) if path else {number: str(number) for number in sorted(set(labels))}
    numbers = sorted(names)
    if unknown := sorted(set(labels) - set(numbers)):
        raise FasterNetError(f"the lists in {printable(root)} give class {unknown[0]}, which {path} does not name")
    place = {number: place for place, number in enumerate(numbers)}
    class_names = tuple(names[number] for number in numbers)
    return _listing(root, class_names, found, [place[label] for label in labels], parts)


def _relative(name, root):
    """A listed path as it is kept: relative to the root where it lies below it."""
    name, folder = os.path.normpath(name), os.path.abspath(root)
    if os.path.isabs(name) and name.startswith(folder + os.sep):
        name = name[len(folder) + 1 :]
    return name


def from_rows(root, rows, source):
    """The listing that a run stored: its split is not made again, whatever files have come since.

    Args:
        root: where the files lie now.
        rows: (part, path, class, bytes), as ``Listing.rows`` gave them.
        source: what to call the list in an error.

    Raises:
        FasterNetError: files that are gone or have another size, or a part without files.
    """
    class_names = tuple(dict.fromkeys(name for _, _, name, _ in rows))  # they stand class by class
    number = {name: place for place, name in enumerate(class_names)}
    found, labels, parts, changed = Found(), [], [], []
    for part, path, name, size in rows:
        try:
            status = os.stat(os.path.join(root, path))
        except (OSError, ValueError):
            changed.append(path)
            continue
        if status.st_size != size:
            changed.append(path)
            continue
        found.add(path, status)
        labels.append(number[name])
        parts.append(PARTS.index(part))
    if changed:
        raise FasterNetError(
            f"{len(changed):,} of the run's {len(rows):,} images are gone from {printable(str(root))} or have another "
            f"size, the first is {printable(changed[0])}; put them back or start a new run",
            change="data_path",
        )
    if not {TRAIN, VAL} <= set(parts):
        raise FasterNetError(f"{source} must list images to train and to validate on, but it does not")
    return _listing(str(root), class_names, found, labels, parts)
