"""Images that are decoded when asked for: the right ones, and what they are known by."""

import pickle

import numpy as np
import pytest

from fasternet_paddle.data.datasets import Images
from fasternet_paddle.data.file_images import FileImages, PackedNames
from fasternet_paddle.data.loaders import make_loader
from fasternet_paddle.data.transforms import to_chw
from fasternet_paddle.files.opening import RefusedFile
from tests.pictures import encoded, picture, write_tree

NAMES = ["a", "", "狗/x y.png", "caf\udce9", "b" * 300]


def test_packed_names_are_a_sequence_of_the_names():
    names = PackedNames(NAMES)
    assert list(names) == NAMES and names[-1] == NAMES[-1] and len(names) == 5
    with pytest.raises(IndexError):
        names[5]
    assert names.checksum() != PackedNames(["a", "", "狗/x y.pn", "gcaf\udce9", "b" * 300]).checksum()


def tree(tmp_path, count=6):
    write_tree(tmp_path, {"c": count})
    names = [f"c/{number:03d}.png" for number in range(count)]
    return FileImages(tmp_path, names, [(tmp_path / name).stat().st_size for name in names])


def test_an_image_is_decoded_when_asked_for(tmp_path):
    images = tree(tmp_path)
    assert np.array_equal(images[3], picture(3)) and np.array_equal(images[np.int64(-1)], picture(5))
    assert [np.array_equal(image, picture(2 + n)) for n, image in enumerate(images[2:4])] == [True, True]
    (tmp_path / "c" / "003.png").write_bytes(encoded(77))
    assert np.array_equal(images[3], picture(77))
    (tmp_path / "c" / "003.png").write_bytes(b"broken")
    with pytest.raises(RefusedFile, match=r"003\.png"):
        images[3]


def test_a_large_jpeg_is_decoded_no_larger_than_needed(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(0, ".jpg", side=400))
    images = FileImages(tmp_path, ["a.jpg"], [1])
    shapes = [images.decoded_to(side)[0].shape[0] for side in (None, 401, 201, 200, 100, 50, 3)]
    assert shapes == [400, 400, 400, 200, 100, 50, 50]


def test_the_fingerprint_is_of_paths_and_sizes(tmp_path):
    images = tree(tmp_path)
    names, sizes = list(images.names), images.sizes
    known = {images.fingerprint()}
    for other in (names[::-1], [*names[:-1], "c/x.png"], names[:-1]):
        known.add(FileImages(tmp_path, other, sizes[: len(other)]).fingerprint())
    known.add(FileImages(tmp_path, names, sizes + 1).fingerprint())
    assert len(known) == 5
    assert FileImages("elsewhere", names, sizes).fingerprint() == images.fingerprint()
    labels = [np.zeros(6, np.int64), np.arange(6)]
    assert len({Images(images, label).fingerprint() for label in labels}) == 2


def test_names_alone_go_to_another_process(tmp_path):
    images = FileImages("root", [f"class/{number:06d}.jpg" for number in range(10_000)], np.ones(10_000))
    content = pickle.dumps(images)
    assert len(content) < 10_000 * (16 + 8 + 8) + 1000
    assert pickle.loads(content).path(77) == "root/class/000077.jpg"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_reads_them(tmp_path, num_workers):
    loader = make_loader(Images(tree(tmp_path), np.arange(6)), to_chw, 4, num_workers=num_workers)
    batches = [(images.numpy(), labels.numpy()) for images, labels in loader]
    loader.close()
    assert [labels.tolist() for _, labels in batches] == [[0, 1, 2, 3], [4, 5]]
    assert np.array_equal(batches[1][0][1], to_chw(picture(5)))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_names_the_file_that_broke_meanwhile(tmp_path, num_workers):
    loader = make_loader(Images(tree(tmp_path), np.arange(6)), to_chw, 2, num_workers=num_workers)
    (tmp_path / "c" / "003.png").write_bytes(b"broken")
    with pytest.raises(RefusedFile, match=r"003\.png is refused"):
        list(loader)
    loader.close()
