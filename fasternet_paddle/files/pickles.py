"""Reading a pickle without running it.

A pickle is a program for a stack machine, and Python's own machine calls whatever the program names. This one
is ours: the standard library only decodes the opcodes' arguments (`pickletools.opcodes`), and `_Machine.step`
knows just the opcodes that data needs. Read are protocols 0 to 5 as Python 2, Python 3 and `paddle.save`
write them.

Memory stays a small multiple of the file's size: arrays share the bytes read, conversions have a budget, and
opcodes, nesting and sharing are bounded.
"""

import codecs
import io
import math
import pickletools
import re

from .kinds import refuse_other
from .opening import MIB, Part, Refusal, open_file, refusals_name
from .pickle_values import KEYS, PLAIN_WORDS, built, check_plain

PICKLE_BYTES = 2048 * MIB  # FasterNet-L's optimizer state has 0.75 GB, with master weights 1.1 GB
MAX_OPCODES = 2_000_000  # a CIFAR-10 batch has 45,000
MAX_INT_BITS = 256  # a random generator's state has 128
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
BOOLEANS = {b"00": False, b"01": True}  # as protocols 0 and 1 write them
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _line(pattern, convert):
    """A reader of an argument that is a line of text, as protocol 0 writes its numbers."""

    def read(file):
        line = pickletools.read_stringnl(file, decode=False, stripquotes=False)
        if not re.fullmatch(pattern, line):
            raise Refusal("it holds a number that is not written as pickles write numbers")
        return convert(line)

    return read


def _float(line):
    value = float(line)
    if math.isinf(value) and b"inf" not in line:
        raise Refusal("it holds a float that is out of range")
    return value


OPCODES = {op.code.encode("latin-1"): (op.name, op.arg and op.arg.reader) for op in pickletools.opcodes} | {
    # Where pickletools reads text in another way than Python's own unpickler: numbers with leading zeros (octal there)
    # or underscores, and byte strings of Python 2 that are not ASCII.
    b"I": (
        "INT",
        _line(rb"-?[1-9][0-9]{0,99}|0|00|01", lambda line: BOOLEANS[line] if line in BOOLEANS else int(line)),
    ),
    b"L": ("LONG", _line(rb"(-?[1-9][0-9]{0,99}|0)L?", lambda line: int(line.rstrip(b"L")))),
    b"F": ("FLOAT", _line(rb"[-+.0-9a-z]{1,99}", _float)),
    b"S": ("STRING", lambda file: codecs.escape_decode(pickletools.read_stringnl(file, decode=False))[0]),
}


def read_pickle(path, limit_bytes=PICKLE_BYTES):
    """The plain values in a pickle file such as `.pdparams` or `.pdopt`, as `load_pickle` returns them.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: its content is damaged or is anything but data.
    """
    with open_file(path, limit_bytes) as (file, size):
        with refusals_name(path, "pickle"):
            refuse_other(file, "a pickle such as .pdparams or .pdopt")
        return load_pickle_part(Part(file, size), path)


def load_pickle(data, source):
    """Reads the pickle in `data` (bytes); `source` names it in errors.

    Returns:
        Nested dict, list and tuple of None, bool, int, float, str, bytes, bytearray, numpy scalars and arrays
        (read-only where the pickle held bytes). Strings written by Python 2 are bytes, an OrderedDict is a
        dict, a Tensor that `paddle.save` met among other things is the tuple (name, array).

    Raises:
        RefusedFile: damaged, no pickle, or one that holds anything but data.
    """
    return load_pickle_part(Part(io.BytesIO(data), len(data)), source)


def load_pickle_part(file, source):
    """`load_pickle` from a `Part` of a file."""
    with refusals_name(source, "pickle"):
        result = run_pickle(file)
        if file.left:
            raise Refusal("bytes follow its end")
        if type(result) is dict and "UnpackBigParamInfor@@" in result:
            raise Refusal("it holds tensors above 1 GiB cut in parts; save it again with protocol=4")
        return result


def run_pickle(file, words=PLAIN_WORDS):
    """The value of the pickle that begins a `Part` of a file, which is left behind the pickle's end.

    `words` (`pickle_values.Words`) says what the names in it stand for. Raises `Refusal`, or whatever hostile bytes
    make the standard library raise.
    """
    machine = _Machine(2 * file.left, words)  # an honest file encodes a string once and may wrap it in a bytearray
    for count, (opcode, arg) in enumerate(_opcodes(file)):
        if count >= MAX_OPCODES:
            raise Refusal(f"it has more than {MAX_OPCODES:,} opcodes")
        machine.step(opcode, arg)
    if machine.below or len(machine.stack) != 1:
        raise Refusal("its opcodes do not leave one value")
    check_plain(machine.stack[0], words.leaves)
    return machine.stack[0]


