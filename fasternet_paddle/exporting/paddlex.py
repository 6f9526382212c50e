"""What PaddleX 3 needs beside ``inference.json``: how to prepare an image, the names, and a pipeline.

    write_paddlex(record, folder)                   # inference.yml, pipeline.yaml

    model = paddlex.create_model("FasterNet-T0", model_dir="DIR")                       # in Python
    cd DIR && paddlex --serve --pipeline pipeline.yaml --host 127.0.0.1 --port 8080     # as a server

The network is exported with its softmax, since PaddleX takes the output for scores. The pipeline names the folder that
it lies in as ``.``, so that the folder can be moved; start PaddleX there. PaddleX prepares an image as
``data.preparation`` does where that is squash; of crop it rounds the longer side, which torchvision cuts, so that
pictures may be shifted by half a pixel.
"""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from ..errors import FasterNetError

CONFIG, PIPELINE = "inference.yml", "pipeline.yaml"
SCALE = 1 / 255  # of uint8 channels
TOP = 5  # answers
CV2 = {"bilinear": "LINEAR", "bicubic": "BICUBIC"}  # what PaddleX calls them, for each of its two libraries
PIL = {"bilinear": "BILINEAR", "bicubic": "BICUBIC"}


def model_name(record):
    """PaddleX's name of the network: FasterNet-T0, ..., FasterNet-L."""
    return f"FasterNet-{record.variant.upper()}"


def check_preparation(record):
    """Refuse a record whose preparation PaddleX's classifiers do not know."""
    if record.resize == "letterbox":
        raise FasterNetError("PaddleX's classifiers know no letterbox, which this model's pictures are prepared with")


def write_paddlex(record, folder, pipeline=True):
    """Write ``inference.yml`` and, if asked, ``pipeline.yaml``; ``FasterNetError`` where PaddleX cannot prepare so."""
    check_preparation(record)
    files = {CONFIG: model_config(record)} | ({PIPELINE: pipeline_config(record)} if pipeline else {})
    for name, values in files.items():
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        (Path(folder) / name).write_text(text, encoding="utf-8")


def model_config(record):
    """What ``inference.yml`` holds; PaddleX 3.4 needs every key of it."""
    return {
        "Global": {"model_name": model_name(record)},
        "PreProcess": {"transform_ops": [*_resize(record), _normalize(record), {"ToCHWImage": None}]},
        "PostProcess": {"Topk": {"topk": min(TOP, len(record.class_names)), "label_list": list(record.class_names)}},
    }


def _resize(record):
    size = record.image_size
    if record.resize == "squash":
        resize = {"size": [size, size]}
        if record.interpolation != "bilinear":
            resize |= {"backend": "cv2", "interpolation": CV2[record.interpolation]}
        return [{"ResizeImage": resize}]
    shorter = round(size / record.crop_ratio)
    resize = {"resize_short": shorter, "backend": "pil", "interpolation": PIL[record.interpolation]}
    return [{"ResizeImage": resize}, {"CropImage": {"size": size}}]


def _normalize(record):
    return {"NormalizeImage": {"scale": SCALE, "mean": list(record.mean), "std": list(record.std)}}


def pipeline_config(record):
    """What ``pipeline.yaml`` holds. Drawing is off: it fetches a font, and a server without one answers 500."""
    module = {
        "module_name": "image_classification",
        "model_name": model_name(record),
        "model_dir": ".",
        "batch_size": 4,
        "topk": min(TOP, len(record.class_names)),
    }
    return {
        "pipeline_name": "image_classification",
        "SubModules": {"ImageClassification": module},
        "Serving": {"visualize": False},
    }


def prepare_as_paddlex(record, image):
    """uint8 ``(H, W, 3)`` RGB -> float32 ``(3, S, S)`` as PaddleX prepares it by ``inference.yml``, for crop alone."""
    size, shorter = record.image_size, round(record.image_size / record.crop_ratio)
    height, width = image.shape[:2]
    scale = shorter / min(height, width)
    resample = Image.Resampling[PIL[record.interpolation]]
    resized = Image.fromarray(image).resize((round(width * scale), round(height * scale)), resample)
    left, top = max(0, (resized.width - size) // 2), max(0, (resized.height - size) // 2)
    pixels = np.asarray(resized)[top : top + size, left : left + size]
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (record.mean, record.std))
    return (pixels.transpose(2, 0, 1).astype(np.float32) * np.float32(SCALE) - mean) / std
