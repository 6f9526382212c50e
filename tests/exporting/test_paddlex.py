import numpy as np
import pytest
import yaml
from PIL import Image

from fasternet_paddle.data.preparation import preparation
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.exporting.paddlex import prepare_as_paddlex, write_paddlex
from fasternet_paddle.record import Record
from tests.exporting.networks import CLASSES


def written(folder, **settings):
    write_paddlex(Record(CLASSES, image_size=64, **settings), folder)
    return [yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in ("inference.yml", "pipeline.yaml")]


def test_the_minimal_form_that_paddlex_reads(tmp_path):
    model, pipeline = written(tmp_path)
    assert model == {
        "Global": {"model_name": "FasterNet-T0"},
        "PreProcess": {
            "transform_ops": [
                {"ResizeImage": {"size": [64, 64]}},
                {
                    "NormalizeImage": {
                        "scale": 0.00392156862745098,
                        "mean": [0.485, 0.456, 0.406],
                        "std": [0.229, 0.224, 0.225],
                    }
                },
                {"ToCHWImage": None},
            ]
        },
        "PostProcess": {"Topk": {"topk": 5, "label_list": list(CLASSES)}},
    }
    assert pipeline["Serving"] == {"visualize": False}
    assert pipeline["SubModules"]["ImageClassification"]["model_dir"] == "."


def test_a_network_of_two_classes_has_two_answers(tmp_path):
    write_paddlex(Record(("a", "b"), image_size=32, variant="l"), tmp_path)
    model = yaml.safe_load((tmp_path / "inference.yml").read_text())
    assert model["PostProcess"]["Topk"]["topk"] == 2 and model["Global"]["model_name"] == "FasterNet-L"


def test_a_crop_is_said_in_paddlex_words(tmp_path):
    model, _ = written(tmp_path, resize="crop", interpolation="bicubic", crop_ratio=0.9)
    assert model["PreProcess"]["transform_ops"][:2] == [
        {"ResizeImage": {"resize_short": 71, "backend": "pil", "interpolation": "BICUBIC"}},
        {"CropImage": {"size": 64}},
    ]


def test_paddlex_knows_no_letterbox(tmp_path):
    with pytest.raises(FasterNetError, match="know no letterbox"):
        written(tmp_path, resize="letterbox")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("width", "height"), [(64, 64), (72, 72), (200, 200), (640, 427), (333, 500)])
def test_its_crop_is_ours_but_for_rounding(width, height):
    """Equal where there is nothing to round; else a smooth picture shows how little half a pixel is."""
    record = Record(CLASSES, image_size=64, resize="crop", interpolation="bicubic", crop_ratio=64 / 72)
    coarse = np.random.default_rng(0).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    ours, theirs = preparation(record)(picture), prepare_as_paddlex(record, picture)
    assert ours.shape == theirs.shape == (3, 64, 64) and theirs.dtype == np.float32
    assert np.abs(ours - theirs).max() < (1e-5 if width == height else 0.35)