def _opcodes(file):
    """Yields (name, decoded argument) up to STOP, like `pickletools.genops`, but holds frames to what they say."""
    code = frame_end = None  # as bytes left in the file
    while code != b".":
        code = file.read(1)
        if code not in OPCODES:
            raise Refusal(f"it is no pickle: opcode {code} is unknown" if code else "it ends too early")
        name, reader = OPCODES[code]
        arg = reader(file) if reader else None
        if name == "FRAME":
            if frame_end is not None or arg > file.left:
                raise Refusal("a frame reaches into another one or beyond its end")
            frame_end = file.left - arg
        elif frame_end is not None and file.left <= frame_end:
            if file.left < frame_end:
                raise Refusal("a frame ends within an opcode")
            frame_end = None
        yield name, arg


class _Machine:
    """The `stack` since the last mark, the stacks `below` the marks, and the `memo`."""

    def __init__(self, budget, words):
        self.stack, self.below, self.memo, self.words = [], [], {}, words
        self.budget = budget  # bytes that conversions may make

    def step(self, opcode, arg):
        """Does what one opcode says; the commonest come first."""
        match opcode:
            case "BININT1" | "BININT" | "BININT2" | "BINFLOAT" | "FLOAT":
                self.stack.append(arg)
            case "BINUNICODE" | "SHORT_BINUNICODE" | "UNICODE" | "BINUNICODE8":
                self.stack.append(arg)
            case "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8" | "STRING":
                self.stack.append(arg)
            case "BINSTRING" | "SHORT_BINSTRING":
                self.stack.append(arg.encode("latin-1"))  # Python 2's str, which pickletools decoded
            case "BINPUT" | "MEMOIZE" | "LONG_BINPUT" | "PUT":
                self.put(len(self.memo) if opcode == "MEMOIZE" else arg)
            case "BINGET" | "LONG_BINGET" | "GET":
                self.stack.append(built(self.memo[arg]))
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                self.stack.append(CONSTANTS[opcode])
            case "INT" | "LONG" | "LONG1" | "LONG4":
                if arg.bit_length() > MAX_INT_BITS:
                    raise Refusal(f"an integer has more than {MAX_INT_BITS} bits")
                self.stack.append(arg)
            case "MARK":
                self.below.append(self.stack)
                self.stack = []
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                self.stack.append(tuple(self.pop(TUPLES[opcode])))
            case "TUPLE" | "LIST":
                items = self.pop_to_mark()
                self.stack.append(tuple(items) if opcode == "TUPLE" else items)
            case "EMPTY_LIST" | "EMPTY_DICT":
                self.stack.append([] if opcode == "EMPTY_LIST" else {})
            case "APPEND" | "APPENDS":
                items = self.pop(1) if opcode == "APPEND" else self.pop_to_mark()
                self.top(list).extend(items)
            case "SETITEM" | "SETITEMS":
                self.set_items(self.pop(2) if opcode == "SETITEM" else self.pop_to_mark())
            case "DICT":
                items = self.pop_to_mark()
                self.stack.append({})
                self.set_items(items)
            case "GLOBAL":
                self.stack.append(self.words.find(*arg.split(" ", 1)))
            case "STACK_GLOBAL":
                self.stack.append(self.words.find(*self.pop(2)))
            case "REDUCE":
                self.stack.append(self.words.call(*self.pop(2), self.spend))
            case "BUILD":
                self.stack.append(self.words.build(*self.pop(2)))
            case "NEWOBJ":
                self.stack.append(self.words.create(*self.pop(2)))
            case "BINPERSID":
                self.stack.append(self.words.refer(*self.pop(1)))
            case "PROTO":
                if arg > 5:
                    raise Refusal(f"pickle protocol {arg} is unknown, read are 0 to 5")
            case "FRAME" | "STOP":
                pass
            case _:
                raise Refusal(f"opcode {opcode} is refused, only arrays and plain containers are read")

    def pop(self, count):
        start = len(self.stack) - count
        if start < 0:
            raise Refusal("its opcodes take values that are not there")
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def pop_to_mark(self):
        items, self.stack = self.stack, self.below.pop()
        return items

    def top(self, kind):
        value = self.stack[-1]
        if type(value) is not kind:
            raise Refusal(f"its opcodes fill a {type(value).__name__} as if it were a {kind.__name__}")
        return value

    def put(self, index):
        if not 0 <= index <= MAX_OPCODES:
            raise Refusal("it numbers its memo beyond all bounds")
        self.memo[index] = self.stack[-1]

    def set_items(self, items):
        target = self.top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            too_long = type(key) is int and abs(key) >= 2**63  # any number of such keys can share one hash
            if type(key) not in KEYS or too_long:
                raise Refusal("a key of a dict must be text, a number of 64 bits or None")
            target[key] = value

    def spend(self, count):
        """Books bytes that a conversion is about to make."""
        self.budget -= count
        if self.budget < 0:
            raise Refusal("it converts the same bytes again and again")
