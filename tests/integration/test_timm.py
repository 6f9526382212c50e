"""timm and PyTorch on an exported folder."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from safetensors.torch import save_file

from fasternet_paddle import Predictor, create_model, export
from fasternet_paddle.data.preparation import preparation
from fasternet_paddle.exporting.timm import write_timm
from fasternet_paddle.record import Record
from tests.exporting.networks import CLASSES, images, make_network
from tests.integration.shared import agree, checksums

# timm imports torchvision; a build of it that is not for this torch lacks operators, which timm's FasterNet needs not.
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import timm  # noqa: E402

VARIANTS = ("t0", "t1", "t2", "s", "m", "l")


def answers(model, x):
    with torch.inference_mode():
        return model(torch.from_numpy(x)).numpy()


def load(folder):
    return timm.create_model(f"local-dir:{folder}", pretrained=True).eval()  # strict: nothing missing, nothing else


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timm")
    model, record = make_network(stem_act=False)
    write_timm(model, record, folder)
    return folder, model, record


def test_timm_answers_as_the_model(made):
    folder, model, record = made
    x = images(20, size=64)
    network = load(folder)
    agree(answers(network, x), Predictor(model, engine="dygraph").logits(x))
    assert network.pretrained_cfg["label_names"] == list(CLASSES)
    assert json.loads((folder / "config.json").read_text())["fasternet_paddle"] == json.loads(record.to_json())


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_loads_with_nothing_missing(tmp_path, variant):
    model = create_model(variant, 10, stem_act=False)
    model.eval()
    write_timm(model, Record(CLASSES, image_size=32, variant=variant, stem_act=False), tmp_path)
    x = images(2)
    agree(answers(load(tmp_path), x), Predictor(model, engine="dygraph").logits(x))


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({}, 1e-5),
        ({"resize": "crop", "interpolation": "bicubic", "crop_ratio": 0.9}, 1e-5),
    ],
    ids=["squash", "crop"],
)
def test_timms_preparation_is_ours(tmp_path, settings, difference):
    """On pictures of the size itself for squash, whose filters differ; see ``exporting/timm.py``."""
    model, _ = make_network(stem_act=False)
    record = Record(CLASSES, image_size=64, depths=(1, 1, 1, 1), stem_act=False, **settings)
    write_timm(model, record, tmp_path)
    network = load(tmp_path)
    config = timm.data.resolve_data_config(model=network)
    assert config["crop_mode"] == ("center" if settings else "squash") and tuple(config["input_size"]) == (3, 64, 64)
    transform = timm.data.create_transform(**config)
    draw = np.random.default_rng(0)
    for width, height in [(64, 64)] if not settings else [(64, 64), (200, 150), (99, 333)]:
        picture = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
        found = transform(Image.fromarray(picture)).numpy()
        assert np.abs(found - preparation(record)(picture)).max() < difference


def test_export_takes_timms_files_and_gives_them_back(tmp_path, capsys):
    weights = tmp_path / "weights.safetensors"
    model = timm.create_model("fasternet_t0", num_classes=10)
    torch.manual_seed(0)
    save_file(model.state_dict(), weights)
    for name in ("one", "two"):
        flags = ["--weights", weights, "--format", "timm", "--output", tmp_path / name]
        assert export.main([str(flag) for flag in flags]) == 0
        said = capsys.readouterr().out
        assert "through timm" in said and "0 decisions differ" in said
    assert checksums(tmp_path / "one") == checksums(tmp_path / "two")
    given, back = load_file(weights), load_file(tmp_path / "one" / "model.safetensors")
    assert set(back) == {name for name in given if not name.endswith("num_batches_tracked")}
    assert all(np.array_equal(array, given[name]) for name, array in back.items())
