"""A zip file of members that are stored as they are, read by its directory and within its own size.

    with open_file(path, limit) as (file, size), refusals_name(path, "zip file"):
        zipped = StoredZip(file, size)
        zipped.read("archive/data.pkl")

Nothing is unpacked to the disk and nothing is decompressed: a member's bytes are a range of the file, no two of which
overlap, so that reading every member once takes no more memory than the file has bytes.
"""

import struct
import zlib
from dataclasses import dataclass

from .opening import MIB, Refusal, shown

MAX_MEMBERS = 100_000  # FasterNet-L's checkpoint with its optimizer has some 1,000
DIRECTORY_BYTES = 32 * MIB
COMMENT_BYTES = 2**16  # what may follow the end record
IN_ZIP64 = 2**32 - 1  # a size or an offset that stands in the member's 64-bit field

END = struct.Struct("<4s4H2LH")  # signature, disk numbers, members on this disk, members, size, offset, comment's size
LOCATOR = struct.Struct("<4sLQL")  # signature, disk number, offset of the 64-bit end record, disks
END64 = struct.Struct("<4sQ2H2L4Q")  # ..., members on this disk, members, size, offset
ENTRY = struct.Struct("<4s6H3L5H2L")  # of the directory, before its name, extra fields and comment
HEADER = struct.Struct("<4s5H3L2H")  # in front of a member's bytes, before its name and extra fields


@dataclass(frozen=True)
class _Member:
    header: int  # offset of the header in front of the bytes
    size: int
    crc: int
    stored: bool  # neither packed nor encrypted


class StoredZip:
    """The members of a zip file, by name.

    Args:
        file: open for reading bytes.
        size: of the file, in bytes.

    Raises:
        Refusal: no zip file, or one whose directory claims what the file cannot hold.
    """

    def __init__(self, file, size):
        self._file = file
        count, length, self._end = _find_directory(file, size)  # members end where the directory begins
        if count > MAX_MEMBERS or length > DIRECTORY_BYTES:
            raise Refusal(f"it claims {count:,} members in a directory of {length:,} bytes")
        file.seek(self._end)
        self._members = dict(_entries(_exactly(file, length), count))
        if len(self._members) != count:
            raise Refusal("it holds a member twice")
        starts = {member.header for member in self._members.values()}
        claimed = sum(HEADER.size + member.size * member.stored for member in self._members.values())
        if len(starts) != count or claimed > self._end:
            raise Refusal("its members overlap or reach beyond its end")

    @property
    def names(self):
        return list(self._members)

    def size(self, name):
        """Bytes of a member; raises ``Refusal`` where there is none of that name."""
        if name not in self._members:
            raise Refusal(f"it lacks the member {shown(name)}")
        return self._members[name].size

    def read(self, name):
        """All bytes of a member, held to its checksum.

        A checksum of 0 is what PyTorch writes where it was told to write none, and says nothing.
        """
        size, member = self.size(name), self._members[name]
        if not member.stored:
            raise Refusal(f"its member {shown(name)} is packed or encrypted, read are members stored as they are")
        self._file.seek(member.header)
        signature, *_, name_length, extra_length = HEADER.unpack(_exactly(self._file, HEADER.size))
        if signature != b"PK\3\4" or _exactly(self._file, name_length) != name.encode():
            raise Refusal(f"its directory and the header of {shown(name)} differ")
        start = member.header + HEADER.size + name_length + extra_length
        if start + size > self._end:
            raise Refusal(f"its member {shown(name)} reaches beyond its end")
        self._file.seek(start)
        data = _exactly(self._file, size)
        if member.crc and zlib.crc32(data) != member.crc:
            raise Refusal(f"the checksum of its member {shown(name)} does not hold: it is damaged")
        return data


def _exactly(file, count):
    data = file.read(count)
    if len(data) != count:
        raise Refusal("it ends too early")
    return data


def _find_directory(file, size):
    """Number of members, size of the directory in bytes and its offset, as the end record tells."""
    start = max(0, size - END.size - COMMENT_BYTES)
    file.seek(start)
    tail = file.read(size - start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END.size:
        raise Refusal("it is no whole zip file: its directory is missing")
    _, disk, first_disk, here, count, length, offset, comment = END.unpack_from(tail, at)
    end = start + at
    if at >= LOCATOR.size and tail[at - LOCATOR.size :][:4] == b"PK\6\7":
        _, _, end, _ = LOCATOR.unpack_from(tail, at - LOCATOR.size)
        if end > size - END64.size:
            raise Refusal("its directory lies beyond its end")
        file.seek(end)
        signature, _, _, _, disk, first_disk, here, count, length, offset = END64.unpack(_exactly(file, END64.size))
        if signature != b"PK\6\6":
            raise Refusal("its directory is damaged")
    if comment != len(tail) - at - END.size or disk or first_disk or here != count:
        raise Refusal("its end record is damaged, or it is one part of several")
    if offset + length > end:
        raise Refusal("its directory lies beyond its end")
    return count, length, offset


def _entries(directory, count):
    """Yields (name, member) of each entry of the directory."""
    at = 0
    for _ in range(count):
        if at + ENTRY.size > len(directory):
            raise Refusal("its directory ends too early")
        fields = ENTRY.unpack_from(directory, at)
        signature, _, _, flags, method, _, _, crc, packed, size, *lengths, _, _, _, header = fields
        at += ENTRY.size
        name, extra, _ = (directory[at + sum(lengths[:i]) : at + sum(lengths[: i + 1])] for i in range(3))
        at += sum(lengths)
        if signature != b"PK\1\2" or at > len(directory):
            raise Refusal("its directory is damaged")
        size, packed, header = _wide(extra, size, packed, header)
        name = name.decode("utf-8")
        yield name, _Member(header, size, crc, not flags & 1 and method == 0 and packed == size)


def _wide(extra, *values):
    """The values with those that did not fit in 32 bits taken from the 64-bit extra field, in their order."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + length]
        at += 4 + length
    found = []
    for value in values:
        if value == IN_ZIP64:
            if len(wide) < 8:
                raise Refusal("its directory lacks a size of 64 bits")
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(value)
    return found
