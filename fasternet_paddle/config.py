"""The notebook's numbers, each with its unit and source, in one frozen dataclass. Standard library only.

Every field of ``TrainConfig`` is a flag of ``python -m fasternet_paddle.train`` (which has a few more, on what to
do with a run that is there) and a line of a run's ``config.yaml``. A default stands here and nowhere else; what values
are allowed stands in ``config_rules``, whose names are taken from here as well.
"""

import dataclasses
import re
from dataclasses import dataclass

from .config_rules import AUGMENTATIONS, CHOICES, DATASETS, MIN_IMAGE_SIZE, RANGES, check_settings  # noqa: F401
from .errors import FasterNetError

CIFAR10_ARCHIVE = "data/data152754/cifar-10-python.tar.gz"  # where AI Studio mounts it (notebook 2.2)
CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BEST_MODEL = "best_model.pdparams"  # in the work path, the notebook's name (2.4)
CHECKPOINT_EVERY = 60.0  # seconds between two checkpoints of a run; not part of its recipe
LISTING = "files.csv"  # in the work path: which files a run of your own images trains and validates on
FINDINGS = "checks.json"  # beside it: what the checks found in them
REPORT = "report.html"  # a run's page, of its training or of an evaluation
EVALUATION, CLASSES_TABLE, CONFUSION_TABLE = "evaluation.json", "classes.csv", "confusion.csv"
EVALUATION_FIGURES = ("confusion.png", "reliability.png", "classes.png")
EVALUATION_FILES = (EVALUATION, CLASSES_TABLE, CONFUSION_TABLE, *EVALUATION_FIGURES, REPORT)
TEST_EVALUATION = "evaluation_test.json"  # beside them, where there are untouched test images
KEEP_CHECKPOINTS = 2  # of them; with one alone there is none to fall back to


