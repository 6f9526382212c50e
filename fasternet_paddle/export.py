"""Hand a trained network to others: ``python -m fasternet_paddle.export --weights FILE --format FORM --output DIR``.

    --format paddle      inference.json and inference.pdiparams, which paddle.inference runs; logits
    --format paddlex     the same with probabilities, and what PaddleX 3 needs to predict with it and to serve it
    --format onnx        inference.onnx, for ONNX Runtime and many others; probabilities and logits
    --format openvino    inference.xml and inference.bin, of the same outputs; in int8 with --calibrate DATASET
    --format timm        config.json and model.safetensors, for PyTorch; networks without activations after the stem

The exported network is run at once on 100 real pictures beside the model. What was found is printed and stands in the
folder's ``agreement.json``; where they do not agree there is no folder. Beside it lie the record (``fasternet.json``)
and a model card (``README.md``).
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from .config import EVALUATION
from .errors import FasterNetError
from .runtime import cli, machine
from .runtime.flags import NetworkFlags

PICTURES = 100  # that an export is checked on


@dataclass(frozen=True)
class ExportFlags:
    """What to export, and into what."""

    network: NetworkFlags = field(default_factory=NetworkFlags)
    format: str = "paddle"
    """paddle, paddlex, onnx, openvino or timm."""
    output: Path = Path("work/export")
    """Folder to make."""
    overwrite: bool = False
    """Replace an export that is in it."""
    calibrate: str | None = None
    """With --format openvino: a data set; int8, with ranges measured on 300 of its training images."""
    dataset: str | None = None
    """Data whose validation images the export is checked on; by default the digits for a network trained on them, else
    crops of two photographs that scikit-learn brings."""
    data_path: str | None = None
    """Where the data set lies."""
    evaluation: Path | None = None
    """An evaluation.json of these weights, for the model card; by default the one beside them, if there is one."""
    license: str = "apache-2.0"
    """Of the weights, for the model card: an identifier of the Hugging Face hub."""


@cli.entry
def main(argv=None):
    """Export as the flags say; returns the exit code."""
    flags = cli.parse(
        ExportFlags,
        argv,
        prog="python -m fasternet_paddle.export",
        description="Export a FasterNet for paddle.inference, PaddleX, ONNX Runtime, OpenVINO or timm.",
    )
    _check_flags(flags)

    import numpy as np

    from .data.preparation import preparation
    from .exporting.agreement import compare, to_json
    from .exporting.card import model_card
    from .exporting.folders import AGREEMENT, CARD, whole_folder, write_record
    from .exporting.formats import COMPARED, FIRST_OUTPUT, check_record_of, write_network
    from .exporting.paddlex import prepare_as_paddlex
    from .runs.run import load_run

    run = load_run(**vars(flags.network))
    record = run.record
    check_record_of(flags.format, record)
    machine.begin("cpu", 0)
    prepare = preparation(record)
    pictures, source = check_pictures(flags, record)
    images = _prepared(prepare, pictures)
    measured = read_measured(flags, record)
    calibration = _calibration(flags, prepare)
    with whole_folder(flags.output, flags.overwrite) as folder:
        outputs = COMPARED[flags.format]
        write_network(flags.format, run.model, record, folder, calibration)
        write_record(record, folder, FIRST_OUTPUT[flags.format])
        reference = reference_of(run.model, record, outputs)
        exported, engine = open_network(flags.format, folder, outputs, record)
        told = dict(outputs=outputs, engine=engine, pictures=source)
        found = {"network": compare(reference, exported, images, **told, quantised=calibration is not None)}
        found["network"].check()
        print(found["network"].sentence())
        if flags.format == "paddlex" and record.resize == "crop":
            theirs = np.stack([prepare_as_paddlex(record, picture) for picture in pictures])
            found["as_paddlex_crops"] = compare(reference, reference, images, **told, prepared_there=theirs)
            print(f"prepared as PaddleX crops, rounding the longer side: {found['as_paddlex_crops'].sentence()}")
        (folder / AGREEMENT).write_text(to_json(**found), encoding="utf-8")
        card = model_card(record, flags.format, found["network"], measured, flags.license)
        (folder / CARD).write_text(card, encoding="utf-8")
    print(flags.output)


def _check_flags(flags):
    """Refuse what cannot be done, before any long work."""
    from .exporting.formats import FORMATS, check_tools_of

    if flags.format not in FORMATS:
        raise FasterNetError(f"unknown format {flags.format!r}; known formats: {', '.join(FORMATS)}", change="format")
    if flags.calibrate is not None and flags.format != "openvino":
        raise FasterNetError(f"int8 is offered for openvino alone, got the format {flags.format}", change="format")
    check_tools_of(flags.format, flags.calibrate is not None)


def check_pictures(flags, record):
    """(list of uint8 ``(H, W, 3)``, their source) to check an export on."""
    from .data.datasets import load_dataset
    from .data.photographs import photographs

    name = flags.dataset or ("digits" if record.dataset == "digits" else None)
    if name is None:
        return photographs(PICTURES), "crops of two photographs"
    images = load_dataset(name, **_at(flags.data_path)).val.images
    return [images[index] for index in range(min(PICTURES, len(images)))], f"{name}, validation"


def _at(data_path):
    return {} if data_path is None else {"data_path": data_path}


def _prepared(prepare, pictures):
    import numpy as np

    return np.stack([prepare(picture) for picture in pictures])


def _calibration(flags, prepare):
    """Normalised training images for int8, or None."""
    if flags.calibrate is None:
        return None
    from .data.datasets import load_dataset
    from .exporting.openvino import CALIBRATION

    images = load_dataset(flags.calibrate, **_at(flags.data_path)).train.images
    step = max(1, len(images) // CALIBRATION)  # spread over the set, whose images may be in the order of classes
    return _prepared(prepare, [images[index] for index in range(0, len(images), step)][:CALIBRATION])


def reference_of(model, record, outputs):
    """The model itself, in Paddle's eager mode: normalised images to "logits" or "probabilities"."""
    from .exporting.network import WithSoftmax
    from .inference.predictor import Predictor

    network = model if outputs == "logits" else WithSoftmax(model, record.temperature)
    return Predictor(network, engine="dygraph").logits


def open_network(form, folder, outputs, record):
    """(the exported network as a function from images to ``outputs``, what runs it)."""
    from .inference.exported import open_exported
    from .inference.timm import load_timm

    if form == "timm":
        return load_timm(folder, record)
    predictor = open_exported(folder)
    return (predictor.logits if outputs == "logits" else predictor.probabilities), predictor.engine


def read_measured(flags, record):
    """The figures of the evaluation that the flags name or that lies beside the weights, or None."""
    from .files.json_files import read_json

    path = flags.evaluation or flags.network.weights.parent / EVALUATION
    if flags.evaluation is None and not path.is_file():
        return None
    values = read_json(path)
    try:
        if values["class_names"] != list(record.class_names):
            raise FasterNetError(f"{path} is of other classes than this network's", change="evaluation")
        low, high = values["intervals"]["top1"]
        return {
            "images": int(values["images"]),
            "top1": float(values["top1"]),
            "top1_interval": (float(low), float(high)),
        }
    except (KeyError, TypeError, ValueError):
        raise FasterNetError(f"{path} holds no evaluation of this package", change="evaluation") from None


if __name__ == "__main__":
    sys.exit(main())
