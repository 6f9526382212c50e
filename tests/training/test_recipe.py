"""What a recipe changes of the loop, one switch at a time, each against a witness of its own."""

import contextlib
import dataclasses
import math

import numpy as np
import paddle
import pytest
from paddle import nn

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.data.datasets import load_dataset
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.model.losses import LabelSmoothingCrossEntropy
from fasternet_paddle.runs.folder import save_weights_file
from fasternet_paddle.runs.run import load_run
from fasternet_paddle.train import _parse
from fasternet_paddle.training.beginning import begin_model
from fasternet_paddle.training.distilling import Distillation, read_teacher
from fasternet_paddle.training.ema import Ema
from fasternet_paddle.training.freezing import freeze
from fasternet_paddle.training.metrics import History, Tally
from fasternet_paddle.training.optimizers import make_optimizer, rate_shares
from fasternet_paddle.training.parts import make_parts
from fasternet_paddle.training.recipes import describe_recipes, load_recipe, recipe_names
from fasternet_paddle.training.schedules import make_schedule
from fasternet_paddle.training.session import Session
from fasternet_paddle.training.steps import Extras, extras_of
from fasternet_paddle.training.trainer import fit, train_one_epoch

DIGITS = load_dataset("digits")
NAMES = DIGITS.class_names
SMALL = {"dataset": "digits", "image_size": 32, "batch_size": 16, "epochs": 2, "max_steps": 3, "num_workers": 0}
SMALL |= {"embed_dim": 4, "depths": (1, 1, 1, 1)}


def small(**settings):
    return TrainConfig(**(SMALL | settings))


def rates(config, steps_per_epoch):
    schedule, seen = make_schedule(config, steps_per_epoch), []
    for _ in range(steps_per_epoch * config.epochs):
        seen.append(schedule.last_lr)
        schedule.step()
    return np.array(seen)


# ---- the learning rate ----


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"warmup_epochs": 2.0},
        {"warmup_epochs": 0.5, "warmup_learning_rate": 1e-6, "min_learning_rate": 1e-5},
        {"min_learning_rate": 1e-4},
        {"schedule": "constant", "warmup_epochs": 1.0},
        {"schedule": "constant"},
    ],
)
def test_the_rate_of_every_step_is_the_formulas(settings):
    """timm's ``CosineLRScheduler`` and its linear warm-up, written out again."""
    config, per_epoch = TrainConfig(dataset="digits", epochs=5, learning_rate=2e-3, **settings), 8
    total, warm = 40, round(8 * config.warmup_epochs)
    wanted = []
    for t in range(total):
        if t < warm:
            wanted.append(config.warmup_learning_rate + t * (2e-3 - config.warmup_learning_rate) / warm)
        elif config.schedule == "constant":
            wanted.append(2e-3)
        else:
            floor = config.min_learning_rate
            wanted.append(floor + 0.5 * (2e-3 - floor) * (1 + math.cos(math.pi * t / total)))
    assert rates(config, per_epoch) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_layers_learn_at_shares_of_the_rate():
    model = begin_model(small(depths=(1, 2, 1, 1)), NAMES)
    shares = rate_shares(model, layer_decay=0.5, backbone_rate=0.1)
    order = ("fc.bias", "conv1.weight", "feature.6.0.conv1.weight", "feature.5.0.weight", "feature.4.0.bn.weight")
    order += ("feature.3.0.weight", "feature.2.1.conv2.weight", "feature.2.0.conv2.weight", "feature.1.1.bias")
    order += ("feature.0.0.conv1.weight", "stem.0.weight")
    assert [shares[name] for name in order] == [1.0, *(0.1 * 0.5**depth for depth in range(1, len(order)))]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_share_of_the_rate_is_a_share_of_the_step(optimizer):
    paddle.seed(0)
    model = nn.Sequential(("conv1", nn.Linear(3, 3, bias_attr=False)), ("fc", nn.Linear(3, 2, bias_attr=False)))
    settings = {"learning_rate": 1e-2, "weight_decay": 0.0, "backbone_rate": 0.25, "optimizer": optimizer}
    made, _ = make_optimizer(model, TrainConfig(dataset="digits", momentum=0.0, **settings), 10)
    before = [parameter.numpy() for parameter in model.parameters()]
    for parameter in model.parameters():
        (parameter.sum() * 2.0).backward()
    made.step()
    moved = [np.abs(old - new.numpy()).mean() for old, new in zip(before, model.parameters(), strict=True)]
    assert moved[0] == pytest.approx(0.25 * moved[1], rel=1e-4) and moved[1] > 0


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_biases_and_batch_norm_do_not_decay(optimizer):
    model = begin_model(small(), NAMES)
    config = small(decay="weights", weight_decay=0.5, optimizer=optimizer, momentum=0.0, learning_rate=0.1)
    made, _ = make_optimizer(model, config, 10)
    before = {name: value.numpy() for name, value in model.named_parameters()}
    for parameter in model.parameters():
        if not parameter.stop_gradient:
            (parameter.sum() * 0.0).backward()
    made.step()
    for name, parameter in model.named_parameters():
        shrunk = not np.allclose(parameter.numpy(), before[name])
        assert shrunk == (before[name].ndim > 1 and np.abs(before[name]).max() > 0), name


