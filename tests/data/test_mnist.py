"""Folders of idx files become data sets, with the names that belong to the numbers."""

import gzip
import zlib

import numpy as np
import pytest

from fasternet_paddle.data import mnist
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.errors import FasterNetError
from tests.files.test_idx import IMAGES, LABELS, as_idx, write_mnist


def test_a_folder_becomes_a_data_set(tmp_path):
    data = load_dataset("mnist", write_mnist(tmp_path))
    assert data.class_names == tuple("0123456") and data.train.images.shape == (7, 5, 4, 3)
    assert (data.val.images == IMAGES[..., None]).all() and data.val.labels.tolist() == list(range(7))
    assert data.train.labels.dtype == np.int64


def test_numbers_that_do_not_begin_at_0_and_names(tmp_path):
    write_mnist(tmp_path, labels=LABELS + 3)
    (tmp_path / "label.txt").write_text("3 お\n5 す\n", encoding="utf-8")
    data = mnist.load_mnist(tmp_path)
    assert data.class_names == ("お", "4", "す", "6", "7", "8", "9") and data.train.labels.tolist() == list(range(7))


def test_fashion_is_known_by_its_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "FASHION_LABELS", zlib.crc32(LABELS))
    assert mnist.load_mnist(write_mnist(tmp_path)).class_names[:2] == ("T-shirt/top", "Trouser")


def test_a_class_in_the_test_part_alone_is_one_sentence(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(as_idx(LABELS + 2)))
    with pytest.raises(FasterNetError, match="number 7 "):
        mnist.load_mnist(tmp_path)
