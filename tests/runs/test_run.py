"""A network is rebuilt from its weights: the notebook's files, this package's, with a recipe beside them or without."""

import numpy as np
import paddle
import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.fasternet import create_model
from fasternet_paddle.runs.folder import save_config
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.weights.pdparams import save_state
from tests import notebook


def _same(model, other):
    ours, theirs = ({name: value.numpy() for name, value in m.state_dict().items()} for m in (model, other))
    return list(ours) == list(theirs) and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_notebook_users_weights_load(tmp_path):
    trained = notebook.Network("t0", 10)
    paddle.save(trained.state_dict(), str(tmp_path / "best_model.pdparams"))
    run = load_run(tmp_path / "best_model.pdparams")
    assert _same(run.model, trained)
    assert not run.model.training
    assert (run.config.variant, run.config.mixer, run.config.image_size) == ("t0", "pconv", 224)
    assert run.class_names[3] == "cat"


@pytest.mark.parametrize("variant", ["t0", "t2", "s"])  # all six: weights/test_shapes.py
def test_a_bare_file_tells_variant_and_classes_by_its_shapes(tmp_path, variant):
    model = create_model(variant, num_classes=7)
    save_state(model.state_dict(), tmp_path / "model.pdparams")
    run = load_run(tmp_path / "model.pdparams")
    assert (run.config.variant, len(run.class_names)) == (variant, 7)


@pytest.mark.parametrize(("mixer", "width"), [("dwconv", 40), ("conv", 40), ("dwconv", 42)])
def test_a_bare_file_tells_its_mixer_but_not_a_width_of_its_own(tmp_path, mixer, width):
    model = create_model("t0", mixer=mixer, embed_dim=width)
    save_state(model.state_dict(), tmp_path / "model.pdparams")
    if width == 42:
        with pytest.raises(FasterNetError, match=r"42 channels and .* no known variant") as refusal:
            load_run(tmp_path / "model.pdparams")
        assert refusal.value.change == ("variant", "embed_dim", "depths")
        run = load_run(tmp_path / "model.pdparams", variant="t0", embed_dim=42)
    else:
        run = load_run(tmp_path / "model.pdparams")
    assert (run.config.mixer, run.config.embed_dim or 40) == (mixer, width)


def test_a_config_beside_the_weights_is_heeded_and_arguments_win(tmp_path):
    names = ["left", "right"]
    save_config(TrainConfig(dataset="digits", image_size=48, variant="t1"), names, tmp_path)
    save_state(create_model("t1", 2).state_dict(), tmp_path / "best_model.pdparams")
    run = load_run(tmp_path / "best_model.pdparams", image_size=64)
    assert (run.config.dataset, run.config.image_size, run.class_names) == ("digits", 64, ("left", "right"))


def test_weights_of_another_variant(tmp_path):
    save_state(create_model("t1").state_dict(), tmp_path / "model.pdparams")
    with pytest.raises(FasterNetError, match=r"does not fit this network.*misshapen stem.0.weight"):
        load_run(tmp_path / "model.pdparams", variant="t0")


def test_a_file_that_holds_no_network(tmp_path):
    paddle.save({"fc.weight": np.zeros((2, 2), np.float32)}, str(tmp_path / "model.pdparams"), protocol=4)
    with pytest.raises(FasterNetError, match="is not a FasterNet"):
        load_run(tmp_path / "model.pdparams")


@pytest.mark.parametrize("changes", [{"num_classes": 0}, {"image_size": 16}, {"embed_dim": 0}])
def test_a_size_that_no_network_has(tmp_path, changes):
    save_state(create_model("t0", embed_dim=4).state_dict(), tmp_path / "model.pdparams")
    with pytest.raises(FasterNetError, match=f"{next(iter(changes))} must be at least"):
        load_run(tmp_path / "model.pdparams", variant="t0", **({"embed_dim": 4} | changes))