def test_sgd_is_nesterovs():
    """One weight, a constant gradient g: v <- mu v + g, w <- w - lr (g + mu v)."""
    layer = nn.Linear(1, 1, bias_attr=False)
    settings = {"momentum": 0.9, "learning_rate": 0.1, "schedule": "constant", "weight_decay": 0.0}
    made, _ = make_optimizer(layer, TrainConfig(dataset="digits", optimizer="sgd", **settings), 10)
    weight, speed = layer.weight.item(), 0.0
    for _ in range(4):
        (layer.weight.sum() * 3.0).backward()
        made.step()
        made.clear_grad()
        speed = 0.9 * speed + 3.0
        weight -= 0.1 * (3.0 + 0.9 * speed)
    assert layer.weight.item() == pytest.approx(weight, rel=1e-5)


def test_the_gradient_is_clipped_by_its_norm_over_all():
    layer = nn.Linear(2, 1)
    made, _ = make_optimizer(
        layer, TrainConfig(dataset="digits", optimizer="sgd", momentum=0.0, clip_norm=0.5, weight_decay=0.0), 10
    )
    before = np.concatenate([parameter.numpy().ravel() for parameter in layer.parameters()])
    (layer.weight.sum() * 3.0 + layer.bias.sum() * 4.0).backward()
    made.step()
    moved = (before - np.concatenate([parameter.numpy().ravel() for parameter in layer.parameters()])) / made.get_lr()
    assert np.linalg.norm(moved) == pytest.approx(0.5, rel=1e-4)
    assert moved / np.linalg.norm(moved) == pytest.approx(np.array([3, 3, 4]) / math.sqrt(34), rel=1e-3)


# ---- several batches a step, averages, and the end ----


