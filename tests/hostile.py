"""Files that strangers could send: each builder returns {name: bytes} of content that must be refused.

``pickles``, ``archives``, ``images`` and ``configs``. Code carried by a file would create the file ``marker``.
"""

import gzip
import io
import os
import pickle
import struct
import tarfile
import zlib
from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np
from PIL import Image

HUGE = 2**62
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
U1 = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
F4 = U1.replace(b"u1", b"f4").replace(b"|", b"<")


class Calls:
    """Pickles as a call of ``function`` with ``args``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class Plain:
    """An instance of an ordinary class: NEWOBJ and, with attributes, BUILD."""

    def __init__(self):
        self.attribute = 1


def python2_pickle(value):
    """A pickle of protocol 2 as Python 2 and its numpy write it: text is byte strings."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value):
    if isinstance(value, bytes):
        short = len(value) < 256
        return (b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))) + value
    if isinstance(value, int):
        return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python2(k) + _python2(v) for k, v in value.items()) + b"u"
    assert value.dtype == np.uint8
    shape = b"(" + b"".join(map(_python2, value.shape)) + b"t"
    return (
        RECONSTRUCT.replace(b"C\x01b", b"U\x01b") + b"(K\x01" + shape + U1 + b"\x89" + _python2(value.tobytes()) + b"tb"
    )


def _array(shape, data, dtype=F4, version=b"K\x01", order=b"\x89"):
    """A pickled array with any state at all, each part given as opcodes."""
    return b"\x80\x04" + RECONSTRUCT + b"(" + version + shape + dtype + order + data + b"tb."


