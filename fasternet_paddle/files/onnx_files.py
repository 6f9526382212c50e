"""An ONNX file looked through before any engine gets it: what it asks an engine to do, and its metadata.

    data, metadata = read_onnx("inference.onnx")        # bytes, {"fasternet_paddle": "..."}

An engine follows a file's references to other files, loads operators by name and takes memory as told. So a file is
walked first, by the wire format of protocol buffers alone: operators that a FasterNet consists of, weights that are
in the file and have the size that they claim, no other files, no subgraphs, no functions.
"""

import math

from .kinds import refuse_other
from .opening import MIB, Refusal, open_file, refusals_name, shown

FILE_BYTES = 1024 * MIB  # an L has 374 MB
OPERATORS = {
    *("Conv", "Add", "Mul", "Div", "Erf", "Relu", "Split", "Concat"),
    *("GlobalAveragePool", "Reshape", "MatMul", "Gemm", "Softmax", "Identity", "Constant"),
}
NODES = 2000  # an L has some 500
LARGEST_OF_LIST = 64  # kernel, stride, dilation, padding, in pixels
LARGEST_NUMBER = 1 << 16  # groups of a depthwise convolution, an axis
ITEM_BYTES = {1: 4, 6: 4, 7: 8}  # of a tensor's type: float32, int32, int64

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types


def read_onnx(path):
    """The bytes of an ONNX file that asks for nothing but a FasterNet, and its metadata as a dict of text.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: it is damaged, or asks for more than that.
    """
    with open_file(path, FILE_BYTES) as (file, size), refusals_name(path, "ONNX file"):
        refuse_other(file, "an ONNX file")
        data = file.read(size + 1)
        if len(data) != size:
            raise Refusal("it changed while it was read")
        return data, _check_model(memoryview(data))


def _fields(data):
    """Yield (number, wire type, value) of a message: ints of varints, memoryviews of everything else."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(data, place)
        elif wire in (BYTES, FIXED32, FIXED64):
            length = {FIXED32: 4, FIXED64: 8}.get(wire)
            if length is None:
                length, place = _varint(data, place)
            if length > len(data) - place:
                raise Refusal("it ends too early")
            value, place = data[place : place + length], place + length
        else:
            raise Refusal("it is damaged or no ONNX file")
        yield number, wire, value


def _varint(data, place):
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise Refusal("it is damaged or no ONNX file")
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _message(field, wire):
    if wire != BYTES:
        raise Refusal("it is damaged or no ONNX file")
    return field


def _text(field, wire):
    return bytes(_message(field, wire)).decode("utf-8")


def _check_model(data):
    """ModelProto -> its metadata."""
    graphs, metadata = 0, {}
    for number, wire, value in _fields(data):
        if number == 7:
            graphs += 1
            _check_graph(_message(value, wire))
        elif number == 14:
            entry = {key: _text(text, kind) for key, kind, text in _fields(_message(value, wire))}
            metadata[entry.get(1, "")] = entry.get(2, "")
        elif number in (20, 25):
            raise Refusal("it brings training steps or functions, which no FasterNet has")
    if graphs != 1:
        raise Refusal(f"it holds {graphs} networks" if graphs else "it holds no network")
    return metadata


def _check_graph(data):
    nodes = 0
    for number, wire, value in _fields(data):
        if number == 1:
            nodes += 1
            _check_node(_message(value, wire))
        elif number == 5:
            _check_tensor(_message(value, wire))
        elif number == 15:
            raise Refusal("it holds sparse weights, which no FasterNet has")
    if nodes > NODES:
        raise Refusal(f"it has {nodes:,} operators, more than the largest FasterNet")


def _check_node(data):
    operator, domain, inputs = "", "", []
    for number, wire, value in _fields(data):
        if number == 1:
            inputs.append(_text(value, wire))
        elif number == 4:
            operator = _text(value, wire)
        elif number == 7:
            domain = _text(value, wire)
        elif number == 5:
            _check_attribute(_message(value, wire))
    if domain or operator not in OPERATORS:
        raise Refusal(f"it has the operator {shown(f'{domain}.{operator}'.strip('.'))}, which no FasterNet has")
    if operator == "Concat" and len(set(inputs)) != len(inputs):  # a chain of them takes memory at will
        raise Refusal("it joins a value to itself, which no FasterNet does")


def _check_attribute(data):
    for number, wire, value in _fields(data):
        if number == 3 and (wire != VARINT or _signed(value) > LARGEST_NUMBER):
            raise Refusal(f"it has a setting beyond {LARGEST_NUMBER:,}")
        if number == 8 and any(_signed(each) > LARGEST_OF_LIST for each in _integers(value, wire)):
            raise Refusal(f"it has a kernel or a padding beyond {LARGEST_OF_LIST} pixels")
        if number == 5:
            _check_tensor(_message(value, wire))
        if number in (6, 10, 11, 14, 15, 22, 23):
            raise Refusal(
                "it has an operator with a graph, a type or sparse weights of its own, which no FasterNet has"
            )


def _check_tensor(data):
    """TensorProto: its bytes must be here, and as many as its shape says."""
    sizes, kind, length = [], None, 0
    for number, wire, value in _fields(data):
        if number == 1:
            sizes += _integers(value, wire)
        elif number == 2:
            kind = value
        elif number == 9:
            length = len(_message(value, wire))
        elif number in (13, 14) and value:
            raise Refusal("it keeps weights in another file; one that holds them itself is needed")
        elif number in (3, 4, 5, 6, 7, 10, 11):
            raise Refusal("it holds weights in a form that is not used for a FasterNet")
    if kind not in ITEM_BYTES or any(size > 1 << 31 for size in sizes):
        raise Refusal("it holds weights of a type or size that no FasterNet has")
    if math.prod(sizes) * ITEM_BYTES[kind] != length:
        raise Refusal(f"it has weights that claim {math.prod(sizes) * ITEM_BYTES[kind]:,} bytes and have {length:,}")


def _integers(value, wire):
    """A repeated integer, one a field or packed into one."""
    if wire == VARINT:
        return [value]
    found, place = [], 0
    while place < len(_message(value, wire)):
        number, place = _varint(value, place)
        found.append(number)
    return found


def _signed(value):
    return value - (1 << 64) if value >> 63 else value
