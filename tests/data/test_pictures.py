"""Every form of an image means one picture, for whoever shows, explains or classifies it."""

import warnings

import numpy as np
import paddle
import pytest
from PIL import Image

from fasternet_paddle.data.pictures import as_input, as_picture, as_pictures, is_input
from fasternet_paddle.data.preparation import Preparation
from fasternet_paddle.data.transforms import denormalize
from fasternet_paddle.data.transforms import test_transform as validation_transform
from fasternet_paddle.errors import FasterNetError
from tests.photographs import normalised, photograph


def test_every_form_of_an_image_is_the_same_picture():
    image = photograph("chelsea", 40)
    x = normalised(image[None])
    forms = [image, image[None], image.astype(np.int64), image.transpose(2, 0, 1), image / 255.0]
    forms += [x, x[0], x[0].astype(np.float64), x[0].transpose(1, 2, 0), paddle.to_tensor(x), paddle.to_tensor(image)]
    for form in forms:
        assert (as_picture(form) == image).all()
    grey = image[..., 0]
    for form in (grey, grey[..., None], grey / 255.0):
        assert (as_picture(form) == grey[..., None]).all() and as_picture(form).shape == image.shape
    clear = np.dstack([image, np.zeros_like(grey)])
    assert (as_picture(clear) == 255).all()  # over white
    assert (as_picture(np.dstack([image, np.full_like(grey, 255)])) == image).all()


