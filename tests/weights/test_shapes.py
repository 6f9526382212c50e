"""Sizes read off shapes, against the networks that they were made with."""

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import VARIANTS, create_model, variant_of
from fasternet_paddle.weights.shapes import Shapes, read_shapes


def _arrays(*args, **sizes):
    model = create_model(*args, **sizes)
    return {name: np.broadcast_to(0.0, value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("variant", ["t0", "s", "m"])
def test_every_size_is_told(variant):
    sizes = VARIANTS[variant]
    shapes = read_shapes(_arrays(variant, num_classes=7), "file")
    assert shapes == Shapes(sizes["embed_dim"], sizes["depths"], "pconv", 7)
    assert variant_of(shapes.embed_dim, shapes.depths) == variant


@pytest.mark.parametrize("mixer", ["pconv", "dwconv", "conv"])
@pytest.mark.parametrize("width", [4, 40])
def test_every_mixer_is_told(mixer, width):
    """Also PConv on four channels, whose weight has one input channel like a depthwise one."""
    shapes = read_shapes(_arrays("t0", mixer=mixer, embed_dim=width), "file")
    assert (shapes.mixer, shapes.embed_dim) == (mixer, width)


def test_sizes_of_no_variant_have_no_name():
    assert variant_of(42, (1, 2, 8, 2)) is None
    assert variant_of(40, (1, 2, 8, 3)) is None


@pytest.mark.parametrize("name", ["stem.0.weight", "feature.0.0.conv1.weight", "fc.bias"])
def test_what_lacks_a_telling_array_is_no_fasternet(name):
    arrays = _arrays("t0", embed_dim=4)
    for wrong in (None, np.zeros(())):
        others = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(FasterNetError, match=f"file is not a FasterNet: it lacks {name}"):
            read_shapes(others if wrong is None else others | {name: wrong}, "file")


def test_a_mixer_of_ones_own_is_not_told():
    arrays = _arrays("t0", embed_dim=4)
    arrays["feature.0.0.pconv.own"] = arrays.pop("feature.0.0.pconv.conv.weight")
    assert read_shapes(arrays, "file") == Shapes(4, (1, 2, 8, 2), None, 10)
