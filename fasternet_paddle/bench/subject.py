"""The network and the images that the bench measures: T0 with ten classes at 224 pixels, unless weights are named."""

import contextlib
import tempfile
import warnings
from pathlib import Path

import cv2
import numpy as np
import paddle

from ..data.transforms import normalize, to_chw
from ..model.fasternet import create_model
from ..runs.run import load_run
from ..weights.pdparams import save_state
from .measuring import SIZE

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut")  # of scikit-image, which installs them


def photograph(name):
    """uint8 ``(224, 224, 3)``: a photograph of scikit-image."""
    from skimage import data

    return cv2.resize(getattr(data, name)(), (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def photographs(count=8):
    """Normalised float32 ``(count, 3, 224, 224)``: crops of the photographs, the same each time."""
    draw = np.random.RandomState(0)
    crops = []
    for index in range(count):
        picture = photograph(PHOTOGRAPHS[index % len(PHOTOGRAPHS)])
        side = draw.randint(SIZE // 2, SIZE + 1)
        top, left = draw.randint(0, SIZE - side + 1, 2)
        crops.append(normalize(to_chw(cv2.resize(picture[top : top + side, left : left + side], (SIZE, SIZE)))))
    return np.stack(crops)


def write_network(path, variant="t0"):
    """Write drawn weights of a network whose batch norms have seen photographs, so that its answers differ by image."""
    paddle.seed(0)
    model = create_model(variant)
    model.train()
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0  # one batch decides the statistics
    with paddle.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="When training, we now always track global")  # as is wanted here
        model(paddle.to_tensor(photographs(8)))
    save_state(model.state_dict(), Path(path))


@contextlib.contextmanager
def weights_file(given=None, variant="t0"):
    """Path of the weights to measure with: ``given``, or for a while those of ``write_network``."""
    if given is not None:
        yield str(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.pdparams"
        write_network(path, variant)
        yield str(path)


def read_network(path):
    """The network in a weights file, in eval mode."""
    return load_run(path).model
