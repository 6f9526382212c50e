"""Damaged files for the readers' tests: honest ones with a few bits, bytes or ends changed.

Hypothesis makes 2,200 cases in an ordinary run, the same each time, and 55,000 with ``FASTERNET_SOAK=1``.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from fasternet_paddle.errors import FasterNetError

SOAK = os.environ.get("FASTERNET_SOAK") == "1"
CHANGES = ("flip", "flip", "flip", "cut", "delete", "insert", "repeat", "splice")


def cases(count):
    """Settings for ``count`` cases, 25 times as many in a soak, the same ones in every ordinary run."""
    factor = 25 if SOAK else 1
    every = list(HealthCheck)
    return settings(
        max_examples=count * factor, deadline=None, database=None, derandomize=not SOAK, suppress_health_check=every
    )


@st.composite
def damaged(draw, documents):
    """One of ``documents`` with up to three changes, most often one flipped bit."""
    content = bytearray(draw(st.sampled_from(documents)))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        change, start = draw(st.sampled_from(CHANGES)), draw(st.integers(0, max(0, len(content) - 1)))
        stop = start + draw(st.integers(1, 9))
        if change == "flip" and content:
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del content[start:]
        elif change == "delete":
            del content[start:stop]
        elif change == "insert":
            content[start:start] = draw(st.binary(min_size=1, max_size=9))
        elif change == "repeat":
            content[start:start] = content[start:stop]
        elif change == "splice":
            other = draw(st.sampled_from(documents))
            content[start:] = other[draw(st.integers(0, len(other))) :]
    return bytes(content)


def read_or_refused(read, *args):
    """What a reader returns, or None; any other exception than its own fails the test."""
    try:
        return read(*args)
    except FasterNetError as error:
        assert "\n" not in str(error)
        return None


# What the opcode soup is stirred from: every opcode with an argument that fits, and the pieces of an array.
PIECES = [bytes([c]) for c in b")]}(.0125NQRabdeloqstu\x81\x85\x86\x87\x88\x89\x90\x91\x92\x93\x94\x97\x98"]
PIECES += [
    b"K\x01",
    b"K\x00",
    b"M\x00\x01",
    b"I01\n",
    b"L5L\n",
    b"G" + bytes(8),
    b"U\x01a",
    b"C\x04abcd",
    b"X\x01\0\0\0a",
]
PIECES += [b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"p0\n", b"g0\n", b"\x80\x02", b"\x95" + bytes(8), b"\x8c\x05numpy"]
