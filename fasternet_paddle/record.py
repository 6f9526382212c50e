"""What a model carries wherever it goes: class names, how an image is prepared, and which network it is.

    record = Record(class_names=("cat", "dog"), image_size=224)
    Record.from_json(record.to_json()) == record

The record is written into every weights file as one more key, into checkpoints, ``config.yaml`` and exports, and is
``model.record`` in memory. Standard library only.
"""

import dataclasses
import json
import math
from dataclasses import dataclass

from .errors import FasterNetError

FORMAT = 1
RESIZES = {"squash": "bilinear", "crop": "bicubic", "letterbox": "bicubic"}  # and how each interpolates by default
INTERPOLATIONS = ("bilinear", "bicubic")
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB channels in [0, 1]
IMAGENET_STD = (0.229, 0.224, 0.225)
LARGEST = 4 << 20  # bytes of JSON; 10,000 class names take some 200 kB


@dataclass(frozen=True)
class Record:
    """Enough to rebuild a network, to prepare an image for it and to name its answer."""

    class_names: tuple[str, ...]
    """Names of the K outputs, in their order."""
    image_size: int
    """Side of the network's input, in pixels."""
    resize: str = "squash"
    """How an image is brought to that size: squash (both sides, the aspect is not kept), crop (the shorter side to
    ``image_size / crop_ratio``, then the centre) or letterbox (the longer side to ``image_size``, then bars of the
    mean colour)."""
    interpolation: str = "bilinear"
    """bilinear or bicubic."""
    crop_ratio: float = 0.875
    """Of ``resize="crop"``: the side that is kept, as a share of the shorter side."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Subtracted from RGB channels in [0, 1]."""
    std: tuple[float, float, float] = IMAGENET_STD
    """What they are then divided by."""
    variant: str = "t0"
    """Size of the network."""
    mixer: str = "pconv"
    """Spatial operator of the blocks."""
    embed_dim: int | None = None
    """Channels of the first stage; None: the variant's."""
    depths: tuple[int, ...] | None = None
    """Blocks of each stage; None: the variant's."""
    drop_path: float | None = None
    """Largest drop-path rate; None: the variant's."""
    stem_act: bool = True
    """Whether stem and merges end in an activation: the notebook's do, the authors', PaddleClas's and timm's do not."""
    dataset: str = ""
    """What it was trained on; empty if unknown."""
    temperature: float | None = None
    """What logits are divided by before the softmax, where it was fitted."""

    def __post_init__(self):
        """Check every value; raise ``FasterNetError``."""
        for name in ("class_names", "mean", "std", "depths"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        _check(self.class_names and all(_is_text(name) for name in self.class_names), "class_names", "be names", self)
        _check(_is_count(self.image_size) and self.image_size >= 32, "image_size", "be 32 pixels or more", self)
        _check(self.resize in RESIZES, "resize", f"be one of {', '.join(RESIZES)}", self)
        known = ", ".join(INTERPOLATIONS)
        _check(self.interpolation in INTERPOLATIONS, "interpolation", f"be one of {known}", self)
        _check(_is_number(self.crop_ratio) and 0 < self.crop_ratio <= 1, "crop_ratio", "lie in (0, 1]", self)
        for name in ("mean", "std"):
            values = getattr(self, name)
            sound = isinstance(values, tuple) and len(values) == 3 and all(map(_is_number, values))
            _check(sound and (name == "mean" or min(values) > 0), name, "be three numbers, of std above 0", self)
        for name in ("variant", "mixer", "dataset"):
            _check(isinstance(getattr(self, name), str), name, "be text", self)
        _check(self.embed_dim is None or _is_count(self.embed_dim), "embed_dim", "be a whole number above 0", self)
        depths = self.depths is None or (
            isinstance(self.depths, tuple) and self.depths and all(map(_is_count, self.depths))
        )
        _check(depths, "depths", "be whole numbers above 0", self)
        rate = self.drop_path is None or (_is_number(self.drop_path) and 0 <= self.drop_path < 1)
        _check(rate, "drop_path", "lie in [0, 1)", self)
        _check(isinstance(self.stem_act, bool), "stem_act", "be true or false", self)
        warm = self.temperature is None or (_is_number(self.temperature) and self.temperature > 0)
        _check(warm, "temperature", "be above 0", self)

    def to_json(self):
        """The record as one line of JSON, ASCII alone, with the number of its format."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text):
        """The record in ``text`` (str or bytes); keys that a later release added are passed over.

        Raises:
            FasterNetError: no such record, or one of a later format.
        """
        try:
            if len(text) > LARGEST:
                raise ValueError(f"{len(text):,} bytes")
            values = json.loads(text)
            number = values.pop("format")
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise FasterNetError(f"the model's record is damaged ({type(error).__name__})") from None
        if number != FORMAT:
            raise FasterNetError(f"the model's record has format {number!r:.20}, this release reads {FORMAT}")
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except TypeError as error:
            raise FasterNetError(f"the model's record is damaged ({error})") from None


def _check(holds, name, rule, record):
    if not holds:
        raise FasterNetError(f"{name} must {rule}, got {getattr(record, name)!r:.80}", change=name)


def _is_text(value):
    return isinstance(value, str) and value != ""


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
