"""The compiled network answers as the eager one, and leaves it alone."""

import os
import subprocess
import sys

import numpy as np
import paddle
import pytest
from paddle import nn

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference import engine, runners
from fasternet_paddle.inference import predictor as inference
from fasternet_paddle.inference.choosing import plan_of
from fasternet_paddle.inference.engine import has_bf16
from fasternet_paddle.inference.plans import Plan
from fasternet_paddle.inference.predictor import Predictor
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.runtime import machine
from tests.networks import assert_close, eager, images, network


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
    runs, run = [], predictor._run._run
    monkeypatch.setattr(predictor._run._in_parts, "run", lambda x: (runs.append(len(x)), run(x))[1])
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


def test_bf16_is_refused_where_it_is_not(monkeypatch):
    model = network()
    with pytest.raises(FasterNetError, match="engine dygraph"):
        Predictor(model, engine="dygraph", precision="bf16")
    monkeypatch.setattr(runners, "has_bf16", lambda: False)
    with pytest.raises(FasterNetError, match="AVX512-BF16"):
        Predictor(model, precision="bf16")


@pytest.mark.parametrize(
    ("plan", "precision", "threads", "told"),
    [
        (Plan("paddle", "bf16", threads=2), None, None, ("bf16", 2)),  # was f32 without a word
        (Plan("paddle", "bf16", threads=2), "bf16", 2, ("bf16", 2)),
        (Plan("paddle", threads=2), None, None, ("f32", 2)),
        (Plan("paddle", threads=2), "bf16", None, ("bf16", 2)),
        (Plan("paddle", "bf16"), "f32", None, r"a plan says its precision \(bf16\), and precision beside it f32"),
        (Plan("paddle", threads=2), None, 3, r"a plan says its threads \(paddle, 2 threads\), and threads beside it 3"),
        (Plan("openvino", "int8"), None, None, "precision int8 needs images to calibrate on"),
    ],
)
def test_what_a_plan_says_holds_and_what_is_said_beside_it_agrees(plan, precision, threads, told):
    if isinstance(told, str):
        with pytest.raises(FasterNetError, match=told):
            plan_of(plan, precision, threads)
    else:
        found = plan_of(plan, precision, threads)
        assert (found.precision, found.threads) == told


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
        (images(channels=1), "must be"),
        (images(height=31), "at least 32"),
        (images()[0, :, :31], "at least 32"),
        (np.full((2, 40, 40, 3), 200.0), r"give 0\.\.255 as integers: image\.astype"),
        (np.zeros((2, 40, 40, 5), np.uint8), "an image must be"),
        ([[1, 2]], "an image must be"),
    ],
)
def test_wrong_images_are_refused(x, message):
    for ask in (Predictor(network(), engine="dygraph").logits, Predictor(network(), engine="dygraph").predict):
        with pytest.raises(FasterNetError, match=message):
            ask(x)


def test_a_classifier_is_given_the_networks_input_alone():
    with pytest.raises(
        FasterNetError, match=r"must be normalised floats, as test_transform makes them, got uint8; pre"
    ):
        Predictor(network(), engine="dygraph")(images().astype(np.uint8))


def test_one_channel_networks_compile():
    paddle.seed(0)
    model = create_model("t0", in_channel=1, embed_dim=16, depths=(1, 1, 1, 1))
    assert_close(Predictor(model).logits(images(channels=1)), eager(model, images(channels=1)))


def test_unknown_choices_and_broken_weights_are_refused():
    with pytest.raises(FasterNetError, match="unknown engine 'tensorrt'; known: paddle, dygraph"):
        Predictor(network(), engine="tensorrt")
    with pytest.raises(FasterNetError, match="unknown precision 'int4'; known: f32, bf16, int8"):
        Predictor(network(), precision="int4")
    model = network()
    model.fc.weight.set_value(paddle.full_like(model.fc.weight, float("nan")))
    with pytest.raises(FasterNetError, match="NaN or infinity"):
        Predictor(model)


def test_network_that_compiles_wrongly_is_refused(monkeypatch):
    monkeypatch.setattr(runners, "load_exported", lambda *_: lambda x: np.zeros((len(x), 10), np.float32))
    with pytest.raises(FasterNetError, match="does not answer as the model does"):
        Predictor(network())


def test_threads_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(machine, "count_cores", lambda: 3)  # as in a container that grants less than it shows
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # Paddle's own
    monkeypatch.setattr(machine.available_threads, "__defaults__", (os.environ, frozenset(), None))
    assert Predictor(network()).describe().endswith("cpu, 3 threads")
    assert Predictor(network(), threads=2).threads == 2
