"""A network in Paddle's own form looked through before ``paddle.inference`` gets it.

    check_program("out/inference.json")         # and inference.pdiparams beside it

Paddle's program can name operators that write files or call back into Python, and its reader of parameters believes
what they claim. So a program may consist of a FasterNet's operators alone, and the parameters beside it must be as
many, of the shapes that it names, and as long as they say.
"""

import json
import math
import struct
from pathlib import Path

from .opening import MIB, Refusal, open_file, refusals_name, shown

PROGRAM_BYTES, PARAMETER_BYTES = 16 * MIB, 1024 * MIB  # an L has 0.4 and 374 MB
OPERATORS = {
    *("p", "0.split", "0.combine", "1.data", "1.fetch", "1.full", "1.full_int_array"),
    *("1.conv2d", "1.depthwise_conv2d", "1.batch_norm_", "1.gelu", "1.relu", "1.add", "1.split", "1.concat"),
    *("1.pool2d", "1.flatten", "1.matmul", "1.scale", "1.softmax"),
}  # with the number of their dialect: 0 of the compiler, 1 of Paddle's operators
LARGEST_NUMBER = 4096  # in a setting: groups of a depthwise convolution
FLOAT32 = 5  # Paddle's number of the type
HEAD = struct.Struct("<IQIi")  # version, levels of detail, version, bytes of the description that follows


def check_program(path):
    """Look through a program and the parameters beside it, of the same name and the suffix ``.pdiparams``.

    Raises:
        FasterNetError: a file cannot be opened or is too large.
        RefusedFile: one is damaged, or asks for more than a FasterNet.
    """
    with open_file(path, PROGRAM_BYTES) as (file, size), refusals_name(path, "exported network"):
        shapes = _check_operators(json.loads(file.read(size)))
    parameters = Path(path).with_suffix(".pdiparams")
    with open_file(parameters, PARAMETER_BYTES) as (file, size), refusals_name(parameters, "file of parameters"):
        found = []
        while file.tell() < size:
            found.append(_skip_parameter(file, size))
        if sorted(found) != sorted(shapes):
            raise Refusal("its parameters are not those of the program beside it")


def _check_operators(program):
    """The shapes of a program's parameters."""
    (region,) = program["program"]["regions"]
    (block,) = region["blocks"]
    shapes = []
    for operator in block["ops"]:
        kind = operator["#"]
        if kind not in OPERATORS or "regions" in operator:
            raise Refusal(f"it has the operator {shown(str(kind))}, which no FasterNet has")
        if kind == "p":
            shapes.append(tuple(operator["O"]["TT"]["D"][1]))
        elif any(abs(number) > LARGEST_NUMBER for number in _numbers(operator["A"])):
            raise Refusal(f"its operator {kind} has a setting beyond {LARGEST_NUMBER:,}")
    return shapes


def _numbers(value):
    """All whole numbers in a JSON value."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _numbers(each)


def _skip_parameter(file, size):
    """The shape of the parameter that begins here; the file is left behind it."""
    version, levels, inner, length = HEAD.unpack(file.read(HEAD.size))
    if (version, levels, inner) != (0, 0, 0) or not 0 < length < 256:
        raise Refusal("a parameter does not begin as Paddle writes one")
    shape = _shape(file.read(length))
    end = file.tell() + 4 * math.prod(shape)
    if end > size:
        raise Refusal("it ends too early")
    file.seek(end)
    return shape


def _shape(description):
    """The shape in a parameter's description, a protocol buffer: type in field 1, a size in each field 2."""
    numbers, place, key = [], 0, None
    while place < len(description):
        value = shift = 0
        while True:
            byte = description[place]
            value |= (byte & 127) << shift
            place, shift = place + 1, shift + 7
            if byte < 128:
                break
        if key is None:
            key = value
        else:
            numbers.append((key, value))
            key = None
    if key is not None or numbers[:1] != [(8, FLOAT32)] or any(key != 16 for key, _ in numbers[1:]):
        raise Refusal("a parameter is no array of float32")
    return tuple(size for _, size in numbers[1:])
