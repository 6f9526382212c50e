"""The entry: figures and files from one command, and one sentence where something is wrong."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from PIL import Image

from fasternet_paddle import explain
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.explaining.explanation import load_explanation
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.inference.predictor import Predictor
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.record import Record
from fasternet_paddle.results import plots
from fasternet_paddle.runs.folder import save_config
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.weights.pdparams import save_state
from tests.photographs import normalised, photograph

SMALL = {"embed_dim": 16, "depths": (1, 1, 2, 1)}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A run's folder: a small network for digits of 32 pixels whose batch norms have seen some."""
    folder = tmp_path_factory.mktemp("run")
    paddle.seed(0)
    model = create_model("t0", **SMALL)
    data = load_dataset("digits")
    with paddle.no_grad():
        for _ in range(40):
            model(paddle.to_tensor(normalised(data.val.images[:32])))
    save_state(model.state_dict(), folder / "best_model.pdparams")
    save_config(TrainConfig(dataset="digits", image_size=32, **SMALL), data.class_names, folder)
    return folder / "best_model.pdparams"


@pytest.fixture
def run(weights, tmp_path, capfd):
    """Calls the entry; returns exit code, standard output and error."""

    def call(*arguments, samples=60):
        code = explain.main(
            ["--weights", str(weights), "--output", str(tmp_path / "out"), "--num-samples", str(samples), *arguments]
        )
        captured = capfd.readouterr()
        return code, captured.out, "\n".join(line for line in captured.err.splitlines() if "eager_utils" not in line)

    call.folder = tmp_path / "out"
    return call


def save(path, array):
    Image.fromarray(array).save(path)
    return str(path)


def test_items_of_the_data_give_figures_files_and_a_sheet(run, weights):
    code, out, err = run("--index", "3", "7", "--classes", "3", "5", "--seed", "4", "--batch-size", "64")
    assert (code, err) == (0, "")  # nothing of a progress bar in a log
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "lime-digits-3.npz", "lime-digits-3.png", "lime-digits-7.npz", "lime-digits-7.png", "lime-sheet.png",
    ]  # fmt: skip
    assert "predictor: paddle.inference with oneDNN, f32, cpu" in out and "samples/s" in out and "R2 for 5" in out
    stored = load_explanation(run.folder / "lime-digits-7.npz")
    loaded, data = load_run(weights), load_dataset("digits")
    explainer = Lime(Predictor(loaded.model, 32), class_names=loaded.class_names)
    wanted = explainer.explain(data.val.images[7], ["3", 5], 60, 64, 4)
    assert (stored.weights == wanted.weights).all() and stored.classes == (3, 5)
    assert stored.true_class == data.val.labels[7] and stored.class_names == data.class_names
    for name in ("lime-digits-3.png", "lime-sheet.png"):
        with Image.open(run.folder / name) as figure:
            assert min(figure.size) > 400


def test_every_image_has_files_of_its_own_whatever_it_is_called(tmp_path):
    """On a system that knows no case, with endings that other files have, with names as long as they can be."""
    names = ["a", "A", "x", "x-stability", "sheet", "n" * 250]
    (tmp_path / "b").mkdir()  # where a system knows no case, A is another folder's
    files = [tmp_path / ("b" if name == "A" else "") / f"{name}.png" for name in names]
    for file in files:
        save(file, np.full((40, 40, 3), 120, np.uint8))
    flags = explain.ExplainFlags(image=tuple(files), output=tmp_path / "new")
    run = SimpleNamespace(record=Record(class_names=("a", "b"), image_size=32), class_names=("a", "b"), named=True)
    found = [item.name for item in explain.read_items(flags, TrainConfig(dataset="digits"), run)]
    assert found == ["a", "A-2", "x", "x-stability-2", "sheet-2", "n" * 233]
    written = [f"lime-{name}{ending}.png" for name in found for ending in explain.ENDINGS]
    assert max(map(len, written)) == 255 and f"lime-{explain.SHEET}.png" not in written


def test_same_seed_gives_the_same_figure(run):
    first = [run("--index", "1")[0], (run.folder / "lime-digits-1.png").read_bytes()]
    second = [run("--index", "1")[0], (run.folder / "lime-digits-1.png").read_bytes()]
    assert first == second


