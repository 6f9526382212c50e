"""FasterNet's weights as other projects name them, made of seeded numbers, and PyTorch's files without PyTorch.

The lists of names are written out here on their own, as the witness that the package's tables are held against; the
script that asks timm and PyTorch (``tests/witnesses/make_torch_logits.py``) fills their networks with the same numbers.
numpy and the standard library only.
"""

import io
import pickle
import struct
import zipfile
import zlib

import numpy as np

# variant: channels of the first stage, blocks a stage (the paper's table 9)
SIZES = {
    "t0": (40, (1, 2, 8, 2)),
    "t1": (64, (1, 2, 8, 2)),
    "t2": (96, (1, 2, 8, 2)),
    "s": (128, (1, 2, 13, 2)),
    "m": (144, (3, 4, 18, 3)),
    "l": (192, (3, 4, 18, 3)),
}
TINY = (8, (1, 1, 2, 1))
HEAD = 1280


def authors_shapes(width, depths, classes):
    """{name: shape} of the authors' state_dict, without the counts of batches."""

    def norm(name, channels):
        return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}

    found = {"patch_embed.proj.weight": (width, 3, 4, 4)} | norm("patch_embed.norm", width)
    for stage, depth in enumerate(depths):
        if stage:
            found |= {f"stages.{2 * stage - 1}.reduction.weight": (2 * width, width, 2, 2)}
            width *= 2
            found |= norm(f"stages.{2 * stage - 1}.norm", width)
        for number in range(depth):
            block = f"stages.{2 * stage}.blocks.{number}"
            found |= {f"{block}.mlp.0.weight": (2 * width, width, 1, 1)} | norm(f"{block}.mlp.1", 2 * width)
            found |= {f"{block}.mlp.3.weight": (width, 2 * width, 1, 1)}
            found |= {f"{block}.spatial_mixing.partial_conv3.weight": (width // 4, width // 4, 3, 3)}
    found |= {"avgpool_pre_head.1.weight": (HEAD, width, 1, 1)}
    return found | {"head.weight": (classes, HEAD), "head.bias": (classes,)}


def authors(width, depths, classes=10, seed=0):
    """{name: float32 array} of the authors' network: each array a function of ``seed`` and its name."""
    return {name: _filled(name, shape, seed) for name, shape in authors_shapes(width, depths, classes).items()}


def _filled(name, shape, seed):
    values = np.random.default_rng([seed, zlib.crc32(name.encode())]).random(shape, np.float32)
    if len(shape) > 1:  # a convolution or a classifier: uniform, of variance 1 / inputs
        return (values - np.float32(0.5)) * np.float32((12 / np.prod(shape[1:])) ** 0.5)
    if name.endswith(("running_var", "norm.weight", "mlp.1.weight")):
        return values + np.float32(0.5)
    return values - np.float32(0.5)


def paddleclas(arrays):
    """The authors' arrays as PaddleClas and PaddleX name and lay them out."""
    names = {name: name.replace("running_mean", "_mean").replace("running_var", "_variance") for name in arrays}
    return {names[name]: array.T if name == "head.weight" else array for name, array in arrays.items()}


def timm(arrays):
    """The authors' arrays as timm names them."""
    return {timm_name(name): array for name, array in arrays.items()}


def timm_name(name):
    name = name.replace("avgpool_pre_head.1.", "conv_head.").replace("head.weight", "classifier.weight")
    name = name.replace("conv_classifier.", "conv_head.").replace("head.bias", "classifier.bias")
    if name.startswith("stages."):
        _, number, rest = name.split(".", 2)
        merge = int(number) % 2
        name = f"stages.{(int(number) + merge) // 2}.{'downsample.' if merge else ''}{rest}"
    return name


def with_counts(arrays):
    """The arrays with the counts that PyTorch's batch norms keep."""
    norms = [name for name in arrays if name.endswith("running_var")]
    return arrays | {name.replace("running_var", "num_batches_tracked"): np.int64(7) for name in norms}


def images(size=64, count=2):
    """(count, 3, size, size) float32 in [-2, 2)."""
    return np.random.default_rng(1).random((count, 3, size, size), np.float32) * 4 - 2


# ---- PyTorch's files


class Symbol:
    """A name that a pickle refers to."""

    def __init__(self, module, name):
        self.line = f"c{module}\n{name}\n".encode()


class Call:
    """A call of a symbol, by REDUCE."""

    def __init__(self, function, *args):
        self.function, self.args = function, args


class Reference:
    """Something outside the pickle, by BINPERSID."""

    def __init__(self, *reference):
        self.reference = reference


class State:
    """A value with attributes, by BUILD."""

    def __init__(self, value, state):
        self.value, self.state = value, state


class Pickler(pickle._Pickler):
    """Writes the four above; all else as Python does."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012, as in its base

    def persistent_id(self, value):
        return value.reference if isinstance(value, Reference) else None

    def save_symbol(self, value):
        self.write(value.line)

    def save_call(self, value):
        self.save(value.function)
        self.save(value.args)
        self.write(b"R")

    def save_state(self, value):
        self.save(value.value)
        self.save(value.state)
        self.write(b"b")

    dispatch[Symbol], dispatch[Call], dispatch[State] = save_symbol, save_call, save_state


def pickled(value, protocol=2):
    stream = io.BytesIO()
    Pickler(stream, protocol).dump(value)
    return stream.getvalue()


STORAGES = {"f2": "HalfStorage", "f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage", "u1": "ByteStorage"}
ORDERED = Symbol("collections", "OrderedDict")


def tensor(key, storage, count, shape, offset=0, strides=None, view=()):
    """A call of `_rebuild_tensor_v2` on the storage of a key."""
    strides = strides or tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    reference = Reference("storage", Symbol("torch", storage), key, "cpu", count, *view)
    function = Symbol("torch._utils", "_rebuild_tensor_v2")
    return Call(function, reference, offset, shape, strides, False, Call(ORDERED))


def _tensors(arrays, view=()):
    return {
        name: tensor(str(number), STORAGES[array.dtype.str[1:]], array.size, array.shape, view=view)
        for number, (name, array) in enumerate(arrays.items())
    }


def torch_zip(arrays, wrap=lambda state: state):
    """The bytes of `torch.save(wrap(arrays))` in today's form."""
    contents = [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
    return torch_members(pickled(wrap(_tensors(arrays))), contents)


def torch_members(pickle_bytes, contents, others=()):
    """A zip file of `data.pkl`, storages 0, 1, ... and other members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickle_bytes)
        archive.writestr("archive/byteorder", "little")
        for number, content in enumerate(contents):
            archive.writestr(f"archive/data/{number}", content)
        for name, content in dict(others).items():
            archive.writestr(name, content)
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def torch_legacy(arrays, wrap=lambda state: state):
    """The bytes of `torch.save(wrap(arrays))` in the form of versions before 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    keys = [str(number) for number in range(len(arrays))]
    pickles = [0x1950A86A20F9469CFC6C, 1001, system, wrap(_tensors(arrays, view=(None,))), keys]
    storages = [struct.pack("<q", array.size) + array.tobytes() for array in map(np.asarray, arrays.values())]
    return b"".join([*map(pickled, pickles), *storages])


def safetensors(arrays):
    """The bytes of a safetensors file."""
    kinds = {"f2": "F16", "f4": "F32", "f8": "F64", "i8": "I64", "u1": "U8"}
    header, at = {}, 0
    for name, array in arrays.items():
        array = np.asarray(array)
        entry = {"dtype": kinds[array.dtype.str[1:]], "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        header[name], at = entry, at + array.nbytes
    return safetensors_of(header, b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values()))


def safetensors_of(header, content):
    import json

    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content
