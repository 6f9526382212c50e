"""Folders and lists become parts, classes and labels; what is wrong with them is one sentence."""

import os
import shutil

import numpy as np
import pytest

from fasternet_paddle.data import folders
from fasternet_paddle.data.classes import renumbered
from fasternet_paddle.data.folder_data import is_listed, load_folder, load_labelled, reload_folder
from fasternet_paddle.data.folders import TEST, TRAIN, VAL, WHOLE, list_folder
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.lists import write_listing
from tests.pictures import encoded, picture, write_tree


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTERNET_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "my data"


def by_part(listing):
    """Dict of part to the set of (path, class name)."""
    found = {}
    for path, label, part in zip(listing.paths, listing.labels, listing.parts, strict=True):
        found.setdefault(int(part), set()).add((path, listing.class_names[label]))
    return found


def test_a_tree_of_class_folders(root):
    write_tree(root, {"狗": 2, "cat": 1, "cat/deeper/still": 1})
    (root / "cat" / ".hidden").mkdir()
    (root / "beside.png").write_bytes(encoded(0))
    listing = list_folder(root)
    assert listing.class_names == ("cat", "狗")
    assert by_part(listing) == {
        WHOLE: {("cat/000.png", "cat"), ("cat/deeper/still/000.png", "cat"), ("狗/000.png", "狗"), ("狗/001.png", "狗")}
    }
    assert listing.strangers == ("beside.png",) and "1 images" in listing.remarks[0]
    assert listing.sizes.tolist() == [os.stat(root / path).st_size for path in listing.paths]


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_parts_are_folders(root, val):
    write_tree(root, {"train/a": 2, "train/b": 1, f"{val}/b": 1, "test/a": 1, "drafts/c": 1})
    listing = list_folder(root)
    assert by_part(listing) == {
        TRAIN: {("train/a/000.png", "a"), ("train/a/001.png", "a"), ("train/b/000.png", "b")},
        VAL: {(f"{val}/b/000.png", "b")},
        TEST: {("test/a/000.png", "a")},
    }
    assert "drafts" in listing.remarks[0]


def test_a_class_may_be_called_train(root):
    write_tree(root, {"train": 1, "bus": 1})
    assert list_folder(root).class_names == ("bus", "train")
    shutil.rmtree(root)
    write_tree(root, {"train/a": 1, "train/b": 1})
    assert by_part(list_folder(root)) == {TRAIN: {("train/a/000.png", "a"), ("train/b/000.png", "b")}}


def write_lists(root, **lists):
    write_tree(root, {"images of": 4})
    for name, text in lists.items():
        (root / f"{name}.txt").write_text(text, encoding="utf-8")


TRAIN_LIST = "images of/000.png 1\n./images of/001.png 0\n"


def test_lists(root):
    absolute = root / "images of" / "003.png"
    write_lists(root, train=TRAIN_LIST, val=f"images of/002.png 1\n{absolute} 0\n", label="0 猫\n1 big dog\n2 owl\n")
    listing = list_folder(root)
    assert by_part(listing) == {
        TRAIN: {("images of/000.png", "big dog"), ("images of/001.png", "猫")},
        VAL: {("images of/002.png", "big dog"), ("images of/003.png", "猫")},
    }
    assert listing.class_names == ("猫", "big dog", "owl")


def test_paddleclas_names_of_lists_and_no_label_list(root):
    write_lists(root, train_list=TRAIN_LIST, val_list="images of/002.png 1\n")
    assert list_folder(root).class_names == ("0", "1")
    write_lists(root, label_list="0 cat\n")
    with pytest.raises(FasterNetError, match="class 1"):
        list_folder(root)


def test_listed_files_that_are_missing_are_unreadable(root):
    write_lists(root, train=TRAIN_LIST + "images of/gone.png 0\nimages of 1\n", val="images of/002.png 1\n")
    listing = list_folder(root)
    assert listing.unreadable == (("images of/gone.png", "No such file or directory"),)
    assert listing.strangers == ("images of",) and len(listing) == 3


