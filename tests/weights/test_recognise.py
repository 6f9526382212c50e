"""Foreign weights against what timm and the authors' network answer for the same numbers, family by family.

The logits in ``tests/fixtures/torch_logits.npz`` were made by PyTorch (``tests/witnesses/make_torch_logits.py``); the
weights are made anew from their seed. M and L, whose 0.6 GB take a while, are asked with ``FASTERNET_SOAK=1`` alone.
"""

import os
import pickle
from pathlib import Path

import numpy as np
import paddle
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import VARIANTS, FasterNet, create_model
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.weights.authors import from_authors, to_authors
from fasternet_paddle.weights.paddleclas import from_paddleclas, to_paddleclas
from fasternet_paddle.weights.recognise import read_weights, recognise
from fasternet_paddle.weights.timm import from_timm, to_timm
from tests import foreign

SOAK = os.environ.get("FASTERNET_SOAK") == "1"
LOGITS = np.load(Path(__file__).parents[1] / "fixtures" / "torch_logits.npz")
FAMILIES = {"authors": lambda arrays: arrays, "paddleclas": foreign.paddleclas, "timm": foreign.timm}
BACK = {"authors": to_authors, "paddleclas": to_paddleclas, "timm": to_timm}


def _pickled(arrays, wrap=lambda state: state):
    return pickle.dumps(wrap({**arrays, "StructuredToParameterName@@": {name: name for name in arrays}}), 4)


def _bfloat16_pdparams(arrays):
    return _pickled({name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in arrays.items()})


FORMS = {
    "model.safetensors": foreign.safetensors,
    "model.pth": foreign.torch_legacy,
    "pytorch_model.bin": foreign.torch_zip,
    "last.ckpt": lambda arrays: foreign.torch_zip(
        {f"model.{name}": array for name, array in arrays.items()} | {"loss.weight": np.ones(3, np.float32)},
        lambda state: {"epoch": 1, "state_dict": state, "pytorch-lightning_version": "2.6.6"},
    ),
}


def _run(model):
    model.eval()
    with paddle.no_grad():
        return model(paddle.to_tensor(foreign.images())).numpy()


