"""Paddle's own form of a network, damaged and hostile: one sentence, before Paddle gets it."""

import json
import re
import struct

import numpy as np
import pytest

from fasternet_paddle.exporting.network import FILES, export_network
from fasternet_paddle.files.opening import RefusedFile
from fasternet_paddle.files.programs import check_program
from tests.exporting.networks import make_network, network

PROGRAM, PARAMETERS = FILES


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export_network(network()[0], folder)
    return {name: (folder / name).read_bytes() for name in FILES}


def write(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / PROGRAM


def operators(program):
    return program["program"]["regions"][0]["blocks"][0]["ops"]


@pytest.mark.parametrize("mixer", ["pconv", "dwconv", "conv"])
def test_every_network_of_this_package_passes(tmp_path, mixer):
    export_network(make_network(mixer=mixer)[0], tmp_path)
    check_program(tmp_path / PROGRAM)


def test_an_operator_that_no_fasternet_has(exported, tmp_path):
    program = json.loads(exported[PROGRAM])
    operators(program)[-1]["#"] = "1.save_combine"
    path = write(tmp_path, exported | {PROGRAM: json.dumps(program).encode()})
    with pytest.raises(RefusedFile, match=r"the operator 1\.save_combine, which no FasterNet has"):
        check_program(path)


def test_a_setting_that_takes_memory_at_will(exported, tmp_path):
    text = re.sub(rb'("#":"1.a_intarray","D":\[)1\]', rb"\g<1>1000000000000]", exported[PROGRAM])
    assert text != exported[PROGRAM]
    with pytest.raises(RefusedFile, match="has a setting beyond 4,096"):
        check_program(write(tmp_path, exported | {PROGRAM: text}))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"\0",
        lambda data: data + data[:4000],
        lambda data: b"",
        lambda data: b"\1" + data[1:],
        lambda data: data[:16] + struct.pack("<i", -1) + data[20:],
        lambda data: data[:20] + b"\x08\x05\x10" + b"\xff" * 9 + b"\x7f" + data[33:],
    ],
    ids=["short", "half", "long", "one twice", "empty", "version", "negative length", "huge shape"],
)
def test_parameters_that_are_not_the_programs(exported, tmp_path, change):
    path = write(tmp_path, exported | {PARAMETERS: change(exported[PARAMETERS])})
    with pytest.raises(RefusedFile, match=PARAMETERS) as caught:
        check_program(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"[" * 100_000, b'{"program": {"regions": []}}', b"\xff"])
def test_what_is_no_program(exported, tmp_path, text):
    with pytest.raises(RefusedFile, match=PROGRAM):
        check_program(write(tmp_path, exported | {PROGRAM: text}))


def test_damage_anywhere_in_the_descriptions_is_one_sentence_or_harmless(exported, tmp_path):
    """Bytes changed at random: a sentence, or parameters of the right shapes with other numbers."""
    draw = np.random.default_rng(0)
    (tmp_path / PARAMETERS).write_bytes(exported[PARAMETERS])
    (tmp_path / PROGRAM).write_bytes(exported[PROGRAM])
    refused = 0
    for _ in range(200):
        place = int(draw.integers(0, 200))
        with open(tmp_path / PARAMETERS, "r+b") as file:
            file.seek(place)
            file.write(bytes([int(draw.integers(0, 256))]))
        try:
            check_program(tmp_path / PROGRAM)
        except RefusedFile as error:
            refused += 1
            assert "\n" not in str(error)
        with open(tmp_path / PARAMETERS, "r+b") as file:
            file.write(exported[PARAMETERS][:200])
    assert refused > 10
