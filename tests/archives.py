"""Archives in CIFAR-10's format, written from real images."""

import io
import pickle
import tarfile

import numpy as np
from skimage import data as photographs

NAMES = ["astronaut", "cat", "coffee"]


def photograph_crops(count, seed=0):
    """``count`` crops of 32x32 pixels from three photographs: uint8 ``(count, 32, 32, 3)``, labels ``(count,)``."""
    sources = [photographs.astronaut(), photographs.chelsea(), photographs.coffee()]
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(sources)
    images = np.empty((count, 32, 32, 3), np.uint8)
    for position, label in enumerate(labels):
        source = sources[label]
        top, left = (rng.integers(0, side - 32) for side in source.shape[:2])
        images[position] = source[top : top + 32, left : left + 32]
    return images, labels


def batch(images, labels):
    """A CIFAR-10 batch as bytes: a pickled dict of rows (red, green, blue planes) and labels."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return pickle.dumps({b"batch_label": b"a batch", b"labels": [int(n) for n in labels], b"data": rows}, protocol=2)


def write_archive(path, members):
    """Write ``members`` (name to bytes) as a gzipped tar with the folder name of CIFAR-10's."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_photographs(path, train=96, val=24, names=NAMES, label_shift=0):
    """An archive of photograph crops in two training batches and one test batch; returns what it holds."""
    images, labels = photograph_crops(train + val)
    labels = labels + label_shift
    half = train // 2
    members = {
        "data_batch_1": batch(images[:half], labels[:half]),
        "test_batch": batch(images[train:], labels[train:]),
        "data_batch_2": batch(images[half:train], labels[half:train]),
    }
    if names is not None:
        meta = {b"label_names": [name.encode() for name in names], b"num_vis": 3072}
        members["batches.meta"] = pickle.dumps(meta, protocol=2)
    write_archive(path, members)
    return images, labels
