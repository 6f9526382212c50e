"""Hostile ONNX files: one sentence, before any engine gets them. Damaged ones are in `test_damaged_weights.py`."""

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.onnx_files import read_onnx
from fasternet_paddle.files.opening import RefusedFile
from tests.onnx_messages import attribute, classifier, field, model, node, tensor

OUTSIDE = (
    field(1, 1) + field(2, 1) + field(8, "w") + field(13, field(1, "location") + field(2, "/etc/passwd")) + field(14, 1)
)


def test_a_sound_file_is_given_back_with_its_metadata(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(classifier('{"a": 1}'))
    data, metadata = read_onnx(path)
    assert data == path.read_bytes() and metadata == {"fasternet_paddle": '{"a": 1}'}


HOSTILE = {
    "weights in another file": (classifier("", initializers=[OUTSIDE]), "keeps weights in another file"),
    "an operator of another domain": (
        classifier("", nodes=[node("Run", ["flat"], ["x"], domain="com.evil")]),
        r"the operator com\.evil\.Run, which no FasterNet has",
    ),
    "a loop": (classifier("", nodes=[node("Loop", ["flat"], ["x"])]), "the operator Loop"),
    "a graph in an attribute": (
        classifier("", nodes=[field(4, "Add") + field(5, field(1, "body") + field(6, b"") + field(20, 5))]),
        "graph, a type or sparse weights of its own",
    ),
    "a function": (classifier("", extra=field(25, field(1, "f"))), "training steps or functions"),
    "sparse weights": (classifier("", graph_extra=field(15, b"")), "sparse weights"),
    "two graphs": (classifier("", extra=field(7, b"")), "holds 2 networks"),
    "no graph": (field(1, 8), "holds no network"),
    "a padding of a billion": (classifier("", kernel={"pads": [0, 0, 1 << 30, 0]}), "a padding beyond 64 pixels"),
    "packed paddings": (
        classifier("", kernel={}, nodes=[field(4, "Conv") + field(5, field(1, "pads") + field(8, b"\xff\xff\x7f"))]),
        "a padding beyond 64 pixels",
    ),
    "a billion groups": (classifier("", kernel={"group": 1 << 30}), "a setting beyond 65,536"),
    "a constant of a terabyte": (
        classifier("", initializers=[tensor("w", (1 << 20, 1 << 20), b"")]),
        "claim 4,398,046,511,104 bytes and have 0",
    ),
    "a constant in an attribute": (
        classifier("", nodes=[node("Constant", [], ["w"], {"value": tensor("w", (1 << 30,), b"")})]),
        "claim 4,294,967,296 bytes",
    ),
    "sizes that overflow": (classifier("", initializers=[tensor("w", (-1, -1), b"")]), "a type or size that no"),
    "text in place of weights": (
        classifier("", initializers=[field(1, 1) + field(2, 8) + field(6, "x")]),
        "a form that is not used",
    ),
    "a value joined to itself": (
        classifier("", nodes=[node("Concat", ["flat", "flat"], ["x"], {"axis": 1})]),
        "to itself",
    ),
    "thousands of operators": (classifier("", nodes=[node("Relu", ["flat"], ["x"])] * 2001), "2,006 operators"),
    "an endless number": (b"\x08" + b"\xff" * 20, "damaged or no ONNX file"),
    "a length beyond the end": (b"\x3a\xff\xff\xff\xff\x0f", "ends too early"),
    "a graph that is a number": (field(7, 5), "damaged or no ONNX file"),
    "groups of protocol buffers": (b"\x0b\x0c", "damaged or no ONNX file"),
    "a name that is no text": (classifier("", nodes=[field(4, b"\xff\xfe")]), "damaged or is no ONNX file"),
    "nothing": (b"", "holds no network"),
    "a PNG": (b"\x89PNG\r\n\x1a\n", "it is a PNG picture, not an ONNX file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path, name):
    data, reason = HOSTILE[name]
    path = tmp_path / "network.onnx"
    path.write_bytes(data)
    with pytest.raises(RefusedFile, match=reason) as caught:
        read_onnx(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(FasterNetError):
            read_onnx(path)


def test_a_kernel_given_as_an_attribute_is_within_bounds():
    """The helper's own words, so that the cases above are refused for what they say."""
    assert attribute("group", 1) in classifier("", kernel={"group": 1}) and model(b"")[:2] == field(1, 8)