class Plain(nn.Layer):
    """A network without batch norm."""

    def __init__(self):
        super().__init__()
        self.conv1, self.fc = nn.Linear(12, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(nn.functional.gelu(self.conv1(x.flatten(1))))


@pytest.mark.parametrize("batches, accumulate", [(6, 3), (6, 2), (5, 2)])
def test_accumulated_batches_are_one_batch(batches, accumulate):
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((batches * 4, 3, 2, 2)).astype("float32"), generator.integers(0, 3, batches * 4)
    ends = []
    for k, size in ((accumulate, 4), (1, 4 * accumulate)):
        paddle.seed(0)
        model = Plain()
        config = TrainConfig(dataset="digits", accumulate=k, epochs=2, learning_rate=1e-2)
        optimizer, schedule = make_optimizer(model, config, math.ceil(len(x) / size))
        optimizer.extras = Extras(accumulate=k)
        loader = [(x[start : start + size], y[start : start + size]) for start in range(0, len(x), size)]
        for _ in range(2):
            train_one_epoch(model, loader, LabelSmoothingCrossEntropy(0.1), optimizer, schedule)
        ends.append(np.concatenate([parameter.numpy().ravel() for parameter in model.parameters()]))
        assert schedule.last_epoch == 2 * math.ceil(batches / accumulate)
    assert np.abs(ends[0] - ends[1]).max() <= 1e-5 * np.abs(ends[1]).max()


def timms_decay(step, decay):
    """``ModelEmaV3.get_decay`` of timm 1.0 with ``use_warmup``, written out again; its steps count from 1."""
    step = max(0, step - 0 - 1)
    return 0.0 if step <= 0 else max(min(1 - (1 + step / 1.0) ** -(2 / 3), decay), 0.0)


def test_the_average_is_its_closed_form():
    paddle.seed(0)
    model = begin_model(small(), NAMES)
    ema = Ema(model, decay=0.6)
    start, seen = model.fc.weight.numpy().astype("float64"), []
    for step in range(6):
        with paddle.no_grad():
            model.fc.weight.set_value(paddle.full_like(model.fc.weight, float(step)))
        ema.update(model)
        seen.append(float(step))
    decays = [timms_decay(t, 0.6) for t in range(1, 7)]
    wanted = start * np.prod(decays)
    for t, value in enumerate(seen):
        wanted = wanted + (1 - decays[t]) * np.prod(decays[t + 1 :]) * value
    assert ema.model.fc.weight.numpy() == pytest.approx(wanted, rel=1e-5)
    assert ema.updates == 6 and not ema.model.training and ema.decay_at(10**9) == 0.6
    # What stood still has not moved by a rounding.
    assert np.array_equal(ema.model.conv1.weight.numpy(), model.conv1.weight.numpy())


@pytest.mark.parametrize(
    "accuracies, patience, gain, epochs",
    [
        ((0.1, 0.2, 0.2, 0.2, 0.3), 2, 0.0, 4),
        ((0.1, 0.2, 0.3, 0.4, 0.5), 2, 0.0, None),
        ((0.5, 0.51, 0.52, 0.53, 0.6), 3, 0.05, 4),
        ((0.5, 0.4, 0.6, 0.5, 0.55), 2, 0.0, 5),
        ((0.5, 0.4), 1, 0.0, 2),
    ],
)
def test_a_run_is_over_when_nothing_is_gained(accuracies, patience, gain, epochs):
    history, extras, over = History(), Extras(patience=patience, least_gain=gain), None
    for epoch, accuracy in enumerate(accuracies):
        assert over is None
        history.add_epoch(epoch, epoch, 0.1, Tally(1.0, 1, 2), Tally(100.0, round(1000 * accuracy), 1000))
        over = epoch + 1 if extras.is_over(history) else None
        if over:
            break
    assert over == epochs


# ---- where a training begins ----


def test_the_papers_first_weights():
    paddle.seed(0)
    model = begin_model(TrainConfig(dataset="digits", initializer="paper", variant="t1"), NAMES)
    weights = np.concatenate([value.numpy().ravel() for name, value in model.named_parameters() if value.ndim > 1])
    assert weights.std() == pytest.approx(0.02, rel=0.01) and abs(weights.mean()) < 1e-4
    assert not model.fc.bias.numpy().any() and model.record.drop_path == 0.02


@pytest.mark.parametrize("classes", [10, 4])
def test_weights_of_a_file_begin_it_and_another_number_of_classes_a_new_head(classes, tmp_path, capsys):
    paddle.seed(1)
    first = begin_model(small(), NAMES)
    save_weights_file(first, tmp_path, "first.pdparams")
    model = begin_model(small(init_weights=str(tmp_path / "first.pdparams")), NAMES[:classes])
    for name, value in first.state_dict().items():
        if not name.startswith("fc.") or classes == 10:
            assert np.array_equal(model.state_dict()[name].numpy(), value.numpy()), name
    assert model.fc.weight.shape == [1280, classes] and model.record.class_names == NAMES[:classes]
    assert ("a new head of 4 classes begins" in capsys.readouterr().out) == (classes == 4)


def test_other_classes_of_the_same_number_get_a_new_head(tmp_path, capsys):
    first = begin_model(small(), NAMES)
    save_weights_file(first, tmp_path, "first.pdparams")
    others = tuple(f"letter {name}" for name in NAMES)
    model = begin_model(small(init_weights=str(tmp_path / "first.pdparams")), others)
    assert not np.array_equal(model.fc.weight.numpy(), first.fc.weight.numpy())
    assert np.array_equal(model.conv1.weight.numpy(), first.conv1.weight.numpy())
    assert "a new head of 10 classes begins" in capsys.readouterr().out


@pytest.mark.parametrize(
    "parts, learn",
    [
        (("backbone",), ("fc.",)),
        (("stem", "1"), (*(f"feature.{n}." for n in range(1, 7)), "conv1.", "fc.")),
        (("4",), ("stem.", *(f"feature.{n}." for n in range(5)), "conv1.", "fc.")),
    ],
)
def test_what_is_frozen_stands_still_with_its_statistics(parts, learn):
    config = small(freeze=parts, drop_path=0.5, epochs=1)
    made = make_parts(config, DIGITS)
    before = {name: value.numpy() for name, value in made.model.state_dict().items()}
    fit(*made, config.epochs, None, seed=1)
    moved = {name for name, value in made.model.state_dict().items() if not np.array_equal(value.numpy(), before[name])}
    assert moved and [name for name in moved if not name.startswith(learn)] == []
    assert not learn[0].startswith("stem") or any(name.endswith("_mean") for name in moved)


def test_an_unknown_part_is_named():
    with pytest.raises(FasterNetError, match="no part 'neck' to freeze; known: backbone, stem, 1, 2, 3, 4"):
        freeze(begin_model(small(), NAMES), ("neck",))


# ---- a teacher ----


def test_distillation_is_its_formula():
    generator = np.random.default_rng(0)
    student, teacher = generator.standard_normal((2, 5, 4)).astype("float32")
    soft = lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)  # noqa: E731
    p, q = soft(teacher / 3.0), soft(student / 3.0)
    wanted = 0.3 * 2.0 + 0.7 * 9.0 * (p * np.log(p / q)).sum(axis=1).mean()
    distil = Distillation(lambda images: paddle.to_tensor(teacher), temperature=3.0, alpha=0.7)
    assert float(distil(paddle.to_tensor(2.0), paddle.to_tensor(student), None)) == pytest.approx(wanted, rel=1e-5)


