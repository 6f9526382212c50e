"""Files and folders that are named: each image once, in order; circles, strangers and missing ones as said."""

import os
from pathlib import Path

import pytest

from fasternet_paddle.data.given import Places, find_given
from fasternet_paddle.errors import FasterNetError
from tests.pictures import encoded

PNG = encoded(0)


@pytest.fixture(autouse=True)
def _tree(tmp_path, monkeypatch):
    """photos: b.png, a.png, note.txt, .hidden.png, sub/c.png, sub/round -> photos, zero/, other -> elsewhere/d.png"""
    monkeypatch.chdir(tmp_path)
    for name in ("photos/b.png", "photos/a.png", "photos/.hidden.png", "photos/sub/c.png", "elsewhere/d"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(PNG)
    Path("photos/note.txt").write_text("no picture")
    Path("photos/zero").mkdir()
    Path("photos/sub/round").symlink_to("..", target_is_directory=True)
    Path("photos/other").symlink_to("../elsewhere", target_is_directory=True)


ALL = ["photos/a.png", "photos/b.png", "photos/sub/c.png", "photos/other/d"]


@pytest.mark.parametrize(
    ("paths", "recursive", "names", "repeated"),
    [
        (["photos"], False, ALL[:2], 0),
        (["photos"], True, ALL, 0),
        (["photos/note.txt", "photos"], False, ["photos/note.txt", *ALL[:2]], 0),
        (["photos/.hidden.png"], False, ["photos/.hidden.png"], 0),
        (["photos/b.png", "photos", "./photos/b.png"], False, ["photos/b.png", "photos/a.png"], 2),
        (["photos/sub", "photos"], True, ["photos/sub/c.png", "photos/a.png", "photos/b.png", "photos/other/d"], 1),
        (["photos/sub/round"], False, ["photos/sub/round/a.png", "photos/sub/round/b.png"], 0),
        (["broken link", "photos/a.png"], False, ["broken link", "photos/a.png"], 0),
    ],
)
def test_each_image_once_in_order(paths, recursive, names, repeated):
    Path("broken link").symlink_to("nowhere")
    given = find_given(paths, recursive)
    assert list(given.names) == names and given.repeated == repeated


def test_what_is_passed_over_is_said():
    given = find_given(["photos", "photos/zero", "photos/sub/../../photos/a.png"], True)
    assert given.circles == ["photos/sub/round"] and given.bare == [("photos/zero", 0)]
    said = "\n".join(given.remarks())
    assert "photos/sub/round leads to a folder that is read already" in said and "photos/zero holds no images" in said
    assert "1 files are given more than once" in said


@pytest.mark.parametrize(
    ("paths", "says", "change"),
    [
        ([], "no file or folder was named", ()),
        (["photos/zero"], "photos/zero holds no images", ()),
        (["photos", "missing"], "missing is no file and no folder", ()),
        (["."], "its 2 folders are not looked into", ("recursive",)),
    ],
)
def test_nothing_to_read_is_one_sentence(paths, says, change):
    with pytest.raises(FasterNetError, match=says) as error:
        find_given(paths)
    assert error.value.change == change and "\n" not in str(error.value)


def test_a_folder_that_cannot_be_read(monkeypatch):
    scandir = os.scandir

    def denied(path):
        if os.path.basename(path) == "sub":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    given = find_given(["photos"], recursive=True)
    assert given.unreadable == [("photos/sub", "Permission denied")] and len(given.names) == 3
    with pytest.raises(FasterNetError, match="the folder photos/sub cannot be read: Permission denied"):
        find_given(["photos/sub"])


def test_a_place_is_found_by_its_absolute_path(tmp_path):
    names = [f"photos/{number}" for number in range(500)] + ["caf\udce9"]
    places = Places(names)
    assert [places.find(name) for name in names] == list(range(501))
    assert places.find(str(tmp_path / "photos" / "77")) == 77 and places.find("photos/../photos/./3") == 3
    assert places.find("photos/500") is None and Places([]).find("a") is None


def test_equal_keys_are_told_apart(monkeypatch):
    monkeypatch.setattr("fasternet_paddle.data.given._digest", lambda path, size: bytes(size))
    assert [Places(["a", "b", "c"]).find(name) for name in "abcd"] == [0, 1, 2, None]
