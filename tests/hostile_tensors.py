"""Weights files that strangers could send: `{name: bytes}` that must be refused, in PyTorch's forms and safetensors.

Code carried by a file would create the file `marker`.
"""

import io
import json
import struct
import zipfile

import numpy as np

from tests import foreign
from tests.foreign import Call, Reference, State, Symbol, pickled, tensor

GOOD = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(4, dtype=np.float32)}
HUGE = 2**62
END = struct.Struct("<4H2L")  # of a zip's end record: disks, members, size and offset of the directory


class Instance:
    """An instance of a symbol, by NEWOBJ."""

    def __init__(self, kind):
        self.kind = kind


def _save_instance(pickler, value):
    pickler.save(value.kind)
    pickler.write(b")\x81")


foreign.Pickler.dispatch[Instance] = _save_instance


def torch_values(marker):
    """Values under a state_dict's name, or in its place, that no honest file holds; for both of PyTorch's forms."""
    command = f"touch {marker}"
    system, function = Symbol("os", "system"), Symbol("torch._utils", "_rebuild_tensor_v2")
    storage = Reference("storage", Symbol("torch", "FloatStorage"), "0", "cpu", 6)
    namespace = Symbol("argparse", "Namespace")
    found = {
        "system": Call(system, command),
        "posix": Call(Symbol("posix", "system"), command),
        "eval": Call(Symbol("builtins", "eval"), f"open({str(marker)!r}, 'w')"),
        "exec of Python 2": Call(Symbol("__builtin__", "execfile"), str(marker)),
        "getattr": Call(Symbol("builtins", "getattr"), "", "join"),
        "load of bytes": Call(Symbol("torch.storage", "_load_from_bytes"), b"cos\nsystem\n."),
        "hub": Call(Symbol("torch.hub", "load"), "a", "b"),
        "dynamo": Call(Symbol("torch._dynamo.eval_frame", "rebuild"), "a"),
        "an attribute of a name": Symbol("torch", "_utils.os.system"),
        "a module": Symbol("torch.nn.modules.container", "Sequential"),
        "an instance of system": Instance(system),
        "an instance of a tensor": Instance(Symbol("torch", "Tensor")),
        "a state of system": State(system, {}),
        "a state of a tensor": State(tensor("0", "FloatStorage", 6, (2, 3)), {"__class__": 1}),
        "inert, called with system": Call(namespace, Call(system, command)),
        "inert, in a state of system": State(Instance(namespace), {"x": Call(system, command)}),
        "a subclass of system": Call(
            Symbol("torch._tensor", "_rebuild_from_type_v2"), system, namespace, (command,), {}
        ),
        "a subclass": Call(Symbol("torch._tensor", "_rebuild_from_type_v2"), namespace, namespace, (command,), {}),
        "a parameter of text": Call(Symbol("torch._utils", "_rebuild_parameter"), "a", False, {}),
        "a quantised tensor": Call(Symbol("torch._utils", "_rebuild_qtensor"), storage, 0, (6,), (1,)),
        "a sparse tensor": Call(Symbol("torch._utils", "_rebuild_sparse_tensor"), 1, (6,)),
        "a call of a storage": Call(storage, 1),
        "a storage alone": storage,
        "a name alone": function,
        "text": "a",
        "a number": 3,
        "a list": [1, 2],
        "a set": {1},
    }
    for name, reference in {
        "a number": (1,),
        "a path": ("storage", Symbol("torch", "FloatStorage"), 5, "cpu", 6),
        "a name": ("storage", system, "0", "cpu", 6),
        "a name that is text": ("storage", "FloatStorage", "0", "cpu", 6),
        "a module": ("module", Symbol("torch", "FloatStorage"), "source", "text"),
        "below 0": ("storage", Symbol("torch", "FloatStorage"), "0", "cpu", -6),
        "a view": ("storage", Symbol("torch", "FloatStorage"), "0", "cpu", 6, ("1", 0, 2)),
        "complex": ("storage", Symbol("torch", "ComplexFloatStorage"), "0", "cpu", 6),
        "quantised": ("storage", Symbol("torch", "QInt8Storage"), "0", "cpu", 6),
    }.items():
        found[f"a reference to {name}"] = Call(function, Reference(*reference), 0, (2,), (1,), False, {})
    for name, (offset, shape, strides) in {
        "beyond its storage": (0, (7,), (1,)),
        "beyond its storage by its offset": (3, (2, 2), (2, 1)),
        "beyond its storage by its strides": (0, (2, 3), (4, 1)),
        "of a huge shape": (0, (HUGE, HUGE), (0, 0)),
        "of a repeated number": (0, (10**6,), (0,)),
        "of a huge offset": (HUGE, (1,), (1,)),
        "of an offset below 0": (-1, (2,), (1,)),
        "of a stride below 0": (5, (2,), (-1,)),
        "of a size below 0": (0, (-2, -3), (1, 1)),
        "of a float size": (0, (2.0,), (1,)),
        "of a list": (0, [2], [1]),
        "of two sizes and a stride": (0, (2, 3), (1,)),
        "of 33 axes": (0, (1,) * 33, (1,) * 33),
        "of an offset of text": ("0", (2,), (1,)),
        "of a true size": (0, (True,), (1,)),
    }.items():
        found[f"a tensor {name}"] = Call(function, storage, offset, shape, strides, False, {})
    return found