@dataclass(frozen=True)
class TrainConfig:
    """The notebook's recipe: FasterNet-T0 on CIFAR-10 at 224 pixels for 100 epochs."""

    dataset: str = "cifar10"
    """Data to train on: cifar10, cifar100 or cifar100-coarse (the python archive, another archive in its format, or the
    folder it unpacks to), digits (built in), mnist (a folder of idx files) or folder (your own images)."""
    data_path: str = CIFAR10_ARCHIVE
    """Archive or folder of the data; where CIFAR-10's default is absent it is downloaded (170 MB)."""
    val_fraction: float = 0.2
    """Share of your own images that is kept for validation, where the folder has no validation images."""
    test_fraction: float = 0.0
    """Share of the images (of data sets with validation images: of the training images) that training never sees, where
    a folder has no test images."""
    train_images: int | None = None
    """Train on so many of the training images alone, of each class its share, drawn by the seed; by default on all."""
    checks: str = "on"
    """Decode all of your own images first, to find damaged and equal ones: on or off."""
    variant: str = "t0"
    """Size of the network: t0, t1, t2, s, m or l."""
    mixer: str = "pconv"
    """Spatial operator of the blocks: pconv, dwconv or conv."""
    embed_dim: int | None = None
    """Channels of the first stage; by default the variant's (42 makes dwconv cost what pconv costs in t0)."""
    depths: tuple[int, ...] | None = None
    """Blocks of each stage; by default the variant's (1 2 8 2 in t0)."""
    drop_path: float | None = None
    """Drop-path rate of the last block, in [0, 1), rising from 0 in the first; by default the variant's."""
    image_size: int = 224
    """Side of the network's input, in pixels; at least 32."""
    early_image_size: int | None = None
    """Side of the training images in the first epochs, smaller and so faster; validation keeps image_size."""
    early_epochs: float = 0.0
    """How many epochs have this smaller size."""
    resize: str = "squash"
    """How a validation image is brought to that size: squash (both sides, the notebook's), crop (the shorter side to
    size / 0.875, then the centre, the paper's) or letterbox (the longer side, then bars)."""
    augment: str = "notebook"
    """Training transforms: notebook (Paddle's), fast (the same laws, several times faster; saturation drawn once) or
    light (crops of 0.6 of the area and more, and mirroring; neither rotation nor colours; digits: crops of 0.8 and
    more, 10 degrees)."""
    auto_augment: str = ""
    """RandAugment before the transforms, by timm's string, such as rand-m7-mstd0.5-inc1; nothing: none."""
    random_erasing: float = 0.0
    """Probability that a box of a training image is erased, 2 % to a third of it; 0: none."""
    erasing_mode: str = "const"
    """What fills the erased box: const (the mean colour) or pixel (noise)."""
    mixup: float = 0.0
    """Alpha of mixup's beta distribution, such as 0.8; 0: none."""
    cutmix: float = 0.0
    """Alpha of CutMix's beta distribution, such as 1; 0: none. With both, each batch is either blended or cut."""
    mix_probability: float = 1.0
    """Probability that a batch is mixed, where mixup or cutmix is on."""
    mix_switch: float = 0.5
    """Probability that a batch is cut rather than blended, where both are on."""
    balanced_sampling: bool = False
    """Draw training images with replacement, every class as often as any other, instead of each image once."""
    class_weights: str = "none"
    """Weights of the classes in the training loss: none or balanced (by inverse frequency; 1 on average)."""
    batch_size: int = 256
    """Images a step."""
    epochs: int = 100
    """Passes over the training images."""
    optimizer: str = "adamw"
    """What takes the steps: adamw, or sgd with Nesterov's momentum."""
    momentum: float = 0.9
    """Momentum of sgd."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    schedule: str = "cosine"
    """How the learning rate goes on after the warm-up, step by step: cosine (down to min_learning_rate) or constant."""
    min_learning_rate: float = 0.0
    """Learning rate at which the cosine ends."""
    warmup_epochs: float = 0.0
    """Epochs in which the learning rate first rises, in a line from warmup_learning_rate."""
    warmup_learning_rate: float = 0.0
    """Learning rate at which the warm-up begins."""
    layer_decay: float = 1.0
    """The head learns at the whole rate, each block below it at this share of the one above, the stem last."""
    backbone_rate: float = 1.0
    """The learning rate of all but the head, as a share of the head's."""
    weight_decay: float = 0.005
    """Weight decay: decoupled with adamw, L2 with sgd."""
    decay: str = "all"
    """What decays: all parameters, or weights (neither biases nor batch norm)."""
    clip_norm: float | None = None
    """Scale the gradient down to this norm, of all parameters together, where it is larger."""
    accumulate: int = 1
    """Batches whose gradients are averaged for one step of the optimizer."""
    initializer: str = "notebook"
    """First weights and drop path: notebook (Paddle's, the notebook's rates) or paper (truncated normal of deviation
    0.02; rates of 0.1, 0.2 and 0.3 for S, M and L)."""
    init_weights: str | None = None
    """Begin from these weights, a file of any family or a name of published ones; with other classes the head is
    new."""
    freeze: tuple[str, ...] | None = None
    """Parts that do not learn, their batch norm included: backbone (all but the head), stem, or stages 1 to 4."""
    ema_decay: float | None = None
    """Keep an exponential moving average of the weights with this decay, such as 0.999, and save it beside them."""
    patience: int | None = None
    """Stop after so many epochs without a better validation accuracy."""
    least_gain: float = 0.0
    """How much better, from 0 to 1, an accuracy must be to count for patience."""
    teacher: str | None = None
    """Also learn from the answers of this network: weights of ours or others', or an exported folder."""
    temperature: float = 1.0
    """Temperature of the teacher's and the network's answers when they are compared; above 1 softens them."""
    alpha: float = 0.5
    """Share of the loss that is the teacher's; the labels have the rest."""
    amp: str = "off"
    """Mixed precision on a GPU: off, bf16 or fp16."""
    nproc: int = 1
    """Processes that share each batch, or auto: one a card, or a core where there is none. The batch size is that of
    all together; batch norm sees the share of each."""
    sync_batch_norm: bool = False
    """Several processes on GPUs take the statistics of batch norm over the whole batch."""
    label_smoothing: float = 0.1
    """Share of the target that is spread evenly over all classes."""
    num_workers: int = 4
    """Processes that load images; 0 loads in the main process. The numbers do not depend on it."""
    seed: int = 42
    """Seed of weights, shuffling and augmentation."""
    work_path: str = "work/model"
    """Folder that the run writes."""
    device: str = "auto"
    """auto (the first GPU, else the CPU), cpu, gpu or gpu:N."""
    max_steps: int | None = None
    """End each epoch after so many steps, and each validation after so many batches, for a quick look."""

    def __post_init__(self):
        """Check every value that can be checked without Paddle or the data; raise ``FasterNetError``."""
        for name in ("depths", "freeze"):
            if isinstance(getattr(self, name), list):  # as files hold it
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_settings(self)


SECTIONS = {  # of ``--help``: the first setting of each, and its name
    "dataset": "data",
    "variant": "network",
    "image_size": "image",
    "auto_augment": "augmentation",
    "balanced_sampling": "balance",
    "batch_size": "step",
    "learning_rate": "rate",
    "weight_decay": "regularisation",
    "initializer": "beginning",
    "ema_decay": "averaging",
    "patience": "stopping",
    "teacher": "distillation",
    "amp": "machine",
    "label_smoothing": "loss",
    "num_workers": "run",
}


def config_from(values, source):
    """Build a ``TrainConfig`` from a mapping read from a file; unknown keys are an error that lists them.

    Args:
        values: mapping of field names to values; fields that are absent keep their defaults.
        source: what to call the mapping in an error, usually its path.
    """
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    unknown = sorted(map(str, set(values) - names))
    if unknown:
        raise FasterNetError(f"{source} holds unknown settings {', '.join(unknown)}; known: {', '.join(sorted(names))}")
    floats = {field.name for field in dataclasses.fields(TrainConfig) if field.type in (float, float | None)}
    values = {name: _number(value) if name in floats else value for name, value in values.items()}
    try:
        return TrainConfig(**values)
    except FasterNetError as error:
        raise FasterNetError(f"{source}: {error}") from None


def _number(value):
    """A number for text like 1e-3, which YAML takes for text as long as it has no point (1.0e-3)."""
    return float(value) if isinstance(value, str) and re.fullmatch(r"[-+]?(\d+|\.\d+)[eE][-+]?\d+", value) else value
