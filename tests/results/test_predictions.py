"""Rows: ranked as argmax ranks, written so that they come back to the last bit, whatever a file is called."""

import csv
import io
import json

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.results.predictions import Csv, JsonLines, Prediction, Table, predictions_of, softmax

NAMES = ("cat", "dog, big", 'a "fox"', "狐狸", "x" * 40)
PATHS = [
    "a.png",
    "a,b.png",
    'quo"te',
    "line\nfeed",
    "re\rturn",
    " blank ",
    "caf\udce9",
    "狗\u2028.png",
    "\x1b[31m",
    "-",
]


def logits():
    return np.random.RandomState(0).standard_normal((len(PATHS), len(NAMES))).astype(np.float32) * 9


def test_ranks_and_probabilities():
    given = logits()
    given[0], given[1, :2] = 3.0, 80.0  # all equal; two equal ones
    given[2, 3:] = 20.0, np.nextafter(np.float32(20), np.float32(30))  # equal as probabilities, not as logits
    found = predictions_of(PATHS, given, NAMES, 5)
    wanted = np.exp(given.astype(float)) / np.exp(given.astype(float)).sum(axis=1, keepdims=True)
    for prediction, row, values in zip(found, given, wanted, strict=True):
        order = sorted(range(len(NAMES)), key=lambda number: (-row[number], number))
        assert prediction.names == tuple(NAMES[number] for number in order)
        assert prediction.names[0] == NAMES[row.argmax()]
        assert prediction.probabilities.dtype == np.float32
        assert np.allclose(prediction.probabilities, values[order], rtol=1e-5)
    assert [p.path for p in found] == PATHS
    assert [p.names for p in predictions_of(PATHS, given, NAMES, 2)] == [p.names[:2] for p in found]


def test_a_temperature_changes_probabilities_and_no_rank():
    given = logits()
    warm = predictions_of(PATHS, given, NAMES, 5, temperature=2.0)
    assert [p.names for p in warm] == [p.names for p in predictions_of(PATHS, given, NAMES, 5)]
    assert np.array_equal(np.stack([p.probabilities for p in warm]).max(axis=1), softmax(given / 2).max(axis=1))


@pytest.mark.parametrize("kind", [Csv, JsonLines])
def test_rows_come_back_to_the_last_bit(kind):
    form = kind(NAMES, 5)
    extreme = np.float32([0, 1, np.finfo(np.float32).tiny, 1e-45, 1 / 3])
    found = [*predictions_of(PATHS, logits(), NAMES, 5), Prediction("e", NAMES, extreme)]
    draws = np.random.RandomState(1).uniform(size=(3000, 5)).astype(np.float32) ** 4
    for prediction in [*found, *(Prediction("d", NAMES, values) for values in draws)]:
        row = form.row(prediction)
        back = form.parse(row.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"))
        assert (back.path, back.names) == (prediction.path, prediction.names)
        assert back.probabilities.tobytes() == prediction.probabilities.tobytes()
    assert all("\n" not in form.row(p) or kind is Csv for p in found)


def test_others_read_the_rows():
    found = predictions_of(PATHS, logits(), NAMES, 2)
    form = Csv(NAMES, 2)
    text = "".join(f"{row}\n" for row in [form.header, *map(form.row, found)])
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [row["path"] for row in rows] == PATHS and [row["class_2"] for row in rows] == [p.names[1] for p in found]
    for prediction in found:
        line = JsonLines(NAMES, 2).row(prediction)
        assert line.isprintable() and json.loads(line)["path"] == prediction.path
        line.encode("utf-8")


def test_the_table_is_in_line_and_steers_no_terminal():
    table = Table(("cat", "狐狸"), 2)
    values = np.float32([0.987, 0.013])
    lines = [table.row(Prediction(path, ("cat", "狐狸"), values)) for path in ["狗.png", "b.png", "\x1b[31m"]]
    assert lines == [
        "狗.png  cat   98.7%  狐狸   1.3%",
        "b.png   cat   98.7%  狐狸   1.3%",
        "\\x1b[31m  cat   98.7%  狐狸   1.3%",
    ]


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        (Csv, ""),
        (Csv, "a.png,cat"),
        (Csv, "a.png,cat,0.5,dog"),
        (Csv, "a.png,cat,0.5"),
        (Csv, "a.png,cat,0.5,dog,1.5"),
        (Csv, "a.png,cat,0.5,dog,nan"),
        (Csv, 'a.png,cat,0.5,"dog,0.5'),
        (JsonLines, ""),
        (JsonLines, "[]"),
        (JsonLines, '{"path": "a.png"}'),
        (JsonLines, '{"path": "", "classes": ["cat", "dog"], "probabilities": [0.5, 0.5]}'),
        (JsonLines, '{"path": "a", "classes": ["cat"], "probabilities": [0.5, 0.5]}'),
        (JsonLines, '{"path": "a", "classes": ["cat", "dog"], "probabilities": ["x", 0.5]}'),
        (JsonLines, "[" * 100_000),
    ],
)
def test_other_rows_are_refused(kind, row):
    with pytest.raises(FasterNetError, match="damaged, or of another form"):
        kind(NAMES, 2).parse(row)
