"""Arrays are read as they were written; a file that claims what it does not hold is refused before it takes memory."""

import io
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files import arrays
from fasternet_paddle.files.arrays import read_arrays, write_arrays
from fasternet_paddle.files.opening import RefusedFile

KINDS = {"a": ("f", 2)}
MIB = 2**20


def member(header, data=b"", version=b"\x01\x00"):
    """A .npy file with any header at all."""
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


def header(descr="'<f8'", order="False", shape="(1, 2)", end=", }"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}{end}".encode() + b" " * 20 + b"\n"


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def zipped(members, method=zipfile.ZIP_DEFLATED, settings=b"{}"):
    """A zip of (name, bytes) pairs, with settings."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in [("settings.npy", npy(np.frombuffer(settings, np.uint8))), *members]:
            archive.writestr(name, data)
    return file.getvalue()


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.npz"
    values = {
        "a": np.random.RandomState(0).standard_normal((3, 2)),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
        "big": np.arange(3, dtype=">i8"),
        "long": np.zeros((1, 600_000), np.uint8),
    }
    write_arrays(path, {"name": "猫", "list": [1, 2.5, None]}, values)
    kinds = {"a": ("f", 2), "fortran": ("i", 2), "big": ("iu", 1), "long": ("u", 2), "absent": ("f", 1)}
    settings, got = read_arrays(path, kinds)
    assert settings == {"name": "猫", "list": [1, 2.5, None]} and set(got) == set(values)
    for name, array in values.items():
        assert got[name].dtype == array.dtype and got[name].shape == array.shape and (got[name] == array).all()
        got[name][...] = 0  # writable
    assert set(np.load(path).files) == {"settings", *values}  # numpy's own format
    assert set(read_arrays(path, KINDS)[1]) == {"a"}


A, B = header(), bytes(16)
HOSTILE = {  # case: (bytes, reason)
    "empty": (b"", "damaged"),
    "text": (b"weights", "damaged"),
    "settings that are no JSON": (zipped([("b.npy", npy(np.zeros(3)))], settings=b"no json"), "damaged"),
    "pickled objects": (zipped([("a.npy", npy(np.array([[{}]], object)))]), "does not begin as numpy"),
    "structured": (zipped([("a.npy", npy(np.zeros((1, 2), "f8,f8")))]), "does not begin as numpy"),
    "text array": (zipped([("a.npy", npy(np.array([["ab", "c"]])))]), "does not begin as numpy"),
    "one axis": (zipped([("a.npy", npy(np.zeros(2)))]), "is float64 with 1 axes"),
    "no header": (zipped([("a.npy", b"")]), "does not begin as numpy"),
    "other magic": (zipped([("a.npy", b"\x93NUMPX" + member(A, B)[6:])]), "does not begin as numpy"),
    "version 2": (zipped([("a.npy", member(A, B, b"\x02\x00"))]), "does not begin as numpy"),
    "code in place of a shape": (zipped([("a.npy", member(header(shape="(exit(), 2)"), B))]), "does not begin"),
    "nested brackets": (zipped([("a.npy", member(header(shape="(" * 30_000), B))]), "does not begin as numpy"),
    "unknown dtype": (zipped([("a.npy", member(header(descr="'<f3'"), B))]), "damaged"),
    "negative axis": (zipped([("a.npy", member(header(shape="(-1, 2)"), B))]), "does not begin as numpy"),
    "axis of many digits": (zipped([("a.npy", member(header(shape=f"({'9' * 5000}, 2)"), B))]), "no size"),
    "two numbers an axis": (zipped([("a.npy", member(header(shape="(1 1, 2)"), B))]), "no size"),
    "more than there is": (zipped([("a.npy", member(header(shape="(100000000, 2)"), B))]), "claims 1,600,000,000"),
    "less than there is": (zipped([("a.npy", member(A, bytes(24)))]), "claims 16 bytes and has 24"),
    "packed by lzma": (zipped([("a.npy", member(A, B))], zipfile.ZIP_LZMA), "packed in a way"),
    "integers of many digits": (zipped([], settings=b"[" + b"7" * 21 + b"]"), "more than 20 digits"),
    "nested settings": (zipped([], settings=b"[" * 100_000), "damaged"),
    "settings of 2 MB": (zipped([], settings=b" " * 2 * MIB), "settings, or more than"),
    "a directory of 4,000 members": (zipped([(f"{n}.npy", b"") for n in range(4000)]), "its directory is larger"),
    "zeros of 64 MB": (zipped([("a.npy", npy(np.zeros((8, MIB))))]), "unpacks to more than"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(case, tmp_path):
    content, reason = HOSTILE[case]
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(RefusedFile, match=reason) as caught:
        read_arrays(path, KINDS)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_members_of_one_name_and_damage_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.warns(UserWarning, match="Duplicate"):
        path.write_bytes(zipped([("a.npy", member(A, B)), ("a.npy", member(A, B))]))
    with pytest.raises(RefusedFile, match="holds a twice"):
        read_arrays(path, KINDS)
    content = zipped([("a.npy", member(A, b"0123456789abcdef"))], zipfile.ZIP_STORED)
    path.write_bytes(content.replace(b"0123456789abcdef", b"0123456789abcdeF"))
    with pytest.raises(RefusedFile, match="CRC"):
        read_arrays(path, KINDS)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RefusedFile):
        read_arrays(path, KINDS)


def test_missing_files_and_too_large_ones_are_named(tmp_path, monkeypatch):
    with pytest.raises(FasterNetError, match="cannot be opened"):
        read_arrays(tmp_path / "none.npz", KINDS)
    write_arrays(tmp_path / "a.npz", {}, {})
    monkeypatch.setattr(arrays, "FILE_BYTES", 10)
    with pytest.raises(FasterNetError, match="at most 10 are read"):
        read_arrays(tmp_path / "a.npz", KINDS)


def test_memory_is_bounded_whatever_a_file_claims(tmp_path):
    """200 MB in 200 kB, the same with a lie about its size, and 60 MB of directory: 100 MB more are enough for each."""
    zeros = npy(np.zeros((200, MIB // 8)))
    bomb = zipped([("a.npy", zeros)])
    (tmp_path / "bomb.npz").write_bytes(bomb)
    true_size = struct.pack("<L", len(zeros))
    small = struct.pack("<L", len(member(A, B)))
    (tmp_path / "liar.npz").write_bytes(bomb.replace(true_size, small))
    entry = b"PK\1\2" + bytes(42)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(entry) * 1_300_000, 0, 0)
    (tmp_path / "directory.npz").write_bytes(entry * 1_300_000 + end)
    assert len(bomb) < 250_000
    work = (
        "import resource, sys\n"
        "from fasternet_paddle.files.arrays import read_arrays\n"
        "from fasternet_paddle.files.opening import RefusedFile\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20, -1))\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        read_arrays(path, {'a': ('f', 2)})\n"
        "    except RefusedFile as error:\n"
        "        print('MemoryError' not in str(error))\n"
    )
    paths = [str(tmp_path / f"{name}.npz") for name in ("bomb", "liar", "directory")]
    done = subprocess.run([sys.executable, "-c", work, *paths], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n" * 3, "")