FAULTS = {
    "missing": (lambda root: None, "does not exist"),
    "a file": (lambda root: root.write_text("x"), "is a file"),
    "nothing": (lambda root: root.mkdir(), "holds no images"),
    "no class folders": (lambda root: write_tree(root, {"": 2}), "holds no images"),
    "empty train": (lambda root: (write_tree(root, {"val/a": 1}), (root / "train").mkdir()), "holds no images"),
    "no train": (lambda root: write_lists(root, train="\n", val=TRAIN_LIST), "holds no images"),
    "a class in val alone": (
        lambda root: write_tree(root, {"train/a": 1, "train/b": 1, "val/c": 1}),
        "'c' has images in val alone",
    ),
    "another case in val": (
        lambda root: write_tree(root, {"train/Cat": 1, "train/b": 1, "val/cat": 1}),
        "did you mean 'Cat'",
    ),
    "one class": (lambda root: write_tree(root, {"a": 5}), "2 to 10,000 classes"),
    "an image a class": (lambda root: write_tree(root, {"a": 1, "b": 1}), "no image is left for validation"),
    "a name that is no text": (lambda root: write_tree(root, {"caf\udce9": 1, "b": 3}), "must be text"),
    "a name of two lines": (lambda root: write_tree(root, {"a\nb": 1, "b": 3}), "must be text"),
    "the same name twice": (lambda root: write_tree(root, {"ü": 1, "u\u0308": 3}), "other code points"),
    "a list without classes": (lambda root: write_lists(root, train="images of/000.png"), "line 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence(root, name):
    make, said = FAULTS[name]
    make(root)
    with pytest.raises(FasterNetError, match=said) as caught:
        load_folder(root)
    assert "\n" not in str(caught.value) and "--" not in str(caught.value)


def test_val_may_lack_classes_and_have_empty_ones(root):
    write_tree(root, {"train/a": 1, "train/b": 1, "train/c": 1, "val/b": 2, "val/z": 0, "train/empty": 0})
    data = load_folder(root)
    assert data.class_names == ("a", "b", "c") and data.val.labels.tolist() == [1, 1]
    assert data.checked.empty == ("empty", "z")
    assert "classes without a validation image (2): 'a', 'c'" in data.checked.lines()


def test_classes_that_differ_in_case_only_are_two(root):
    write_tree(root, {"a": 4, "A": 4})
    data = load_folder(root)
    assert data.class_names == ("A", "a") and any("case only" in line for line in data.checked.lines())


def test_lists_of_windows_and_of_files_that_are_gone(root):
    write_tree(root, {"a": 4, "b": 4})
    lines = "".join(
        f"{folder}\\{number:03d}.png {label}\r\n" for label, folder in enumerate("ab") for number in range(4)
    )
    (root / "train.txt").write_text(lines)
    data = load_folder(root, val_fraction=0.25)
    assert sorted(data.listing.paths)[0] == "a/000.png" and len(data.listing) == 8
    (root / "a" / "own\\name.png").write_bytes(encoded(77))  # a name that has one
    (root / "train.txt").write_text(f"{lines}a/own\\name.png 0\n")
    assert "a/own\\name.png" in load_folder(root).listing.paths
    (root / "train.txt").write_text("x/000.png 0\nx/001.png 1\n")
    with pytest.raises(FasterNetError, match=r"none of the 2 images of .* can be read: x/000\.png \(No such file"):
        load_folder(root)


def test_one_image_a_class_leaves_none_for_validation(root):
    write_tree(root, {"a": 1, "b": 1})
    with pytest.raises(FasterNetError, match="1 in its largest class, of which one is needed for training") as refusal:
        load_folder(root)
    assert refusal.value.change == ()
    write_tree(root, {"train/a": 3, "train/b": 3, "test/a": 9})
    shutil.rmtree(root / "a")
    shutil.rmtree(root / "b")
    with pytest.raises(FasterNetError, match="3 in its largest class, of which val_fraction 0 is kept"):
        load_folder(root, val_fraction=0)


def test_ten_thousand_classes_of_one_image(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(0))
    for name in ("train", "val"):
        (tmp_path / f"{name}.txt").write_text("".join(f"a.png {number}\n" for number in range(10_000)))
    data = load_folder(tmp_path, checks=False)
    assert len(data.class_names) == len(data.train) == 10_000
    assert np.array_equal(data.val.labels, np.arange(10_000))
    assert len(data.checked.lines()) < 25 and max(map(len, data.checked.lines())) < 300
    for name in ("train", "val"):
        (tmp_path / f"{name}.txt").write_text("".join(f"a.png {number}\n" for number in range(10_001)))
    with pytest.raises(FasterNetError, match="has 10,001"):
        load_folder(tmp_path, checks=False)


def test_parts_hold_the_images_of_their_labels(root):
    write_tree(root, {"a": 10, "b": 20})
    data = load_folder(root, val_fraction=0.3, test_fraction=0.1)
    assert [len(part) for part in (data.train, data.val, data.test)] == [18, 9, 3]
    seen = []
    for part in (data.train, data.val, data.test):
        for image, label in zip(part.images, part.labels, strict=True):
            seed = next(seed for seed in range(30) if np.array_equal(image, picture(seed)))
            assert data.class_names[label] == "ab"[seed >= 10]
            seen.append(seed)
    assert sorted(seen) == list(range(30)) and len(data.listing) == 30


def test_a_stored_split_is_taken_up_whatever_has_come_since(root, tmp_path):
    write_tree(root, {"b": 10, "caf é": 12})
    data = load_folder(root, test_fraction=0.1)
    write_listing(tmp_path / "files.csv", data.listing.rows())
    write_tree(root, {"a": 5, "b/more": 5}, first=90)
    moved = root.rename(tmp_path / "moved")
    again = reload_folder(moved, tmp_path / "files.csv")
    assert again.class_names == data.class_names and not is_listed(root, tmp_path / "files.csv")
    for one, other in ((data.train, again.train), (data.val, again.val), (data.test, again.test)):
        assert one.fingerprint() == other.fingerprint() and np.array_equal(one.labels, other.labels)
    assert np.array_equal(again.val.images[0], picture(int(again.val.images.names[0][-7:-4])))
    (moved / data.listing.paths[3]).unlink()
    (moved / data.listing.paths[5]).write_bytes(b"other")
    with pytest.raises(FasterNetError, match=f"2 of the run's 22 images are gone .*{data.listing.paths[3]}"):
        reload_folder(moved, tmp_path / "files.csv")
    write_listing(tmp_path / "files.csv", data.listing.rows()[:1])
    with pytest.raises(FasterNetError, match="must list images to train and to validate on"):
        reload_folder(moved, tmp_path / "files.csv")


def test_a_folder_to_measure_on_is_taken_whole_or_its_validation_images(root):
    write_tree(root, {"b": 3, "a": 2})
    images, names, _ = load_labelled(root)
    assert names == ("a", "b") and images.labels.tolist() == [0, 0, 1, 1, 1]
    write_tree(root, {"train/a": 1, "val/b": 2})
    shutil.rmtree(root / "a")
    shutil.rmtree(root / "b")
    images, names, _ = load_labelled(root)
    assert [names[label] for label in images.labels] == ["b", "b"]
    shutil.rmtree(root / "train")
    assert len(load_labelled(root)[0]) == 2
    with pytest.raises(FasterNetError, match="no images to train on"):
        load_folder(root)


def test_labels_go_by_name(root):
    write_tree(root, {"b": 3, "a": 2})
    images = renumbered(*load_labelled(root)[:2], ("c", "b", "a"))
    assert images.labels.tolist() == [2, 2, 1, 1, 1]
    with pytest.raises(FasterNetError, match="know the class 'b': the data has 'a', 'b', the network 'c', 'a'"):
        renumbered(*load_labelled(root)[:2], ("c", "a"))


def test_the_folder_is_not_read_where_it_must_not_be(root, monkeypatch):
    write_tree(root, {"a": 4, "b": 4})
    scandir = os.scandir

    def refuse(folder):
        if os.path.basename(folder) == "b":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(FasterNetError, match="b' cannot be read: Permission denied"):
        folders.list_folder(root)