def test_floats_outside_the_range_are_clipped_with_a_warning():
    image = np.full((40, 40, 3), 250, np.uint8)
    brighter = normalised(image[None]) + 107 / 255 / 0.229  # 357 in the red channel, which would wrap to 101
    with pytest.warns(UserWarning, match="clipped") as caught:
        picture = as_picture(brighter)
    assert (picture[..., 0] == 255).all() and len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_picture(normalised(image[None]))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((10, 10, 5), np.uint8), "an image must be"),
        (np.zeros(10, np.uint8), "an image must be"),
        (np.zeros((0, 10, 3), np.uint8), "must have pixels"),
        (np.full((10, 10, 3), 300), "0..255"),
        (np.full((3, 10, 10), np.nan), "NaN"),
        (np.full((10, 10, 3), 200.0), r"lie in \[0, 1\] or be normalised .* got 200 to 200; give 0..255 as integers"),
        (np.full((10, 10, 3), -1), "0..255, got -1"),
        (np.zeros((2, 10, 10, 3), np.uint8), "an image must be"),
        (np.zeros((10, 10, 3), complex), "integers or floats"),
        (np.zeros((10, 10, 3), bool), "integers or floats"),
        (np.array("cat"), "integers or floats"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(FasterNetError, match=message):
        as_picture(image)


def test_what_may_be_either_is_refused_with_the_way_to_pass_it():
    """An even picture lies in [0, 1] after normalisation too, as pictures do that are not normalised."""
    even = np.full((40, 40, 3), 130, np.uint8)
    x = normalised(even[None])[0]
    unit = (photograph("coffee", 40) / 255.0).transpose(2, 0, 1)
    assert x.min() >= 0 and x.max() <= 1
    for image in (x, unit):
        for refuses in (as_picture, as_input):
            with pytest.raises(FasterNetError, match=r"from 0\S* to \S+ may be a picture in \[0, 1\] or the network's"):
                refuses(image)
    assert (as_picture(denormalize(x).transpose(1, 2, 0)) == even).all()  # as the sentence says
    assert (as_picture(unit.transpose(1, 2, 0)) == photograph("coffee", 40)).all()
    assert (np.stack(as_pictures([x, normalised(photograph("coffee", 40)[None])[0]]))[0] == even).all()  # in company


def test_whether_floats_are_normalised_is_asked_of_all_images_at_once():
    images = np.stack([np.full((40, 40, 3), 130, np.uint8), photograph("coffee", 40)])
    channels_last = normalised(images).transpose(0, 2, 3, 1)
    assert (np.stack(as_pictures(channels_last)) == images).all()
    assert (as_picture(channels_last[0]) != images[0]).any()  # alone it cannot be told from one in [0, 1]
    assert as_pictures([]) == []


def test_what_interpolation_leaves_outside_is_clipped_with_a_warning():
    overshot = np.linspace(-0.02, 1.05, 12 * 12 * 3).reshape(12, 12, 3)
    with pytest.warns(UserWarning, match="clipped") as caught:
        picture = as_picture(overshot)
    assert picture.min() == 0 and picture.max() == 255 and caught[0].filename == __file__
    assert (picture == np.rint(np.clip(overshot, 0, 1) * 255)).all()


def test_input_is_what_validation_makes():
    image = photograph("coffee", 50)
    for size in (32, 50):
        assert (as_input(image, Preparation(size)) == validation_transform(size)(image)).all()
    small, large = image[:40], photograph("coffee", 300)
    assert (as_input(small) == Preparation(32).normalized(small)).all()  # its own size, where none is known
    assert as_input(large).shape == (3, 224, 224)
    assert as_input(photograph("coffee", 20)).shape == (3, 224, 224)  # too small for the network


def test_the_networks_input_is_handed_on_to_the_bit():
    x = np.random.RandomState(0).standard_normal((3, 40, 50)).astype(np.float32)
    for form in (x, x[None], x.transpose(1, 2, 0), paddle.to_tensor(x)):
        got = as_input(form, Preparation(32))
        assert (got == x).all() and got.dtype == np.float32 and got.flags.c_contiguous
    assert is_input(x) and not is_input(photograph("coffee", 40)) and not is_input("coffee.png")
    half = Preparation(32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    picture = photograph("coffee", 40)
    assert (as_picture(half.normalized(picture), half) == picture).all()


def test_files_and_pillows_images_are_read(tmp_path):
    image = photograph("coffee", 50)
    Image.fromarray(image).save(tmp_path / "coffee.png")
    for form in (tmp_path / "coffee.png", str(tmp_path / "coffee.png"), Image.fromarray(image)):
        assert (as_picture(form) == image).all()
        assert (as_input(form, Preparation(32)) == validation_transform(32)(image)).all()
    with pytest.raises(FasterNetError, match="nowhere"):
        as_picture("nowhere.png")


X = normalised(photograph("coffee", 40)[None])[0]
UNIT = photograph("coffee", 40) / 255.0
GREY_X = X[0]


class NeedsGradient:
    """A tensor as PyTorch's: refuses to be an array while it may need a gradient."""

    dtype = "torch.bfloat16"

    def __init__(self, array, steps=()):
        self.array, self.steps = array, steps

    def _after(step):
        return lambda self: NeedsGradient(self.array, (*self.steps, step))

    detach, cpu, float = _after("detach"), _after("cpu"), _after("float")

    def __array__(self, dtype=None, copy=None):
        if self.steps != ("detach", "cpu", "float"):
            raise TypeError("Can't call numpy() on Tensor that requires grad.")
        return self.array


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("lies on another machine")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[1, 2], [3]], "must be an array, got a list"),
        (Unreadable(), "must be an array, got a Unreadable: lies on another machine"),
        (Image.new("RGB", (0, 5)), r"it has no pixels \(0 x 5\)"),
        (photograph("coffee", 40)[0], "a row of one in colours"),
        (photograph("coffee", 40)[..., 0].tolist(), "give a whole picture as an array"),
        (GREY_X, r"grey floats, .* must lie in \[0, 1\]"),
        (GREY_X[..., None], "grey floats"),
        (np.dstack([X.transpose(1, 2, 0), GREY_X]), "those with an opacity"),
        (b"nowhere.png", "nowhere.png cannot be opened"),
    ],
)
def test_what_would_be_misread_is_refused(image, message):
    for refuses in (as_picture, as_input):
        with pytest.raises(FasterNetError, match=message):
            refuses(image)


@pytest.mark.parametrize("several", [[UNIT, X.transpose(1, 2, 0)], [UNIT.transpose(2, 0, 1), X]])
def test_a_mixture_of_ranges_is_refused(several):
    for images in (several, several[::-1]):
        with pytest.raises(FasterNetError, match=r"some floats lie in \[0, 1\] \(.*give all of them in one form"):
            as_pictures(images)


def test_tensors_of_every_kind_are_read(tmp_path):
    image = photograph("coffee", 40)
    assert (as_input(NeedsGradient(X)) == X).all()
    assert (as_input(paddle.to_tensor(X, stop_gradient=False)) == X).all()
    half = paddle.to_tensor(X).astype("bfloat16")  # numpy gets these as integers
    assert (as_input(half) == half.astype("float32").numpy()).all()
    for form in (np.asfortranarray(image), image[::-1][::-1], image.astype(">u2"), np.ma.array(image)):
        assert (as_picture(form) == image).all()
    Image.fromarray(image).save(tmp_path / "coffee.png")
    assert (as_picture(bytes(tmp_path / "coffee.png")) == image).all()