def pickles(marker):
    command = f"touch {marker}"
    found = {
        "empty": b"",
        "text": b"not a pickle",
        "html": b"<!DOCTYPE html><html></html>",
        "zip": b"PK\x03\x04" + bytes(60),
    }
    for protocol in range(6):
        attacks = {
            "system": Calls(os.system, command),
            "eval": Calls(eval, f"__import__('os').system({command!r})"),
            "exec": Calls(exec, f"open({str(marker)!r}, 'w')"),
            "open": Calls(open, str(marker), "w"),
            "getattr": Calls(getattr, "", "join"),
            "nested": {"weights": [1, {"deep": (2, Calls(os.system, command))}]},
            "class": Plain(),
            "set": {1, 2},
            "frozenset": frozenset({1}),
            "complex": 1j,
            "decimal": Decimal(1),
            "date": date(2020, 1, 1),
            "counter": Counter(a=1),
            "objects": np.array([1, "a", None], object),
            "objects that call": np.array([Calls(os.system, command)], object),
            "structured": np.zeros(2, [("a", "f4"), ("b", "i4")]),
            "text array": np.array(["a", "bc"]),
            "dates": np.array(["2020-01-01"], "M8[D]"),
            "complex array": np.ones(2, np.complex64),
            "matrix": np.ma.masked_array([1, 2]),
            "dtype": np.dtype("f4"),
            "type": int,
            "tuple key": {(1, 2): 3},
            "float key": {1.5: 3},
        }
        found |= {f"{name}, protocol {protocol}": pickle.dumps(v, protocol) for name, v in attacks.items()}
    big = b"B" + struct.pack("<I", 2**20) + bytes(2**20)
    text = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20
    encode = b"c_codecs\nencode\n"
    found |= {
        "INST": b"(S'" + command.encode() + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'" + command.encode() + b"'\no.",
        "NEWOBJ": b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00a\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04cos\nsystem\n)}\x92.",
        "EXT1": b"\x80\x02\x82\x01.",
        "PERSID": b"Pos.system\n.",
        "BINPERSID": b"K\x01Q.",
        "NEXT_BUFFER": b"\x80\x05\x97.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.",
        "name of a list": b"\x80\x04]]\x93.",
        "name of bytes": b"\x80\x04C\x05numpyC\x05dtype\x93.",
        "terminal codes": b"cos\n\x1b[31msystem\n.",
        "numpy.load": b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
        "eval of a DenseTensor, by paddle.save": b"cbuiltins\neval\n(X\x04\x00\x00\x00data}tR.",
        "call of a list": b"\x80\x04])R.",
        "call of text": b"\x80\x04X\x05\x00\x00\x00dtype)R.",
        "call with a list": b"\x80\x04cbuiltins\nbytes\n]R.",
        "call of ndarray": b"\x80\x04cnumpy\nndarray\nK\x05\x85R.",
        "name alone": b"cnumpy\nndarray\n.",
        "BUILD of a dict": b"\x80\x04}}K\x01K\x02sb.",
        "BUILD of a name": b"\x80\x04cnumpy\nndarray\n}b.",
        "BUILD of an OrderedDict": b"\x80\x04ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00aK\x01sb.",
        # numpy's own functions with crafted states: these kill a Python that lets numpy see them
        "array of a huge shape": _array(b"\x8a\x08" + struct.pack("<q", HUGE) + b"\x85", b"C\x04abcd"),
        "array of an overflowing shape": _array((b"\x8a\x05" + struct.pack("<q", 2**32)[:5]) * 2 + b"\x86", b"C\x00"),
        "array of a negative shape": _array(b"J\xff\xff\xff\xffJ\xfc\xff\xff\xff\x86", b"C\x10" + bytes(16)),
        "array of a float shape": _array(b"G?\xf0\x00\x00\x00\x00\x00\x00\x85", b"C\x04abcd"),
        "array of a list shape": _array(b"]K\x01a", b"C\x04abcd"),
        "array of 33 dimensions": _array(b"(" + b"K\x01" * 33 + b"t", b"C\x04abcd"),
        "array of too few bytes": _array(b"K\x02\x85", b"C\x04abcd"),
        "array of too many bytes": _array(b"K\x01\x85", b"C\x08abcdefgh"),
        "array of text": _array(b"K\x01\x85", b"X\x04\x00\x00\x00abcd"),
        "array of a list": _array(b"K\x01\x85", b"]K\x01a"),
        "array of None": _array(b"K\x01\x85", b"N"),
        "array without a dtype": _array(b"K\x01\x85", b"C\x04abcd", dtype=b"N"),
        "array with a dtype's name": _array(b"K\x01\x85", b"C\x04abcd", dtype=b"cnumpy\ndtype\n"),
        "array of an unset byte order": _array(b"K\x01\x85", b"C\x04abcd", dtype=F4[: F4.index(b"(K\x03")]),
        "array of an odd byte order": _array(b"K\x01\x85", b"C\x04abcd", dtype=F4.replace(b"<", b"|")),
        "array of another version": _array(b"K\x01\x85", b"C\x04abcd", version=b"K\x07"),
        "array of an odd memory order": _array(b"K\x01\x85", b"C\x04abcd", order=b"K\x02"),
        "array of object flags": _array(b"K\x01\x85", b"C\x04abcd", dtype=F4[:-4] + b"K?tb"),
        "array of fields": _array(b"K\x01\x85", b"C\x04abcd", dtype=F4.replace(b"NNN", b"N}N")),
        "array of objects by code": _array(b"K\x01\x85", b"C\x08abcdefgh", dtype=F4.replace(b"f4", b"O8")),
        "array of raw memory": _array(b"K\x01\x85", b"C\x04abcd", dtype=F4.replace(b"f4", b"V4")),
        "array of bad booleans": _array(b"K\x02\x85", b"C\x02\x01\x02", dtype=U1.replace(b"u1", b"b1")),
        "array of short state": b"\x80\x04" + RECONSTRUCT + b"(K\x01K\x01\x85tb.",
        "array never built": b"\x80\x04" + RECONSTRUCT + b".",
        "array kept before it is built": b"\x80\x04]("
        + RECONSTRUCT
        + b"q\x01h\x01(K\x01K\x01\x85"
        + F4
        + b"\x89C\x04abcdtbe.",
        "array built twice": _array(b"K\x01\x85", b"C\x04abcd")[:-1] + b"(K\x01)" + F4 + b"\x89C\x00tb.",
        "array inside itself": b"\x80\x04" + RECONSTRUCT + b"q\x05(K\x01h\x05" + F4 + b"\x89h\x05tb.",
        "reconstruct of a dtype": b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\nK\x00\x85C\x01btR.",
        "scalar of too few bytes": b"\x80\x04cnumpy.core.multiarray\nscalar\n" + F4 + b"C\x01a\x86R.",
        "frombuffer of a huge shape": b"\x80\x05cnumpy.core.numeric\n_frombuffer\n(C\x04abcd"
        + F4
        + b"J\xff\xff\xff\x7f\x85X\x01\x00\x00\x00CtR.",
        "frombuffer of repeated axes": b"\x80\x05cnumpy.core.numeric\n_frombuffer\n(C\x04abcd"
        + F4
        + b"K\x01K\x01\x86X\x01\x00\x00\x00KK\x00K\x00\x86tR.",
        # claims and bombs
        "BINBYTES8 claim": b"\x80\x04\x8e" + struct.pack("<Q", HUGE) + b"a.",
        "BINBYTES8 claim beyond 2**63": b"\x80\x04\x8e" + b"\xff" * 8 + b"a.",
        "BYTEARRAY8 claim": b"\x80\x05\x96" + struct.pack("<Q", HUGE) + b"a.",
        "BINUNICODE8 claim": b"\x80\x04\x8d" + struct.pack("<Q", HUGE) + b"a.",
        "BINBYTES claim": b"B\xff\xff\xff\xffa.",
        "BINSTRING of a negative size": b"T\xff\xff\xff\xffa.",
        "FRAME claim": b"\x80\x04\x95" + struct.pack("<Q", HUGE) + b"K\x01.",
        "FRAME within an opcode": b"\x80\x04\x95\x01" + bytes(7) + b"K\x01.",
        "FRAME within a frame": b"\x80\x04\x95\x0c" + bytes(7) + b"\x95\x03" + bytes(7) + b"K\x01.",
        "LONG4 claim": b"\x80\x02\x8b\xff\xff\xff\x7fa.",
        "LONG4 of a megabyte": b"\x80\x02\x8b" + struct.pack("<i", 2**20) + b"\x7f" * 2**20 + b".",
        "INT of a million digits": b"I" + b"9" * 10**6 + b"\n.",
        "LONG of a million digits": b"L" + b"9" * 10**6 + b"L\n.",
        "memo entry 2**32": b"]r\xff\xff\xff\xff.",
        "memo entry of 18 digits": b"]p" + b"9" * 18 + b"\n.",
        "memo entry below 0": b"]p-1\n.",
        "memo entry that is not there": b"h\x07.",
        "bytearray of 2**40": b"\x80\x04cbuiltins\nbytearray\n\x8a\x06" + struct.pack("<q", 2**40)[:6] + b"\x85R.",
        "bytes of 2**40": b"\x80\x04cbuiltins\nbytes\n\x8a\x06" + struct.pack("<q", 2**40)[:6] + b"\x85R.",
        "encode by zlib": encode + b"(" + text + b"X\x04\x00\x00\x00zlibtR.",
        "encode again and again": b"]("
        + encode
        + b"q\x00"
        + text
        + b"X\x06\x00\x00\x00latin1\x86q\x01R"
        + b"h\x00h\x01R" * 5000
        + b"e.",
        "bytearray again and again": b"](cbuiltins\nbytearray\nq\x00"
        + big
        + b"\x85q\x01R"
        + b"h\x00h\x01R" * 5000
        + b"e.",
        "shared tuples as a key": b"}K\x00" + b"q\x00h\x00\x86" * 60 + b"K\x01s.",
        "shared tuples as a dtype": b"cnumpy\ndtype\nK\x00" + b"q\x00h\x00\x86" * 60 + b"K\x00K\x01\x87R.",
        "shared tuples": b"K\x00" + b"q\x00h\x00\x86" * 60 + b".",
        "shared lists": b"](](K\x00e" + b"q\x00](h\x00h\x00e" * 60 + b"e.",
        "list inside itself": b"]q\x00h\x00a.",
        "dict inside itself": b"}q\x00K\x01h\x00s.",
        "tuple inside itself": b"]q\x00h\x00\x85a.",
        "100,000 lists deep": b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
        "100,000 tuples deep": b")" + b"\x85" * 10**5 + b".",
        "65 lists deep": b"]" * 65 + b"a" * 64 + b".",
        "100,000 marks": b"(" * 10**5 + b".",
        "1.5 million dicts in the memo": b"](" + b"}\x94" * (15 * 10**5) + b"e.",
        "keys that collide": b"}(" + b"".join(_long(i * (2**61 - 1)) + b"N" for i in range(1, 2000)) + b"u.",
        # stack confusion
        "STOP alone": b".",
        "two values": b"K\x01K\x02.",
        "mark left": b"(K\x01.",
        "no STOP": b"K\x01",
        "bytes behind STOP": b"K\x01.K\x02.",
        "protocol 6": b"\x80\x06K\x01.",
        "unknown opcode": b"\xff.",
        "APPEND to a dict": b"}K\x01a.",
        "APPEND to nothing": b"K\x01a.",
        "APPENDS without a mark": b"]K\x01e.",
        "SETITEMS of three": b"}(K\x01K\x02K\x03u.",
        "SETITEM of a list": b"]K\x01K\x02s.",
        "TUPLE2 of one": b"K\x01\x86.",
        "GLOBAL not ASCII": b"cnum\xffpy\ndtype\n.",
        "UTF-8 broken": b"X\x02\x00\x00\x00\xff\xfe.",
        "STRING without quotes": b"Sabc\n.",
        "FLOAT of letters": b"Fabc\n.",
        "INT in octal": b"I0255\n.",
        "FLOAT with underscores": b"F1_0\n.",
        "FLOAT out of range": b"F1e310\n.",
        "INT of letters": b"Iabc\n.",
        "big tensors in parts": pickle.dumps({"a@@.0": np.ones(2), "UnpackBigParamInfor@@": {"a": {}}}, 2),
    }
    return found


