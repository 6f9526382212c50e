"""Where the record of a weights file comes from: the file itself, the ``config.yaml`` beside it, or its shapes.

    known = find_record(open_weights(path), path)
    known.record.class_names, known.config.batch_size

What stands in the file holds. Of files without a record (the notebook's, and this package's before it had one) it is
said in a line what was taken for it, since class names and image size cannot be read off the weights.
"""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from ..config import CIFAR10_NAMES, DATASETS, TrainConfig
from ..errors import FasterNetError
from ..files.lists import as_class_names
from ..model.fasternet import VARIANTS, check_names, variant_of
from ..record import Record
from ..weights.fitting import IMAGENET_CLASSES, foreign_record, numbered
from ..weights.shapes import read_shapes
from .folder import CONFIG, read_recipe

RECIPE = ("image_size", "resize", "variant", "mixer", "embed_dim", "depths", "drop_path")  # of a record, in the config


@dataclass(frozen=True)
class Known:
    """What is known of a weights file."""

    record: Record
    config: TrainConfig
    named: bool = True
    """Whether the class names are known; False where they are assumed."""
    assumed: str = ""
    """Words on what was assumed, empty where nothing was."""


def find_record(found, weights, variant=None, mixer=None):
    """``Known`` of ``found`` (``Recognised``), which was read from ``weights`` (a path or a published name).

    Args:
        variant, mixer: what to take where neither a record nor shapes tell.

    Raises:
        FasterNetError: a record of another network than the file's, or shapes that are no known variant's.
    """
    shapes = read_shapes(found.weights, weights)
    path = config_beside(weights)
    if found.record is not None:
        check_names(found.record.variant, found.record.mixer)
        if not _fits(found.record, shapes):
            raise FasterNetError(f"{weights} is damaged: its record is of another network than its weights")
        return _with_record(found.record, path, weights)
    if found.family != "notebook":
        record = foreign_record(found.source, found.weights, variant or _variant(shapes, weights))
        return Known(record, config_of(record), named=shapes.num_classes == IMAGENET_CLASSES)
    if path is not None:
        config, class_names, record = read_recipe(path)
        record = record or Record.of(config, class_names or _names(shapes.num_classes))
        if _fits(record, shapes):
            _note(f"{weights} carries no record: {path} says what belongs to it")
            return Known(record, config, named=class_names is not None)
        _note(f"{path} is of another network than {weights}: nothing is taken from it")
    config = TrainConfig(variant=variant or _variant(shapes, weights), mixer=shapes.mixer or mixer or _unknown(weights))
    record = Record.of(config, _names(shapes.num_classes), dataset="")
    return Known(record, config, named=False, assumed=f"{weights} carries no record")


def config_beside(weights):
    """Path of the ``config.yaml`` beside a weights file, or beside what a symbolic link leads to; None if none."""
    places = (Path(weights).parent, Path(os.path.realpath(weights)).parent)
    return next((place / CONFIG for place in places if (place / CONFIG).exists()), None)


def _with_record(record, path, weights):
    """The config beside the file lends the rest (batch size, data, ...), unless it is another run's."""
    if path is not None:
        try:
            config, class_names, beside = read_recipe(path)
        except FasterNetError as error:
            _note(f"{error}; the record in {weights} holds")
            return Known(record, config_of(record))
        beside = beside or Record.of(config, class_names or record.class_names)
        different = _differences(record, beside)
        if not different:
            return Known(record, config)
        _note(f"{path} contradicts the record in {weights} ({', '.join(different)}): the record holds")
    return Known(record, config_of(record))


def config_of(record):
    """``TrainConfig`` with what a record says, and defaults."""
    dataset = {"dataset": record.dataset} if record.dataset in DATASETS else {}
    return TrainConfig(**{name: getattr(record, name) for name in RECIPE}, **dataset)


def _differences(record, beside):
    """Names of the fields in which two records differ; sizes count however they are given."""
    record, beside = filled(record), filled(beside)
    names = [field.name for field in dataclasses.fields(Record) if field.name != "temperature"]  # may be fitted later
    return [name for name in names if getattr(record, name) != getattr(beside, name)]


def filled(record):
    """The record with the variant's sizes where it leaves them to the variant."""
    own = VARIANTS.get(record.variant, {})
    sizes = {name: own.get(name) for name in ("embed_dim", "depths", "drop_path") if getattr(record, name) is None}
    return dataclasses.replace(record, **sizes)


def _fits(record, shapes):
    """Whether a record is of the network that has these shapes; those of a mixer of one's own are not known."""
    record = filled(record)
    sizes = (record.embed_dim, record.depths, len(record.class_names))
    return sizes == (shapes.embed_dim, shapes.depths, shapes.num_classes) and shapes.mixer in (record.mixer, None)


def _names(count):
    return CIFAR10_NAMES if count == len(CIFAR10_NAMES) else numbered(count)


def _variant(shapes, weights):
    name = variant_of(shapes.embed_dim, shapes.depths)
    if name is None:
        raise FasterNetError(
            f"{weights} has {shapes.embed_dim} channels and stages of {shapes.depths} blocks, which is no known "
            f"variant",
            change=("variant", "embed_dim", "depths"),
        )
    return name


def _unknown(weights):
    raise FasterNetError(f"{weights} has a mixer that its shapes do not tell", change="mixer")


def _note(text):
    print(f"note: {text}")


def given_names(class_names, count):
    """The names that a user gives for ``count`` classes, as a tuple of str.

    Args:
        class_names: names, or the path of a text file with a name a line (alone, or in a list of one).

    Raises:
        FasterNetError: another number of names, or a file that holds none.
    """
    alone = isinstance(class_names, (str, os.PathLike))
    names = (os.fspath(class_names),) if alone else as_class_names(class_names)
    if len(names) == 1 and (count > 1 or os.path.isfile(os.path.expanduser(names[0]))):
        names = as_class_names(names[0])
    if len(names) != count:
        raise FasterNetError(
            f"class_names must name each of the network's {count} classes, got {len(names)}", change="class_names"
        )
    return names


def tell_assumed(known, record, class_names, image_size):
    """Say in one line what was assumed for a file without a record, as far as nothing else was given."""
    kind = "CIFAR-10's class names" if record.class_names == CIFAR10_NAMES else "numbers in place of class names"
    assumed = [] if class_names else [kind]
    assumed += [] if image_size else [f"{record.image_size} pixels a side"]
    if known.assumed and assumed:
        _note(f"{known.assumed}: {' and '.join(assumed)} are assumed; class_names and image_size say otherwise")
