"""Small tables: as text to read, as CSV to keep."""

import csv
import io

from ..errors import FasterNetError

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


def _text(cell):
    return "" if cell is None else str(cell)
