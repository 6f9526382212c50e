"""Damaged weights in every form that is read without its own library: each runs nothing and gives one sentence.

2,700 files are made and counted in every ordinary run, 25 times as many with ``FASTERNET_SOAK=1``.
"""

import os
import pickle
import random
from collections import Counter

import numpy as np
import pytest
import safetensors.numpy

from fasternet_paddle.files.onnx_files import read_onnx
from fasternet_paddle.files.opening import RefusedFile
from fasternet_paddle.files.tensors import read_safetensors
from fasternet_paddle.files.torch_files import read_torch
from tests import foreign
from tests.hostile_tensors import GOOD
from tests.onnx_messages import classifier

ROUNDS = 25 if os.environ.get("FASTERNET_SOAK") == "1" else 1
LEAST = 2000  # files in an ordinary run

# What is spliced into pickles: names, references and calls that `torch.save` writes, and hostile ones.
NAMES = [
    *(b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n", b"ctorch\nDoubleStorage\n", b"cos\nsystem\n"),
    *(b"cargparse\nNamespace\n", b"ccollections\nOrderedDict\n)R", b"ctorch\nSize\n"),
    *(b"ctorch._utils\n_rebuild_parameter\n", b"cbuiltins\ngetattr\n", b"cpytorch_lightning\nTrainer\n"),
]
OPCODES = [b"Q", b"R", b"b", b")\x81", b"tR", b"}", b"(", b"K\x00", b"K\x01\x85", b"h\x00", b"h\x05", b"q\x05"]
OPCODES += [b"J\xff\xff\xff\x7f", b"\x8a\x08" + bytes(7) + b"\x40", b"X\x01\x00\x00\x001"]
OPCODES += [b"N", b"\x88", b"0", b"2", b"u", b"s", b"e", b"."]


def calls(marker):
    """Pieces of a pickle that create the file ``marker`` where they are run, by three ways."""
    command, expression = (
        b"X" + len(text).to_bytes(4, "little") + text
        for text in (f"touch {marker}".encode(), f"__import__('os').mkdir({str(marker)!r})".encode())
    )
    return [
        b"cos\nsystem\n" + command + b"\x85R",
        b"cbuiltins\neval\n" + expression + b"\x85R",
        b"(" + command + b"ios\nsystem\n",
    ]


def damaged(content, rng, pieces):
    """``content`` with one to three changes, most often one flipped bit."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(content) or 1)
        match rng.choice(["flip", "flip", "flip", "cut", "delete", "insert", "piece", "repeat"]):
            case "flip":
                content[at : at + 1] = bytes(byte ^ 1 << rng.randrange(8) for byte in content[at : at + 1])
            case "cut":
                del content[at:]
            case "delete":
                del content[at : at + rng.randint(1, 9)]
            case "insert":
                content[at:at] = rng.randbytes(rng.randint(1, 9))
            case "piece":
                content[at:at] = rng.choice(pieces)
            case "repeat":
                content[at:at] = content[at : at + rng.randint(1, 40)]
    return bytes(content)


# ---- the forms: honest files, how one is damaged, its reader, and what holds of what is read all the same


def lightning(state):
    """What a Lightning checkpoint keeps beside its weights."""
    path = foreign.Call(foreign.Symbol("pathlib", "PosixPath"), "a")
    beside = {"epoch": 3, "pytorch-lightning_version": "2.6.6", "hyper_parameters": {"output": path}}
    return beside | {"optimizer_states": [{"state": {0: {"step": 1}}}], "state_dict": state}


def arguments(state):
    return {"model": state, "args": foreign.Call(foreign.Symbol("torch", "device"), "cpu")}


def within(wrap):
    """Damages the pickle within a zip file whose checksums hold."""

    def damage(rng, pieces):
        state = foreign.pickled(wrap(foreign._tensors(GOOD)))
        return foreign.torch_members(damaged(state, rng, pieces), [array.tobytes() for array in GOOD.values()])

    return damage


def whole(*honest):
    return lambda rng, pieces: damaged(rng.choice(honest), rng, pieces)


def are_small_arrays(found, _):
    for name, array in found.items():
        assert type(name) is str and array.dtype.kind in "fiub" and array.size <= 100
        array.sum()  # touches all of its memory


def are_the_same(found, _):
    """Checksums stand for every byte of a zip file that is read."""
    assert list(found) == list(GOOD)
    for name, array in GOOD.items():
        np.testing.assert_array_equal(found[name], array, name, strict=True)


def are_what_safetensors_reads(found, content):
    are_small_arrays(found, content)
    try:
        witness = safetensors.numpy.load(content)
    except safetensors.SafetensorError:
        return  # it holds names and numbers of the header to narrower rules
    assert sorted(found) == sorted(witness)
    for name, array in witness.items():
        wanted = array.astype(np.float32) if array.dtype.kind == "f" else array
        np.testing.assert_array_equal(found[name], wanted, name, strict=True)


def is_the_file(found, content):
    assert found[0] == content and all(type(text) is str for pair in found[1].items() for text in pair)


FORMS = {  # name: how many, how they are made, who reads them, what holds where one is read
    ".pth": (400, whole(foreign.torch_zip(GOOD)), read_torch, are_the_same),
    ".pth, its pickle": (300, within(arguments), read_torch, are_small_arrays),
    ".pth before PyTorch 1.6": (
        400,
        whole(foreign.torch_legacy(GOOD), foreign.torch_legacy(GOOD, arguments)),
        read_torch,
        are_small_arrays,
    ),
    ".bin, its pickle": (300, within(lambda state: state), read_torch, are_small_arrays),
    ".ckpt, its pickle": (300, within(lightning), read_torch, are_small_arrays),
    ".safetensors": (400, whole(foreign.safetensors(GOOD)), read_safetensors, are_what_safetensors_reads),
    ".onnx": (600, whole(classifier('{"a": 1}')), read_onnx, is_the_file),
}


def test_damaged_files_run_nothing_and_give_one_sentence(tmp_path, capsys):
    marker, path, told = tmp_path / "marker", tmp_path / "file", []
    pieces = [*NAMES, *OPCODES, *2 * calls(marker)]
    for name, (count, make, read, holds) in FORMS.items():
        rng, came = random.Random(name), Counter()
        for _ in range(count * ROUNDS):
            content = make(rng, pieces)
            path.write_bytes(content)
            try:
                holds(read(path), content)
                came["read"] += 1
            except RefusedFile as error:
                sentence = str(error)
                assert str(path) in sentence and sentence.isprintable() and len(sentence) < 500, sentence
                came["refused"] += 1
        assert not marker.exists(), name
        assert came["refused"] > count / 3, (name, came)
        # Some changes are harmless, so the others are not refused for a reason that all have in common.
        assert came["read"] > 3, (name, came)
        told.append(f"{name} {came['refused']:,} of {came.total():,}")
    made = sum(count for count, *_ in FORMS.values()) * ROUNDS
    assert made >= LEAST * ROUNDS
    with capsys.disabled():
        print(f"\n{made:,} damaged files of weights, refused: {'; '.join(told)}")


@pytest.mark.parametrize("number", range(3))
def test_the_spliced_calls_would_run(tmp_path, number):
    """Python's own unpickler runs them, so that nothing happens for the reader's sake alone."""
    marker = tmp_path / "marker"
    pickle.loads(calls(marker)[number] + b".")
    assert marker.exists()
