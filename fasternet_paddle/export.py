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

from .errors import FasterNetError
from .runtime import cli, machine
from .runtime.flags import NetworkFlags

FIRST_OUTPUT = {
    "paddle": "logits",
    "paddlex": "probabilities",
    "onnx": "probabilities",
    "openvino": "probabilities",
    "timm": "logits",
}
FORMATS = tuple(FIRST_OUTPUT)
PICTURES = 100  # that an export is checked on
EVALUATION = "evaluation.json"  # beside the weights, where they were evaluated


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
    from .exporting.paddlex import prepare_as_paddlex
    from .runs.run import load_run

    run = load_run(**vars(flags.network))
    record = record_of(run)
    _check_record(flags.format, record)
    machine.begin("cpu", 0)
    prepare = preparation(record)
    pictures, source = check_pictures(flags, record)
    images = _prepared(prepare, pictures)
    calibration = _calibration(flags, prepare)
    with whole_folder(flags.output, flags.overwrite) as folder:
        outputs = "probabilities" if flags.format == "paddlex" else "logits"  # what is compared
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
        measured = read_measured(flags.network.weights)
        card = model_card(record, flags.format, found["network"], measured, flags.license)
        (folder / CARD).write_text(card, encoding="utf-8")
    print(flags.output)


def _check_flags(flags):
    """Refuse what cannot be done, before any long work."""
    if flags.format not in FORMATS:
        raise FasterNetError(f"unknown format {flags.format!r}; known formats: {', '.join(FORMATS)}")
    if flags.calibrate is not None and flags.format != "openvino":
        raise FasterNetError(f"int8 is offered for openvino alone, got the format {flags.format}", change="format")
    if flags.format == "onnx":
        from .exporting.onnx import PACKAGES, check_tools

        check_tools("onnx", (*PACKAGES, "onnxruntime"))
    if flags.format == "openvino":
        from .exporting.openvino import check_openvino

        check_openvino(flags.calibrate is not None)


def _check_record(form, record):
    """Refuse what a format cannot say."""
    if form == "paddlex":
        from .exporting.paddlex import check_preparation

        check_preparation(record)
    if form == "timm":
        from .exporting.timm import check_timm

        check_timm(record)


def record_of(run):
    """The ``Record`` of a ``Run``: the model's own, or what its recipe tells."""
    from .record import Record

    if getattr(run.model, "record", None) is not None:
        return run.model.record
    config = run.config
    return Record(
        class_names=tuple(run.class_names),
        image_size=config.image_size,
        variant=config.variant,
        mixer=config.mixer,
        embed_dim=config.embed_dim,
        dataset=config.dataset,
    )


def check_pictures(flags, record):
    """(list of uint8 ``(H, W, 3)``, their source) to check an export on."""
    from .data.datasets import load_dataset

    name = flags.dataset or ("digits" if record.dataset == "digits" else None)
    if name is None:
        return photographs(PICTURES), "crops of two photographs"
    images = load_dataset(name, **_at(flags.data_path)).val.images
    return [images[index] for index in range(min(PICTURES, len(images)))], f"{name}, validation"


def photographs(count):
    """``count`` crops of scikit-learn's two photographs, of all sizes and shapes, the same each time."""
    import numpy as np
    from sklearn.datasets import load_sample_images

    draw = np.random.default_rng(0)
    originals = load_sample_images().images
    crops = []
    for index in range(count):
        picture = originals[index % len(originals)]
        height, width = (int(draw.integers(side // 4, side + 1)) for side in picture.shape[:2])
        top, left = (int(draw.integers(0, a - b + 1)) for a, b in zip(picture.shape, (height, width), strict=False))
        crops.append(np.ascontiguousarray(picture[top : top + height, left : left + width]))
    return crops


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


def write_network(form, model, record, folder, calibration=None):
    """Write the network's own files of a format into ``folder``."""
    from .exporting.network import WithSoftmax, export_network
    from .exporting.paddlex import write_paddlex

    if form == "paddle":
        export_network(model, folder)
    elif form == "paddlex":
        export_network(WithSoftmax(model, record.temperature), folder)
        write_paddlex(record, folder)
    elif form == "onnx":
        from .exporting.onnx import export_onnx

        export_onnx(model, record, folder)
        if record.resize != "letterbox":  # which PaddleX, whose later releases run ONNX files, does not know
            write_paddlex(record, folder, pipeline=False)
    elif form == "openvino":
        from .exporting.openvino import export_openvino

        export_openvino(model, record, folder, calibration)
    else:
        from .exporting.timm import write_timm

        write_timm(model, record, folder)


def reference_of(model, record, outputs):
    """The model itself, in Paddle's eager mode: normalised images to "logits" or "probabilities"."""
    from .exporting.network import WithSoftmax
    from .inference.predictor import Predictor

    network = model if outputs == "logits" else WithSoftmax(model, record.temperature)
    return Predictor(network, engine="dygraph").logits


def open_network(form, folder, outputs, record):
    """(the exported network as a function from images to ``outputs``, what runs it)."""
    from .inference.exported import open_exported

    if form == "timm":
        return open_timm(folder, record)
    predictor = open_exported(folder)
    return (predictor.logits if outputs == "logits" else predictor.probabilities), predictor.engine


def open_timm(folder, record):
    """As ``open_network``: by timm where it is installed, else by this package's own reader of timm's files."""
    try:
        import timm
        import torch
    except (ImportError, RuntimeError):  # the second from a torchvision that is not its torch's
        from .inference.predictor import Predictor
        from .model.fasternet import create_model

        changed = {name: getattr(record, name) for name in ("embed_dim", "depths") if getattr(record, name) is not None}
        model = create_model(record.variant, weights=folder / "model.safetensors", **changed)
        return Predictor(model, engine="dygraph").logits, "this package's reader of timm's files, for want of timm"
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()

    def run(x):
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return run, "timm"


def read_measured(weights):
    """The figures of an evaluation that lies beside the weights, or None."""
    from .files.json_files import read_json

    path = Path(weights).parent / EVALUATION
    if not path.is_file():
        return None
    values = read_json(path)
    try:
        low, high = values["intervals"]["top1"]
        return {"images": int(values["images"]), "top1": float(values["top1"]), "top1_interval": (float(low), float(high))}
    except (KeyError, TypeError, ValueError):
        raise FasterNetError(f"{path} holds no evaluation; move it away, or evaluate again") from None


if __name__ == "__main__":
    sys.exit(main())
