"""Temperature scaling against a search by hand and against networks whose temperature is known."""

import numpy as np
import pytest
from scipy.special import log_softmax

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.results.calibration import fit_temperature
from tests.results.numbers import made_up


def sampled(temperature, images=20_000, seed=0):
    """Labels drawn from softmax(z), and logits temperature * z: the temperature is known."""
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(images, 6)) * 2
    labels = (np.log(generator.random((images, 6))) / -np.exp(z)).argmin(axis=1)  # exponential clocks: P(j) ~ exp(z_j)
    return (temperature * z).astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_finds_the_temperature_that_was_put_in(temperature):
    calibration = fit_temperature(*sampled(temperature))
    assert calibration.temperature == pytest.approx(temperature, rel=0.03)
    assert calibration.ece_after < 0.02 and calibration.ece_held_out < 0.02
    assert calibration.nll_after <= calibration.nll_before + 1e-12


def test_no_temperature_near_it_is_likelier():
    logits, labels = made_up()
    found = fit_temperature(logits, labels)

    def nll(temperature):
        return -log_softmax(np.float64(logits) / temperature, axis=1)[np.arange(len(labels)), labels].mean()

    grid = np.geomspace(0.1, 10, 4001)
    assert found.temperature == pytest.approx(grid[np.argmin([nll(t) for t in grid])], rel=2e-3)
    assert found.nll_after == pytest.approx(nll(found.temperature), rel=1e-12)
    assert nll(found.temperature) <= min(nll(found.temperature * 1.001), nll(found.temperature / 1.001))


def test_answers_stay_and_held_out_fifths_are_no_better_than_the_fit():
    logits, labels = made_up(images=80, scale=5.0)
    calibration = fit_temperature(logits, labels)
    assert ((logits / np.float32(calibration.temperature)).argmax(1) == logits.argmax(1)).all()
    assert calibration.nll_after < calibration.nll_held_out < calibration.nll_before
    assert fit_temperature(logits, labels) == calibration
    assert f"{calibration.temperature:.4f} from 80 images" in calibration.describe()


@pytest.mark.parametrize(
    ("logits", "labels", "sentence"),
    [
        (np.eye(10, dtype=np.float32), np.arange(10), "10 of 10 are right"),
        (-np.eye(10, dtype=np.float32), np.arange(10), "0 of 10 are right"),
        (*made_up(images=9), "at least 10 images, got 9"),
    ],
)
def test_images_that_set_no_temperature(logits, labels, sentence):
    with pytest.raises(FasterNetError, match=sentence):
        fit_temperature(logits, labels)
