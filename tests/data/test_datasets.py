"""The data sets: real archives through the real reader, digits, names, and what is missing."""

import pickle
import tarfile
import zlib

import numpy as np
import paddle
import pooch
import pytest

from fasternet_paddle.config import CIFAR10_ARCHIVE, CIFAR10_NAMES
from fasternet_paddle.data import datasets
from fasternet_paddle.errors import FasterNetError
from tests.archives import NAMES, write_photographs


def test_archive_with_its_own_names_and_numbers(tmp_path):
    images, labels = write_photographs(tmp_path / "photos.tar.gz")
    data = datasets.load_dataset("cifar10", tmp_path / "photos.tar.gz")
    assert data.class_names == tuple(NAMES)
    assert np.array_equal(data.train.images, images[:96])
    assert np.array_equal(data.train.labels, labels[:96])
    assert np.array_equal(data.val.images, images[96:])
    assert data.train.images.dtype == np.uint8
    assert data.val.labels.dtype == np.int64


def test_archive_as_paddle_reads_it(tmp_path):
    path = tmp_path / "photos.tar.gz"
    write_photographs(path)
    data = datasets.load_dataset("cifar10", path)
    for mode, part in (("train", data.train), ("test", data.val)):
        witness = paddle.vision.datasets.Cifar10(str(path), mode=mode, backend="cv2")
        assert len(witness) == len(part)
        for position, (image, label) in enumerate(witness):
            assert np.array_equal(image, part.images[position])
            assert label == part.labels[position]


def test_default_archive_is_found_where_it_may_be_mounted(tmp_path, monkeypatch):
    home = tmp_path / "home" / CIFAR10_ARCHIVE
    home.parent.mkdir(parents=True)
    write_photographs(home)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert len(datasets.load_dataset("cifar10").train) == 96


def test_a_user_without_a_home_has_one_place_less(tmp_path, monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    (tmp_path / CIFAR10_ARCHIVE).parent.mkdir(parents=True)
    write_photographs(tmp_path / CIFAR10_ARCHIVE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.Path, "home", unknown)
    assert len(datasets.load_dataset("cifar10").train) == 96


def test_failed_download_names_the_ways_out_and_leaves_nothing(tmp_path, monkeypatch):
    def offline(*_, path, **__):
        path.mkdir(parents=True)
        raise OSError("Network is unreachable")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(FasterNetError, match=rf"{CIFAR10_ARCHIVE}.*https://.*data set digits") as caught:
        datasets.load_dataset("cifar10")
    assert caught.value.change == ("data_path", "dataset")
    assert list(tmp_path.iterdir()) == []


def test_another_missing_archive_is_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "retrieve", None)
    with pytest.raises(FasterNetError, match=r"other\.tar\.gz"):
        datasets.load_dataset("cifar10", tmp_path / "other.tar.gz")


def test_digits_are_real_split_once_and_balanced():
    data = datasets.load_dataset("digits")
    assert (len(data.train), len(data.val)) == (1437, 360)
    assert data.train.images.shape == (1437, 32, 32, 3)
    assert data.class_names == tuple("0123456789")
    shares = [np.bincount(part.labels, minlength=10) / len(part) for part in (data.train, data.val)]
    assert np.abs(shares[0] - shares[1]).max() < 0.003  # stratified
    assert np.array_equal(data.val.images, datasets.load_dataset("digits").val.images)


def test_cifar10_names():
    assert datasets.get_cifar10_labels(paddle.to_tensor([3, 0])) == ["cat", "airplane"]
    assert datasets.get_cifar10_labels(np.arange(10)) == list(CIFAR10_NAMES)


def test_unknown_dataset():
    with pytest.raises(FasterNetError, match=r"known datasets: cifar10, .*digits"):
        datasets.load_dataset("imagenet")


def test_the_folder_that_the_archive_unpacks_to(tmp_path, monkeypatch):
    write_photographs(tmp_path / CIFAR10_ARCHIVE.rpartition("/")[2])
    home = (tmp_path / CIFAR10_ARCHIVE).parent
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz") as archive:
        archive.extractall(home, filter="data")
    expected = datasets.load_dataset("cifar10", tmp_path / "cifar-10-python.tar.gz")
    monkeypatch.chdir(tmp_path)
    for path in (CIFAR10_ARCHIVE, home / "cifar-10-batches-py"):
        data = datasets.load_dataset("cifar10", path)
        assert data.class_names == tuple(NAMES) and data.train.fingerprint() == expected.train.fingerprint()


@pytest.mark.parametrize("name, key, count", [("cifar100", "fine", 100), ("cifar100-coarse", "coarse", 20)])
def test_cifar_100(tmp_path, name, key, count):
    for part, number in (("train", 3), ("test", 2)):
        values = {"data": np.zeros((number, 3072), np.uint8), f"{key}_labels": list(range(number))}
        (tmp_path / part).write_bytes(pickle.dumps(values, 2))
    data = datasets.load_dataset(name, tmp_path)
    assert data.name == name and len(data.class_names) == count and data.val.labels.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["cifar100", "mnist", "folder"])
def test_a_data_set_without_a_default_path_asks_for_one(name):
    with pytest.raises(FasterNetError, match=f"where the data set {name} lies") as caught:
        datasets.load_dataset(name)
    assert caught.value.change == ("data_path",)


def test_a_fingerprint_is_of_pixels_and_labels():
    part = datasets.load_dataset("digits").val
    assert part.fingerprint() == zlib.crc32(part.images) ^ zlib.crc32(part.labels)  # as every run since has stored it


def test_a_download_cut_short_says_how_to_get_it_again(tmp_path, monkeypatch):
    path = tmp_path / CIFAR10_ARCHIVE
    path.parent.mkdir(parents=True)
    write_photographs(path)
    path.write_bytes(path.read_bytes()[:-5000])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FasterNetError, match=r"a whole copy of CIFAR-10 has 170,498,071 bytes.*delete it") as caught:
        datasets.load_dataset("cifar10")
    assert str(path) in str(caught.value)
    path.rename(tmp_path / "mine.tar.gz")  # an archive of the user's own has no size that we know
    with pytest.raises(FasterNetError) as caught:
        datasets.load_dataset("cifar10", tmp_path / "mine.tar.gz")
    assert "delete it" not in str(caught.value)
