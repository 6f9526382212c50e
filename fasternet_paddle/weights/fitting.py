"""Foreign weights into a network: opened by file or name, held to its shapes, with a new head where it needs one.

    found = open_weights("t0-imagenet-timm")            # or a path
    fit(model, found, "t0")                             # every key and shape must match, the head's excepted

``model.fasternet.create_model`` does both.
"""

import dataclasses
import os
from importlib.resources import files

from ..errors import FasterNetError
from ..record import Record
from .pdparams import set_weights
from .published import PUBLISHED, fetch
from .recognise import read_weights, recognise
from .shapes import read_shapes

HEAD = ("fc.weight", "fc.bias")
IMAGENET_CLASSES = 1000
# How the authors, PaddleClas and timm prepare an image for their accuracies: 224 pixels from 248, bicubic.
PREPARATION = dict(image_size=224, resize="crop", interpolation="bicubic", crop_ratio=0.9)


def open_weights(weights):
    """The weights in a file, or the published ones of a name, as ``Recognised``.

    Args:
        weights: path of a file of any family and form, or a name of ``PUBLISHED``, which is downloaded if need be.

    Raises:
        FasterNetError: no such file or name, a file that is damaged or holds no FasterNet, or a failed download.
    """
    path = weights
    if str(weights) in PUBLISHED:
        path = fetch(str(weights))
    elif not os.path.exists(weights) and os.path.basename(weights) == str(weights) and "." not in str(weights):
        raise FasterNetError(
            f"{weights} is neither a file nor a name of published weights; known names: {', '.join(PUBLISHED)}",
            change="weights",
        )
    return recognise(read_weights(path), weights)


def fit_head(found, fresh):
    """The weights of ``found``, with the head of ``fresh`` where that has another number of classes.

    Args:
        found: ``Recognised``.
        fresh: ``state_dict`` of the network that they are for, name to array.

    Returns:
        (weights, told): dict of name to array, and a sentence on the new head, empty where there is none.
    """
    wanted = len(fresh["fc.bias"])
    if found.num_classes == wanted:
        return found.weights, ""
    backbone = {name: array for name, array in found.weights.items() if name not in HEAD}
    held = "no head" if found.num_classes is None else f"a head of {found.num_classes} classes"
    told = f"{found.source} has {held}: its backbone is kept, a new head of {wanted} classes begins"
    return backbone | {name: fresh[name] for name in HEAD}, told


def settings_of(found, variant):
    """Arguments of ``FasterNet`` that ``Recognised`` weights tell for a variant, as a dict."""
    settings, record = {"stem_act": found.stem_act}, found.record
    if record is not None and record.variant == variant and found.num_classes is not None:
        shapes = read_shapes(found.weights, found.source)  # sizes by what is there, not by what the record claims
        settings |= {"embed_dim": shapes.embed_dim, "depths": shapes.depths, "mixer": record.mixer}
        settings |= {} if record.drop_path is None else {"drop_path": record.drop_path}
    return settings


def fit(model, found, variant):
    """Set the weights of ``model`` from ``found`` and say what belongs to them in ``model.record``.

    A new head, which begins where the number of classes differs, is told in a printed line; all else is taken to the
    bit. The notebook's own files do not say what they were trained on, and leave ``model.record`` as None.

    Args:
        model: a ``FasterNet`` as ``found`` tells it: ``stem_act`` and sizes.
        found: ``Recognised``.
        variant: the model's name.

    Raises:
        FasterNetError: keys that are missing, extra or misshapen, each listed; the model is then unchanged.
    """
    fresh = {name: value.numpy() for name, value in model.state_dict().items()}
    weights, told = fit_head(found, fresh)
    set_weights(model, weights, found.source)
    if told:
        print(told)
    record, stem_act = found.record, len(model.stem) == 3
    if record is None and found.family != "notebook":
        record = foreign_record(found.source, weights, variant, stem_act)
    if record is None:
        return
    shapes = read_shapes(weights, found.source)
    network = dict(variant=variant, embed_dim=shapes.embed_dim, depths=shapes.depths, stem_act=stem_act)
    head = dict(class_names=numbered(len(fresh["fc.bias"])), dataset="", temperature=None) if told else {}
    model.record = dataclasses.replace(record, **network, **head)


def foreign_record(source, weights, variant, stem_act=False):
    """``Record`` of weights of another family than the notebook's, named ``variant``.

    A thousand classes are taken for ImageNet's. ``stem_act`` is whether the network has activations after stem and
    merges, which that family's has not.
    """
    shapes = read_shapes(weights, source)
    imagenet = shapes.num_classes == IMAGENET_CLASSES
    return Record(
        class_names=imagenet_classes() if imagenet else numbered(shapes.num_classes),
        variant=variant,
        mixer=shapes.mixer,
        embed_dim=shapes.embed_dim,
        depths=shapes.depths,
        stem_act=stem_act,
        dataset="imagenet" if imagenet else "",
        **PREPARATION,
    )


def numbered(count):
    """Names of classes that nothing names: class 0, class 1, ..."""
    return tuple(f"class {number}" for number in range(count))


def imagenet_classes():
    """Names of ImageNet's 1,000 classes in the order of the published weights' outputs, as a tuple of str."""
    return tuple(files(__package__).joinpath("imagenet_classes.txt").read_text(encoding="utf-8").splitlines())
