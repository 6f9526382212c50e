"""A split is the fractions' in every class, the seed's, and takes the last training image of none."""

import dataclasses

import numpy as np
import pytest

from fasternet_paddle.data.folders import TEST, TRAIN, VAL, WHOLE, Listing
from fasternet_paddle.data.splitting import split
from fasternet_paddle.errors import FasterNetError


def listing(counts, parts=WHOLE):
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    paths = tuple(f"{name}/{number}" for name, count in counts.items() for number in range(count))
    many = np.ones(len(paths), np.int64)
    return Listing("root", tuple(counts), paths, many, many, labels, many * parts)


def shares(result):
    """int64 (3, K)"""
    return np.stack(
        [np.bincount(result.labels[result.parts == part], minlength=len(result.class_names)) for part in range(3)]
    )


def test_classes_are_divided_alike():
    result, _ = split(listing({"a": 100, "b": 50, "c": 10}), 0.2, 0.1, 42)
    assert shares(result).tolist() == [[70, 35, 7], [20, 10, 2], [10, 5, 1]]


@pytest.mark.parametrize("val, test", [(0.2, 0.0), (0.15, 0.15), (0.5, 0.4), (0.01, 0.0)])
def test_totals_are_the_fractions_and_no_class_is_a_whole_image_off(val, test):
    counts = {f"c{n}": int(n) for n in np.random.default_rng(0).integers(30, 90, 40)}
    result, _ = split(listing(counts), val, test, 1)
    total, found = sum(counts.values()), shares(result)
    for part, share in ((VAL, val), (TEST, test)):
        assert found[part].sum() == round(total * share)
        assert (np.abs(found[part] - np.array(list(counts.values())) * share) < 1).all()


def test_every_class_keeps_a_training_image():
    result, _ = split(listing({"a": 1, "b": 2, "c": 3, "d": 40}), 0.6, 0.3, 0)
    assert (shares(result)[TRAIN] >= 1).all()


def test_the_seed_decides_and_other_classes_do_not():
    one, other = listing({"a": 30, "b": 40}), listing({"b": 40, "c": 60})
    chosen = [
        {path for path, part in zip(result.paths, result.parts, strict=True) if part == VAL and path.startswith("b")}
        for result in (split(files, 0.2, 0, seed)[0] for files, seed in ((one, 1), (one, 1), (other, 1), (one, 2)))
    ]
    assert chosen[0] == chosen[1] == chosen[2] != chosen[3]


def test_parts_that_are_given_stay():
    given = listing({"a": 30, "b": 30}, TRAIN)
    parts = given.parts.copy()
    parts[[5, 40]] = VAL
    result, _ = split(dataclasses.replace(given, parts=parts), 0.2, 0.0, 0)
    assert np.array_equal(result.parts, parts)
    result, _ = split(dataclasses.replace(given, parts=parts), 0.2, 0.1, 0)
    assert np.array_equal(result.parts == VAL, parts == VAL) and shares(result)[TEST].sum() == 6
    assert given.parts.sum() == 0  # the listing itself is untouched


def test_classes_without_images_are_left_out():
    result, empty = split(listing({"a": 10, "none": 0, "b": 10}), 0.2, 0.0, 0)
    assert result.class_names == ("a", "b") and empty == ["none"] and set(result.labels) == {0, 1}


def test_a_fraction_of_nothing_is_one_sentence():
    with pytest.raises(FasterNetError, match="val_fraction") as caught:
        split(listing({"a": 10, "b": 10}), 0.0, 0.0, 0)
    assert caught.value.change == ("val_fraction",)
