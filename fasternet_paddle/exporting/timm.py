"""A network as a folder that timm loads: ``timm.create_model("local-dir:DIR", pretrained=True)``.

    write_timm(model, record, folder)               # config.json, model.safetensors

timm's network is the papers': partial convolutions, no activation after stem and merges. Only such a network has
weights that mean the same there. The preparation of pictures travels in ``config.json`` as timm words it, so that
``timm.data.create_transform(**timm.data.resolve_data_config(model=model))`` is ours, but for the filter of the resize:
timm's averages over all pixels on the way down, as Pillow does, where OpenCV's of ``squash`` takes the nearest ones.
"""

import json
from pathlib import Path

import numpy as np

from ..errors import FasterNetError
from ..files.tensors import safetensors_bytes
from ..model.fasternet import VARIANTS
from ..weights.timm import to_timm
from .folders import KEY

CONFIG, WEIGHTS = "config.json", "model.safetensors"
CROP_MODES = {"squash": "squash", "crop": "center", "letterbox": "border"}
HEAD = 1280  # channels before the classifier


def check_timm(record):
    """Refuse a network that timm does not have."""
    if record.mixer != "pconv":
        raise FasterNetError(f"timm's FasterNet has the mixer pconv, this network has {record.mixer}")
    if record.stem_act:
        raise FasterNetError(
            "timm's FasterNet has no activation after stem and merges, and this network, like the notebook's, has: "
            "its weights would give other answers there; a network made with stem_act=False can be exported"
        )


def write_timm(model, record, folder):
    """Write ``config.json`` and ``model.safetensors``.

    Args:
        model: ``FasterNet`` with ``stem_act=False``.
        record: its ``Record``.
        folder: that is there already.

    Raises:
        FasterNetError: timm has no such network.
    """
    check_timm(record)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    arrays = {name: np.ascontiguousarray(array) for name, array in to_timm(weights).items()}
    data = safetensors_bytes(dict(sorted(arrays.items())), {"format": "pt"})
    (Path(folder) / WEIGHTS).write_bytes(data)
    text = json.dumps(timm_config(record), indent=2, ensure_ascii=False)
    (Path(folder) / CONFIG).write_text(text + "\n", encoding="utf-8")


def timm_config(record):
    """What ``config.json`` holds, as timm itself writes it for the Hugging Face hub."""
    names = list(record.class_names)
    sizes = VARIANTS[record.variant]
    changed = {}
    if record.embed_dim not in (None, sizes["embed_dim"]):
        changed["embed_dim"] = record.embed_dim
    if record.depths not in (None, sizes["depths"]):
        changed["depths"] = list(record.depths)
    size = record.image_size
    return {
        "architecture": f"fasternet_{record.variant}",
        "num_classes": len(names),
        "num_features": HEAD,
        "global_pool": "avg",
        "label_names": names,
        **({"model_args": changed} if changed else {}),
        "pretrained_cfg": {
            "tag": "fasternet_paddle",
            "custom_load": False,
            "input_size": [3, size, size],
            "fixed_input_size": False,
            "interpolation": record.interpolation,
            "crop_pct": record.crop_ratio if record.resize == "crop" else 1.0,
            "crop_mode": CROP_MODES[record.resize],
            "mean": list(record.mean),
            "std": list(record.std),
            "num_classes": len(names),
            "pool_size": [size // 32, size // 32],
            "first_conv": "patch_embed.proj",
            "classifier": "classifier",
            "license": "apache-2.0",
        },
        KEY: json.loads(record.to_json()),
    }