def _long(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


# ---- archives


def batch(images=4, labels=None, data=None):
    """A small honest batch, or one with other labels or data."""
    data = np.arange(images * 3072, dtype=np.uint32).astype(np.uint8).reshape(images, 3072) if data is None else data
    return {b"data": data, b"labels": [i % 3 for i in range(images)] if labels is None else labels}


def honest_members():
    """{name: content} of an archive of 8 + 4 images and three classes, as Python 2 pickled CIFAR-10."""
    meta = {b"label_names": [b"cat", b"dog", b"eel"], b"num_vis": 3072}
    return {
        "c/batches.meta": python2_pickle(meta),
        "c/data_batch_2": python2_pickle(batch(5)),
        "c/readme.html": b"<html></html>",
        "c/._data_batch_1": b"\0\5\x16\7 of a Mac",
        "c/test_batch": python2_pickle(batch(4)),
        "c/data_batch_1": python2_pickle(batch(3)),
    }


def tar(members):
    """A tar of (name, content) pairs, or of a dict."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _claim(name, size, kind=tarfile.REGTYPE, content=b""):
    """A header that claims ``size`` bytes, and what follows it."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content


def gzip_bomb(content, zeros, repeats):
    """``content`` followed by ``repeats`` gzip members of ``zeros`` zero bytes each."""
    return gzip.compress(content) + gzip.compress(bytes(zeros)) * repeats


def archives(marker):
    good, end = honest_members(), bytes(1024)
    honest = gzip.compress(tar(good), mtime=0)

    def with_batch(content):
        return gzip.compress(tar(good | {"c/data_batch_1": content}), compresslevel=1)

    found = {
        "empty": b"",
        "text": b"no archive",
        "zip": b"PK\x03\x04" + bytes(600),
        "empty gzip": gzip.compress(b""),
        "gzip of text": gzip.compress(b"no archive" * 100),
        "gzip header alone": honest[:10],
        "gzip sum wrong": honest[:-8] + bytes([honest[-8] ^ 1]) + honest[-7:],
        "gzip with bytes behind": honest + b"behind",
        "tar without members": tar({}),
        "no data_batch": tar({k: v for k, v in good.items() if "data_batch" not in k}),
        "no test_batch": tar({k: v for k, v in good.items() if "test_batch" not in k}),
        "member twice": tar([*good.items(), ("c/data_batch_1", good["c/data_batch_1"])]),
        "no images": tar({"c/data_batch_1": python2_pickle(batch(0)), "c/test_batch": python2_pickle(batch(2))}),
        "slip": tar(good | {"c/../../data_batch_1": good["c/data_batch_1"]}),
        "absolute path": tar(good | {"/data_batch_9": good["c/data_batch_1"]}),
        "claim of 2**62 bytes": _claim("c/data_batch_9", HUGE) + tar(good),
        "claim of 1 GiB": gzip.compress(_claim("c/data_batch_9", 2**30) + bytes(2**20)),
        "claim below 0": _claim("c/data_batch_9", -512) + end,
        "pax header of 2**40 bytes": _claim("x", 2**40, tarfile.XHDTYPE) + end,
        "pax header of 2 MiB": _claim("x", 2**21, tarfile.XHDTYPE, bytes(2**21)) + end,
        "long name of 2 MiB": _claim("x", 2**21, tarfile.GNUTYPE_LONGNAME, b"a" * 2**21) + end,
        "10,001 members": b"".join(_claim(f"m{i}", 0) for i in range(10_001)) + end,
        "bomb behind the end": gzip_bomb(tar(good), 2**24, 64),
        "bomb in a member": gzip_bomb(_claim("c/data_batch_1", 2**29), 2**24, 33),
        "bomb in a skipped member": gzip_bomb(_claim("c/other", 2**29), 2**24, 33),
        "bomb of many members": gzip.compress(_claim("c/other", 2**24) + bytes(2**24)) * 17,
        "bomb in a batch's bytes": gzip_bomb(
            _claim("c/data_batch_1", 2**27 - 2**10, content=b"\x8e" + struct.pack("<Q", 2**26)), 2**24, 9
        ),
        "bomb in a batch's text": gzip_bomb(  # one character beyond 2**16 makes Python store four bytes for each
            _claim(
                "c/data_batch_1",
                2**27 - 2**10,
                content=b"\x8d" + struct.pack("<Q", 2**27 - 2**11) + b"\xf0\x9f\x98\x80",
            ),
            2**24,
            9,
        ),
        "data of floats": with_batch(pickle.dumps({"data": np.zeros((2, 3072), "f4"), "labels": [0, 1]}, 4)),
        "data of 3071": with_batch(python2_pickle(batch(data=np.zeros((2, 3071), np.uint8), labels=[0, 1]))),
        "data flat": with_batch(python2_pickle(batch(data=np.zeros(6144, np.uint8), labels=[0, 1]))),
        "data a list": with_batch(python2_pickle({b"data": [[0] * 3072], b"labels": [0]})),
        "data missing": with_batch(python2_pickle({b"labels": [0]})),
        "labels missing": with_batch(python2_pickle({b"data": np.zeros((1, 3072), np.uint8)})),
        "labels too few": with_batch(python2_pickle(batch(3, labels=[0, 1]))),
        "labels too many": with_batch(python2_pickle(batch(1, labels=[0, 1]))),
        "label 3 of 3": with_batch(python2_pickle(batch(2, labels=[0, 3]))),
        "label -1": with_batch(python2_pickle(batch(2, labels=[0, -1]))),
        "label 2**200": with_batch(pickle.dumps(batch(2, labels=[0, 2**200]), 4)),
        "label 2**64 - 1 in an array": with_batch(pickle.dumps(batch(2, labels=np.array([0, 2**64 - 1], "u8")), 4)),
        "labels of floats": with_batch(pickle.dumps(batch(2, labels=[0.0, 1.0]), 2)),
        "labels of booleans": with_batch(pickle.dumps(batch(2, labels=[True, False]), 2)),
        "labels of text": with_batch(python2_pickle(batch(2, labels=[b"0", b"1"]))),
        "labels of lists": with_batch(python2_pickle(batch(2, labels=[[0], [1]]))),
        "labels a number": with_batch(python2_pickle(batch(2, labels=0))),
        "labels of two dimensions": with_batch(pickle.dumps(batch(2, labels=np.zeros((2, 1), int)), 4)),
        "a batch that is a list": with_batch(python2_pickle([1, 2])),
        "a batch cut off": with_batch(good["c/data_batch_1"][:-100]),
    }
    for name, kind in {
        "symbolic link": tarfile.SYMTYPE,
        "hard link": tarfile.LNKTYPE,
        "character device": tarfile.CHRTYPE,
        "block device": tarfile.BLKTYPE,
        "pipe": tarfile.FIFOTYPE,
        "sparse file": tarfile.GNUTYPE_SPARSE,
        "continuous file": tarfile.CONTTYPE,
        "unknown kind": b"Z",
    }.items():
        found[name] = _claim("c/data_batch_9", 0, kind) + tar(good)
    names = {
        "numbers": [1, 2, 3],
        "none": [],
        "too many": [b"a"] * 10_001,
        "terminal codes": [b"\x1b[31mcat", b"dog", b"eel"],
        "nameless": [b"", b"dog", b"eel"],
        "not UTF-8": [b"\xff", b"dog", b"eel"],
        "text": b"cat dog eel",
        "two": [b"cat", b"dog"],
    }
    for name, value in names.items():
        meta = python2_pickle({b"label_names": value})
        found[f"class names: {name}"] = tar(good | {"c/batches.meta": meta})
    found["class names: missing"] = tar(good | {"c/batches.meta": python2_pickle({b"num_vis": 3072})})
    for name, content in pickles(marker).items():
        if (len(content) < 2**16 and "protocol" not in name) or "protocol 2" in name:
            found[f"batch: {name}"] = tar(good | {"c/data_batch_1": content})
    for cut in range(1, 20):
        found[f"gzip cut at {cut}/20"] = honest[: len(honest) * cut // 20]
        found[f"tar cut at {cut}/20"] = tar(good)[: len(tar(good).rstrip(b"\0")) * cut // 20]
    return found


# ---- images and configs


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, body=b"", depth=8, colour=2):
    """A PNG with any claims: header, ``body``, end."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")


def images(marker):
    idat = png_chunk(b"IDAT", zlib.compress(bytes(100)))
    ztxt = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**24), 9))
    pcx = io.BytesIO()
    Image.new("L", (8, 8)).save(pcx, "PCX")
    eps = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n({marker}) (w) file\n".encode()
    return {
        "empty": b"",
        "text": b"no image",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "eps": eps,
        "pcx": pcx.getvalue(),  # an honest one, of a format that is not read
        "png of 2**31 x 2**31": png(2**31 - 1, 2**31 - 1, idat),
        "png of 20000 x 20000": png(20000, 20000, idat),
        "png of 7071 x 7071, cut": png(7071, 7071, idat),
        "png of no width": png(0, 10, idat),
        "png without pixels": png(10, 10),
        "png of an odd depth": png(10, 10, idat, depth=7),
        "png with a text bomb": png(10, 10, ztxt + idat),
        "gif of 65535 x 65535": b"GIF89a" + b"\xff" * 4 + b"\0\0\0,\0\0\0\0" + b"\xff" * 4 + b"\0\x08\x01\0\0;",
        "bmp of 2**20 x 2**20": b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**20, 2**20, 1, 24, 0, 0, 0, 0, 0, 0),
        "ppm of 10**9": b"P6\n1000000000 1000000000\n255\n" + bytes(100),
        "ppm cut": b"P6\n100 100\n255\n" + bytes(100),
        "tiff of nothing": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
        "tiff in a loop": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "jpeg start": b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
        "webp start": b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff",
    }


def configs(marker):
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    return {
        name: content.encode() if isinstance(content, str) else content
        for name, content in {
            "empty": "",
            "list": "[1, 2]",
            "text": "no mapping",
            "html": "<!DOCTYPE html>\n<html>a: b: c</html>",
            "number as key": "1: 2",
            "null as key": "~: 2",
            "list as key": "? [1, 2]\n: 3",
            "two documents": "a: 1\n---\nb: 2",
            "billion laughs": laughs,
            "alias": "a: &x 1\nb: *x",
            "alias to itself": "a: &x [*x]",
            "merge of an alias": "a: &x {b: 1}\nc:\n  <<: *x",
            "object": f"a: !!python/object/apply:os.system ['touch {marker}']",
            "name": "a: !!python/name:os.system",
            "module": "a: !!python/module:os",
            "tuple": "a: !!python/tuple [1]",
            "unknown tag": "a: !thing 1",
            "date": "a: 2020-01-01",
            "set": "a: !!set {b, c}",
            "bytes": "a: !!binary aGFsbG8=",
            "float as key": "a: {1.5: 2}",
            "10,000 lists deep": "a: " + "[" * 10_000,
            "70 lists deep": "a: " + "[" * 70 + "]" * 70,
            "1,000 mappings deep": "".join(" " * i + "a:\n" for i in range(1000)),
            "number of a million digits": "a: " + "9" * 10**6,
            "number in base 60": "a: 1" + ":59" * 340_000,
            "float in base 60": "a: 1" + ":59" * 100 + ".5",
            "too large": "#" * (2**20 + 1),
            "not UTF-8": b"a: \xff\xfe\xfd",
            "control characters": b"a: \x00\x1b",
            "tabs": "a:\n\t- b",
            "open quotes": "a: 'b",
            "open brackets": "a: [b, c",
        }.items()
    }
