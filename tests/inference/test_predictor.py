"""The compiled network answers as the eager one, leaves it alone, and its cache is never trusted blindly."""

import copy
import os
import stat
import subprocess
import sys
import time

import numpy as np
import paddle
import pytest
from paddle import nn

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.exporting import network as compiled
from fasternet_paddle.exporting.network import exported, fingerprint, suited_to_bf16
from fasternet_paddle.inference import engine
from fasternet_paddle.inference import predictor as inference
from fasternet_paddle.inference.engine import available_threads, has_bf16
from fasternet_paddle.inference.predictor import Predictor, loop_throughput, model_throughput
from fasternet_paddle.model.fasternet import create_model


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def network(seed=0, **settings):
    """A small FasterNet whose batch norms have seen images, so that folding them matters."""
    paddle.seed(seed)
    model = create_model("t0", embed_dim=16, depths=(1, 1, 2, 1), **settings)
    model.train()
    with paddle.no_grad():
        model(paddle.randn([8, 3, 64, 64]) * 2.0 + 1.0)
    return model


def images(count=5, height=64, width=96, channels=3):
    return np.random.RandomState(1).standard_normal((count, channels, height, width)).astype(np.float32)


def eager(model, x):
    twin = copy.deepcopy(model)
    twin.eval()
    with paddle.no_grad():
        return twin(paddle.to_tensor(x)).numpy()


def assert_close(got, wanted, relative=1e-5):
    assert got.shape == wanted.shape and got.dtype == np.float32
    assert np.abs(got - wanted).max() <= relative * np.abs(wanted).max()


@pytest.mark.parametrize("engine", inference.ENGINES)
def test_logits_equal_the_model_at_every_batch_and_size(engine):
    model = network()
    predictor = Predictor(model, engine=engine)
    for shape in ((1, 32, 32), (5, 64, 96), (2, 100, 33)):
        assert_close(predictor.logits(images(*shape)), eager(model, images(*shape)))
    assert predictor.logits(images(0)).shape == (0, 10)
    assert_close(predictor.logits(images().astype(np.float64)), eager(model, images()))
    assert_close(
        predictor.logits(images(height=96, width=64).transpose(0, 1, 3, 2)),
        eager(model, images(height=96, width=64).transpose(0, 1, 3, 2)),
    )


def test_large_batches_are_run_in_parts(monkeypatch):
    model = network()
    predictor = Predictor(model)
    runs, run = [], predictor._run
    monkeypatch.setattr(predictor, "_run", lambda x: (runs.append(len(x)), run(x))[1])
    for budget, parts in ((1 << 30, [5]), (2.5 * predictor._bytes_a_pixel * 64 * 96, [2, 2, 1]), (1, [1] * 5)):
        monkeypatch.setitem(inference.BYTES_A_RUN, "cpu", budget)
        runs.clear()
        assert_close(predictor.logits(images(5)), eager(model, images(5)))
        assert runs == parts


def test_layers_outputs_are_counted():
    model = nn.Sequential(nn.Conv2D(3, 8, 2, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2D(1), nn.Flatten())
    predictor = Predictor(model, engine="dygraph")
    assert predictor._bytes_a_pixel == 4 * (8 / 4 + 8 / 4 + 8 / 64**2 + 8 / 64**2)
    assert not any(layer._forward_post_hooks for layer in model.sublayers(include_self=True))
    assert predictor.num_classes == 8


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_shapes_of_the_images():
    work = (
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from fasternet_paddle.model.fasternet import create_model\n"
        "from fasternet_paddle.inference.predictor import Predictor\n"
        "predictor = Predictor(create_model('t0', embed_dim=96))\n"  # 55 MB of weights, packed for each shape
        "def megabytes(): return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 1e6\n"
        "for count in range(1, 17):\n"
        "    predictor.logits(np.zeros((count, 3, 32, 32), np.float32))\n"
        "    if count == 4: before = megabytes()\n"
        "print('grown by', megabytes() - before)"
    )
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, timeout=120)
    grown = float(done.stdout.rpartition("grown by")[2])
    assert grown < 3 * 55  # 12 shapes more would be 660 MB


