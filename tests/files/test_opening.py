"""Paths that cannot be read, and the hostile corpus: each file comes out as one sentence.

The corpus (``tests/hostile.py``) is read in a process of its own, whose memory is watched.
"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.archives import read_cifar_archive
from fasternet_paddle.files.configs import read_yaml
from fasternet_paddle.files.images import read_image
from fasternet_paddle.files.pickles import read_pickle
from tests import hostile

READERS = {"pickles": read_pickle, "archives": read_cifar_archive, "images": read_image, "configs": read_yaml}
# What some sentences say: the file is refused for the right reason, before anything else can go wrong.
REASONS = {
    "system, protocol 4": "it refers to posix.system, but only arrays and plain containers are read",
    "objects, protocol 2": "it holds an object array",
    "array of a huge shape": "shape (4611686018427387904,) and dtype float32 cannot have 4 bytes",
    "array of a negative shape": "shape must be at most 32 numbers of 0 or more",
    "encode again and again": "it converts the same bytes again and again",
    "shared tuples": "its containers share so much",
    "list inside itself": "nested over 64 deep or hold themselves",
    "INT in octal": "a number that is not written as pickles write numbers",
    "bytes behind STOP": "bytes follow its end",
    "big tensors in parts": "save it again with protocol=4",
    "claim of 2**62 bytes": "c/data_batch_9 claims 4,611,686,018,427,387,904 bytes",
    "claim of 1 GiB": "c/data_batch_9 claims 1,073,741,824 bytes",
    "claim below 0": "c/data_batch_9 claims -512 bytes",
    "10,001 members": "it has 10,000 members or more",
    "bomb behind the end": "it unpacks to more than an archive of its size may",
    "slip": "leads out of the archive",
    "symbolic link": "is neither a regular file nor a directory",
    "data of 3071": "its data must be uint8 of shape (n, 3072), got uint8 (2, 3071)",
    "label 3 of 3": "label 3 is out of range, there are 3 classes",
    "eps": "is no image of the formats JPEG, PNG",
    "pcx": "is no image of the formats JPEG, PNG",
    "png of 20000 x 20000": "it claims to have more than 50,000,000 pixels",
    "billion laughs": "YAML aliases (*name) are not read",
}
# Reads every file of a folder; prints {name: sentence or what else came} and the peak of its memory.
READ_ALL = """
import json, pathlib, sys, warnings
from fasternet_paddle.files.archives import read_cifar_archive
from fasternet_paddle.files.configs import read_yaml
from fasternet_paddle.files.images import read_image
from fasternet_paddle.files.pickles import read_pickle
from fasternet_paddle.errors import FasterNetError
import yaml, PIL.Image
PIL.Image.init()
warnings.simplefilter("error")
readers = dict(pickles=read_pickle, archives=read_cifar_archive, images=read_image, configs=read_yaml)
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
before, outcome = peak(), {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*")):
    try:
        readers[path.parent.name](path)
        outcome[f"{path.parent.name}/{path.name}"] = "it was read"
    except FasterNetError as error:
        outcome[f"{path.parent.name}/{path.name}"] = ["refused", str(error)]
    except BaseException as error:
        outcome[f"{path.parent.name}/{path.name}"] = repr(error)
print(json.dumps([outcome, peak() - before]))
"""


@pytest.mark.parametrize("read", [read_pickle, read_cifar_archive, read_yaml, read_image])
def test_paths_that_cannot_be_read(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    empty_folder = "it holds no member named data_batch" if read is read_cifar_archive else "is a directory"
    for path, reason in [
        (tmp_path / "missing", "cannot be opened: No such file"),
        (tmp_path, empty_folder),
        (tmp_path / "pipe", "is no regular file"),
        (Path("/dev/zero"), "is no regular file"),
        ("a\0b", "cannot be opened"),
        ("a" * 5000, "cannot be opened: File name too long"),
    ]:
        with pytest.raises(FasterNetError, match=reason) as caught:
            read(path)
        assert str(path) in str(caught.value)
    if read is not read_cifar_archive:
        (tmp_path / "large").write_bytes(bytes(11))
        with pytest.raises(FasterNetError, match="has 11 bytes, at most 10 are read"):
            read(tmp_path / "large", limit_bytes=10)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
def test_the_hostile_corpus(tmp_path):
    marker, names = tmp_path / "marker", {}
    for kind in READERS:
        (tmp_path / "corpus" / kind).mkdir(parents=True)
        for number, (name, content) in enumerate(getattr(hostile, kind)(marker).items()):
            (tmp_path / "corpus" / kind / str(number)).write_bytes(content)
            names[f"{kind}/{number}"] = name
    command = [sys.executable, "-c", READ_ALL, str(tmp_path / "corpus")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[2])
    assert run.returncode == 0 and run.stderr == "", run.stderr
    outcome, memory = json.loads(run.stdout)
    assert set(outcome) == set(names) and len(names) > 500
    assert not {names[key]: came for key, came in outcome.items() if came[0] != "refused"}
    for key, (_, sentence) in outcome.items():
        assert str(tmp_path / "corpus" / key) in sentence, sentence
        assert "\n" not in sentence and sentence.isprintable() and len(sentence) < 500, sentence
        assert "Warning" not in sentence and REASONS.get(names[key], "") in sentence, sentence
    assert set(REASONS) <= set(names.values())
    assert not marker.exists()
    assert memory < 2**30, f"{memory / 2**20:.0f} MiB"


def test_the_corpus_is_hostile(tmp_path):
    """Python's own unpickler runs it, which is why there is another one."""
    marker = tmp_path / "marker"
    corpus = hostile.pickles(marker)
    for protocol in range(6):
        pickle.loads(corpus[f"system, protocol {protocol}"])
        assert marker.exists()
        marker.unlink()
