"""A model card: what the model is, what it was measured at, how to use it; with the head that Hugging Face's hub reads.

text = model_card(record, "onnx", agreement, measured)
"""

import yaml

from .folders import AGREEMENT, RECORD
from .paddlex import model_name

PAPER = "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks (CVPR 2023, arXiv 2303.03667)"
SHOWN = 20  # class names in the text; all are in the record
LIBRARIES = {"paddle": "PaddlePaddle", "paddlex": "PaddleX", "onnx": "onnx", "timm": "timm", "openvino": "openvino"}
USES = {
    "paddle": """\
```python
from fasternet_paddle import open_exported

predictor = open_exported("DIR")                # this folder
probabilities = predictor.probabilities(x)      # x: normalised float32 (N, 3, {size}, {size})
```
Without this package: `paddle.inference.Config("inference.json", "inference.pdiparams")`; the output is logits.""",
    "paddlex": """\
```python
from paddlex import create_model

model = create_model("{name}", model_dir="DIR")                 # this folder
for result in model.predict("picture.jpg"):
    result.print()
```
As a server, started in this folder: `paddlex --serve --pipeline pipeline.yaml --host 127.0.0.1 --port 8080` (PaddleX
3.4.3; without `--host` it listens on every address of the machine).""",
    "onnx": """\
```python
import onnxruntime

session = onnxruntime.InferenceSession("inference.onnx")
probabilities, logits = session.run(None, {{"images": x}})      # x: normalised float32 (N, 3, {size}, {size})
```""",
    "openvino": """\
```python
import openvino

network = openvino.compile_model("inference.xml", "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})
probabilities = network(x)["probabilities"]                     # x: normalised float32 (N, 3, {size}, {size})
```""",
    "timm": """\
```python
import timm

model = timm.create_model("local-dir:DIR", pretrained=True).eval()      # this folder
transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
```""",
}


def model_card(record, form, agreement, measured=None, licence="apache-2.0"):
    """The text of ``README.md`` for an exported folder.

    Args:
        record: ``Record``.
        form: "paddle", "paddlex", "onnx", "timm" or "openvino".
        agreement: ``Agreement`` with the model.
        measured: ``{"images": N, "top1": share, "top1_interval": (low, high)}`` of an evaluation; None: there is none.
        licence: identifier as the hub lists them.
    """
    name = model_name(record)
    head = yaml.safe_dump(_head(record, form, measured, licence), sort_keys=False, allow_unicode=True)
    use = USES[form].format(name=name, size=record.image_size)
    parts = [
        f"---\n{head}---",
        f"# {name}{f' on {record.dataset}' if record.dataset else ''}",
        f"An image classifier of {len(record.class_names)} classes, for {LIBRARIES[form]}"
        f"{', in int8' if agreement.quantised else ''}. The network: {PAPER}.",
        f"## Use\n\n{use}",
        f"## Pictures\n\n{_preparation(record)}",
        f"## Classes\n\n{_classes(record)}",
        f"## Measured\n\n{_measured(measured)}",
        f"Against the model that it was exported from: {agreement.sentence()} (`{AGREEMENT}`).",
    ]
    return "\n\n".join(parts) + "\n"


def _head(record, form, measured, licence):
    head = {
        "license": licence,
        "library_name": LIBRARIES[form],
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "fasternet", form],
    }
    if record.dataset:
        head["datasets"] = [record.dataset]
    head["metrics"] = ["accuracy"]
    if measured:
        low, high = measured["top1_interval"]
        accuracy = {
            "type": "accuracy",
            "name": "top-1",
            "value": round(measured["top1"], 4),
            "args": {"images": measured["images"], "interval_95": [round(low, 4), round(high, 4)]},
        }
        data = record.dataset or "unknown"
        result = {
            "task": {"type": "image-classification"},
            "dataset": {"type": data, "name": data},
            "metrics": [accuracy],
        }
        head["model-index"] = [{"name": model_name(record), "results": [result]}]
    return head


def _preparation(record):
    size, shorter = record.image_size, round(record.image_size / record.crop_ratio)
    how = {
        "squash": f"both sides resized to {size} pixels ({record.interpolation}, OpenCV's)",
        "crop": f"the shorter side resized to {shorter} pixels ({record.interpolation}, Pillow's), "
        f"then the {size} x {size} in the centre",
        "letterbox": f"the longer side resized to {size} pixels ({record.interpolation}, Pillow's), "
        "the rest filled with the mean colour",
    }[record.resize]
    mean, std = (", ".join(map(str, values)) for values in (record.mean, record.std))
    warm = "" if record.temperature is None else f" Logits are divided by {record.temperature:.4g} before the softmax."
    return f"RGB, {how}; divided by 255, minus ({mean}), divided by ({std}).{warm}"


def _classes(record):
    shown = ", ".join(" ".join(name.split()) for name in record.class_names[:SHOWN])
    more = len(record.class_names) - SHOWN
    return f"{shown} and {more} more, all of them in `{RECORD}`." if more > 0 else f"{shown}."


def _measured(measured):
    if not measured:
        return "No evaluation lay beside the weights when this was exported."
    low, high = measured["top1_interval"]
    top1 = f"{measured['top1']:.1%} of {measured['images']:,} images"
    return f"Top-1 accuracy {top1} (95 % interval {low:.1%} to {high:.1%})."
