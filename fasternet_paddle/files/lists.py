"""Lists of images as text: PaddleX's and PaddleClas's, and the list of its own that a run keeps.

    paths, numbers = read_image_list("train.txt")     # "cats/tom 1.jpg 0" a line, split at the last blank
    names = read_class_list("label.txt")              # "0 cat" or "cat" a line -> {0: "cat"}
    write_listing("files.csv", rows)                  # part, path, class, bytes

A path may hold any byte but a line's end: what is no UTF-8 is kept as Python keeps such names (surrogateescape). A
class's name must be text.
"""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Set

from ..errors import FasterNetError
from .opening import MIB, Refusal, open_file, refusals_name
from .writing import atomic_path

LIST_BYTES = 512 * MIB  # a million lines of 100 characters take 100 MB
LABEL_BYTES = 4 * MIB
MAX_CLASSES = 100_000
MAX_PATH = 4096  # bytes; Linux's own bound
HEADER = ("part", "path", "class", "bytes")
PARTS = ("train", "val", "test")
UNFIT = ("Cc", "Cs", "Zl", "Zp")  # controls, halves of surrogates, ends of lines and paragraphs


def printable(text):
    """A name fit for a terminal, in any script: what would steer the terminal or is no text is written as \\x.."""
    return "".join(
        c if unicodedata.category(c) not in UNFIT else c.encode("unicode_escape").decode("ascii") for c in text
    )


def check_class_name(name, source):
    """Raise ``FasterNetError`` unless a class's name is text on one line."""
    if not name.strip() or any(unicodedata.category(c) in UNFIT for c in name):
        raise FasterNetError(f"the name of a class must be text, got {name!r:.80} in {printable(str(source))}")


def read_image_list(path):
    """The lines of a list: ``PATH NUMBER`` each, split at the last blank or tab; empty lines are passed over.

    Returns:
        (paths, numbers): lists of str and of int, in the file's order.

    Raises:
        RefusedFile: a line without a class number, said with its own number.
    """
    paths, numbers = [], []
    with refusals_name(path, "list of images"):
        for place, line in _lines(path, LIST_BYTES, "surrogateescape"):
            name, _, number = line.replace("\t", " ").rpartition(" ")
            name = line[: len(name)].strip(" \t")  # the path's own tabs stay
            if not name or not re.fullmatch(r"[0-9]{1,6}", number) or int(number) >= MAX_CLASSES:
                raise Refusal(f"line {place} must be a path, a blank and a class number below {MAX_CLASSES:,}")
            if "\0" in name or len(name) > MAX_PATH:
                raise Refusal(f"line {place} holds no path")
            paths.append(name)
            numbers.append(int(number))
        return paths, numbers


def read_class_list(path):
    """The names of classes: ``NUMBER NAME`` a line, or names alone that are numbered from 0.

    Lines are taken for numbered where each begins with a number of its own and no name comes twice.

    Returns:
        Dict of number to name.

    Raises:
        RefusedFile: a name that comes twice, is no text, or no names at all.
    """
    with refusals_name(path, "list of classes"):
        lines = [line for _, line in _lines(path, LABEL_BYTES, "strict")]
        if not 0 < len(lines) < MAX_CLASSES:
            raise Refusal(f"it must name 1 to {MAX_CLASSES - 1:,} classes, got {len(lines):,}")
        matches = [re.fullmatch(r"([0-9]{1,6})[ \t]+(.*\S)", line) for line in lines]
        numbered = all(matches) and all(len({match[k] for match in matches}) == len(lines) for k in (1, 2))
        names = {int(match[1]): match[2] for match in matches} if numbered else dict(enumerate(lines))
        for name in names.values():
            if any(unicodedata.category(c) in UNFIT for c in name):
                raise Refusal(f"the name {printable(name)} is no text")
        if len(set(names.values())) < len(lines):
            raise Refusal("a name comes twice")
        return names


def as_class_names(names):
    """Names of a network's outputs in their order, given from Python, as a tuple of str.

    Args:
        names: str or whole numbers, or the path of a text file with a name a line.

    Raises:
        FasterNetError: what has no order or is no name, or a file that holds none.
    """
    if isinstance(names, (str, os.PathLike)):
        by_number = read_class_list(os.path.expanduser(names))
        if sorted(by_number) != list(range(len(by_number))):
            raise FasterNetError(f"{names} must number its classes from 0 without a gap", change="class_names")
        return tuple(by_number[number] for number in range(len(by_number)))
    if isinstance(names, (Mapping, Set)) or not isinstance(names, Iterable):
        raise FasterNetError(
            f"class_names must be a list, in the order of the network's outputs, got a {type(names).__name__}",
            change="class_names",
        )
    found = tuple(str(name) if hasattr(name, "__index__") and not isinstance(name, bool) else name for name in names)
    wrong = [name for name in found if not isinstance(name, str) or not name]
    if wrong:
        raise FasterNetError(f"class_names must be names, got {wrong[0]!r:.80}", change="class_names")
    return tuple(map(str, found))


def _lines(path, limit, errors):
    """(number, line) of a text's lines that are not empty; Windows' ends of lines and its mark at the start go."""
    with open_file(path, limit) as (file, _):
        content = file.read()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refusal("it is written in UTF-16; save it as UTF-8")
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors)
    except UnicodeDecodeError:
        raise Refusal("it is no UTF-8 text; save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \t\r")
        if line:
            yield number, line


def write_listing(path, rows):
    """Write a run's list of files as CSV, whole or not at all; ``rows`` are (part, path, class name, bytes)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def read_listing(path):
    """What ``write_listing`` wrote: a list of (part, path, class name, bytes).

    Raises:
        RefusedFile: it is no such list.
    """
    with open_file(path, LIST_BYTES) as (file, _), refusals_name(path, "list of a run's files"):
        text = file.read().decode("utf-8", "surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        if next(reader, None) != list(HEADER):
            raise Refusal(f"its first line is not {','.join(HEADER)}")
        rows = []
        for place, row in enumerate(reader, 2):
            if len(row) != 4 or row[0] not in PARTS or not row[1] or "\0" in row[1] or not row[2]:
                raise Refusal(f"row {place} is no part, path, class and size")
            if not re.fullmatch(r"[0-9]{1,15}", row[3]):
                raise Refusal(f"the size in row {place} is no number")
            rows.append((row[0], row[1], row[2], int(row[3])))
        return rows
