"""OpenVINO and ONNX Runtime as engines of a ``Predictor``, ``auto`` between them and Paddle, and int8."""

import multiprocessing
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from fasternet_paddle import Predictor
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.cache import CACHE_VARIABLE
from fasternet_paddle.inference.engine import has_bf16
from fasternet_paddle.inference.exported import open_exported
from fasternet_paddle.inference.forms import files_of
from fasternet_paddle.inference.int8 import Int8
from fasternet_paddle.inference.plans import Plan
from tests.integration.conftest import run_entry
from tests.networks import assert_close, eager, images, network
from tests.threads import wrong_answers

PLANS = [
    Plan("onnxruntime", threads=2),
    Plan("onnxruntime", streams=2, part=2),
    Plan("onnxruntime", streams=2, threads=2, part=1),
    Plan("openvino", threads=2),
    Plan("openvino", streams=2, part=3),
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache that the whole file shares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


def name(plan):
    return plan.describe()


@pytest.mark.parametrize("plan", PLANS, ids=name)
def test_every_plan_answers_as_the_model(plan):
    model = network()
    predictor = Predictor(model, engine=plan)
    assert predictor.describe().startswith(f"{plan.engine}, f32, cpu, ") and predictor.precision == "f32"
    for shape in ((1, 32, 32), (5, 64, 96), (2, 100, 33), (9, 32, 32)):
        assert_close(predictor.logits(images(*shape)), eager(model, images(*shape)))
    assert predictor.logits(images(0)).shape == (0, 10)


@pytest.mark.parametrize("plan", PLANS, ids=name)
def test_threads_share_one(plan):
    predictor = Predictor(network(), engine=plan)
    batches = [images(count, 32, 32) for count in (1, 2, 5)]
    assert wrong_answers(predictor.logits, [*batches, *(-x for x in batches)], 100) == 0


@pytest.mark.parametrize("plan", PLANS, ids=name)
def test_pickled_it_takes_its_network_along(plan, tmp_path, monkeypatch):
    predictor, x = Predictor(network(), engine=plan), images(3)
    content = pickle.dumps(predictor)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "another machine's"))
    assert_close(pickle.loads(content).logits(x), predictor.logits(x), relative=1e-6)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "auto"])
def test_a_spawned_process_unpickles_it(engine):
    predictor, x = Predictor(network(), engine=engine), images(3, 32, 32)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert_close(pool.apply(predictor.logits, (x,)), predictor.logits(x), relative=1e-5)
        pool.close()
        pool.join()  # terminating it, Paddle's handler of SIGTERM may wait for ever in malloc


FORKED = """
import multiprocessing, sys
from fasternet_paddle import Plan, Predictor
from tests.integration.conftest import run_entry
from tests.networks import assert_close, images, network

predictor, x = Predictor(network(), engine=Plan(sys.argv[1], streams=int(sys.argv[2]), threads=2, part=2)), images(4)
wanted = predictor.logits(x)
def ask(_):
    assert_close(predictor.logits(x), wanted)
    return True
pool = multiprocessing.get_context("fork").Pool(2)
assert pool.map_async(ask, range(4)).get(100) == [True] * 4
pool.close()
pool.join()
assert_close(predictor.logits(x), wanted)
print("done")
"""