def torch_states(marker):
    """What a file may hold in place of a state_dict: the values above among honest tensors, and others."""
    good = foreign._tensors(GOOD)
    bombs = {f"n{i}": tensor("0", "FloatStorage", 6, (2, 3)) for i in range(1000)}
    found = {f"under a name: {name}": good | {"c": value} for name, value in torch_values(marker).items()}
    found |= {f"alone: {name}": value for name, value in torch_values(marker).items()}
    return found | {
        "nothing": {},
        "nothing under state_dict": {"state_dict": {}},
        "a wrapper in a wrapper": {"state_dict": {"model": good}},
        "numbers as names": {1: good["a"], 2: good["b"]},
        "a thousand tensors of one storage": good | bombs,
        "one storage of two types": good | {"c": tensor("0", "DoubleStorage", 6, (2, 3))},
        "one storage of two sizes": good | {"c": tensor("0", "FloatStorage", 7, (2, 3))},
    }


def torch_legacy(marker):
    """Files in the form of PyTorch before 1.6."""
    honest = foreign.torch_legacy(GOOD)
    states = torch_states(marker).items()
    found = {name: foreign.torch_legacy(GOOD, lambda _, state=state: state) for name, state in states}
    keys, magic = pickled(["0", "1"]), pickled(0x1950A86A20F9469CFC6C)
    assert keys in honest and magic in honest
    first = struct.pack("<q", 6)
    return found | {
        "the magic number alone": magic,
        "another version": honest.replace(pickled(1001), pickled(1002)),
        "types that are a list": magic + pickled(1001) + pickled([1]) + honest.rpartition(keys)[0] + keys,
        "a key too few": honest.replace(keys, pickled(["0"])),
        "a key too many": honest.replace(keys, pickled(["0", "1", "2"])),
        "a key twice": honest.replace(keys, pickled(["0", "0"])),
        "keys that are numbers": honest.replace(keys, pickled([0, 1])),
        "keys that are no list": honest.replace(keys, pickled(5)),
        "keys that call": honest.replace(keys, pickled(Call(Symbol("os", "system"), f"touch {marker}"))),
        "another size": honest.replace(first, struct.pack("<q", 5), 1),
        "a claim of 2**62": honest.replace(first, struct.pack("<q", HUGE)),
        "a claim below 0": honest.replace(first, struct.pack("<q", -6)),
        "the wrong order": honest.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"),
        "bytes behind": honest + b"behind",
        "the last byte cut": honest[:-1],
        "the storages cut": honest[: honest.rindex(keys) + len(keys)],
    }


def torch_zip(marker):
    """Files in today's form."""
    contents = [array.tobytes() for array in GOOD.values()]
    states = torch_states(marker).items()
    found = {name: foreign.torch_members(pickled(state), contents) for name, state in states}
    honest = foreign.torch_zip(GOOD)
    data = pickled(foreign._tensors(GOOD))
    end = honest.rindex(b"PK\5\6")
    directory = honest.index(b"PK\1\2")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/data/0", bytes(2**24))

    def end_record(**fields):
        names = ("disk", "first", "here", "all", "size", "offset")
        values = dict(zip(names, END.unpack(honest[end + 4 : end + 20]), strict=True))
        return honest[: end + 4] + END.pack(*(values | fields).values()) + honest[end + 20 :]

    wide = struct.pack("<4sLQL", b"PK\6\7", 0, HUGE, 1)
    zip64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, HUGE, HUGE, HUGE, 0)
    with_zip64 = honest[:end] + zip64 + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1) + honest[end:]
    return found | {
        "the start alone": b"PK\3\4",
        "no directory": honest[:end],
        "the directory cut": honest[:-5],
        "a directory of 2**32 bytes": end_record(size=2**32 - 1),
        "a directory beyond the end": end_record(offset=2**32 - 2),
        "65,535 members": end_record(here=65535, all=65535),
        "no members": end_record(here=0, all=0),
        "one member fewer": end_record(here=1, all=2),
        "a second disk": end_record(disk=1),
        "a 64-bit directory beyond the end": honest[:end] + wide + honest[end:],
        "a 64-bit directory of 2**62 members": with_zip64,
        "bytes behind": honest + b"behind",
        "packed": packed.getvalue(),
        "packed, in an honest one": foreign.torch_members(data, contents[:1]) + packed.getvalue(),
        "a member twice": _zip_of([("a/data.pkl", data), ("a/data/0", contents[0]), ("a/data/0", contents[0])]),
        "an unreadable name": honest.replace(b"archive/data/1", b"archive/data\xff1"),
        "another name in a header": honest.replace(b"archive/data/1", b"archive/data/2", 1),
        "another name in the directory": honest[:directory]
        + honest[directory:].replace(b"archive/data/1", b"archive/data/2"),
        "a path that leads out": honest.replace(b"archive/", b"../../x/"),
        "two folders": _zip_of([("a/data.pkl", data), ("b/data/0", contents[0]), ("b/data/1", contents[1])]),
        "no folder": _zip_of([("data.pkl", data), ("data/0", contents[0]), ("data/1", contents[1])]),
        "no data.pkl": _zip_of([("archive/version", "3")]),
        "a program": foreign.torch_members(data, contents, {"archive/constants.pkl": b"."}),
        "an odd byte order": _zip_of([("a/data.pkl", data), ("a/byteorder", "middle"), ("a/data/0", contents[0])]),
        "a storage missing": foreign.torch_members(data, contents[:1]),
        "a storage too short": foreign.torch_members(data, [contents[0][:-4], contents[1]]),
        "a storage too long": foreign.torch_members(data, [contents[0] + b"four", contents[1]]),
        "a storage damaged": honest.replace(contents[0], contents[0][::-1]),
        "two pickles": foreign.torch_members(data + data, contents),
        "no pickle": foreign.torch_members(b"", contents),
        "members on top of each other": _overlapping(honest, directory),
        "an npz file": _npz(),
    }


