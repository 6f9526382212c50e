"""What a model carries wherever it goes: class names, how an image is prepared, and which network it is.

    record = Record(class_names=("cat", "dog"), image_size=224)
    Record.from_json(record.to_json()) == record

The record is written into every weights file as one more key, into checkpoints, ``config.yaml`` and exports, and is
``model.record`` in memory. Standard library only.
"""

import dataclasses
import json
from dataclasses import dataclass

from .errors import FasterNetError

FORMAT = 1
RESIZES = {"squash": "bilinear", "crop": "bicubic", "letterbox": "bicubic"}  # and how each interpolates by default
INTERPOLATIONS = ("bilinear", "bicubic")
# What config.yaml keeps of a record under a key of its own: the rest are settings of the recipe, and the class names.
BEYOND_THE_RECIPE = ("interpolation", "crop_ratio", "mean", "std", "stem_act", "temperature")
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB channels in [0, 1]
IMAGENET_STD = (0.229, 0.224, 0.225)
LARGEST_SIDE = 4096  # pixels; an input of that size takes 200 MB
SMALLEST_CROP = 0.25  # of ``crop_ratio``: what is cropped from is enlarged by its inverse
MEAN_RANGE, STD_RANGE = (-10, 10), (1e-3, 10)  # of channels in [0, 1]; 1/255 brings them back to 0..255
TEMPERATURE_RANGE = (1e-4, 1e4)
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
        names = isinstance(self.class_names, tuple) and self.class_names and all(map(_is_text, self.class_names))
        _check(names, "class_names", "be names", self)
        size = _is_count(self.image_size) and 32 <= self.image_size <= LARGEST_SIDE
        _check(size, "image_size", f"be 32 pixels or more, up to {LARGEST_SIDE}", self)
        _check(self.resize in RESIZES, "resize", f"be one of {', '.join(RESIZES)}", self)
        known = ", ".join(INTERPOLATIONS)
        _check(self.interpolation in INTERPOLATIONS, "interpolation", f"be one of {known}", self)
        _check(_lies_in(self.crop_ratio, SMALLEST_CROP, 1), "crop_ratio", f"lie in [{SMALLEST_CROP}, 1]", self)
        for name, (low, high) in {"mean": MEAN_RANGE, "std": STD_RANGE}.items():
            values = getattr(self, name)
            sound = isinstance(values, tuple) and len(values) == 3 and all(_lies_in(v, low, high) for v in values)
            _check(sound, name, f"be three numbers in [{low}, {high}]", self)
        for name in ("variant", "mixer", "dataset"):
            _check(isinstance(getattr(self, name), str), name, "be text", self)
        _check(self.embed_dim is None or _is_count(self.embed_dim), "embed_dim", "be a whole number above 0", self)
        depths = self.depths is None or (
            isinstance(self.depths, tuple) and self.depths and all(map(_is_count, self.depths))
        )
        _check(depths, "depths", "be whole numbers above 0", self)
        rate = self.drop_path is None or (_lies_in(self.drop_path, 0, 1) and self.drop_path < 1)
        _check(rate, "drop_path", "lie in [0, 1)", self)
        _check(isinstance(self.stem_act, bool), "stem_act", "be true or false", self)
        low, high = TEMPERATURE_RANGE
        warm = self.temperature is None or _lies_in(self.temperature, low, high)
        _check(warm, "temperature", f"be above 0, in [{low:g}, {high:g}]", self)

    @classmethod
    def of(cls, config, class_names, **others):
        """The record of a network that is trained as ``config`` (a ``TrainConfig``) says; ``others`` are fields."""
        recipe = ("image_size", "resize", "variant", "mixer", "embed_dim", "depths", "drop_path", "dataset")
        given = {name: getattr(config, name) for name in recipe} | {"interpolation": RESIZES[config.resize]}
        return cls(tuple(class_names), **(given | others))

    def beyond_the_recipe(self):
        """What ``config.yaml`` keeps of it, as a dict of plain values with the number of its format."""
        values = {name: getattr(self, name) for name in BEYOND_THE_RECIPE}
        return {"format": FORMAT} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

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
        check_format(number)
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except TypeError as error:
            raise FasterNetError(f"the model's record is damaged ({error})") from None


def check_format(number):
    """Refuse a record of a format that this release does not know."""
    if number != FORMAT:
        raise FasterNetError(f"the model's record has format {number!r:.20}, this release reads {FORMAT}")


def _check(holds, name, rule, record):
    if not holds:
        raise FasterNetError(f"{name} must {rule}, got {getattr(record, name)!r:.80}", change=name)


def _is_text(value):
    """Whether a name can be written to every file: half a surrogate pair, which JSON can hold, cannot."""
    return isinstance(value, str) and value != "" and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _lies_in(value, low, high):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
