"""Predictions of what users have: every form of an image gives the answer of the network's own input."""

import dataclasses
import warnings

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image

from fasternet_paddle import test_transform
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.preparation import Preparation, preparation
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference import predictor as inference
from fasternet_paddle.inference.predictor import Predictor
from fasternet_paddle.record import Record
from fasternet_paddle.runs.run import Run
from tests.networks import network
from tests.photographs import PHOTOGRAPHS, crops, photograph, trained

NAMES = tuple("abcdefghij")
PICTURE = photograph("coffee", 50)
RECORD = Record(class_names=PHOTOGRAPHS, image_size=32)


@pytest.fixture(scope="module")
def predictor():
    return Predictor(trained(), 32, engine="dygraph", class_names=PHOTOGRAPHS)


def recorded(**changes):
    """A network with a record, as ``load_run`` gives it."""
    model = network()
    model.record = dataclasses.replace(Record(class_names=NAMES, image_size=64), **changes)
    return model


def test_every_form_has_the_same_answer(predictor, tmp_path):
    x = test_transform(32)(PICTURE)
    row = predictor(x[None])[0]
    wanted = [(PHOTOGRAPHS[number], float(row[number])) for number in np.argsort(-row)]
    Image.fromarray(PICTURE).save(tmp_path / "coffee.png")
    forms = [PICTURE, PICTURE.transpose(2, 0, 1), PICTURE / 255.0, Image.fromarray(PICTURE), paddle.to_tensor(PICTURE)]
    forms += [x, paddle.to_tensor(x), x.transpose(1, 2, 0), tmp_path / "coffee.png", str(tmp_path / "coffee.png")]
    for form in forms:
        assert predictor.predict(form) == wanted  # the same batch of one
        assert np.allclose(predictor.probabilities(form), row[None])
    alike = [form for form in forms if form is not forms[2]]  # floats of a list are all in [0, 1], or none of them
    for answer in predictor.predict(alike):
        assert dict(answer) == pytest.approx(dict(wanted), abs=1e-5)
    assert predictor.predict(PICTURE[None], top_k=1) == [wanted[:1]]
    assert [[name for name, _ in answer] for answer in predictor.predict(np.stack([x, x]), 2)] == [
        ["coffee", "astronaut"]
    ] * 2
    assert predictor.predict([]) == [] and predictor.logits([]).shape == (0, 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16"])
def test_pillows_modes_are_colours_not_raw_numbers(predictor, mode):
    if mode == "I;16":
        image = Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(PICTURE).convert("RGB" if mode == "LAB" else mode)
    shown = {"1": "RGB", "I;16": "L"}.get(mode)
    seen = np.asarray(Image.fromarray(PICTURE[..., 0]).convert("RGB") if shown == "L" else image.convert("RGB"))
    wanted, got = predictor(test_transform(32)(seen)[None]), predictor.probabilities(image)
    assert np.allclose(got, wanted, atol=1e-6)
    assert np.array_equal(test_transform(32)(image), test_transform(32)(seen))


def test_pictures_are_turned_as_they_say(predictor, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(np.rot90(PICTURE)).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert predictor.predict(opened) == predictor.predict(PICTURE) == predictor.predict(tmp_path / "turned.png")


def test_uint8_batches_reach_the_networks_accuracy(predictor):
    """Of images that today's advice would have brought down to a fifth: divided by nothing, then normalised."""
    images, labels = crops()
    right = (
        predictor(np.stack([test_transform(32)(image) for image in images[:200]])).argmax(1) == labels[:200]
    ).mean()
    assert right > 0.9
    answers = predictor.predict(images[:200], top_k=1)
    assert np.mean([PHOTOGRAPHS.index(answer[0][0]) for answer in answers] == labels[:200]) == right
    assert (predictor.logits(images[:200]).argmax(1) == labels[:200]).mean() == right


def test_what_cannot_be_told_is_one_sentence(predictor):
    unit = (PICTURE / 255.0).transpose(2, 0, 1)
    for form in (unit, unit[None], [unit, unit]):
        with pytest.raises(FasterNetError, match=r"in \[0, 1\] or the network's normalised input; give a picture with"):
            predictor.predict(form)
    assert predictor.predict(unit.transpose(1, 2, 0)) == predictor.predict(PICTURE)  # as the sentence says
    with pytest.raises(FasterNetError, match=r"image\.astype\('uint8'\)"):
        predictor.predict(PICTURE.astype(float))
    with pytest.warns(UserWarning, match="not normalised"):
        predictor.logits(np.stack([unit, unit]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor.logits(np.zeros((1, 3, 32, 32)))
        predictor(np.stack([unit, unit]))  # a classifier's call asks nothing
    with pytest.raises(FasterNetError, match="top_k must be a whole number, at least 1, got 0"):
        predictor.predict(PICTURE, 0)


def test_the_record_decides_size_names_and_temperature():
    warm = Predictor(recorded(temperature=4.0), engine="dygraph")
    assert (warm.image_size, warm.class_names) == (64, NAMES)
    x = test_transform(64)(PICTURE)[None]
    assert np.array_equal(warm.logits([PICTURE]), warm.logits(x))
    softened = paddle.nn.functional.softmax(paddle.to_tensor(warm.logits(x) / 4.0)).numpy()
    assert np.allclose(warm(x), softened, atol=1e-6)
    assert dict(warm.predict(PICTURE, 10)) == pytest.approx(
        dict(zip(NAMES, softened[0].tolist(), strict=True)), abs=1e-6
    )
    cropped = Predictor(recorded(resize="crop", mean=(0.5, 0.5, 0.5)), engine="dygraph")
    wide = photograph("rocket", 90)[20:70]
    assert np.array_equal(
        cropped.logits(wide), cropped.logits(preparation(recorded(resize="crop", mean=(0.5,) * 3).record)(wide)[None])
    )
    assert Predictor(recorded(resize="crop"), 32, engine="dygraph").preparation.resize == "crop"


def test_a_run_is_taken_whole():
    model = network()
    run = Run(model, TrainConfig(image_size=48), NAMES)
    predictor = Predictor(run, engine="dygraph")
    assert (predictor.image_size, predictor.class_names) == (48, NAMES)
    assert predictor.predict(PICTURE)[0][0] in NAMES
    given = Predictor(run, 40, engine="dygraph", class_names=NAMES[::-1], prepare=Preparation(36))
    assert (given.image_size, given.class_names) == (36, NAMES[::-1])


def test_without_a_size_an_image_keeps_its_own():
    unknown = Predictor(network(), engine="dygraph")
    assert unknown.image_size is None and unknown.predict(PICTURE)[0][0].startswith("class ")
    for picture, size in ((PICTURE, 50), (cv2.resize(PICTURE, (40, 33)), None), (photograph("rocket", 300), 224)):
        x = test_transform(size)(picture) if size else Preparation(224).normalized(picture)
        assert np.array_equal(unknown.logits(picture), unknown.logits(x[None]))
    mixed = unknown.logits([PICTURE, photograph("rocket", 40), PICTURE])  # two sizes, three batches
    assert np.allclose(mixed[[0, 2]], unknown.logits(PICTURE), atol=1e-5) and len(mixed) == 3


def test_long_lists_are_run_in_parts(predictor, monkeypatch):
    monkeypatch.setattr(inference, "AT_A_TIME", 3)
    sizes, forward = [], predictor._logits
    monkeypatch.setattr(predictor, "_logits", lambda x: (sizes.append(len(x)), forward(x))[1])
    assert len(predictor.predict([PICTURE] * 7)) == 7 and sizes == [3, 3, 1]


def test_names_that_do_not_fit():
    with pytest.raises(FasterNetError, match="class_names must name each of the 10 classes, got 2"):
        Predictor(network(), engine="dygraph", class_names=("a", "b"))
    other_head = recorded(class_names=("a", "b"))
    assert Predictor(other_head, engine="dygraph").class_names == ()


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.full((1, 3, 32, 32), np.nan), "NaN or infinity"),
        (np.full((1, 3, 32, 32), -np.inf), "NaN or infinity"),
        (PICTURE.transpose(2, 0, 1)[None].astype(float), r"give 0\.\.255 as integers"),
    ],
)
def test_a_batch_that_nobody_normalised_is_refused(predictor, x, says):
    for ask in (predictor.logits, predictor.probabilities):
        with pytest.raises(FasterNetError, match=says):
            ask(x)


def test_a_network_may_be_fed_levels():
    """A record whose deviation is 1/255 means the network's input by 0..255."""
    levels = Predictor(recorded(mean=(0, 0, 0), std=(1 / 255,) * 3), engine="dygraph")
    assert levels.logits(np.full((1, 3, 64, 64), 255.0)).shape == (1, 10)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"class_names": set(NAMES)}, "in the order of the network's outputs, got a set"),
        ({"class_names": dict.fromkeys(NAMES, 0)}, "got a dict"),
        ({"class_names": [*NAMES[:9], None]}, "must be names, got None"),
        ({"class_names": "labels.txt"}, "labels.txt cannot be opened"),  # ten characters are no ten names
        ({"class_names": 10}, "got a int"),
        ({"image_size": 0}, "image_size must be a whole number of pixels, 32 to 4096, got 0"),
        ({"image_size": 31}, "got 31"),
        ({"image_size": 64.0}, "got 64.0"),
        ({"image_size": "64"}, "got '64'"),
        ({"image_size": 10**7}, "got 10000000"),
        ({"threads": 0}, "threads must be a whole number, at least 1, got 0"),
        ({"threads": 1.5}, "got 1.5"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, says):
    with pytest.raises(FasterNetError, match=says):
        Predictor(network(), engine="dygraph", **settings)


def test_names_in_every_form(tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(NAMES), encoding="utf-8")
    for given in (list(NAMES), np.array(NAMES), (name for name in NAMES), tmp_path / "labels.txt"):
        assert Predictor(network(), 32, engine="dygraph", class_names=given).class_names == NAMES
    assert Predictor(network(), 32, engine="dygraph", class_names=range(10)).class_names == tuple("0123456789")
    for top_k in (1.5, "2", None, 0):
        with pytest.raises(FasterNetError, match="top_k must be a whole number"):
            Predictor(network(), 32, engine="dygraph").predict(PICTURE, top_k)
