"""Lists of images and classes: every habit of writing them is read, and what is none is one sentence."""

import csv

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import lists
from fasternet_paddle.files.opening import RefusedFile

PATHS = ["cats/tom 1.jpg", "狗/旺财.png", "/abs/path.jpg", "a\tb.jpg"]


@pytest.mark.parametrize(
    "content",
    [
        "cats/tom 1.jpg 0\n狗/旺财.png 1\n/abs/path.jpg 12\na\tb.jpg 3\n",
        "\ufeffcats/tom 1.jpg 0\r\n狗/旺财.png 1\r\n\r\n/abs/path.jpg 12\r\na\tb.jpg 3",
        "cats/tom 1.jpg\t0\n 狗/旺财.png\t\t1 \n\n/abs/path.jpg   12\t\na\tb.jpg\t3\n",
    ],
    ids=["plain", "Windows", "tabs"],
)
def test_a_list_is_split_at_the_last_blank(tmp_path, content):
    (tmp_path / "train.txt").write_bytes(content.encode())
    assert lists.read_image_list(tmp_path / "train.txt") == (PATHS, [0, 1, 12, 3])


def test_a_path_that_is_no_text_stays_what_it_is(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"caf\xe9.jpg 0\n")
    assert lists.read_image_list(tmp_path / "train.txt") == (["caf\udce9.jpg"], [0])


@pytest.mark.parametrize(
    "content",
    [b"a.jpg 0\nb.jpg", b"a.jpg 0\nb.jpg cat", b"a.jpg 0\n7", b"a.jpg 0\nb.jpg -1", b"a.jpg 0\nb.jpg 1.0",
     b"a.jpg 0\nb.jpg 999999", b"a.jpg 0\n\0 1", b"a.jpg 0\n" + b"x" * 5000 + b" 1", "a.jpg 0\nb.jpg ١".encode()],
    ids=range(9),
)  # fmt: skip
def test_a_line_that_is_none_is_named(tmp_path, content):
    (tmp_path / "train.txt").write_bytes(content)
    with pytest.raises(RefusedFile, match="line 2 ") as caught:
        lists.read_image_list(tmp_path / "train.txt")
    assert "\n" not in str(caught.value)


def test_another_encoding_is_said(tmp_path):
    (tmp_path / "label.txt").write_bytes("猫\n".encode("utf-16"))
    with pytest.raises(RefusedFile, match="UTF-16"):
        lists.read_class_list(tmp_path / "label.txt")
    (tmp_path / "label.txt").write_bytes("旺财狗子\n".encode("gbk"))
    with pytest.raises(RefusedFile, match="no UTF-8"):
        lists.read_class_list(tmp_path / "label.txt")


@pytest.mark.parametrize(
    "content, names",
    [
        ("cat\ndog", {0: "cat", 1: "dog"}),
        ("0 cat\n1 dog\n", {0: "cat", 1: "dog"}),
        ("\ufeff1\t狗 子\r\n0\t猫\r\n", {0: "猫", 1: "狗 子"}),
        ("1 euro\n2 euro\n", {0: "1 euro", 1: "2 euro"}),
        ("0 cat\ndog\n", {0: "0 cat", 1: "dog"}),
        ("0\n1\n2", {0: "0", 1: "1", 2: "2"}),
        ("می\u200cخواهم\nb", {0: "می\u200cخواهم", 1: "b"}),
    ],
)
def test_class_lists(tmp_path, content, names):
    (tmp_path / "label.txt").write_bytes(content.encode())
    assert lists.read_class_list(tmp_path / "label.txt") == names


@pytest.mark.parametrize("content", ["", "\n\n", "cat\ncat", "a\x1b[31m\nb", "a\u2028\nb"])
def test_class_lists_that_are_none(tmp_path, content):
    (tmp_path / "label.txt").write_bytes(content.encode())
    with pytest.raises(RefusedFile) as caught:
        lists.read_class_list(tmp_path / "label.txt")
    assert str(caught.value).isprintable()


ROWS = [("train", 'a, "b"/ü\n.jpg', "猫", 12), ("val", "caf\udce9.jpg", "dog, small", 0), ("test", "/x", "y", 10**12)]


def test_a_listing_comes_back_and_is_csv(tmp_path):
    lists.write_listing(tmp_path / "files.csv", ROWS)
    assert lists.read_listing(tmp_path / "files.csv") == ROWS
    with open(tmp_path / "files.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert [tuple(row[:3]) for row in csv.reader(file)][1:] == [row[:3] for row in ROWS]


@pytest.mark.parametrize(
    "content",
    ["", "a,b,c,d\n", "part,path,class,bytes\ntrain,a\n", "part,path,class,bytes\ntrain,a,b,x\n",
     "part,path,class,bytes\nother,a,b,1\n", 'part,path,class,bytes\ntrain,"a,b,1\n',
     "part,path,class,bytes\nval,,b,1\n"],
)  # fmt: skip
def test_a_listing_that_is_none(tmp_path, content):
    (tmp_path / "files.csv").write_text(content)
    with pytest.raises(RefusedFile):
        lists.read_listing(tmp_path / "files.csv")


def test_names_fit_for_a_terminal():
    assert lists.printable("猫 می\u200cخواهم") == "猫 می\u200cخواهم"
    assert lists.printable("a\x1b[2J\udce9\n") == "a\\x1b[2J\\udce9\\n"
    for name in ("", " ", "a\nb", "caf\udce9"):
        with pytest.raises(FasterNetError):
            lists.check_class_name(name, "a folder")
