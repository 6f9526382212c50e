"""What the tests of explanations share: photographs, a network trained on them in seconds, InterpretDL as it is."""

import functools

import cv2
import numpy as np
import paddle
from skimage import data

from fasternet_paddle.data.transforms import MEAN, STD
from fasternet_paddle.explaining.explanation import Explanation
from fasternet_paddle.explaining.interpretdl import load_interpretdl
from fasternet_paddle.explaining.lime import Lime
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy

REASON = 14  # a tile of 36
GREY = 127
PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut")


@functools.cache
def crops(size=32, count=1600):
    """Crops of the photographs, half their height and flipped at times; the label says of which: (uint8, int64)."""
    draw = np.random.RandomState(0)
    labels = draw.randint(0, len(PHOTOGRAPHS), count)
    wholes = [getattr(data, name)() for name in PHOTOGRAPHS]
    images = np.empty((count, size, size, 3), np.uint8)
    for index, label in enumerate(labels):
        whole = wholes[label]
        side = draw.randint(len(whole) // 4, len(whole))
        top, left = (draw.randint(0, extent - side + 1) for extent in whole.shape[:2])
        crop = cv2.resize(whole[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
        images[index] = crop[:, :: draw.choice((1, -1))]
    return images, labels


@functools.cache
def trained(steps=20):
    """A narrow FasterNet that has learnt to tell the photographs apart, left in train mode. Do not change it."""
    images, labels = crops()
    paddle.seed(0)
    model = create_model("t0", num_classes=len(PHOTOGRAPHS), embed_dim=24, depths=(1, 1, 2, 1))
    criterion = LabelSmoothingCrossEntropy(0.1)  # keeps probabilities off 0 and 1, where float32 has few digits
    optimizer = paddle.optimizer.AdamW(1e-3, parameters=model.parameters())
    for step in range(steps):
        batch = np.arange(step * 32, step * 32 + 32) % len(images)
        loss = criterion(model(paddle.to_tensor(normalised(images[batch]))), paddle.to_tensor(labels[batch]))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    return model


def normalised(images):
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W), written out anew."""
    x = (images / 255.0 - np.array(MEAN)) / np.array(STD)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)


def photograph(name, size=224):
    return cv2.resize(getattr(data, name)(), (size, size))


def stock_lime(model, seed):
    """InterpretDL's own LIME, with nothing but the argument replaced that scikit-learn no longer knows."""
    interpretdl = load_interpretdl()
    base = load_interpretdl("interpreter._lime_base")

    class StockBase(base.LimeBase):
        def _fitting_data(self, data, labels, distances, label, ordered=True, model_regressor=None):
            ridge = base.Ridge(alpha=0, fit_intercept=True, random_state=self.random_state)
            return super()._fitting_data(data, labels, distances, label, ordered, ridge)

    interpreter = interpretdl.LIMECVInterpreter(model, device="cpu")
    interpreter.lime_base = StockBase(random_state=seed)
    return interpreter


def tiles(picture, count=6):
    """A segmentation in count x count tiles: quick, and known beforehand."""
    rows, columns = (np.arange(extent) * count // extent for extent in picture.shape[:2])
    return rows[:, None] * count + columns


def depends_on(region, picture):
    """A classifier whose class 1 falls from 1 as the pixels of ``region`` move away from ``picture``; else blind."""
    original = normalised(picture[None])

    def classify(batch):
        moved = np.abs(batch - original)[:, :, region].mean(axis=(1, 2))
        return np.stack([1 - np.exp(-moved), np.exp(-moved)], axis=1)

    return classify


def same(first, second):
    """Whether two explanations agree in every field, dtypes and NaNs included."""
    for name in Explanation.__dataclass_fields__:
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, np.ndarray):
            nan = a.dtype.kind == "f"
            if not isinstance(b, np.ndarray) or a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=nan):
                return False
        elif a != b or type(a) is not type(b):
            return False
    return True


def known_reason():
    """An explainer of a classifier that looks at one tile, its image, and the probability with that tile in grey."""
    image = photograph("coffee")
    classifier = depends_on(tiles(image) == REASON, image)
    grey = np.where((tiles(image) == REASON)[..., None], GREY, image)
    return Lime(classifier, segment=tiles), image, classifier(normalised(grey[None]))[0, 1]
