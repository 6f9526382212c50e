"""The files of a folder: all of them once, whatever their names, links and neighbours are."""

import os
import time

import numpy as np
import pytest

from fasternet_paddle.data import index
from fasternet_paddle.errors import FasterNetError
from tests.pictures import encoded

PNG = encoded(0)


def write(path, content=PNG):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    ["a.png", "a.JPEG", "two words.png", "ü.png", "u\u0308.png", "狗.jpg", ",\"'.png", "line\nfeed.png", "a.b.c.png",
     "deep/er/still/a.png", "no_suffix", "wrong.txt", "-rf.png", "%s.png", "\\.png", "x" * 250 + ".png"],
)  # fmt: skip
def test_an_image_is_found_by_suffix_or_content(tmp_path, name):
    write(tmp_path / "class" / name)
    found = index.find_files(tmp_path, "class")
    assert found.paths == [f"class/{name}"] and found.sizes == [len(PNG)]
    assert found.times == [os.stat(tmp_path / "class" / name).st_mtime_ns]
    assert not (found.strangers or found.unreadable or found.circles)


def test_a_name_that_is_no_text_is_found(tmp_path):
    write(tmp_path / "class" / "caf\udce9.png")
    assert index.find_files(tmp_path, "class").paths == ["class/caf\udce9.png"]


@pytest.mark.parametrize(
    "name",
    [".a.png", ".DS_Store", "._a.png", "Thumbs.db", "THUMBS.DB", "desktop.ini", ".ipynb_checkpoints/a.png",
     "__MACOSX/a.png", "@eaDir/a.png"],
)  # fmt: skip
def test_what_systems_leave_is_passed_over(tmp_path, name):
    write(tmp_path / "class" / name)
    assert index.find_files(tmp_path, "class") == index.Found()


def test_other_files_are_strangers(tmp_path):
    write(tmp_path / "class" / "a.txt", b"text")
    write(tmp_path / "class" / "empty.csv", b"")
    os.mkfifo(tmp_path / "class" / "pipe.png")
    os.symlink("nowhere", tmp_path / "class" / "lost")
    found = index.find_files(tmp_path, "class")
    assert sorted(found.strangers) == [f"class/{name}" for name in ("a.txt", "empty.csv", "lost", "pipe.png")]
    assert not found.paths and not found.unreadable


def test_empty_files_and_dead_links_are_unreadable(tmp_path):
    write(tmp_path / "class" / "empty.png", b"")
    os.symlink("nowhere", tmp_path / "class" / "dead.png")
    os.symlink("self.png", tmp_path / "class" / "self.png")
    assert [path for path, _ in index.find_files(tmp_path, "class").unreadable] == [
        "class/dead.png",
        "class/empty.png",
        "class/self.png",
    ]


def test_links_are_followed_once_and_circles_end(tmp_path):
    write(tmp_path / "store" / "a.png")
    write(tmp_path / "class" / "sub" / "b.png")
    os.symlink("../store", tmp_path / "class" / "linked")
    os.symlink("../store/a.png", tmp_path / "class" / "c.png")
    for place, target in {"up": "..", "me": ".", "sub/back": "..", "sub/root": "/", "again": "sub"}.items():
        os.symlink(target, tmp_path / "class" / place)
    found = index.find_files(tmp_path, "class")
    assert sorted(found.paths) == ["class/c.png", "class/linked/a.png", "class/sub/b.png"]
    assert sorted(found.circles) == [f"class/{name}" for name in ("again", "me", "sub/back", "sub/root", "up")]


def test_links_among_many_folders_do_not_multiply(tmp_path):
    for number in range(12):
        write(tmp_path / "class" / str(number) / "a.png")
        for other in range(12):
            os.symlink(f"../{other}", tmp_path / "class" / str(number) / f"to{other}")
    assert len(index.find_files(tmp_path, "class").paths) == 12


def test_a_class_folder_may_be_a_link_but_no_circle(tmp_path):
    write(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "root").mkdir()
    os.symlink("../elsewhere", tmp_path / "root" / "class")
    os.symlink("..", tmp_path / "root" / "circle")
    assert index.find_files(tmp_path / "root", "class").paths == ["class/a.png"]
    assert index.find_files(tmp_path / "root", "circle").circles == ["circle"]


def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch):
    write(tmp_path / "class" / "a.png")
    monkeypatch.setattr(os, "scandir", lambda folder: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(FasterNetError, match="cannot be read: Permission denied"):
        index.find_files(tmp_path, "class")


def test_the_order_is_the_names(tmp_path):
    for name in ("b.png", "a/z.png", "a.png", "c/a.png", "B.png"):
        write(tmp_path / "class" / name)
    paths = index.find_files(tmp_path, "class").paths
    assert paths == ["class/B.png", "class/a.png", "class/b.png", "class/a/z.png", "class/c/a.png"]


def test_twenty_thousand_files_a_second(tmp_path):
    folders = [tmp_path / "class" / str(number) for number in range(20)]
    for folder in folders:
        folder.mkdir(parents=True)
        for number in range(200):
            os.close(os.open(folder / f"{number}.png", os.O_CREAT))
    start = time.process_time()
    found = index.find_files(tmp_path, "class")
    assert len(found.unreadable) == 4000
    assert 4000 / (time.process_time() - start) > 20_000


NUMBERS = np.array([5, 3, 2**64 - 1], np.uint64)
DIGESTS = np.arange(6, dtype=np.uint64).reshape(3, 2)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTERNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_seen_is_kept(cache):
    index.Kept("a").save(NUMBERS, DIGESTS, {1: "it is broken"})
    known, digests, failures = index.Kept("a").look_up(np.array([2**64 - 1, 4, 3, 5], np.uint64))
    assert known.tolist() == [True, False, True, True] and failures == {2: "it is broken"}
    assert digests[[0, 3]].tolist() == [[4, 5], [0, 1]]
    assert not index.Kept("b").look_up(NUMBERS)[0].any()


def test_damage_to_what_is_kept_only_forgets(cache):
    index.Kept("a").save(NUMBERS, DIGESTS, {})
    path = index.Kept("a").path
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], b"\x80\x04N.", whole[:-300] + bytes(300)):
        path.write_bytes(damaged)
        assert not index.Kept("a").look_up(NUMBERS)[0].any()


def test_a_state_of_a_file_has_a_key_of_its_own():
    states = [("a", 1, 2), ("a", 2, 1), ("b", 1, 2), ("a\udce9", 1, 2), ("a", 1, 2)]
    numbers = index.keys(*zip(*states, strict=True))
    assert len(set(numbers.tolist())) == 4 and numbers[0] == numbers[4]