@pytest.mark.parametrize("streams", ["1", "2"])
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_forked_process_opens_it_again(engine, streams):
    work = [sys.executable, "-W", "ignore", "-c", FORKED, engine, streams]
    done = subprocess.run(work, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout + done.stderr


def test_auto_races_with_the_network_as_it_was(capfd):
    """The model is trained on between the predictor's making and its first batch."""
    model, x = network(4), images(3, 32, 32)
    wanted = eager(model, x)
    predictor = Predictor(model, engine="auto", threads=1)
    model.fc.bias.set_value(model.fc.bias + 1.0)
    predictor.ready(3, 32)
    assert "left out" not in capfd.readouterr().err
    assert_close(predictor.logits(x), wanted)


def test_networks_of_other_layers_and_channels():
    paddle = pytest.importorskip("paddle")
    paddle.seed(0)
    nn = paddle.nn
    model = nn.Sequential(nn.Conv2D(1, 4, 3), nn.MaxPool2D(2), nn.ReLU6(), nn.AdaptiveAvgPool2D(1), nn.Flatten())
    x = images(3, 40, 40, channels=1)
    for engine in ("onnxruntime", "openvino"):
        assert_close(Predictor(model, engine=engine).logits(x), eager(model, x))


@pytest.mark.parametrize("damage", [b"", b"damaged", None], ids=["empty", "damaged", "gone"])
def test_a_damaged_file_in_the_cache_is_made_again(damage):
    model, x = network(3), images(2)
    file = files_of(model, Plan("onnxruntime")) / "inference.onnx"
    file.unlink() if damage is None else file.write_bytes(damage)
    assert_close(Predictor(model, engine="openvino").logits(x), eager(model, x))


@pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16 instructions")
def test_bf16_is_close_and_is_bf16_indeed():
    model, x = network(), images(5)
    predictor = Predictor(model, engine="openvino", precision="bf16")
    wanted = eager(model, x)
    assert_close(predictor.logits(x), wanted, relative=0.05)
    assert np.abs(predictor.logits(x) - wanted).max() > 1e-4 * np.abs(wanted).max()
    assert predictor.precision == "bf16" and "bf16" in predictor.describe()
    with pytest.raises(FasterNetError, match="offered by the engine paddle or openvino"):
        Predictor(model, engine="onnxruntime", precision="bf16")


def test_auto_chooses_once_and_answers_as_the_model(capfd):
    model, x = network(), images(9, 32, 32)
    predictor = Predictor(model, engine="auto", threads=2)
    predictor.ready(9, 32)
    said = capfd.readouterr().err
    assert "images/s" in said and all(engine in said for engine in ("paddle", "onnxruntime", "openvino"))
    chosen = predictor.describe()
    assert_close(predictor.logits(x), eager(model, x))
    again = Predictor(network(seed=5), engine="auto", threads=2)  # trained anew, as fast as before
    start = time.perf_counter()
    again.ready(9, 32)
    assert again.describe() == chosen and "measuring" not in capfd.readouterr().err
    copy = pickle.loads(pickle.dumps(predictor))
    assert copy.describe() == chosen
    assert_close(copy.logits(x), eager(model, x))
    assert time.perf_counter() - start < 30


def test_int8_says_what_it_costs_and_is_refused_above_that():
    model, x = network(), images(40, 32, 32)
    wanted = eager(model, x)
    labels = wanted.argmax(axis=1)
    predictor = Predictor(model, engine="openvino", precision=Int8(x[:20], (x, labels), max_drop=50.0))
    found = predictor.logits(x)
    assert predictor.precision == "int8" and ", int8, cpu" in predictor.describe()
    assert np.abs(found - wanted).max() > 1e-4 * np.abs(wanted).max()
    changed = int((found.argmax(axis=1) != labels).sum())
    assert predictor.loss.changed == changed and predictor.loss.points == pytest.approx(100 * changed / 40)
    wrong = (labels + 1) % 10  # in f32 all are wrong, so that nothing can be lost
    assert Predictor(model, engine="openvino", precision=Int8(x[:20], (x, wrong))).loss.points <= 0
    noisy = [network(seed) for seed in range(4)]
    with pytest.raises(FasterNetError, match=r"points are allowed") as refused:
        for one in noisy:  # drawn weights decide narrowly: one of them changes a decision in 200
            many = images(200, 32, 32)
            Predictor(one, engine="auto", precision=Int8(x[:5], (many, eager(one, many).argmax(1)), max_drop=0.0))
    assert refused.value.change == ("max_drop", "precision") and "\n" not in str(refused.value)


def test_accuracy_control_puts_layers_back():
    model, x = network(), images(30, 32, 32)
    labels = eager(model, x).argmax(axis=1)
    int8 = Int8(x[:10], (x, labels), max_drop=4.0, accuracy_control=True)
    predictor = Predictor(model, engine="openvino", precision=int8)
    assert predictor.loss.points <= 4.0


# ---- the entries ----


def refused(name, *arguments):
    """The one sentence with which an entry refuses."""
    command = [sys.executable, "-m", f"fasternet_paddle.{name}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stdout + done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return sentence


def test_evaluate_takes_int8_and_auto(weights, tmp_path):
    digits = ("--weights", weights, "--dataset", "digits", "--num-workers", "0", "--output", tmp_path)
    top1 = {}
    for way in (("paddle", "f32"), ("auto", "f32"), ("openvino", "int8")):
        said = run_entry("evaluate", *digits, "--engine", way[0], "--precision", way[1], "--max-drop", "3")
        (line,) = [line for line in said.splitlines() if line.startswith("top-1")]
        top1[way] = line
        assert f", {way[1]}, cpu" in said
    assert top1["paddle", "f32"] == top1["auto", "f32"]


def test_predict_calibrates_on_a_folder(weights, pictures):  # explain needs InterpretDL, which is not here
    folder = pictures[0].parent
    some = [*map(str, pictures[:5])]
    int8 = ("--engine", "auto", "--precision", "int8", "--calibrate", folder, "--max-drop", "20", "--part", "2")
    assert "part and streams are of the engines" in refused("predict", *some, "--weights", weights, *int8)
    rows = run_entry("predict", *some, "--weights", weights, "--format", "csv", *int8[:-2]).splitlines()
    assert len(rows) == 6
    assert "calibrate is for the precision int8" in refused(
        "predict", *some, "--weights", weights, "--calibrate", folder
    )


def test_an_exported_file_is_run_by_either_engine_and_by_auto(weights, tmp_path):
    folder = tmp_path / "onnx"
    run_entry("export", "--weights", weights, "--format", "onnx", "--output", folder)
    x = images(5, 32, 32)
    wanted = open_exported(folder).logits(x)
    for engine in ("openvino", Plan("openvino", streams=2, part=2), Plan("onnxruntime", streams=2, part=1), "auto"):
        predictor = open_exported(folder, engine=engine)
        predictor.ready(5)
        assert_close(predictor.logits(x), wanted)
    assert predictor.describe().startswith("exported network through auto: ")
    with pytest.raises(
        FasterNetError, match=r"inference.onnx is run by onnxruntime or openvino, got the engine paddle"
    ):
        open_exported(folder, engine="paddle")
    assert "an exported one has none" in refused("evaluate", "--weights", folder, "--engine", "dygraph")
    assert "is in int8 or is not" in refused("evaluate", "--weights", folder, "--precision", "int8")