def test_trust_is_printed_and_drawn(run):
    code, out, err = run("--index", "2", "--stability", "--faithfulness", "--top", "2")
    assert (code, err) == (0, "")
    assert {"lime-digits-2-stability.png", "lime-digits-2-faithfulness.png"} <= {p.name for p in run.folder.iterdir()}
    assert "stability: the top" in out and "deletion area" in out and "insertion area" in out


def test_weights_of_a_lower_precision_are_held_against_those_in_f32(run, monkeypatch):
    """The precision is bf16 by name alone: not every processor has it, and equal arithmetic must correlate wholly."""
    assert "correlate" not in run("--index", "3")[1]
    monkeypatch.setattr(Predictor, "precision", property(lambda self: "bf16", lambda self, value: None), raising=False)
    code, said, _ = run("--index", "3", "4")
    assert code == 0 and said.count("correlate") == 1
    assert "digits-3: weights correlate with those in f32 by 1.000000 or more" in said


def test_another_method_writes_the_same_kind_of_files(run):
    code, out, err = run("--index", "0", "--method", "integrated_gradients", samples=5)
    assert (code, err) == (0, "")
    assert load_explanation(run.folder / "integrated_gradients-digits-0.npz").pixels.shape == (1, 224, 224)
    assert "R2" not in out


def test_images_of_any_kind_are_explained(run, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "save_figure", lambda _figure, path: path)  # slow, and not what is looked at here
    colour = photograph("coffee", 90)[:60]
    (tmp_path / "other").mkdir()
    files = [
        save(tmp_path / "cup.png", colour),
        save(tmp_path / "other" / "cup.png", np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)])),
        save(tmp_path / "grey.png", colour[..., 0]),
        save(tmp_path / "plain.png", np.full((40, 40, 3), 120, np.uint8)),
    ]
    code, _, err = run("--image", *files, samples=150)
    assert (code, err) == (0, "")
    names = ("cup", "cup-2", "grey", "plain")
    first, opaque, grey, plain = (load_explanation(run.folder / f"lime-{name}.npz") for name in names)
    assert (first.weights == opaque.weights).all() and first.true_class is None
    assert (grey.image == grey.image[..., :1]).all()
    assert np.abs(plain.weights).max() < 1e-6 and np.isnan(plain.r2).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--index", "360"], "index must lie in 0..359 of digits, got 360"),
        (["--index", "-1"], "0..359"),
        (["--image", "{folder}/missing.png"], "missing.png"),
        (["--image", "{folder}/cut.png"], "cut.png"),
        (["--image", "{folder}/words.png"], "words.png"),
        (["--index", "0", "--classes", "10"], "no class '10'; classes are numbered 0 to 9"),
        (["--index", "0", "--classes", "dog"], "no class 'dog'"),
        (["--index", "0", "--num-samples", "5"], "more samples than superpixels, got 5"),
        (["--index", "0", "--batch-size", "0"], "batch_size must be at least 1"),
        (["--index", "0", "--method", "lrp"], "unknown method 'lrp'; known methods: lime, integrated_gradients"),
        (["--index", "0", "--top", "0"], "top must be at least 1"),
        (["--index", "0", "--seed", "-3"], "seed must lie"),
        (["--index", "0", "--engine", "fast"], "unknown engine 'fast'"),
        (["--index", "0", "--precision", "int8"], "precision int8 is offered by the engine openvino"),
        (["--index", "0", "--output", "{folder}/words.png/out"], "--output"),
        (["--weights", "{folder}/none.pdparams"], "none.pdparams"),
    ],
)
def test_mistakes_are_one_sentence_and_code_2(run, arguments, message, tmp_path):
    (tmp_path / "words.png").write_text("not an image")
    save(tmp_path / "whole.png", photograph("coffee", 64))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:900])
    code, out, err = run(*[argument.format(folder=tmp_path) for argument in arguments])
    assert code == 2 and err.startswith("error: ") and message in err
    assert err.count("\n") == 0 and "Traceback" not in err + out


def test_weights_that_are_nan_are_one_sentence(run, weights, tmp_path):
    model = load_run(weights).model
    model.fc.bias.set_value(paddle.full([10], float("nan")))
    save_state(model.state_dict(), tmp_path / "nan.pdparams")
    save_config(TrainConfig(dataset="digits", image_size=32, **SMALL), load_dataset("digits").class_names, tmp_path)
    code, _, err = run("--index", "0", "--weights", str(tmp_path / "nan.pdparams"))
    assert code == 2 and "NaN or infinity" in err
