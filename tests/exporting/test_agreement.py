import json

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.exporting.agreement import BATCH, compare, to_json

TOLD = dict(outputs="logits", engine="another", pictures="made up")


def logits(count=25):
    return np.random.default_rng(0).standard_normal((count, 10)).astype(np.float32)


def same(x):
    return x


def moved(change):
    def network(x):
        assert len(x) <= BATCH
        y = x.copy()
        change(y)
        return y

    return network


def test_equal_networks_agree_and_say_over_what():
    x = logits()
    found = compare(same, same, x, **TOLD)
    assert found.holds() and found.largest_difference == 0 and found.differing_decisions == 0
    assert found.answers == len(set(x.argmax(axis=1))) and found.largest_output == np.abs(x).max()
    assert found.sentence().startswith("25 pictures (made up) through another: logits up to ")
    assert json.loads(to_json(network=found))["network"]["images"] == 25


@pytest.mark.parametrize(
    "change",
    [
        lambda y: np.add(y, 1e-2, out=y),
        lambda y: np.copyto(y, y[:, ::-1].copy()),
        lambda y: np.copyto(y, np.nan),
        lambda y: np.copyto(y[:, 3], np.inf),
    ],
    ids=["off by a hundredth", "classes turned round", "NaN", "infinite"],
)
def test_another_network_does_not(change):
    with pytest.raises(FasterNetError, match="does not answer as the model does: 25 pictures"):
        compare(same, moved(change), logits(), **TOLD).check()


def test_rounding_is_agreement():
    compare(same, moved(lambda y: np.add(y, 1e-6, out=y)), logits(), **TOLD).check()


def test_a_decision_that_differs_by_rounding_alone_is_no_agreement():
    x = np.zeros((1, 10), np.float32)
    found = compare(same, moved(lambda y: np.copyto(y[:, 1], 1e-6)), x, **TOLD)
    assert found.differing_decisions == 1 and not found.holds()


def test_int8_may_move_outputs_and_a_tenth_of_the_decisions():
    x = logits(20)
    large = moved(lambda y: np.add(y, 0.5, out=y))
    assert compare(same, large, x, **TOLD, quantised=True).holds()
    assert not compare(same, moved(lambda y: np.copyto(y, -y)), x, **TOLD, quantised=True).holds()
    assert not compare(same, moved(lambda y: np.copyto(y, np.nan)), x, **TOLD, quantised=True).holds()


def test_outputs_of_another_shape_and_no_pictures_are_refused():
    with pytest.raises(FasterNetError, match=r"shape \(25, 9\), the model's \(25, 10\)"):
        compare(same, lambda x: x[:, :9], logits(), **TOLD)
    with pytest.raises(FasterNetError, match="real pictures, got none"):
        compare(same, same, logits(0), **TOLD)
