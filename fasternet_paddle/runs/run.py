"""A finished run: the network, and what it was trained with (notebook 2.5).

run = load_run("work/model/best_model.pdparams")      # run.model, run.record, run.config, run.class_names
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import paddle

from ..config import TrainConfig
from ..errors import FasterNetError
from ..model.fasternet import build_model
from ..weights.fitting import numbered, open_weights
from ..weights.pdparams import set_weights
from .records import config_of, find_record, given_names, tell_assumed


@dataclass(frozen=True)
class Run:
    """A trained network, in eval mode, with the recipe and the class names that it was trained with."""

    model: paddle.nn.Layer
    config: TrainConfig
    class_names: tuple[str, ...]
    history: Any = None
    """``History`` of the training, where it was done here (``run_training``)."""
    test: Any = None
    """``ClassMetrics`` of images that neither training nor the choice of the best epoch saw, where it kept some."""
    named: bool = True
    """Whether the class names are known; False where they are assumed, which was said."""
    predictor: Any = None
    """Of an exported network, which has no ``model`` here: its ``ExportedPredictor``."""

    @property
    def record(self):
        """``Record`` of the network: class names, image size and how an image is brought to it."""
        return self.model.record if self.predictor is None else self.predictor.record


def load_run(
    weights,
    variant=None,
    mixer=None,
    embed_dim=None,
    depths=None,
    num_classes=None,
    image_size=None,
    class_names=None,
):
    """Rebuild the network that a weights file belongs to.

    What is not given comes from the record in the file. Files that were written without one (the notebook's own, and
    this package's before it had one) take it from the ``config.yaml`` beside them, where that is of such a network,
    else from their shapes; a line says what was assumed. Weights of other families (the authors', PaddleClas's, timm's)
    are prepared for as they were published. ``run.model.record`` holds what was found.

    Args:
        weights: path of a file of any family and form, or a name of published weights (``weights.published``).
        variant, mixer, embed_dim, depths, num_classes, image_size: what to take in place of record, config and shapes.
        class_names: names of the outputs in their order, or the path of a text file with a name a line.

    Raises:
        FasterNetError: the file or its config cannot be read, or it does not fit the network.
    """
    if num_classes is not None and num_classes < 1:
        raise FasterNetError(f"num_classes must be at least 1, got {num_classes}")
    found = open_weights(weights)
    known = find_record(found, weights, variant, mixer)
    given = dict(variant=variant, mixer=mixer, embed_dim=embed_dim, depths=depths or None, image_size=image_size)
    given = {name: value for name, value in given.items() if value is not None}
    config = dataclasses.replace(known.config, **given)
    names = known.record.class_names
    if class_names:
        names = given_names(class_names, num_classes or len(names))
    elif num_classes not in (None, len(names)):
        names = numbered(num_classes)
    record = dataclasses.replace(known.record, class_names=names, **given)

    model = build_model(config, len(names), stem_act=found.stem_act)
    set_weights(model, found.weights, weights)
    model.record = record
    model.eval()
    tell_assumed(known, record, class_names, image_size)
    return Run(model, config, names, named=known.named or bool(class_names))


def exported_run(predictor):
    """The ``Run`` of an exported network (``inference.exported``): what its record tells, without a model."""
    return Run(None, config_of(predictor.record), predictor.record.class_names, predictor=predictor)
