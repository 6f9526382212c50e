"""The cache of exported networks is used, shared by processes, pruned, and never trusted blindly."""

import os
import stat
import subprocess
import sys
import time

import pytest
from paddle import nn

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.cache import CACHE_VARIABLE
from fasternet_paddle.inference import cache as compiled
from fasternet_paddle.inference.cache import exported, fingerprint
from fasternet_paddle.inference.predictor import Predictor
from tests.networks import assert_close, eager, images, network


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_fingerprint_depends_on_what_decides_the_outputs():
    model = network()
    assert fingerprint(model) == fingerprint(network())
    model.eval()
    assert fingerprint(model) == fingerprint(network())
    assert fingerprint(network(seed=1)) != fingerprint(model)
    assert fingerprint(network(act_layer=nn.ReLU)) != fingerprint(network(act_layer=nn.GELU))
    model.bn_moved = model.stem[1]._mean.set_value(model.stem[1]._mean + 1.0)
    assert fingerprint(model) != fingerprint(network())


def test_cache_is_used_private_and_complete(cache, monkeypatch):
    model = network()
    entry = exported(model)
    assert entry.parent == cache and entry.name == fingerprint(model)
    assert stat.S_IMODE(os.stat(cache).st_mode) == 0o700
    assert sorted(path.name for path in entry.iterdir()) == [
        "checksums.json",
        "inference.json",
        "inference.pdiparams",
    ]
    assert [path.name for path in cache.iterdir()] == [entry.name]  # nothing temporary is left
    monkeypatch.setattr(compiled, "export_network", lambda *_: pytest.fail("exported again"))
    assert exported(model) == entry


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "checksums"])
def test_damaged_entry_is_made_again(damage):
    model = network()
    entry = exported(model)
    weights = entry / "inference.pdiparams"
    if damage == "flip":
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 0xFF
        weights.write_bytes(data)
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "gone":
        weights.unlink()
    else:
        (entry / compiled.CHECKSUMS).write_text("[]")
    assert_close(Predictor(model).logits(images()), eager(model, images()))
    assert compiled._is_intact(entry)


def test_intact_entry_of_another_network_is_made_again(cache):
    model, other = network(seed=0), network(seed=1)
    exported(other).rename(cache / fingerprint(model))
    assert_close(Predictor(model).logits(images()), eager(model, images()))


def test_processes_race_for_one_entry(cache):
    work = (
        "import paddle; paddle.seed(0)\n"
        "from fasternet_paddle.model.fasternet import create_model\n"
        "from fasternet_paddle.inference.cache import exported\n"
        "print(exported(create_model('t0', embed_dim=16, depths=(1, 1, 1, 1))))"
    )
    racers = [subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = {racer.communicate(timeout=120)[0].strip().splitlines()[-1] for racer in racers}
    assert [racer.returncode for racer in racers] == [0, 0]
    assert len(answers) == 1 and [str(path) for path in cache.iterdir()] == list(answers)


def test_loser_of_a_race_keeps_the_winners_entry(tmp_path):
    model = network()
    entry = exported(model)
    inode = entry.stat().st_ino
    late = tmp_path / "cache" / "tmp-late"
    late.mkdir()
    compiled._put(late, entry, anew=False)
    assert entry.stat().st_ino == inode and late.exists()


def test_old_entries_are_pruned_and_foreign_files_are_not(cache, monkeypatch):
    cache.mkdir()
    long_ago = time.time() - 2 * compiled.KEPT_SECONDS
    names = [f"{number:064x}" for number in range(4)]
    for age, name in enumerate([*names, "tmp-crashed", "notes", "f" * 63]):
        (cache / name).mkdir()
        os.utime(cache / name, (long_ago - age, long_ago - age))
    fresh = cache / ("a" * 64)
    fresh.mkdir()  # used just now, so kept although they are too many
    monkeypatch.setattr(compiled, "KEPT_ENTRIES", 3)
    entry = exported(network())
    kept = {path.name for path in cache.iterdir()}
    assert kept == {entry.name, fresh.name, names[0], "notes", "f" * 63}


def test_cache_that_cannot_be_used_is_one_sentence(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(FasterNetError, match=CACHE_VARIABLE):
        Predictor(network(), cache_dir=blocked / "cache")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(FasterNetError, match="belongs to another user"):
        Predictor(network())
