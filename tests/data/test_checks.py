"""What is wrong with a folder is found, each thing once, and what was decoded is not decoded again."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from fasternet_paddle.data import checks
from fasternet_paddle.data.findings import Checked
from fasternet_paddle.data.folder_data import load_folder
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.images import read_image
from tests.pictures import encoded, picture, write_tree


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTERNET_CACHE", str(tmp_path / "cache"))
    return write_tree(tmp_path / "data", {"train/a": 70, "train/b": 70, "val/a": 40, "val/b": 40})


def test_a_sound_folder_has_counts_alone(root):
    checked = load_folder(root).checked
    assert checked.lines() == [
        "2 classes; images: 140 train, 80 val, 0 test",
        "every class has 70 training images",
    ]
    for number in range(60):
        (root / "train" / "b" / f"{number:03d}.png").unlink()
    assert load_folder(root).checked.lines()[1] == (
        "largest class 'a' with 70 training images, smallest 'b' with 10 (1 to 7.0)"
    )


def test_what_cannot_be_read_is_named_once_and_left_out(root):
    (root / "train" / "a" / "cut.png").write_bytes(encoded(1)[:-60])
    (root / "val" / "b" / "empty.jpg").write_bytes(b"")
    data = load_folder(root)
    listing, checked = data.listing, data.checked
    assert [path for path, _ in checked.unreadable] == ["val/b/empty.jpg", "train/a/cut.png"]
    assert (len(data.train), len(data.val), len(listing)) == (140, 80, 220)
    lines = "\n".join(checked.lines())
    assert lines.count("cut.png") == 1 and "left out (2):" in lines and str(root) not in lines


def test_more_than_one_in_a_hundred_is_an_error(root):
    for number in range(3):
        (root / "train" / "a" / f"bad{number}.png").write_bytes(b"nothing")
    with pytest.raises(FasterNetError, match=r"at most 1% .* 3 of 223 are: train/a/bad0\.png \(it is damaged"):
        load_folder(root)
    data = load_folder(root, checks=False)  # not looked at, and that is said
    assert len(data.train) == 143 and "not checked" in data.checked.lines()[-1]
    for number in range(3):
        (root / "train" / "a" / f"bad{number}.png").write_bytes(b"")
    with pytest.raises(FasterNetError, match="3 of 223"):  # that is seen without decoding
        load_folder(root, checks=False)


def test_equal_pictures_are_found_by_what_they_show(root):
    same = picture(3)
    Image.fromarray(same).save(root / "val" / "a" / "other bytes.bmp")  # another format, the same picture
    Image.fromarray(same).transpose(Image.Transpose.ROTATE_90).save(root / "val" / "a" / "turned.png")
    flat = same.reshape(SHAPE := (same.shape[0] // 2, same.shape[1] * 2, 3))
    Image.fromarray(flat).save(root / "val" / "a" / "same bytes other shape.png")
    (root / "train" / "b" / "z.png").write_bytes((root / "train" / "a" / "010.png").read_bytes())
    (root / "train" / "b" / "zz.png").write_bytes((root / "train" / "b" / "011.png").read_bytes())
    checked = load_folder(root).checked
    assert SHAPE and checked.leaks == (("train/a/003.png", "val/a/other bytes.bmp"),)
    assert checked.conflicts == (("train/a/010.png", "train/b/z.png"),)
    assert checked.repeats == (("train/b/011.png", "train/b/zz.png"),)
    lines = checked.lines()
    assert "  train/b/011.png = train/b/zz.png" in lines
    assert "pictures in val or test that are in train, too (1):" in lines
    assert "  train/a/010.png = train/b/z.png" in lines
    assert json.loads(json.dumps(checked.as_dict()))["leaks"] == [["train/a/003.png", "val/a/other bytes.bmp"]]


def test_every_equal_picture_is_named_once(root):
    content = (root / "train" / "a" / "010.png").read_bytes()
    for name in ("train/a/x.png", "train/b/x.png", "train/b/y.png", "val/a/x.png", "val/a/y.png"):
        (root / name).write_bytes(content)
    checked = load_folder(root).checked
    first = "train/a/010.png"
    assert checked.leaks == ((first, "val/a/x.png"), (first, "val/a/y.png"))
    assert checked.conflicts == ((first, "train/b/x.png"),)
    assert checked.repeats == ((first, "train/a/x.png"), (first, "train/b/y.png"))


def test_findings_are_read_back_as_they_were_written(root):
    (root / "val" / "b" / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    (root / "train" / "b" / "z.png").write_bytes((root / "train" / "a" / "010.png").read_bytes())
    checked = load_folder(root).checked
    again = Checked.from_dict(json.loads(json.dumps(checked.as_dict())), "checks.json")
    assert again.lines() == checked.lines() and json.dumps(again.as_dict()) == json.dumps(checked.as_dict())


@pytest.mark.parametrize(
    "change",
    [
        {"counts": [[1, 2]]},
        {"counts": "x"},
        {"counts": [[1 << 80, 0]] * 3},
        {"class_names": ["a", 3]},
        {"class_names": 3},
        {"leaks": [["a"]]},
        {"unreadable": [["a", 1]]},
        {"remarks": 5},
        {"empty": [None]},
    ],
    ids=str,
)
def test_findings_of_a_stranger_are_refused(root, change):
    values = load_folder(root, checks=False).checked.as_dict()
    Checked.from_dict(values, "checks.json")
    with pytest.raises(FasterNetError, match=r"checks\.json holds no findings"):
        Checked.from_dict(values | change, "checks.json")


def test_a_file_in_two_lists_is_found_without_decoding(tmp_path):
    write_tree(tmp_path, {"i": 4})
    (tmp_path / "train.txt").write_text("i/000.png 0\ni/001.png 1\n")
    (tmp_path / "val.txt").write_text("./i/001.png 1\ni/002.png 0\n")
    assert load_folder(tmp_path, checks=False).checked.leaks == (("i/001.png", "i/001.png"),)


def test_files_are_decoded_again_only_when_they_have_changed(root, monkeypatch):
    seen = []
    monkeypatch.setattr(checks, "read_image", lambda path: (seen.append(os.path.basename(path)), read_image(path))[1])
    (root / "train" / "a" / "cut.png").write_bytes(encoded(1)[:-60])
    first = load_folder(root, processes=1).checked
    assert len(seen) == 221
    seen.clear()
    again = load_folder(root, processes=1).checked
    assert not seen and again.lines() == first.lines()
    (root / "train" / "a" / "cut.png").write_bytes(encoded(999))
    os.utime(root / "val" / "a" / "000.png", ns=(1, 1))
    (root / "val" / "b" / "new.png").write_bytes(encoded(998))
    (root / "val" / "b" / "001.png").unlink()
    assert not load_folder(root, processes=1).checked.unreadable
    assert sorted(seen) == ["000.png", "cut.png", "new.png"]


def test_what_was_decoded_when_it_was_stopped_is_kept(root, monkeypatch):
    seen = []

    def stop(path):
        seen.append(path)
        if len(seen) == 100:
            raise KeyboardInterrupt
        return read_image(path)

    monkeypatch.setattr(checks, "read_image", stop)
    with pytest.raises(KeyboardInterrupt):
        load_folder(root, processes=1)
    load_folder(root, processes=1)
    assert len(seen) == 100 + 220 - 96  # three chunks of 32 were done


def test_processes_find_what_one_finds(root):
    (root / "train" / "a" / "cut.png").write_bytes(encoded(1)[:-60])
    many = load_folder(root, processes=3).checked
    os.environ["FASTERNET_CACHE"] += "2"  # the fixture's patch puts it back
    assert many.as_dict() == load_folder(root, processes=1).checked.as_dict()


def test_a_cache_that_cannot_be_written_is_said(root, monkeypatch):
    (root / "file").write_text("")
    monkeypatch.setenv("FASTERNET_CACHE", str(root / "file"))
    checked = load_folder(root).checked
    assert any("are not kept" in line for line in checked.lines())


def test_many_findings_are_a_few_lines(root):
    for number in range(40):
        (root / "val" / "a" / f"copy{number}\x1b[2J.png").write_bytes((root / "train/a/000.png").read_bytes())
    lines = load_folder(root).checked.lines()
    assert len(lines) == 9 and lines[-1] == "  and 35 more" and all(map(str.isprintable, lines))


def test_a_picture_digest_is_of_pixels_and_shape(tmp_path):
    Image.fromarray(np.zeros((2, 6, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "b.png")
    Image.fromarray(np.zeros((2, 6), np.uint8)).save(tmp_path / "c.png")  # grey, the same as RGB
    digests = [checks.look(str(tmp_path / f"{name}.png"))[0] for name in "abc"]
    assert digests[0] == digests[2] != digests[1] and len(digests[0]) == 16