def test_a_teacher_answers_in_the_students_order(tmp_path):
    model = begin_model(small(), NAMES)
    save_weights_file(model, tmp_path, "teacher.pdparams")
    turned = dataclasses.replace(model.record, class_names=NAMES[::-1])
    x = paddle.randn([2, 3, 32, 32])
    model.eval()
    answer = read_teacher(str(tmp_path / "teacher.pdparams"), turned)(x).numpy()
    assert np.array_equal(answer, model(x).numpy()[:, ::-1])
    with pytest.raises(FasterNetError, match="knows the classes"):
        read_teacher(str(tmp_path / "teacher.pdparams"), dataclasses.replace(model.record, class_names=NAMES[:9]))


# ---- all together ----


@pytest.mark.parametrize(
    "either",
    [
        {"balanced_sampling": True, "optimizer": "adamw"},
        {"class_weights": "balanced", "optimizer": "sgd", "augment": "light"},
    ],
    ids=("sampled", "weighted"),
)
def test_everything_at_once_is_resumed_to_the_bit(tmp_path, either):
    """Stopped after each step in turn and gone on with, a run of every switch that goes together ends the same."""
    save_weights_file(begin_model(small(), NAMES), tmp_path, "other.pdparams")
    other = str(tmp_path / "other.pdparams")
    every = {"warmup_epochs": 0.5, "min_learning_rate": 1e-5, "layer_decay": 0.8, "backbone_rate": 0.5}
    every |= {"decay": "weights", "clip_norm": 1.0, "accumulate": 2, "ema_decay": 0.9, "patience": 1, "drop_path": 0.2}
    every |= {"init_weights": other, "freeze": ("stem",), "teacher": other, "temperature": 2.0, "max_steps": 5}

    every |= {"mixup": 0.8, "cutmix": 1.0, "random_erasing": 0.5, "auto_augment": "rand-m5-mstd0.5-inc1"}
    every |= {"early_image_size": 64, "early_epochs": 1.0, "initializer": "paper"} | either

    def run(folder, stop_after=None, resume=False):
        config = small(**every, work_path=str(tmp_path / folder))
        with Session(config, resume=resume, checkpoint_every=0) as session:
            parts, done = make_parts(config, DIGITS), []
            session.start(parts, DIGITS)
            save = session.after_step

            def after_step():
                save()
                done.append(1)
                if len(done) == stop_after:
                    raise KeyboardInterrupt

            session.after_step = after_step
            return fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session)

    calm = run("calm")
    with pytest.raises(KeyboardInterrupt):
        run("broken", stop_after=1)
    for _ in range(10):
        try:
            history = run("broken", stop_after=1, resume=True)
            break
        except KeyboardInterrupt:
            pass
    assert history == calm and "ema_val_top1" in history.rows[0]
    for name in ("history.csv", "metrics.json"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes(), name
    for which in ("best", "final", "best_ema"):
        one, other = (load_run(tmp_path / folder / f"{which}_model.pdparams").model for folder in ("broken", "calm"))
        for name, value in one.state_dict().items():
            assert np.array_equal(value.numpy(), other.state_dict()[name].numpy()), (which, name)
    averaged = load_run(tmp_path / "calm" / "best_ema_model.pdparams")
    assert averaged.class_names == NAMES and averaged.record.image_size == 32


def test_callbacks_are_given_each_epoch():
    config, seen = small(ema_decay=0.5), []
    parts = make_parts(config, DIGITS)
    history = fit(*parts, config.epochs, None, seed=1, after_epoch=[seen.append])
    assert [epoch.number for epoch in seen] == [0, 1] and seen[-1].row == history.rows[-1]
    assert (
        seen[0].is_best and seen[0].model is parts.model and seen[0].ema_model is extras_of(parts.optimizer).ema.model
    )


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"warmup_epochs": -1.0}, "warmup_epochs must be 0 or more"),
        ({"warmup_epochs": 2.0}, "warmup_epochs must be fewer than epochs, got 2 and 2"),
        ({"min_learning_rate": 1.0}, "min_learning_rate must not be above learning_rate"),
        ({"warmup_learning_rate": 1.0}, "warmup_learning_rate must not be above learning_rate"),
        ({"accumulate": 0}, "accumulate must be at least 1"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0"),
        ({"ema_decay": 1.0}, r"ema_decay must lie in \[0, 1\)"),
        ({"momentum": 1.0}, r"momentum must lie in \[0, 1\)"),
        ({"layer_decay": 0.0}, r"layer_decay must lie in \(0, 1\]"),
        ({"layer_decay": 1.5}, r"layer_decay must lie in \(0, 1\]"),
        ({"least_gain": 0.1}, "least_gain needs patience"),
        ({"alpha": 0.7}, "need a teacher"),
        ({"early_image_size": 64}, "early_image_size and early_epochs go together"),
        ({"early_epochs": 1.0}, "early_image_size and early_epochs go together"),
        ({"early_image_size": 64, "early_epochs": 3.0}, "early_image_size and early_epochs go together"),
        ({"early_image_size": 16, "early_epochs": 1.0}, "early_image_size must be at least 32"),
        ({"teacher": "x", "alpha": 1.5}, r"alpha must lie in \[0, 1\]"),
        ({"teacher": "x", "temperature": 0.0}, "temperature must be above 0"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; known: adamw, sgd"),
        ({"schedule": "steps"}, "unknown schedule 'steps'"),
        ({"decay": "none"}, "unknown decay"),
        ({"initializer": "he"}, "unknown initializer"),
        ({"amp": "int8"}, "unknown amp"),
        ({"freeze": "stem"}, "freeze must be words"),
        ({"freeze": (1,)}, "freeze must be words"),
        ({"depths": ("a",)}, "depths must be whole numbers"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings, says):
    with pytest.raises(FasterNetError, match=says):
        small(**settings)


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"amp": "bf16"}, "amp bf16 needs a GPU"),
        ({"freeze": ("5",)}, "no part '5' to freeze"),
        ({"init_weights": "nowhere.pdparams"}, "nowhere.pdparams"),
        ({"teacher": "nowhere.pdparams"}, "nowhere.pdparams"),
    ],
)
def test_what_cannot_begin_is_one_sentence(settings, says):
    with pytest.raises(FasterNetError, match=says):
        make_parts(small(**settings), DIGITS)


