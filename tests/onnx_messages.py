"""ONNX files written by hand, field by field of their protocol buffers, so that tests need no package for it."""

import struct

FLOAT, INT64 = 1, 7


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    """A field of a message: an int, or bytes, or text."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, shape, data, kind=FLOAT):
    return b"".join(field(1, size) for size in shape) + field(2, kind) + field(8, name) + field(9, data)


def floats(name, shape, values):
    return tensor(name, shape, struct.pack(f"<{len(values)}f", *values))


def attribute(name, value):
    """An attribute: an int, a list of ints, or a tensor's bytes."""
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, list):
        return field(1, name) + b"".join(field(8, each) for each in value) + field(20, 7)
    return field(1, name) + field(5, value) + field(20, 4)


def node(operator, inputs, outputs, attributes=None, domain=""):
    parts = [field(1, each) for each in inputs] + [field(2, each) for each in outputs] + [field(4, operator)]
    parts += [field(5, attribute(name, value)) for name, value in (attributes or {}).items()]
    return b"".join(parts) + (field(7, domain) if domain else b"")


def value_info(name, sizes):
    """A float32 input or output; a size is a number or the name of a free axis."""
    axes = b"".join(field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in sizes)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, axes)))


def graph(nodes, initializers, inputs, outputs, extra=b""):
    parts = [field(1, each) for each in nodes] + [field(2, "graph")] + [field(5, each) for each in initializers]
    return b"".join(parts + [field(11, each) for each in inputs] + [field(12, each) for each in outputs]) + extra


def model(graph_bytes, metadata=None, extra=b"", opset=17):
    entries = [field(14, field(1, key) + field(2, value)) for key, value in (metadata or {}).items()]
    return field(1, 8) + field(7, graph_bytes) + field(8, field(1, "") + field(2, opset)) + b"".join(entries) + extra


def classifier(record, kernel=None, nodes=None, initializers=None, graph_extra=b"", extra=b""):
    """A file that classifies: the mean of each colour over the picture, times a matrix; its two outputs are ours.

    Args:
        record: text under the key ``fasternet_paddle``.
        kernel: attributes of a convolution, by default 1x1.
        nodes, initializers: further ones.
        graph_extra, extra: bytes after the graph's and the model's fields.
    """
    parts = [
        node("Conv", ["images", "eye"], ["kept"], kernel or {"kernel_shape": [1, 1], "pads": [0, 0, 0, 0]}),
        node("GlobalAveragePool", ["kept"], ["pooled"]),
        node("Reshape", ["pooled", "shape"], ["flat"]),
        node("MatMul", ["flat", "matrix"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], {"axis": 1}),
        *(nodes or []),
    ]
    weights = [
        floats("eye", (3, 3, 1, 1), [float(row == column) for row in range(3) for column in range(3)]),
        floats("matrix", (3, 2), [1.0, -1.0, 0.5, 2.0, 0.0, 1.0]),
        tensor("shape", (2,), struct.pack("<2q", -1, 3), INT64),
        *(initializers or []),
    ]
    ends = [value_info("probabilities", ["batch", 2]), value_info("logits", ["batch", 2])]
    inside = graph(parts, weights, [value_info("images", ["batch", 3, "height", "width"])], ends, graph_extra)
    return model(inside, {"fasternet_paddle": record}, extra)
