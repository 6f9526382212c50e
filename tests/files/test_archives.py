"""CIFAR archives: as Paddle's own reader reads them, of every writer and tar format, and damaged ones."""

import gzip
import pickle
import tarfile

import numpy as np
import paddle
import pytest
from hypothesis import given

from fasternet_paddle.files import archives
from fasternet_paddle.files.archives import read_cifar_archive
from fasternet_paddle.files.opening import RefusedFile
from tests import archive_table, hostile
from tests.files.damage import cases, damaged, read_or_refused

SMALL = {"c/data_batch_1": hostile.python2_pickle(hostile.batch(1)), "c/test_batch": pickle.dumps(hostile.batch(1), 4)}
SMALL["c/batches.meta"] = hostile.python2_pickle({b"label_names": [b"cat", b"dog", b"eel"]})
ZIPPED, UNZIPPED = gzip.compress(hostile.tar(SMALL), mtime=0), hostile.tar(SMALL)[: 512 * 19]


def _same_as_paddle(path, names):
    train, test, classes = read_cifar_archive(path)
    assert classes == names
    for (images, labels), mode in ((train, "train"), (test, "test")):
        witness = paddle.vision.datasets.Cifar10(str(path), mode, transform=None, backend="cv2", download=False)
        assert images.dtype == np.uint8 and images.flags.c_contiguous and labels.dtype == np.int64
        np.testing.assert_array_equal(images, np.stack([image for image, _ in witness]))
        np.testing.assert_array_equal(labels, [int(label) for _, label in witness])
    return len(train[1]), len(test[1])


def _python3(members, protocol):
    """The same members as Python 3 pickles them again."""
    values = {name: pickle.loads(content, encoding="bytes") for name, content in members.items() if "batch" in name[:6]}
    return members | {name: pickle.dumps(value, protocol) for name, value in values.items()}


def test_archives_equal_what_paddle_reads(tmp_path):
    members = hostile.honest_members()
    del members["c/._data_batch_1"]  # which Paddle takes for a batch
    path = tmp_path / "archive"
    path.write_bytes(gzip.compress(hostile.tar(members)))
    assert _same_as_paddle(path, ("cat", "dog", "eel")) == (8, 4)
    for protocol in (0, 2, 4, 5):
        path.write_bytes(hostile.tar(_python3(members, protocol)))
        assert _same_as_paddle(path, ("cat", "dog", "eel")) == (8, 4)


def test_archives_of_other_writers(file):
    members = hostile.honest_members()
    assert len(read_cifar_archive(file(hostile.tar(members)))[0][1]) == 8  # despite the file that a Mac adds
    del members["c/batches.meta"]
    members["c/data_batch_1"] = pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": np.array([9, 0])}, 4)
    train, test, classes = read_cifar_archive(file(hostile.tar(members)))
    assert classes is None and train[1].tolist()[:2] == [9, 0] and len(test[1]) == 4
    members["c/data_batch_1"] = pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, 4)
    with pytest.raises(RefusedFile, match="label 10 is out of range, there are 10 classes"):
        read_cifar_archive(file(hostile.tar(members)))


@pytest.mark.parametrize("format", ["GNU_FORMAT", "PAX_FORMAT", "USTAR_FORMAT"])
def test_archives_of_every_tar_format(tmp_path, format):
    (tmp_path / "c").mkdir()
    for name, content in hostile.honest_members().items():
        if "._" not in name:
            (tmp_path / name).write_bytes(content)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=getattr(tarfile, format)) as archive:
        archive.add(tmp_path / "c", "c")  # a directory entry, and in the pax format a header of times before each
    assert _same_as_paddle(tmp_path / "a.tar.gz", ("cat", "dog", "eel")) == (8, 4)


