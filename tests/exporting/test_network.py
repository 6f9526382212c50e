"""An export is the network: same answers, same files each time, and the model is left alone."""

import re

import numpy as np
import paddle
from paddle import nn

from fasternet_paddle.exporting.network import FILES, TimesOne, export_network, input_channels, suited_to_bf16
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.model.layers import PConv
from tests.networks import assert_close, eager, images, network

LAYER = re.compile(r"/[\w/]+/")  # such as /Sequential_2/Conv2D/


def test_export_is_the_same_each_time_and_answers_as_the_model(tmp_path):
    model = network()
    model.feature.eval()  # a mixed mode, as of a network trained in part
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        export_network(model, tmp_path / name)
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == sorted(FILES)
    one, two = ((tmp_path / name / "inference.pdiparams").read_bytes() for name in ("one", "two"))
    assert one == two
    one, two = (LAYER.sub("", (tmp_path / name / "inference.json").read_text()) for name in ("one", "two"))
    assert one == two and one.count('"struct_name"') > 20
    assert [layer.training for layer in model.sublayers(include_self=True)] == modes
    loaded = paddle.jit.load(str(tmp_path / "one" / "inference"))
    for shape in ((1, 32, 32), (3, 64, 96)):
        assert_close(loaded(paddle.to_tensor(images(*shape))).numpy(), eager(model, images(*shape)), 1e-6)


def test_a_shape_may_be_fixed(tmp_path):
    layer = PConv(8)  # its first convolution has 2 channels, its input 8
    x = images(2, 4, 4, channels=8)
    export_network(layer, tmp_path, x.shape)
    loaded = paddle.jit.load(str(tmp_path / "inference"))
    assert_close(loaded(paddle.to_tensor(x)).numpy(), eager(layer, x), 1e-6)


def test_channels_are_those_of_the_first_convolution():
    assert input_channels(create_model("t0", in_channel=1, embed_dim=16, depths=(1, 1, 1, 1))) == 1
    assert input_channels(nn.Linear(4, 2)) == 3


def test_network_for_bf16_answers_the_same():
    model = network()
    suited = suited_to_bf16(model)
    assert np.array_equal(eager(suited, images()), eager(model, images()))
    assert not any(isinstance(layer, TimesOne) for layer in model.sublayers())
