"""Tables: to read, to keep, and back."""

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.tables import csv_table, read_table, text_table


def test_text_table_pads_and_rules():
    assert text_table(("name", "n"), [("a", 1), ("bcdef", None)]) == "name   n\n-----  -\na      1\nbcdef"
    with pytest.raises(FasterNetError, match="a row must have 2 cells, got 1"):
        text_table(("name", "n"), [("a",)])


def test_numbers_come_back_to_the_last_bit(tmp_path):
    rows = [(0, 1 / 3), (1, 1e-300)]
    (tmp_path / "t.csv").write_text(csv_table(("epoch", "loss"), rows))
    assert read_table(tmp_path / "t.csv") == [{"epoch": 0.0, "loss": 1 / 3}, {"epoch": 1.0, "loss": 1e-300}]


@pytest.mark.parametrize(
    "content", [b"a,b\n1\n", b"a,b\n1,2,3\n", b"a\nx\n", b"\xff\xfe", b'a\n"1', b"a\n" + b"9" * 200_000]
)
def test_refuses_what_is_no_table_of_numbers(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(FasterNetError, match="damaged or is no table of numbers"):
        read_table(tmp_path / "t.csv")