def test_every_truncation_is_found(file):
    content = gzip.compress(hostile.tar(hostile.honest_members()))
    for length in range(0, len(content), max(1, len(content) // 150)):
        with pytest.raises(RefusedFile):
            read_cifar_archive(file(content[:length]))


@cases(150)
@given(content=damaged([ZIPPED]))
def test_damaged_gzipped_archives_are_found(file, content):
    result = read_or_refused(read_cifar_archive, file(content))
    if result is not None:  # gzip's own sum stands for every byte
        for (images, labels), member in zip(result, ("c/data_batch_1", "c/test_batch"), strict=False):
            witness = pickle.loads(SMALL[member], encoding="bytes")
            np.testing.assert_array_equal(images.transpose(0, 3, 1, 2).reshape(1, 3072), witness[b"data"])
            assert labels.tolist() == witness[b"labels"]


@cases(150)
@given(content=damaged([UNZIPPED, *(hostile.tar({n: c}) for n, c in SMALL.items())]))
def test_damaged_archives(file, content):
    for images, labels in (read_or_refused(read_cifar_archive, file(content)) or [])[:2]:
        assert images.dtype == np.uint8 and images.shape == (len(labels), 32, 32, 3)
        assert labels.dtype == np.int64 and labels.min() >= 0


def _hundred(count):
    """Train and test member of CIFAR-100 as Python 2 pickled them: more keys than CIFAR-10's, two kinds of labels."""
    values = hostile.batch(count)
    del values[b"labels"]
    fine, coarse = [7 * i % 100 for i in range(count)], [3 * i % 20 for i in range(count)]
    files = [f"photo_{i}.png".encode() for i in range(count)]
    return values | {b"fine_labels": fine, b"coarse_labels": coarse, b"filenames": files, b"batch_label": b"x"}


HUNDRED = {
    "cifar-100-python/train": hostile.python2_pickle(_hundred(12)),
    "cifar-100-python/file.txt~": b"text",
    "cifar-100-python/._test": b"\0\5\x16\7 of a Mac",
    "cifar-100-python/test": hostile.python2_pickle(_hundred(5)),
    "cifar-100-python/meta": hostile.python2_pickle(
        {
            b"fine_label_names": [f"fine {i}".encode() for i in range(100)],
            b"coarse_label_names": [f"coarse {i}".encode() for i in range(20)],
        }
    ),
}


@pytest.mark.parametrize("layout, kind", [(archives.CIFAR100, "fine"), (archives.CIFAR100_COARSE, "coarse")])
def test_cifar_100_equals_what_paddle_reads(tmp_path, layout, kind):
    path = tmp_path / "cifar-100-python.tar.gz"
    path.write_bytes(gzip.compress(hostile.tar({n: c for n, c in HUNDRED.items() if "._" not in n})))
    train, test, names = read_cifar_archive(path, layout)
    assert names == tuple(f"{kind} {i}" for i in range(100 if kind == "fine" else 20))
    for (images, labels), mode, count in ((train, "train", 12), (test, "test", 5)):
        witness = paddle.vision.datasets.Cifar100(str(path), mode, transform=None, backend="cv2", download=False)
        np.testing.assert_array_equal(images, np.stack([image for image, _ in witness]))
        assert labels.tolist() == _hundred(count)[f"{kind}_labels".encode()]
        if kind == "fine":
            assert labels.tolist() == [int(label) for _, label in witness]


@pytest.mark.parametrize(
    "members, layout", [(hostile.honest_members(), archives.CIFAR10), (HUNDRED, archives.CIFAR100_COARSE)]
)
def test_a_folder_is_read_as_its_archive(tmp_path, members, layout):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for name, content in members.items():
        (folder / name.rpartition("/")[2]).write_bytes(content)
    (tmp_path / "a.tar").write_bytes(hostile.tar(members))
    parts, expected = (read_cifar_archive(path, layout) for path in (folder, tmp_path / "a.tar"))
    assert parts[2] == expected[2]
    for (images, labels), (other_images, other_labels) in zip(parts[:2], expected[:2], strict=True):
        assert np.array_equal(images, other_images) and np.array_equal(labels, other_labels)
    (folder / layout.test.removesuffix(".*")).write_bytes(b"damaged")
    with pytest.raises(RefusedFile, match="member test"):
        read_cifar_archive(folder, layout)
    (folder / layout.test.removesuffix(".*")).unlink()
    with pytest.raises(RefusedFile, match="holds no member named test"):
        read_cifar_archive(folder, layout)


def test_the_one_is_not_taken_for_the_other(file):
    with pytest.raises(RefusedFile, match="it is CIFAR-100, not CIFAR-10"):
        read_cifar_archive(file(hostile.tar(HUNDRED)))
    with pytest.raises(RefusedFile, match="it is CIFAR-10, not CIFAR-100"):
        read_cifar_archive(file(hostile.tar(hostile.honest_members())), archives.CIFAR100)


def test_every_form_of_an_archive(file):
    wrong = {}
    for form in archive_table.forms():
        try:
            train, test, names = read_cifar_archive(file(form.content))
        except RefusedFile as error:
            wrong[form.name] = str(error)
            continue
        sound = names == form.names
        for (images, labels), members in ((train, archive_table.ORDER), (test, ["test_batch"])):
            expected = archive_table.expected(members)
            sound &= np.array_equal(images, expected[0]) and np.array_equal(labels, expected[1])
        if not sound:
            wrong[form.name] = "other data"
    assert wrong == {} and len(archive_table.forms()) >= 40


def test_what_is_no_such_archive_is_called_by_its_name(file):
    for form in archive_table.others():
        with pytest.raises(RefusedFile) as caught:
            read_cifar_archive(file(form.content))
        assert form.sentence in str(caught.value) and "\n" not in str(caught.value), form.name
    assert caught.value.change == ()
    with pytest.raises(RefusedFile) as caught:
        read_cifar_archive(file(hostile.tar(HUNDRED)))
    assert caught.value.change == ("dataset",)


@pytest.mark.parametrize("note", [b"", b"9", b"x path=a\n", b"99999999999 path=a\n", b"5 path=abc\n", b"12 path=a\n"])
def test_damaged_notes_on_a_members_name(file, note):
    info = tarfile.TarInfo("note")
    info.type, info.size = tarfile.XHDTYPE, len(note)
    content = info.tobuf() + note + bytes(-len(note) % 512) + hostile.tar(hostile.honest_members())
    if note:
        with pytest.raises(RefusedFile, match="a note on a member's name is damaged"):
            read_cifar_archive(file(content))
    else:
        assert len(read_cifar_archive(file(content))[0][1]) == 8


def test_a_path_in_a_note_may_not_lead_out(file):
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = archive_table.tarred({"../" + "a" * 200 + "/data_batch_1": b""}, kind)
        with pytest.raises(RefusedFile, match="leads out of the archive"):
            read_cifar_archive(file(content))