def _largest_relative(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def _forms(family, variant):
    """The forms of file to try: all with ``FASTERNET_SOAK=1``, else those that the family is published in."""
    if family == "paddleclas":
        return {"model.pdparams": _pickled}
    published = {"authors": ("model.pth", "last.ckpt"), "timm": ("model.safetensors", "pytorch_model.bin")}[family]
    return {name: write for name, write in FORMS.items() if SOAK or name in published[: 2 if variant == "t0" else 1]}


@pytest.mark.parametrize("variant", VARIANTS if SOAK else ["t0", "t2"])
def test_logits_are_timms_and_the_authors(tmp_path, variant):
    arrays = foreign.authors(*foreign.SIZES[variant])
    for family, to_family in FAMILIES.items() if SOAK or variant == "t0" else [("timm", foreign.timm)]:
        theirs = to_family(arrays)
        for name, write in _forms(family, variant).items():
            counted = theirs if family == "paddleclas" else foreign.with_counts(theirs)
            (tmp_path / name).write_bytes(write(counted))
            model = create_model(variant, weights=tmp_path / name)
            assert _largest_relative(_run(model), LOGITS[variant]) < 1e-5, (family, name)
            (tmp_path / name).unlink()
        state = {key: value.numpy() for key, value in model.state_dict().items()}
        back = BACK[family](state)
        assert set(back) == set(theirs)
        for key, array in theirs.items():
            np.testing.assert_array_equal(back[key], array, key, strict=True)


def test_with_activations_after_stem_and_merges_the_network_is_another():
    """The difference that the loader must see: of the largest logit nearly all."""
    arrays = from_authors(foreign.authors(*foreign.SIZES["t0"]))
    model = create_model("t0")
    model.set_state_dict({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    assert _largest_relative(_run(model), LOGITS["t0"]) > 0.5


def test_logits_of_a_gelu_and_a_relu_variant_alone_would_not_do():
    """Every variant's sizes and activations are the package's own, so the others are held to their names and shapes."""
    for variant, (width, depths) in foreign.SIZES.items():
        assert (VARIANTS[variant]["embed_dim"], VARIANTS[variant]["depths"]) == (width, depths)
        gelu = VARIANTS[variant]["act_layer"] is paddle.nn.GELU
        assert gelu == (variant in ("t0", "t1"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_and_shapes_of_all_variants(variant):
    width, depths = foreign.SIZES[variant]
    shapes = foreign.authors_shapes(width, depths, 7)
    zeros = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}  # no memory
    expected = recognise(to_paddleclas(from_authors(zeros)), "it").weights
    assert len(expected) == len(shapes)
    for rename, to_family in ((from_authors, dict), (from_paddleclas, foreign.paddleclas), (from_timm, foreign.timm)):
        found = rename(to_family(zeros))
        assert {n: a.shape for n, a in found.items()} == {n: a.shape for n, a in expected.items()}
    ours = FasterNet(embed_dim=8, depths=depths, num_classes=7, stem_act=False).state_dict()
    assert set(ours) == set(expected)


TINY = foreign.authors(*foreign.TINY)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prefix", ["", "model.", "module.", "model.module.", "_orig_mod.", "student."])
def test_families_are_told_by_their_keys(family, prefix):
    arrays = {prefix + name: array for name, array in FAMILIES[family](TINY).items()}
    outside = {"loss.weight": np.ones(3)} if prefix else {}
    found = recognise(arrays | outside, "it")
    assert (found.family, found.stem_act, found.num_classes) == (family, False, 10)
    assert found.passed_over == tuple(outside)
    for name, array in from_authors(TINY).items():
        np.testing.assert_array_equal(found.weights[name], array)


def test_the_notebooks_weights_are_told_too():
    model = FasterNet(embed_dim=8, depths=(1, 1, 2, 1), num_classes=10)
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    found = recognise(arrays, "it")
    assert (found.family, found.stem_act, found.num_classes) == ("notebook", True, 10)
    assert list(found.weights) == list(arrays)


def test_bfloat16_files(tmp_path):
    """In Paddle's files, which hold it as uint16, and of every other form by ``tests/files``."""
    (tmp_path / "model.pdparams").write_bytes(_bfloat16_pdparams(foreign.paddleclas(TINY)))
    found = read_weights(tmp_path / "model.pdparams")
    for name, array in foreign.paddleclas(TINY).items():
        expected = (array.view(np.uint32) & 0xFFFF0000).view(np.float32)
        np.testing.assert_array_equal(found[name], expected, name, strict=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda arrays: arrays | {"norm0.weight": np.ones(8), "norm2.bias": np.ones(16)}, "is a detection checkpoint"),
        (lambda arrays: {f"backbone.{n}": a for n, a in (arrays | {"norm6.bias": np.ones(8)}).items()}, "a detection"),
        (lambda arrays: arrays | {"stages.0.blocks.0.layer_scale": np.ones(8)}, "has layer scale .stages.0.blocks.0"),
        (
            lambda arrays: {"conv.weight": np.ones(3), "fc.bias": np.ones(3)},
            "lacks stem.0.weight and patch_embed.*fc.b",
        ),
        (lambda arrays: arrays | {f"model.{name}": array for name, array in arrays.items()}, "several networks"),
    ],
)
def test_what_is_refused_by_name(change, says):
    for family in ("authors", "timm"):
        with pytest.raises(FasterNetError, match=says):
            recognise(change(FAMILIES[family](TINY)), "it")


# ---- into a network


def _tiny_file(path, **options):
    path.write_bytes(foreign.safetensors(foreign.timm(foreign.authors(*foreign.SIZES["t0"], **options))))
    return path


def test_another_number_of_classes_starts_a_new_head(tmp_path, capsys):
    path = _tiny_file(tmp_path / "model.safetensors")
    arrays = from_timm(foreign.timm(foreign.authors(*foreign.SIZES["t0"])))
    paddle.seed(5)
    model = create_model("t0", num_classes=7, weights=path)
    told = capsys.readouterr().out
    assert told == f"{path} has a head of 10 classes: its backbone is kept, a new head of 7 classes begins\n"
    state = model.state_dict()
    for name, array in arrays.items():
        if not name.startswith("fc."):
            np.testing.assert_array_equal(state[name].numpy(), array, name, strict=True)
    paddle.seed(5)
    fresh = create_model("t0", num_classes=7).state_dict()
    for name in ("fc.weight", "fc.bias"):
        np.testing.assert_array_equal(state[name].numpy(), fresh[name].numpy())
    assert model.record.class_names == tuple(f"class {number}" for number in range(7))
    create_model("t0", weights=path)
    assert capsys.readouterr().out == ""


def test_weights_without_a_head(tmp_path, capsys):
    arrays = foreign.timm(foreign.authors(*foreign.SIZES["t0"]))
    headless = {name: array for name, array in arrays.items() if not name.startswith("classifier")}
    (tmp_path / "a.safetensors").write_bytes(foreign.safetensors(headless))
    with pytest.raises(FasterNetError, match="has no head; num_classes must say"):
        create_model("t0", weights=tmp_path / "a.safetensors")
    create_model("t0", num_classes=3, weights=tmp_path / "a.safetensors")
    assert "has no head: its backbone is kept, a new head of 3 classes begins" in capsys.readouterr().out


def test_anything_else_that_does_not_fit_is_listed(tmp_path):
    arrays = foreign.timm(foreign.authors(*foreign.SIZES["t0"]))
    del arrays["conv_head.weight"]
    arrays["stages.9.extra"] = np.ones(3, np.float32)
    arrays["stages.0.blocks.0.mlp.0.weight"] = np.ones((80, 41, 1, 1), np.float32)
    (tmp_path / "a.safetensors").write_bytes(foreign.safetensors(arrays))
    misshapen = r"misshapen feature.0.0.conv1.weight \(80, 41, 1, 1\) for \(80, 40, 1, 1\)"
    with pytest.raises(FasterNetError, match=rf"missing conv1.weight; extra stages.9.extra; {misshapen}"):
        create_model("t0", weights=tmp_path / "a.safetensors")
    _tiny_file(tmp_path / "a.safetensors")
    with pytest.raises(FasterNetError, match=r"does not fit this network: .*misshapen stem.0.weight"):
        create_model("t1", weights=tmp_path / "a.safetensors")


def test_what_belongs_to_foreign_weights_is_recorded(tmp_path):
    record = create_model("t0", weights=_tiny_file(tmp_path / "a", classes=1000)).record
    assert (record.image_size, record.resize, record.interpolation, record.crop_ratio) == (224, "crop", "bicubic", 0.9)
    assert int(record.image_size / record.crop_ratio) == 248
    assert (record.variant, record.stem_act, record.dataset) == ("t0", False, "imagenet")
    assert (record.class_names[0], record.class_names[281], record.class_names[999]) == (
        *("tench", "tabby", "toilet tissue"),
    )
    assert len(set(record.class_names)) == 1000


def test_the_notebooks_weights_bring_no_record_of_their_own(tmp_path):
    state = create_model("t0").state_dict()
    (tmp_path / "a.pdparams").write_bytes(_pickled({name: value.numpy() for name, value in state.items()}))
    model = create_model("t0", weights=tmp_path / "a.pdparams")
    assert model.record is None and len(model.stem) == 3
    np.testing.assert_array_equal(model.fc.weight.numpy(), state["fc.weight"].numpy())


def test_neither_file_nor_name():
    with pytest.raises(FasterNetError, match="known names: t0-imagenet-authors, t0-imagenet-paddleclas") as caught:
        create_model("t0", weights="t0-imagenet")
    assert caught.value.change == ("weights",)
    with pytest.raises(FasterNetError, match="cannot be opened"):
        create_model("t0", weights="missing/t0.pth")


def test_load_run_takes_foreign_weights_and_no_config_that_lies_beside_them(tmp_path):
    (tmp_path / "config.yaml").write_text("dataset: digits\nvariant: t1\nimage_size: 32\nclass_names: [a, b]\n")
    run = load_run(_tiny_file(tmp_path / "model.safetensors"))
    assert (run.config.variant, run.config.image_size, run.class_names[9]) == ("t0", 224, "class 9")
    assert run.model.record.resize == "crop" and not run.model.training
    assert _largest_relative(_run(run.model), LOGITS["t0"]) < 1e-5
    with pytest.raises(FasterNetError, match=r"does not fit this network: misshapen fc.weight"):
        load_run(tmp_path / "model.safetensors", num_classes=3)