def test_flag_of_the_executor_is_put_back_and_the_users_is_kept(monkeypatch):
    seen = []
    create = paddle.inference.create_predictor
    monkeypatch.setattr(paddle.inference, "create_predictor", lambda config: Watched(create(config)))

    class Watched:
        def __init__(self, predictor):
            self.predictor = predictor

        def run(self):
            seen.append(paddle.get_flags(engine.COLLECTION)[engine.COLLECTION])
            self.predictor.run()

        def __getattr__(self, name):
            return getattr(self.predictor, name)

    Predictor(network()).logits(images())
    assert (seen[0], seen[-1]) == (-1.0, 0.0)
    seen.clear()
    monkeypatch.setenv(engine.COLLECTION, "0.5")  # read by Paddle when it is imported, so nothing changes here
    Predictor(network())
    assert seen[0] == 0.0


def test_probabilities_are_the_softmax():
    model = network()
    predictor = Predictor(model)
    wanted = nn.functional.softmax(paddle.to_tensor(eager(model, images()))).numpy()
    assert_close(predictor.probabilities(images()), wanted)
    assert (predictor(images()) == predictor.probabilities(images())).all()
    shifted = create_model("t0", embed_dim=16, depths=(1, 1, 1, 1))
    shifted.fc.bias.set_value(paddle.full([10], 1e4))  # exp(1e4) is infinite
    assert np.allclose(Predictor(shifted).probabilities(images()).sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16 instructions")
def test_bf16_is_close_and_says_so():
    model = network()
    predictor = Predictor(model, precision="bf16")
    wanted = eager(model, images(height=64, width=64))
    got = predictor.logits(images(height=64, width=64))
    assert_close(got, wanted, relative=0.05)  # 8 bits of mantissa through some twenty layers
    assert np.abs(got - wanted).max() > 1e-4 * np.abs(wanted).max()  # it is bf16 indeed
    assert "bf16" in predictor.describe()


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16 instructions")
def test_all_convolutions_run_in_bf16(tmp_path):
    paddle.save(network().state_dict(), str(tmp_path / "weights.pdparams"))
    work = (
        "import sys, numpy as np, paddle\n"
        "from fasternet_paddle.model.fasternet import create_model\n"
        "from fasternet_paddle.inference.predictor import Predictor\n"
        "model = create_model('t0', embed_dim=16, depths=(1, 1, 1, 1))\n"
        "model.set_state_dict(paddle.load(sys.argv[1]))\n"
        "Predictor(model, precision='bf16').logits(np.zeros((1, 3, 64, 64), np.float32))"
    )
    done = subprocess.run(
        [sys.executable, "-c", work, str(tmp_path / "weights.pdparams")],
        env={**os.environ, "ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    convolutions = [line for line in done.stdout.splitlines() if ",exec,cpu,convolution," in line]
    assert len(convolutions) == 3 * 17, done.stderr  # 4 down, 3 a block, 1 in the head; in 2 runs of the probe and 1
    assert all("src:bf16" in line and "wei:bf16" in line for line in convolutions)


def test_network_for_bf16_answers_the_same():
    model = network()
    suited = suited_to_bf16(model)
    assert np.array_equal(eager(suited, images()), eager(model, images()))
    assert not any(isinstance(layer, compiled.TimesOne) for layer in model.sublayers())


def test_bf16_is_refused_where_it_is_not(monkeypatch):
    model = network()
    with pytest.raises(FasterNetError, match="engine dygraph"):
        Predictor(model, engine="dygraph", precision="bf16")
    monkeypatch.setattr(inference, "has_bf16", lambda: False)
    with pytest.raises(FasterNetError, match="AVX512-BF16"):
        Predictor(model, precision="bf16")


def test_describe_names_engine_precision_and_device():
    assert Predictor(network(), threads=1).describe() == "paddle.inference with oneDNN, f32, cpu, 1 thread"
    assert Predictor(network(), engine="dygraph").describe() == "dygraph, f32, cpu"


@pytest.mark.parametrize("engine", inference.ENGINES)
def test_model_is_left_as_found(engine):
    model = network()
    model.feature.eval()  # a mixed mode, as of a network trained in part
    layers = model.sublayers(include_self=True)
    before = [(layer.training, set(vars(layer)), type(layer).forward) for layer in layers]
    weights = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    forward = model.forward
    paddle.seed(7)
    random_state = np.random.get_state()[1].copy()
    device = paddle.get_device()
    Predictor(model, engine=engine).logits(images())
    drawn = paddle.rand([3]).numpy()
    paddle.seed(7)
    assert (paddle.rand([3]).numpy() == drawn).all()
    assert (np.random.get_state()[1] == random_state).all()
    assert paddle.get_device() == device and paddle.in_dynamic_mode()
    assert [(layer.training, set(vars(layer)), type(layer).forward) for layer in layers] == before
    assert model.forward == forward
    assert all((value.numpy() == weights[name]).all() for name, value in model.state_dict().items())


def test_mode_is_put_back_after_an_exception():
    class Failing(nn.Layer):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2D(3, 4, 3)

        def forward(self, x):
            raise RuntimeError("no forward")

    model = Failing()
    for name in inference.ENGINES:
        with pytest.raises(RuntimeError, match="no forward"):
            Predictor(model, engine=name).logits(images())
        assert model.training and model.conv.training


def test_compiled_network_is_a_snapshot_and_dygraph_is_not():
    model = network()
    compiled_one, eager_one = Predictor(model), Predictor(model, engine="dygraph")
    before = compiled_one.logits(images())
    model.fc.bias.set_value(model.fc.bias + 1.0)
    assert (compiled_one.logits(images()) == before).all()
    assert_close(eager_one.logits(images()), before + 1.0)
    assert_close(Predictor(model).logits(images()), before + 1.0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (images()[0], "must be"),
        (images(channels=1), "must be"),
        (images(height=31), "at least 32"),
        (images().astype(np.uint8), "normalised floats"),
    ],
)
def test_wrong_images_are_refused(x, message):
    with pytest.raises(FasterNetError, match=message):
        Predictor(network(), engine="dygraph").logits(x)


def test_one_channel_networks_compile():
    paddle.seed(0)
    model = create_model("t0", in_channel=1, embed_dim=16, depths=(1, 1, 1, 1))
    assert_close(Predictor(model).logits(images(channels=1)), eager(model, images(channels=1)))


def test_unknown_choices_and_broken_weights_are_refused():
    with pytest.raises(FasterNetError, match="unknown engine 'tensorrt'; known: paddle, dygraph"):
        Predictor(network(), engine="tensorrt")
    with pytest.raises(FasterNetError, match="unknown precision 'int8'"):
        Predictor(network(), precision="int8")
    model = network()
    model.fc.weight.set_value(paddle.full_like(model.fc.weight, float("nan")))
    with pytest.raises(FasterNetError, match="NaN or infinity"):
        Predictor(model)


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
    monkeypatch.setattr(compiled, "_export", lambda *_: pytest.fail("exported again"))
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


def test_network_that_compiles_wrongly_is_refused(monkeypatch):
    monkeypatch.setattr(inference, "load_exported", lambda *_: lambda x: np.zeros((len(x), 10), np.float32))
    with pytest.raises(FasterNetError, match="does not answer as the model does"):
        Predictor(network())


def test_processes_race_for_one_entry(cache):
    work = (
        "import paddle; paddle.seed(0)\n"
        "from fasternet_paddle.model.fasternet import create_model\n"
        "from fasternet_paddle.exporting.network import exported\n"
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
    with pytest.raises(FasterNetError, match=compiled.CACHE_VARIABLE):
        Predictor(network(), cache_dir=blocked / "cache")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(FasterNetError, match="belongs to another user"):
        Predictor(network())


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    assert compiled.cache_folder() == tmp_path / "cache"
    assert compiled.cache_folder(tmp_path) == tmp_path
    monkeypatch.delenv(compiled.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert compiled.cache_folder() == tmp_path / "xdg" / "fasternet_paddle"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiled.cache_folder() == tmp_path / ".cache" / "fasternet_paddle"


def test_threads_are_the_users_or_all_cores(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert available_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(engine, "_began_with", lambda _: True)
    assert available_threads() == 1
    monkeypatch.setattr(engine, "_began_with", lambda _: False)  # Paddle's own 1
    assert available_threads() == len(os.sched_getaffinity(0))


def test_throughputs_count_images_over_time():
    class Clocked:
        channels = 3

        def logits(self, x):
            time.sleep(0.002 * len(x))
            return np.zeros((len(x), 10), np.float32)

    assert 250 < model_throughput(Clocked(), batch_size=8, image_size=32, runs=3) <= 500

    def loader():
        for size in (4, 4, 2):
            time.sleep(0.01)  # loading counts in the loop's figure
            yield images(size, 32, 32), np.zeros(size)

    assert 100 < loop_throughput(Clocked(), loader()) <= 200
