"""Names of files made from names: told apart on every system, and never too long."""

import os
import unicodedata

import pytest

from fasternet_paddle.files.names import own_names

MAP = ("", "-map")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["cup", "cup", "cup"], ["cup", "cup-2", "cup-3"]),
        (["a", "A"], ["a", "A-2"]),  # one file on Windows and macOS
        (["straße", "STRASSE"], ["straße", "STRASSE-2"]),
        (["x", "x-map"], ["x", "x-map-2"]),  # the map of x
        (["x-map", "x"], ["x-map", "x-2"]),
        (["sheet", "Sheet"], ["sheet-2", "Sheet-3"]),  # taken from the start
        (["cup-2", "cup", "cup"], ["cup-2", "cup", "cup-3"]),
        (["a b/c", "a?b:c"], ["a_b_c", "a_b_c-2"]),
        (["", "..."], ["image", "..."]),
        (["caf\udce9"], ["caf_"]),  # bytes that are no text
        (["हिन्दी", "猫"], ["हिन्दी", "猫"]),  # marks belong to their letters
        (["é", unicodedata.normalize("NFD", "é")], ["é", unicodedata.normalize("NFD", "é") + "-2"]),
    ],
)
def test_no_two_outputs_are_one_file(names, wanted):
    found = own_names(names, MAP, taken=("sheet",))
    assert found == wanted
    files = [unicodedata.normalize("NFC", name + ending).casefold() for name in found for ending in MAP]
    assert len(set(files)) == len(files) and "sheet" not in files


def test_long_names_are_cut_at_a_letter_and_told_apart(tmp_path):
    found = own_names(["猫" * 90, "猫" * 100, "n" * 300, "n" * 299 + "m"], MAP, longest=100)
    assert [len(os.fsencode(name)) for name in found] == [99, 98, 100, 100]
    assert found[0] == "猫" * 33 and found[1] == "猫" * 32 + "-2" and found[3] == "n" * 98 + "-2"
    for name in found:
        (tmp_path / name).write_text("")
