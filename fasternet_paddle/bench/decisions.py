"""Do bf16 and int8 change what a network decides? ``python -m fasternet_paddle.bench decisions``.

A T0 learns, in a minute, to tell ten digits and the crops of nine photographs apart; then f32, bf16 and, where OpenVINO
and NNCF are installed, int8 each decide over 5,000 or more other crops and the validation digits, at 32 pixels. Int8 is
calibrated on 300 training images. Accuracy stays below 97 %, since agreement means little where every answer is easy.
Expect at most 1 % of the top-1 decisions to differ in bf16, 2 % in int8.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import paddle

from ..data.datasets import load_dataset
from ..data.transforms import normalize
from ..files.tables import text_table
from ..files.writing import make_folder
from ..inference.engine import has_bf16
from ..inference.forms import QUANTISERS
from ..inference.int8 import IMAGES, Int8
from ..inference.predictor import Predictor
from ..model.fasternet import create_model
from ..model.losses import LabelSmoothingCrossEntropy
from ..runtime import cli, machine
from .measuring import check_least
from .rates import save_results, save_rows

SIZE = 32  # pixels
PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "hubble_deep_field",
    "retina",
    "motorcycle",
    "immunohistochemistry",
    "colorwheel",
)
TOO_EASY = 0.97
HEADER = ("precision", "images", "top-1", "decisions that differ from f32", "share")


@dataclass(frozen=True)
class DecisionFlags:
    """How to measure."""

    steps: int = 60
    """Training steps of 64 images; more make the network too sure of itself."""
    crops: int = 5000
    """Crops to decide on, beside the 360 validation digits."""
    seed: int = 0
    """Seed of crops and training."""
    output: Path = Path("work/bench")
    """Folder for decisions.csv."""

    def __post_init__(self):
        check_least(self, steps=1, crops=1)


def draw_crops(count, seed):
    """Crops of the photographs, a tenth to all of their shorter side, mirrored at times.

    Returns:
        (uint8 ``(count, 32, 32, 3)``, int64 ``(count,)``: 10 and above, since 0 to 9 are the digits)
    """
    from skimage import data

    draw = np.random.RandomState(seed)
    pictures = [data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)() for name in PHOTOGRAPHS]
    pictures = [picture[..., :3] for picture in pictures]
    labels = draw.randint(0, len(pictures), count)
    crops = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for index, label in enumerate(labels):
        picture = pictures[label]
        shorter = min(picture.shape[:2])
        side = draw.randint(max(SIZE, shorter // 10), shorter + 1)
        top, left = (draw.randint(0, extent - side + 1) for extent in picture.shape[:2])
        crop = cv2.resize(picture[top : top + side, left : left + side], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        crops[index] = crop[:, :: draw.choice((1, -1))]
    return crops, labels.astype(np.int64) + 10


def to_batch(images):
    """uint8 ``(N, 32, 32, 3)`` -> the network's input ``(N, 3, 32, 32)``."""
    return normalize(images.transpose(0, 3, 1, 2).astype(np.float32) / 255.0)


def train(digits, steps, seed):
    """A T0 after ``steps`` of 64 images, half of them crops; in eval mode."""
    paddle.seed(seed)
    draw = np.random.RandomState(seed)
    model = create_model("t0", num_classes=10 + len(PHOTOGRAPHS))
    optimizer = paddle.optimizer.AdamW(1e-3, parameters=model.parameters(), weight_decay=0.005)
    criterion = LabelSmoothingCrossEntropy(0.1)
    crops, labels = draw_crops(32 * steps, seed)
    for step in range(steps):
        some = draw.randint(0, len(digits.images), 32)
        these = slice(32 * step, 32 * step + 32)
        images = np.concatenate([digits.images[some], crops[these]])
        wanted = np.concatenate([digits.labels[some], labels[these]])
        loss = criterion(model(paddle.to_tensor(to_batch(images))), paddle.to_tensor(wanted))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    model.eval()
    return model


def measure_decisions(flags):
    """Rows under ``HEADER``: each precision's accuracy, and how many of its decisions are not those of f32.

    Each is saved as it comes.
    """
    digits = load_dataset("digits")
    model = train(digits.train, flags.steps, flags.seed)
    crops, labels = draw_crops(flags.crops, flags.seed + 1)
    images = to_batch(np.concatenate([crops, digits.val.images]))
    labels = np.concatenate([labels, digits.val.labels])
    rows, decided = [], {}
    precisions = {"f32": ("paddle", "f32")}
    if has_bf16():
        precisions["bf16"] = ("paddle", "bf16")
    if all(importlib.util.find_spec(name) for name in QUANTISERS):
        known = np.concatenate([draw_crops(IMAGES // 2, flags.seed)[0], digits.train.images[: IMAGES // 2]])
        # The loss is measured below, on all images; here nothing is refused.
        precisions["int8"] = ("openvino", Int8(to_batch(known), max_drop=100.0))
    for precision, (engine, kind) in precisions.items():
        decided[precision] = Predictor(model, SIZE, engine=engine, precision=kind).logits(images).argmax(axis=1)
        differ = int((decided[precision] != decided["f32"]).sum())
        accuracy = float((decided[precision] == labels).mean())
        rows.append((precision, len(labels), accuracy, differ, differ / len(labels)))
        save_rows(flags.output, "decisions", HEADER, rows)
    return rows


@cli.entry
def main(argv=None):
    """Measure as the flags say; prints the table, saves it as CSV."""
    flags = cli.parse(
        DecisionFlags,
        argv,
        prog="python -m fasternet_paddle.bench decisions",
        description="Count the top-1 decisions that bf16 and int8 change.",
    )
    make_folder(flags.output)
    machine.begin("cpu", flags.seed)
    print(machine.describe_machine())
    rows = measure_decisions(flags)
    formats = ("{}", "{}", "{:.2%}", "{}", "{:.2%}")
    print(text_table(HEADER, [[form.format(cell) for form, cell in zip(formats, row, strict=True)] for row in rows]))
    if rows[0][2] >= TOO_EASY:
        print(f"accuracy is {TOO_EASY:.0%} or more, where agreement means little; take fewer --steps")
    measured = [row[0] for row in rows]
    if "bf16" not in measured:
        print("this processor has no bf16 instructions, so bf16 is not measured")
    if "int8" not in measured:
        print("int8 is not measured: it takes the extra fast (pip install 'fasternet_paddle[fast]')")
    save_results(flags.output, "decisions", HEADER, rows)
