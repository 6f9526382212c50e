"""Faithfulness says what is so: against InterpretDL's evaluator and against known answers."""

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.explaining.faithfulness import measure_faithfulness
from fasternet_paddle.explaining.interpretdl import load_interpretdl
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.inference.predictor import Predictor
from tests.photographs import known_reason, photograph, tiles, trained


def test_curves_equal_interpretdls_evaluator():
    model, image = trained(), photograph("chelsea")
    explainer = Lime(Predictor(model), segment=tiles)
    explanation = explainer.explain(image, num_samples=80)
    ours = measure_faithfulness(explainer, image, explanation, orderings=1, batch_size=16)
    weights = [(index, explanation.weights[0, index]) for index in explanation.ranking()]
    evaluator = load_interpretdl().DeletionInsertion(model, "cpu")
    theirs = evaluator.evaluate(
        image[None], {"segmentation": tiles(image), "lime_weights": {ours.label: weights}}, batch_size=16
    )
    model.train()  # InterpretDL leaves it in eval mode
    assert ours.deletion == pytest.approx(theirs["del_probas"], abs=1e-5)
    assert ours.insertion[1:] == pytest.approx(theirs["ins_probas"][:-1], abs=1e-5)  # it has no empty image,
    assert theirs["ins_probas"][-1] == pytest.approx(ours.insertion[-1], abs=1e-5)  # and the whole one twice
    assert ours.areas()["deletion"] == pytest.approx(theirs["deletion_score"], abs=1e-5)
    assert ours.deletion[::-1][0] == pytest.approx(ours.insertion[0], abs=1e-6)  # all hidden is none shown


def test_known_reason_gives_known_areas():
    explainer, image, hidden = known_reason()
    explanation = explainer.explain(image, [1], 60)
    result = measure_faithfulness(explainer, image, explanation, orderings=30, seed=1)
    assert result.deletion == pytest.approx([1.0] + 36 * [hidden], abs=1e-5)
    assert result.insertion == pytest.approx([hidden] + 36 * [1.0], abs=1e-5)
    areas = result.areas()
    assert areas["deletion"] == pytest.approx((1 + 36 * hidden) / 37, abs=1e-5)
    assert areas["insertion"] == pytest.approx((36 + hidden) / 37, abs=1e-5)
    for kind in ("deletion", "insertion"):  # at random the reason comes halfway
        spread = (1 - hidden) / np.sqrt(12) / np.sqrt(30)
        assert areas[f"random_{kind}"].mean() == pytest.approx((1 + hidden) / 2, abs=4 * spread)
        assert len(areas[f"random_{kind}"]) == 30
    assert result.warning is None
    again = measure_faithfulness(explainer, image, explanation, orderings=30, seed=1)
    assert (again.random_deletion == result.random_deletion).all()


def test_order_that_is_no_better_than_chance_is_warned_of():
    explainer, image, _ = known_reason()
    against = explainer.explain(image, [0, 1], 60)  # ordered by what speaks for class 0
    upside_down = type(against)(**{**vars(against), "classes": (1, 0)})
    result = measure_faithfulness(explainer, image, upside_down, orderings=20)
    assert "no better than a random order in deletion" in result.warning and "insertion" in result.warning


def test_hiding_with_the_mean_is_limes_own_way():
    explainer, image, _ = known_reason()
    explanation = explainer.explain(image, [1], 60)
    mean = measure_faithfulness(explainer, image, explanation, orderings=1, hide="mean")
    assert mean.deletion[1] == pytest.approx(explanation.intercepts[0], abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image": photograph("rocket")}, "the one that was explained"),
        ({"label": 0}, "class 0 was not explained; explained classes: 1"),
        ({"orderings": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"hide": "blue"}, "grey or mean, got 'blue'"),
    ],
)
def test_wrong_settings_are_one_sentence(settings, message):
    explainer, image, _ = known_reason()
    arguments = {"image": image, "explanation": explainer.explain(image, [1], 60), **settings}
    with pytest.raises(FasterNetError, match=message):
        measure_faithfulness(explainer, **arguments)
