"""RandAugment: Pillow as witness for what is done to photographs, timm's formulas for how strongly."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import stats
from skimage import data

from fasternet_paddle.data.picture_operations import FILL, OPERATIONS
from fasternet_paddle.data.randaugment import RandAugment
from fasternet_paddle.errors import FasterNetError

PICTURES = [data.chelsea()[:150, 60:260], data.coffee()[100:231, 200:300], data.astronaut()[::8, ::8]]
PICTURES += [PICTURES[0] // 3 + 40, np.full((5, 7, 3), 9, np.uint8), PICTURES[0][:2, :1], PICTURES[1][:3, :3]]


def _affine(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=FILL)


PILLOWS = {  # as timm calls them
    "AutoContrast": (lambda image, _: ImageOps.autocontrast(image), [None]),
    "Equalize": (lambda image, _: ImageOps.equalize(image), [None]),
    "Invert": (lambda image, _: ImageOps.invert(image), [None]),
    "Rotate": (
        lambda image, v: image.rotate(v, resample=Image.Resampling.BILINEAR, fillcolor=FILL),
        [-30, -7.3, 0, 11, 29.9],
    ),
    "Posterize": (lambda i, v: i.point([n & ~(2 ** (8 - v) - 1) & 255 for n in range(256)] * 3), [0, 1, 3, 4, 8]),
    "Solarize": (ImageOps.solarize, [0, 100, 128, 256]),
    "SolarizeAdd": (lambda i, v: i.point([min(255, n + v) if n < 128 else n for n in range(256)] * 3), [0, 40, 110]),
    "Color": (lambda image, v: ImageEnhance.Color(image).enhance(v), [0.1, 0.7, 1.0, 1.9]),
    "Contrast": (lambda image, v: ImageEnhance.Contrast(image).enhance(v), [0.1, 0.7, 1.0, 1.9]),
    "Brightness": (lambda image, v: ImageEnhance.Brightness(image).enhance(v), [0.1, 0.7, 1.0, 1.9]),
    "Sharpness": (lambda image, v: ImageEnhance.Sharpness(image).enhance(v), [0.1, 0.7, 1.0, 1.9]),
    "ShearX": (lambda image, v: _affine(image, (1, v, 0, 0, 1, 0)), [-0.3, 0.05, 0.21]),
    "ShearY": (lambda image, v: _affine(image, (1, 0, 0, v, 1, 0)), [-0.3, 0.05, 0.21]),
    "TranslateX": (lambda image, v: _affine(image, (1, 0, v * image.size[0], 0, 1, 0)), [-0.45, 0.013, 0.2]),
    "TranslateY": (lambda image, v: _affine(image, (1, 0, 0, 0, 1, v * image.size[1])), [-0.45, 0.013, 0.2]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_pillows_to_a_level(name):
    witness, arguments = PILLOWS[name]
    for picture in PICTURES:
        for argument in arguments:
            kept, ours = picture.copy(), OPERATIONS[name](picture, argument)
            theirs = np.asarray(witness(Image.fromarray(picture), argument))
            assert ours.dtype == np.uint8 and ours.shape == picture.shape
            difference = np.abs(ours.astype(int) - theirs).max(axis=-1)
            assert difference.max() <= 1, (name, argument, picture.shape, difference.max(), (difference > 1).sum())
            np.testing.assert_array_equal(picture, kept)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("rand", RandAugment()),
        ("rand-m7-mstd0.5-inc1", RandAugment(7, 2, 0.5, 10, True)),
        ("rand-n3-m9.5-mstd1-mmax15-p0.8-inc0", RandAugment(9.5, 3, 1, 15, False, 0.8)),
        ("rand-m9-mstd.5", RandAugment(9, deviation=0.5)),
    ],
)
def test_timms_strings(text, law):
    assert RandAugment.read(text) == law


@pytest.mark.parametrize(
    "text",
    # an unknown word, an empty part, an unknown part, no number, twice, a sign, out of range
    [
        *("autoaugment", "rand-", "rand-q3", "rand-w0", "rand-m", "rand-m7-m8", "rand-m-7", "rand-n0", "rand-n1.5"),
        *("rand-p2", "rand-inc2", "rand-mmax0", "RAND-m7", "rand m7", "rand-m7-", "augmix-m5", "rand-m1e3", "-"),
    ],
)
def test_other_strings_are_one_sentence(text):
    with pytest.raises(FasterNetError, match="auto_augment") as caught:
        RandAugment.read(text)
    assert repr(text) in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.change == ("auto_augment",)


class _Fixed:
    """A generator whose coin falls as told."""

    def __init__(self, coin):
        self.coin = coin

    def random(self):
        return self.coin


@pytest.mark.parametrize("level", [0, 2.6, 7, 10])
def test_magnitudes_are_timms(level):
    plain, rising, part = RandAugment(), RandAugment(increasing=True), level / 10
    for coin, sign in ((0.0, 1), (0.9, -1)):
        rng = _Fixed(coin)
        for name, most in (("Rotate", 30), ("ShearX", 0.3), ("ShearY", 0.3), ("TranslateX", 0.45)):
            assert plain.argument(name, level, rng) == pytest.approx(sign * part * most)
        for name in ("Color", "Contrast", "Brightness", "Sharpness"):
            assert plain.argument(name, level, rng) == pytest.approx(part * 1.8 + 0.1)
            assert rising.argument(name, level, rng) == pytest.approx(max(0.1, 1 + sign * part * 0.9))
        assert plain.argument("Posterize", level, rng) == int(part * 4)
        assert rising.argument("Posterize", level, rng) == 4 - int(part * 4)
        assert plain.argument("Solarize", level, rng) == min(256, int(part * 256))
        assert rising.argument("Solarize", level, rng) == 256 - min(256, int(part * 256))
        assert plain.argument("SolarizeAdd", level, rng) == min(128, int(part * 110))


def test_magnitudes_are_drawn_by_the_law():
    rng = np.random.default_rng(0)
    law = RandAugment.read("rand-m5-mstd1.5")
    drawn = [law.draw_magnitude(rng) for _ in range(3000)]
    assert stats.kstest(drawn, stats.norm(5, 1.5).cdf).pvalue > 1e-3  # hardly any is cut off
    even = RandAugment.read("rand-m8-mstd101")
    assert stats.kstest([even.draw_magnitude(rng) for _ in range(3000)], stats.uniform(0, 8).cdf).pvalue > 1e-3
    cut = [RandAugment.read("rand-m12-mstd3").draw_magnitude(rng) for _ in range(500)]
    assert min(cut) >= 0 and max(cut) == 10


def test_operations_are_drawn_alike(monkeypatch):
    counts = dict.fromkeys(OPERATIONS, 0)
    for name in OPERATIONS:

        def counted(picture, _, name=name):
            counts[name] += 1
            return picture

        monkeypatch.setitem(OPERATIONS, name, counted)
    law, rng = RandAugment.read("rand-n3-p0.7"), np.random.default_rng(0)
    for _ in range(3000):
        law(PICTURES[2], rng)
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3
    assert stats.binomtest(sum(counts.values()), 9000, 0.7).pvalue > 1e-3
