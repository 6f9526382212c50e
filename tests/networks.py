"""What the tests of inference and export share: a small network, images, and what the model itself answers."""

import copy

import numpy as np
import paddle

from fasternet_paddle.model.fasternet import create_model


def network(seed=0, **settings):
    """A small FasterNet whose batch norms have seen images, so that folding them matters."""
    paddle.seed(seed)
    model = create_model("t0", embed_dim=16, depths=(1, 1, 2, 1), **settings)
    model.train()
    with paddle.no_grad():
        model(paddle.randn([8, 3, 64, 64]) * 2.0 + 1.0)
    return model


def images(count=5, height=64, width=96, channels=3):
    return np.random.RandomState(1).standard_normal((count, channels, height, width)).astype(np.float32)


def eager(model, x):
    twin = copy.deepcopy(model)
    twin.eval()
    with paddle.no_grad():
        return twin(paddle.to_tensor(x)).numpy()


def assert_close(got, wanted, relative=1e-5):
    assert got.shape == wanted.shape and got.dtype == np.float32
    assert np.abs(got - wanted).max() <= relative * np.abs(wanted).max()
