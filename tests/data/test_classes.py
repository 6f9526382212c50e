"""Labels mean the same to data and network, or one sentence says what differs."""

import dataclasses

import numpy as np
import pytest

from fasternet_paddle.data.classes import by_number, in_order_of, renumbered, shortened
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.data.images import ImageData, Images
from fasternet_paddle.errors import FasterNetError
from tests.archives import write_photographs


def images(*labels):
    return Images(np.zeros((len(labels), 2, 2, 3), np.uint8), np.array(labels, np.int64))


@pytest.mark.parametrize(
    ("names", "wanted", "labels"),
    [
        (("a", "b", "c"), ("a", "b", "c"), [0, 1, 2, 1]),
        (("a", "b", "c"), ("c", "a", "b"), [1, 2, 0, 2]),
        (("b", "c", "a"), ("a", "b", "c", "d"), [1, 2, 0, 2]),  # the network knows more
        (("a", "b", "c", "none"), ("c", "b", "a"), [2, 1, 0, 1]),  # a class without images
        (("cafe\u0301", "b", "c"), ("caf\u00e9", "b", "c"), [0, 1, 2, 1]),  # as a Mac and as others write an accent
        (("cafe\u0301", "b", "c"), ("c", "b", "caf\u00e9"), [2, 1, 0, 1]),
        (("e\u0301", "\u00e9", "c"), ("c", "\u00e9", "e\u0301"), [2, 1, 0, 1]),  # two names, where both are there
        (("a", "b", "c"), ("d", "a", "b", "c", "d"), [1, 2, 3, 2]),  # of no matter here
    ],
)
def test_the_same_names_are_mapped_and_that_is_said(names, wanted, labels, capsys):
    mapped = renumbered(images(0, 1, 2, 1), names, wanted, "digits")
    assert mapped.labels.tolist() == labels
    assert ("mapped by name" in capsys.readouterr().out) == (labels != [0, 1, 2, 1])


def test_other_names_are_refused_with_both_lists():
    long = tuple(f"n{number}" for number in range(100))
    with pytest.raises(FasterNetError, match=r"the class 'x': folder has 'x', 'b', the network 'n0', .* and 94 more$"):
        renumbered(images(0, 1), ("x", "b"), long, "folder")
    assert shortened(("a",)) == "'a'"


def test_a_name_of_two_outputs_is_refused_in_another_order():
    with pytest.raises(FasterNetError, match="2 of the network's classes are called 'crane'"):
        renumbered(images(0, 1), ("bird", "crane"), ("crane", "bird", "crane"))
    assert renumbered(images(0, 1), ("crane", "crane"), ("crane", "crane")).labels.tolist() == [0, 1]


def test_without_names_numbers_count():
    assert by_number(images(1), ("x", "y"), ("a", "b", "c")).labels.tolist() == [1]
    with pytest.raises(FasterNetError, match="knows 1 classes, but digits has 2"):
        by_number(images(1), ("x", "y"), ("a",), "digits")
    many = tuple(f"class {number}" for number in range(10))  # an archive without names may use a few of ten
    assert by_number(images(0, 2), many, ("a", "b", "c"), "cifar10").labels.tolist() == [0, 2]


def test_a_run_goes_on_with_its_own_order(capsys):
    data = ImageData("cifar10", ("a", "b"), images(0, 1, 1), images(1), images(0))
    moved = in_order_of(data, ("b", "a"), "work")
    assert (moved.class_names, moved.train.labels.tolist()) == (("b", "a"), [1, 0, 0])
    assert (moved.val.labels.tolist(), moved.test.labels.tolist()) == ([0], [1])
    assert "mapped by name" in capsys.readouterr().out
    assert in_order_of(data, ("a", "b"), "work") is data
    accents = dataclasses.replace(data, class_names=("e\u0301", "b"))
    assert in_order_of(accents, ("\u00e9", "b"), "work").class_names == ("\u00e9", "b")  # the run's own spelling
    assert in_order_of(accents, ("b", "\u00e9"), "work").class_names == ("b", "\u00e9")
    for others in (("a", "c"), ("a",), ("a", "b", "c")):
        with pytest.raises(FasterNetError, match=r"work holds a run on the classes 'a'.* and cifar10 has 'a', 'b'"):
            in_order_of(data, others, "work")
    unnamed = ImageData("cifar10", ("a", "b"), images(0), images(1), named=False)
    assert in_order_of(unnamed, ("c", "d"), "work").class_names == ("c", "d")


def test_an_archive_without_names_says_so(tmp_path, capsys):
    write_photographs(tmp_path / "named.tar.gz")
    assert load_dataset("cifar10", tmp_path / "named.tar.gz").named
    assert capsys.readouterr().out == ""
    write_photographs(tmp_path / "photos.tar.gz", names=None)
    assert not load_dataset("cifar10", tmp_path / "photos.tar.gz").named
    assert "photos.tar.gz does not name its classes" in capsys.readouterr().out