# ---- recipes by name ----


def test_a_recipes_milestones_move_with_its_epochs(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("about: a test\nepochs: 30\nwarmup_epochs: 3\nby_variant:\n  s: {weight_decay: 0.5}\n")
    assert load_recipe(str(file)) == TrainConfig(epochs=30, warmup_epochs=3)
    assert load_recipe(str(file), "s", 60) == TrainConfig(epochs=60, warmup_epochs=6.0, weight_decay=0.5, variant="s")
    assert load_recipe("notebook") == TrainConfig()


@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize("variant", ["t0", "l"])
@pytest.mark.parametrize("epochs", [None, 3, 500])
def test_every_recipe_of_the_package_is_whole(name, variant, epochs):
    config = load_recipe(name, variant, epochs)
    assert config.variant == variant and epochs in (None, config.epochs)
    assert any(line.startswith(f"{name}: ") and len(line) > len(name) + 10 for line in describe_recipes())


@pytest.mark.parametrize(
    "text, says",
    [
        ("epochs: 0", "epochs must be at least 1"),
        ("epocs: 3", "unknown settings epocs"),
        ("- 1", "it must be a mapping"),
        ("by_variant: 3", "by_variant a mapping"),
        ("by_variant: {t0: 3}", "by_variant must hold settings for t0"),
        ("about: 3", "about must be text"),
        ("a: &a [1]\nb: *a", "aliases"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(text, says, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(FasterNetError, match=says):
        load_recipe(str(file))


@pytest.mark.parametrize(
    "argv, wanted",
    [
        (["--recipe", "finetune"], {"epochs": 20, "warmup_epochs": 1.0, "backbone_rate": 0.1}),
        (["--recipe", "finetune", "--epochs", "40"], {"epochs": 40, "warmup_epochs": 2.0}),
        (["--recipe", "finetune", "--epochs", "40", "--warmup-epochs", "1"], {"epochs": 40, "warmup_epochs": 1.0}),
        (["--recipe", "notebook", "--learning-rate", "0.5"], {"learning_rate": 0.5, "epochs": 100}),
        ([], {"epochs": 100}),
    ],
)
def test_flags_win_over_a_recipe(argv, wanted):
    settings = _parse([*argv, "--dataset", "digits"]).settings
    assert {name: getattr(settings, name) for name in wanted} == wanted and settings.dataset == "digits"


@pytest.mark.parametrize("other", [["--resume"], ["--config", "x.yaml"]])
def test_two_whole_recipes_are_refused(other):
    with pytest.raises(FasterNetError, match="--recipe and --"):
        _parse(["--recipe", "finetune", *other])


@pytest.mark.parametrize("num_workers", [0, 1])
def test_early_epochs_have_smaller_images(num_workers):
    config = small(early_image_size=64, early_epochs=1.0, batch_size=4, max_steps=1, num_workers=num_workers)
    with contextlib.closing(make_parts(config, DIGITS)) as parts:
        sides = []
        for epoch in (0, 1, 0):
            parts.train_loader.begin(epoch)
            sides += [images.shape for images, _ in parts.train_loader]
        assert sides == [[4, 3, 64, 64], [4, 3, 32, 32], [4, 3, 64, 64]]
        assert [images.shape[-1] for images, _ in parts.val_loader] == [32]
