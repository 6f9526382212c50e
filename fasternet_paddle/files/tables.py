"""Small tables: as text to read, as CSV to keep, and numbers back from CSV."""

import csv
import io

from ..errors import FasterNetError
from .opening import MIB, open_file, refusals_name

LARGEST = 64 * MIB  # bytes of a table that is read; a run of 10,000 epochs has 2 MB
NUMERIC = set("0123456789.,+-%x/ ")


def text_table(header, rows):
    """A table as text: columns padded with blanks, numbers to the right, a rule under the header.

    Args:
        header: the columns' names.
        rows: as many cells each; ``str`` is called on every cell, None is left blank.

    Raises:
        FasterNetError: a row of another length.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    for line in lines:
        if len(line) != len(header):
            raise FasterNetError(f"a row must have {len(header)} cells, got {len(line)}: {line}")
    widths = [max(len(line[column]) for line in [list(header), *lines]) for column in range(len(header))]
    right = [all(set(line[column]) <= NUMERIC for line in lines) for column in range(len(header))]

    def joined(line):
        cells = zip(line, widths, right, strict=True)
        return "  ".join(cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in cells).rstrip()

    return "\n".join([joined(header), "  ".join("-" * width for width in widths), *map(joined, lines)])


def csv_table(header, rows):
    """The same table as CSV text, with full precision where cells are numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def read_table(path):
    """The rows of a CSV file of numbers, such as ``history.csv``: a list of dicts of column to float.

    Raises:
        FasterNetError: the file cannot be opened, is damaged, or holds something else.
    """
    with open_file(path, LARGEST) as (file, _), refusals_name(path, "table of numbers"):
        rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""), strict=True)
        return [{name: float(value) for name, value in row.items()} for row in rows]


def _text(cell):
    return "" if cell is None else str(cell)