def _zip_of(members):
    import warnings

    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")  # of a name that is there already
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def _overlapping(honest, directory):
    """Every entry of the directory points to the first member's header."""
    content, at = bytearray(honest), directory
    while content[at : at + 4] == b"PK\1\2":
        content[at + 42 : at + 46] = bytes(4)
        at += 46 + sum(struct.unpack_from("<3H", content, at + 28))
    return bytes(content)


def _npz():
    stream = io.BytesIO()
    np.savez(stream, **GOOD)
    return stream.getvalue()


def safetensors(marker):
    """Files of the safetensors format; it carries no code."""
    content = b"".join(array.tobytes() for array in GOOD.values())
    a = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    b = {"dtype": "F32", "shape": [4], "data_offsets": [24, 40]}
    text = json.dumps({"a": a, "b": b})

    def raw(header, behind=content, length=None):
        header = header.encode() if isinstance(header, str) else header
        return struct.pack("<Q", len(header) if length is None else length) + header + behind

    def changed(**fields):
        return foreign.safetensors_of({"a": a | fields, "b": b}, content)

    deep = '{"a": ' + "[" * 100_000
    return {
        "a claim of 2**62": raw(text, length=HUGE),
        "a claim of 2**64 - 1": raw(text, length=2**64 - 1),
        "a claim of 0": raw(text, length=0),
        "a claim of the file and one more": raw(text, length=len(text) + len(content) + 1),
        "a header of 5 MB": raw(text + " " * (5 << 20)),
        "the header cut": raw(text)[: 8 + len(text) // 2],
        "the numbers cut": raw(text)[:-1],
        "bytes behind": raw(text) + b"behind",
        "not JSON": raw("{" + text),
        "not UTF-8": raw(text.encode().replace(b'"a"', b'"\xff"')),
        "100,000 lists deep": raw(deep),
        "a number of a million digits": raw('{"a": ' + "9" * 10**6 + "}"),
        "a name twice": raw(text.replace('"b"', '"a"')),
        "a field twice": raw(text.replace('"shape": [4]', '"shape": [4], "shape": [4]')),
        "no fields": foreign.safetensors_of({"a": {}, "b": b}, content),
        "a list in place of fields": foreign.safetensors_of({"a": [1], "b": b}, content),
        "an unknown type": changed(dtype="F8_E4M3"),
        "a type that is a number": changed(dtype=4),
        "another type": changed(dtype="F64"),
        "another shape": changed(shape=[2, 4]),
        "a shape below 0": changed(shape=[-2, -3]),
        "a shape of floats": changed(shape=[2.0, 3.0]),
        "a shape of truth": changed(shape=[True, 6]),
        "a shape of 33 axes": changed(shape=[1] * 32 + [6]),
        "a huge shape": changed(shape=[HUGE, HUGE]),
        "offsets in reverse": changed(data_offsets=[24, 0]),
        "offsets below 0": changed(data_offsets=[-24, 0]),
        "offsets that overlap": changed(data_offsets=[4, 28]),
        "three offsets": changed(data_offsets=[0, 24, 40]),
        "offsets of floats": changed(data_offsets=[0.0, 24.0]),
        "a gap": foreign.safetensors_of({"a": a, "b": b | {"data_offsets": [28, 44]}}, content + b"four"),
        "infinite offsets": raw(text.replace("[0, 24]", "[0, Infinity]")),
        "booleans of 2": foreign.safetensors_of(
            {"a": {"dtype": "BOOL", "shape": [4], "data_offsets": [0, 4]}}, b"\0\1\2\1"
        ),
    }
