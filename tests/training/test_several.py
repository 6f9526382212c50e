"""Several processes train as one would: the same samples, gradients and draws, and the same bits in each of them."""

import numpy as np
import pytest

from fasternet_paddle.runtime.launch import launch
from tests import shared_run

STEPS = {2: 100, 3: 10}  # by the number of processes


@pytest.fixture(scope="module")
def alone():
    """What one process does."""
    return shared_run.gradients_and_weights(STEPS[3])


@pytest.fixture(scope="module", params=[2, 3])
def together(request):
    return launch(shared_run.gradients_and_weights, (STEPS[request.param],), request.param, threads=1)


def test_the_start_and_every_step_are_the_same_bits_in_all_processes(alone, together):
    for name in ("start", "weights", "statistics"):
        assert len({told[name] for told in together}) == 1, name
    assert together[0]["start"] == alone["start"]
    assert len({told["own statistics"] for told in together}) == len(together)  # each has seen its own images
    assert len({told["tally"] for told in together}) == 1
    assert together[0]["tally"][2] == STEPS[len(together)] * shared_run.RECIPE.batch_size


@pytest.mark.parametrize("batch", ["plain", "mixed", "empty share"])
def test_the_gradient_is_that_of_the_whole_batch(alone, together, batch):
    gradients = [told[batch] for told in together]
    assert all(np.array_equal(gradients[0], other) for other in gradients)
    scale = np.abs(alone[batch]).max()
    assert scale > 0
    np.testing.assert_allclose(gradients[0] / scale, alone[batch] / scale, rtol=0, atol=1e-6)


def test_the_shares_of_a_step_are_its_batch(alone, together):
    whole = shared_run.batches(STEPS[len(together)])
    assert alone["indices"] == whole[: STEPS[3]]
    for step, batch in enumerate(whole):
        shares = [told["indices"][step] for told in together]
        assert [index for share in shares for index in share] == batch
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_same_seed_and_number_of_processes_give_the_same_bits(together):
    if len(together) == 3:
        again = launch(shared_run.gradients_and_weights, (STEPS[3],), 3, threads=1)
        assert [told["statistics"] for told in again] == [told["statistics"] for told in together]
        assert [told["tally"] for told in again] == [told["tally"] for told in together]
