"""Random erasing: timm's loop written out anew as witness for the boxes."""

import math

import numpy as np
import pytest
from scipy import stats

from fasternet_paddle.data.erasing import RandomErasing, draw_erased


def test_boxes_are_timms():
    height, width, rng, draw = 40, 60, np.random.default_rng(0), np.random.RandomState(1)
    ours = [draw_erased(rng, height, width) for _ in range(4000)]
    theirs = []
    while len(theirs) < 4000:
        area = draw.uniform(0.02, 1 / 3) * height * width
        aspect = math.exp(draw.uniform(math.log(0.3), math.log(1 / 0.3)))
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if w < width and h < height:
            theirs.append((draw.randint(0, height - h + 1), draw.randint(0, width - w + 1), h, w))
    for column, other in zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True):
        assert stats.ks_2samp(column, other).pvalue > 1e-3


@pytest.mark.parametrize("mode", ["const", "pixel"])
def test_a_box_is_filled_and_the_rest_stays(mode):
    erase, rng = RandomErasing(0.25, mode), np.random.default_rng(2)
    erased, noise = 0, []
    for _ in range(2000):
        image = erase(np.full((3, 24, 24), 7, np.float32), rng)
        changed = (image != 7).all(axis=0)
        assert ((image == 7).all(axis=0) | changed).all()
        if changed.any():
            erased += 1
            rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
            assert changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
            noise.append(image[:, changed].ravel())
    assert stats.binomtest(erased, 2000, 0.25).pvalue > 1e-3
    noise = np.concatenate(noise)
    if mode == "const":
        assert not noise.any()
    else:
        assert stats.kstest(noise[:20000], "norm").pvalue > 1e-3
