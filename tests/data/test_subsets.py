"""Fewer training images: each class by its share, and nothing lost or seen twice."""

import numpy as np
import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import all_data, load_data, load_dataset
from fasternet_paddle.data.file_images import FileImages
from fasternet_paddle.data.images import ImageData, Images
from fasternet_paddle.data.subsets import chosen, few_images, with_few_images


def lopsided(counts):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int64)
    images = Images(np.arange(len(labels), dtype=np.uint8).repeat(12).reshape(-1, 2, 2, 3), labels)
    return ImageData("lopsided", tuple("abcdef"[: len(counts)]), images, images)


@pytest.mark.parametrize(
    "counts, count, kept",
    [((10, 10), 10, (5, 5)), ((40, 10), 10, (8, 2)), ((97, 1, 2), 3, (1, 1, 1)), ((60, 30, 10), 20, (12, 6, 2))],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_class_by_its_share(counts, count, kept, seed):
    data, left = few_images(lopsided(counts), count, seed)
    assert tuple(np.bincount(data.train.labels)) == kept
    there = {int(image[0, 0, 0]) for image in data.train.images}
    assert len(there) == count and there | set(left.tolist()) == set(range(sum(counts))) and not there & set(left)


def test_the_seed_draws_them():
    data = lopsided((40, 40))
    first, again, other = (few_images(data, 10, seed)[0].train.images.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_files_are_chosen_by_name():
    part = Images(FileImages("root", ["a", "b", "c"], [1, 2, 3], at_least=7), np.array([0, 1, 0]))
    few = chosen(part, np.array([0, 2]))
    assert [few.images.names[n] for n in range(2)] == ["a", "c"] and few.images.at_least == 7
    assert few.images.sizes.tolist() == [1, 3] and few.labels.tolist() == [0, 0]


def test_a_trial_looks_at_other_images_than_it_is_asked_about():
    data, config = load_dataset("digits"), TrainConfig(dataset="digits", train_images=100, seed=3)
    seen = with_few_images(data, config)
    assert (len(seen.train), len(seen.val)) == (100, 1000)
    train, val = ({image.tobytes() for image in part.images} for part in (seen.train, seen.val))
    assert not train & val
    assert with_few_images(data, TrainConfig(dataset="digits")) is data


def test_training_takes_few_and_measuring_takes_all():
    config = TrainConfig(dataset="digits", train_images=50)
    data = load_data(config)
    assert (len(data.train), len(data.val)) == (50, 360)
    assert len(all_data(config).train) == 1437  # what networks are measured on does not depend on it
