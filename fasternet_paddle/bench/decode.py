"""Photographs a second that one core decodes, and makes ready for the network: part of ``bench pipeline``.

    rows = measure_decode(blocks=5)                  # [["decode, a core", "ours", images/s], ...]

The photographs are scikit-image's, 400 to 1000 pixels a side, written as JPEG. Ours is ``read_image`` with every check
that it makes, at a reduced scale where that is enough for the size asked for, as an array; PIL is what timm's
ImageFolder and its evaluation do, as Pillow's image; OpenCV plain ``imread`` and its resize, which averages nothing on
the way down. Counted is the core's time that the process used. Expect 0.8 of PIL's rate at 224 pixels, 1.2 at 96.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from . import measuring
from .rates import saving

DECODE, READY = "decode, a core", "decode and crop, a core"
OURS, PIL, OPENCV = "ours", "PIL, as timm", "OpenCV"
PHOTOGRAPHS = (
    "astronaut",
    "coffee",
    "rocket",
    "immunohistochemistry",
    "retina",
)  # of scikit-image, which installs them
LONGEST = 1000  # pixels
QUALITY = 90  # as cameras and phones write them
CROP_RATIO = 0.875  # of the shorter side, as ImageNet's evaluation


def write_photographs(folder):
    """Write the photographs as JPEG into a folder; returns their paths."""
    from PIL import Image
    from skimage import data

    paths = []
    for name in PHOTOGRAPHS:
        image = Image.fromarray(getattr(data, name)())
        image.thumbnail((LONGEST, LONGEST))
        paths.append(Path(folder) / f"{name}.jpg")
        image.save(paths[-1], quality=QUALITY)
    return paths


def ways(size=measuring.SIZE):
    """Dict of (figure, way) to a function of a path: the picture, or the network's input of ``size`` pixels."""
    import cv2
    from PIL import Image

    from ..data.preparation import preparation
    from ..data.transforms import MEAN, STD
    from ..files.images import read_image
    from ..record import Record

    prepare = preparation(Record(("a", "b"), size, resize="crop", interpolation="bicubic", crop_ratio=CROP_RATIO))
    shorter = round(size / CROP_RATIO)
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)

    def normalized(pixels):
        return np.ascontiguousarray(((pixels.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1))

    def by_pil(path):
        with open(path, "rb") as file:
            return Image.open(file).convert("RGB")

    def ready_by_pil(path):
        image = by_pil(path)
        image = image.resize([shorter * side // min(image.size) for side in image.size], Image.Resampling.BICUBIC)
        left, top = (round((side - size) / 2) for side in image.size)
        return normalized(np.asarray(image.crop((left, top, left + size, top + size))))

    def by_opencv(path):
        return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)

    def ready_by_opencv(path):
        image = by_opencv(path)
        scale = shorter / min(image.shape[:2])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        top, left = (round((side - size) / 2) for side in image.shape[:2])
        return normalized(image[top : top + size, left : left + size])

    return {
        (DECODE, OURS): lambda path: read_image(path, at_least=prepare.at_least),
        (DECODE, PIL): by_pil,
        (DECODE, OPENCV): by_opencv,
        (READY, OURS): lambda path: prepare(read_image(path, at_least=prepare.at_least)),
        (READY, PIL): ready_by_pil,
        (READY, OPENCV): ready_by_opencv,
    }


def measure(flags):
    """Dict of (way, settings, figure) to images/s, one a round; Pillow's first. ``flags`` are ``PipelineFlags``."""
    jobs = {}
    measuring.add_way(jobs, PIL, measuring.own_environment(), measure_decode, blocks=flags.blocks)
    return _rates(measuring.in_turns(jobs, flags.rounds, saving("decode", flags.output, read=_rates)))


def _rates(results):
    rates = {}
    for (_, settings), rounds in results.items():
        for result in rounds:
            for figure, way, rate in result:
                rates.setdefault((way, settings, figure), []).append(rate)
    return dict(sorted(rates.items(), key=lambda item: (item[0][2], item[0][0] != PIL)))


def measure_decode(blocks, size=measuring.SIZE):
    """A worker: [[figure, way, images/s], ...], medians over ``blocks`` turns of all photographs."""
    import cv2

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(0)
    make = ways(size)
    rates = {way: [] for way in make}
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(folder)
        for block in range(blocks + 1):  # the first turn warms up
            for way, function in make.items():
                start = time.process_time()
                for path in paths:
                    function(path)
                if block:
                    rates[way].append(len(paths) / (time.process_time() - start))
    return [[*way, float(np.median(values))] for way, values in rates.items()]
