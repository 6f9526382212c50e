"""Each of InterpretDL's other explainers gives InterpretDL's numbers, or those of its formula written out."""

import copy

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining.explainer import make_explainer
from fasternet_paddle.explaining.explanation import METHODS, load_explanation
from fasternet_paddle.explaining.interpretdl import load_interpretdl
from fasternet_paddle.explaining.pixels import NOISE, GradCam
from fasternet_paddle.inference.predictor import Predictor
from tests.photographs import PHOTOGRAPHS, normalised, photograph, tiles, trained

SIZE = 64
LABEL = 1


def explainer(method, **settings):
    model = trained()
    settings = {"image_size": SIZE, "class_names": PHOTOGRAPHS, "segment": tiles, **settings}
    return make_explainer(method, model, Predictor(model), **settings)


def subject():
    """An image of the network's size, and that image enlarged, as it is shown: maps are compared at the first size."""
    image = photograph("coffee", SIZE)
    return image, normalised(image[None])


def twin():
    """A copy of the network in eval mode, that InterpretDL may leave its marks on."""
    model = copy.deepcopy(trained())
    model.eval()
    return model


def probability(model, x):
    return F.softmax(model(x), axis=-1)[:, LABEL]


def pixel_map(method, num_samples=None, **settings):
    """The map before it is enlarged."""
    made = explainer(method, **settings)
    np.random.seed(3)
    return np.asarray(made.pixel_map(subject()[1], LABEL, num_samples, 7))


def test_integrated_gradients_equal_their_sum_and_nearly_complete():
    _, x = subject()
    model, total, steps = twin(), 0.0, 40
    for share in np.linspace(0, 1, steps):
        point = paddle.to_tensor((x * share).astype(np.float32), stop_gradient=False)
        (gradient,) = paddle.grad(probability(model, point).sum(), [point])
        total = total + gradient.numpy() / steps
    got = pixel_map("integrated_gradients", steps)
    wanted = (total * x)[0].sum(axis=0)
    assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max()
    whole, nothing = (probability(model, paddle.to_tensor(end)).item() for end in (x, np.zeros_like(x)))
    assert got.sum() == pytest.approx(whole - nothing, abs=0.05)  # a sum over 40 points for an integral


@pytest.mark.parametrize("method", ["smooth_grad", "gradient_shap", "score_cam", "occlusion"])
def test_maps_equal_interpretdls(method):
    """These four run on today's packages as they are."""
    _, x = subject()
    interpretdl, model = load_interpretdl(), twin()
    np.random.seed(3)
    if method == "smooth_grad":
        stock = interpretdl.SmoothGradInterpreter(model, "cpu")
        wanted = np.abs(stock.interpret(x, [LABEL], NOISE, n_samples=5, visual=False)[0]).sum(axis=0)
    elif method == "gradient_shap":
        stock = interpretdl.GradShapCVInterpreter(model, "cpu")
        wanted = stock.interpret(x, [LABEL], n_samples=5, noise_amount=NOISE, visual=False)[0].sum(axis=0)
    elif method == "score_cam":
        stock = interpretdl.ScoreCAMInterpreter(model, "cpu")
        wanted = stock.interpret(x, "feature.2", [LABEL], visual=False)[0]
    else:
        stock = interpretdl.OcclusionInterpreter(model, "cpu")
        wanted = stock.interpret(x, (3, 8, 8), [LABEL], (3, 4, 4), perturbations_per_eval=7, visual=False)[0, 0]
    got = pixel_map(method, 5)
    assert got.shape == (SIZE, SIZE)
    assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max() > 0


def test_grad_cam_is_its_formula():
    _, x = subject()
    model = twin()
    maps = model.feature[:3](model.stem(paddle.to_tensor(x)))  # up to stage 1, 8 x 8 pixels
    maps.stop_gradient = False
    rest = model.feature[4:](model.feature[3](maps))
    logits = model.fc(model.act_layer(model.conv1(model.avg_pool(rest))).flatten(1))
    (gradient,) = paddle.grad(F.softmax(logits)[0, LABEL], [maps])
    wanted = np.maximum((gradient.mean([2, 3], keepdim=True) * maps).mean(1).numpy()[0], 0)
    got = pixel_map("grad_cam")
    assert got.shape == (8, 8) and wanted.max() > 0
    assert np.abs(got - wanted).max() <= 1e-4 * wanted.max()
    assert pixel_map("grad_cam", layer="feature.0").shape == (16, 16)


@pytest.mark.parametrize("method", [name for name, known in METHODS.items() if known.home.startswith("pixels:")])
def test_result_is_an_explanation_like_any_other(method, tmp_path, capfd):
    image, _ = subject()
    model = trained()
    layers = model.sublayers(include_self=True)
    before = [(layer.training, set(vars(layer)), len(layer._forward_post_hooks)) for layer in layers]
    np.random.seed(1)
    made = explainer(method)
    result = made.explain(image, [LABEL, "rocket"], num_samples=3, seed=2, true_class=LABEL)
    assert np.random.rand() == np.random.RandomState(1).rand()  # the global state is put back
    assert [(layer.training, set(vars(layer)), len(layer._forward_post_hooks)) for layer in layers] == before
    assert paddle.get_device() == "cpu"
    assert capfd.readouterr().err.count("it/s") == 0  # no progress bar in a log
    assert result.pixels.shape == (2, 224, 224) and result.weights.shape == (2, 36) and result.classes == (1, 2)
    for row in (0, 1):
        for index in (0, 20):
            inside = result.superpixels == index
            assert result.weights[row, index] == pytest.approx(result.pixels[row][inside].mean(), rel=1e-3, abs=1e-9)
    assert not np.allclose(result.pixels[0], result.pixels[1])
    assert (result.heatmap(2) == result.pixels[1]).all()
    assert np.isnan(result.r2).all() and result.method == method
    again = made.explain(image, [LABEL, "rocket"], num_samples=3, seed=2)
    assert (again.pixels == result.pixels).all()
    result.save(tmp_path / "e.npz")
    assert (load_explanation(tmp_path / "e.npz").pixels == result.pixels).all()


def test_seed_moves_the_noise():
    image, _ = subject()
    made = explainer("smooth_grad")
    first, second = (made.explain(image, LABEL, 2, seed=seed).pixels for seed in (1, 2))
    assert not np.allclose(first, second, rtol=1e-3)


def test_release_candidates_of_paddle_are_no_obstacle(monkeypatch):
    monkeypatch.setattr(paddle, "__version__", "3.4.0rc1")
    assert np.isfinite(explainer("smooth_grad").explain(subject()[0], LABEL, 1).pixels).all()


def test_wrong_choices_are_one_sentence():
    with pytest.raises(FasterNetError, match="no layer 'head'; its layers: stem, "):
        explainer("grad_cam", layer="head")
    with pytest.raises(FasterNetError, match="num_samples must be at least 1"):
        explainer("smooth_grad").explain(subject()[0], num_samples=0)
    plain = nn.Sequential(nn.Conv2D(3, 4, 3), nn.AdaptiveAvgPool2D(1), nn.Flatten())
    with pytest.raises(FasterNetError, match="needs the name of the layer"):
        GradCam(plain, Predictor(plain), SIZE, segment=tiles).explain(subject()[0])
    named = GradCam(plain, Predictor(plain), SIZE, segment=tiles, layer="0")
    assert named.explain(subject()[0]).pixels.shape == (1, 224, 224)
