"""A row a file: its path, then names and probabilities, the most probable first; as a table to read, CSV or JSON lines.

    predictions = predictions_of(paths, logits, class_names, k=5)
    for prediction in predictions: print(Table(class_names, 5).row(prediction))

Probabilities are written with as many digits as bring float32 back to the last bit, so that figures computed from the
rows are those of the network. Classes are ranked by their logits, of equal ones the first, as ``argmax`` does: two
probabilities can be equal where the logits are not.
"""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..files.lists import printable
from ..runtime.text import shorten, width

NAME, PATH = 24, 60  # columns that a class's name and a path take at most, before they push the rest aside
SPECIAL = frozenset(',"\r\n')


@dataclass(frozen=True)
class Prediction:
    """``path`` of a file, and the k most probable classes: ``names``, and ``probabilities`` float32 ``(k,)``."""

    path: str
    names: tuple[str, ...]
    probabilities: np.ndarray


def predictions_of(paths, logits, class_names, k, temperature=None):
    """A ``Prediction`` for each of N paths.

    Args:
        paths: N names.
        logits: float32 ``(N, K)``.
        class_names: K names.
        k: classes a row, at most K.
        temperature: what logits are divided by before the softmax, where it was fitted.
    """
    order = np.argsort(-logits, axis=1, kind="stable")[:, :k]  # (N, k)
    chosen = np.take_along_axis(softmax(logits, temperature), order, axis=1)
    return [
        Prediction(path, tuple(class_names[number] for number in numbers), values)
        for path, numbers, values in zip(paths, order.tolist(), chosen, strict=True)
    ]


def softmax(logits, temperature=None):
    """float32 ``(N, K)``: what ``Predictor.probabilities`` gives for the images of ``logits``."""
    logits = logits if temperature is None else logits / np.float32(temperature)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class Table:
    """Lines to read, for a terminal: columns as wide as the classes' names."""

    def __init__(self, class_names, k):
        self.name = min(NAME, max(width(shorten(name, NAME)) for name in class_names))
        self.path = 0

    def row(self, prediction):
        """A line, without its end; the column of paths widens as it must."""
        path = printable(prediction.path)
        self.path = max(self.path, min(width(path), PATH))
        pairs = zip(prediction.names, prediction.probabilities.tolist(), strict=True)
        cells = [f"{_padded(shorten(name, NAME), self.name)} {value:6.1%}" for name, value in pairs]
        return "  ".join([_padded(path, self.path), *cells])


def _padded(text, columns):
    return text + " " * (columns - width(text))


class Csv:
    """``path,class_1,probability_1,class_2,...``; a path's bytes are kept, also such as are no UTF-8."""

    suffix, quoted = ".csv", True

    def __init__(self, class_names, k):
        self.k = k
        columns = [f"{what}_{rank}" for rank in range(1, k + 1) for what in ("class", "probability")]
        self.header = ",".join(["path", *columns])

    def row(self, prediction):
        """A row, without its end; it is of several lines where a name is."""
        pairs = zip(prediction.names, prediction.probabilities, strict=True)
        cells = [cell for name, value in pairs for cell in (_quoted(name), str(value))]
        return ",".join([_quoted(prediction.path), *cells])

    def parse(self, row):
        """The ``Prediction`` that ``row`` wrote; raises ``FasterNetError`` for anything else."""
        try:
            [cells] = csv.reader(io.StringIO(row, newline=""), strict=True)
            return _checked(cells[0], cells[1::2], [np.float32(text) for text in cells[2::2]], self.k)
        except (ValueError, IndexError, csv.Error):
            raise FasterNetError("a row is damaged, or of another form") from None


def _quoted(text):
    """A cell of CSV; the csv module of some Pythons leaves a carriage return bare, which none reads back."""
    plain = not SPECIAL & set(text) and text == text.strip()
    return text if plain else '"' + text.replace('"', '""') + '"'


class JsonLines:
    """``{"path": ..., "classes": [...], "probabilities": [...]}`` a line; bytes that are no UTF-8 are ``\\\\udc..``."""

    suffix, quoted, header = ".jsonl", False, ""

    def __init__(self, class_names, k):
        self.k = k

    def row(self, prediction):
        """A line, without its end."""
        values = [float(str(value)) for value in prediction.probabilities]  # float32's digits, not float64's
        given = {"path": prediction.path, "classes": list(prediction.names), "probabilities": values}
        text = json.dumps(given, ensure_ascii=False)
        return text if text.isprintable() else json.dumps(given)

    def parse(self, row):
        """The ``Prediction`` that ``row`` wrote; raises ``FasterNetError`` for anything else."""
        try:
            given = json.loads(row)
            return _checked(given["path"], given["classes"], [np.float32(v) for v in given["probabilities"]], self.k)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FasterNetError("a row is damaged, or of another form") from None


def _checked(path, names, values, k):
    if not (isinstance(path, str) and path and len(names) == len(values) == k and all(0 <= v <= 1 for v in values)):
        raise ValueError
    return Prediction(path, tuple(names), np.array(values, np.float32))


FORMS = {"table": Table, "csv": Csv, "json": JsonLines}
KEPT = ("csv", "json")  # forms that a file of results has
