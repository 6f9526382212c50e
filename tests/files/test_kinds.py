"""Files of other kinds than wanted are called by their names, by every reader."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile

import numpy as np
import pytest

from fasternet_paddle.files.configs import read_yaml
from fasternet_paddle.files.images import read_image
from fasternet_paddle.files.kinds import kind_of
from fasternet_paddle.files.opening import RefusedFile
from fasternet_paddle.files.pickles import read_pickle
from tests import hostile


def _zip(member):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member, b"content")
    return stream.getvalue()


def _written(write, *args):
    stream = io.BytesIO()
    write(stream, *args)
    return stream.getvalue()


KINDS = {
    "torch.save (.pth, .pt)": _zip("best/data.pkl"),
    "older torch.save": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + bytes(99),
    "safetensors": struct.pack("<Q", 30) + b'{"a":{"dtype":"BF16"' + bytes(99),
    "numpy's (.npz)": _written(lambda file: np.savez(file, a=np.zeros(3))),
    "numpy's (.npy)": _written(np.save, np.zeros(3)),
    "a zip archive": _zip("readme.txt"),
    "an xz archive": lzma.compress(b"x" * 600),
    "a bzip2 archive": bz2.compress(b"x" * 600),
    "a gzip file": gzip.compress(b"x" * 600),
    "a tar archive": hostile.tar({"a": b"b"}),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(99),
    "a PDF document": b"%PDF-1.7 ...",
    "a JPEG 2000 picture": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99),
    "a Photoshop picture": b"8BPS\0\1" + bytes(99),
    "an AVIF picture": b"\0\0\0\x20ftypavif" + bytes(99),
    "a HEIC picture": b"\0\0\0\x18ftypheic" + bytes(99),
    "a film": b"\0\0\0\x18ftypisom" + bytes(99),
    "a web page": b"\n<!doctype HTML><html>not found</html>",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_reader_names_it(file, kind):
    for read in (read_pickle, read_yaml, read_image):
        with pytest.raises(RefusedFile, match=r"it is .*, not an? ") as caught:
            read(file(KINDS[kind]))
        assert kind in str(caught.value)


def test_what_is_read_has_no_other_name():
    for content in (
        b"",
        b"a: 1",
        b"\x80\x02}.",
        b"(dp1\n.",
        b"P6 1 1 255 abc",
        b"BM" + bytes(60),
        b"{a: 1}",
        bytes(512),
    ):
        assert kind_of(content) is None


def test_a_picture_among_weights(file):
    with pytest.raises(RefusedFile, match="it is a PNG picture, not a pickle"):
        read_pickle(file(hostile.png(2, 2)))
