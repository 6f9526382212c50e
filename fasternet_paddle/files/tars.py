"""Reading a tar, gzipped or not, member by member, in one pass and without believing it.

    for name, member in tar_members(unpacked(file, size)):
        member.read(100)

Nothing is unpacked to disk; kind, size and path of a member are checked first. What a packed file may unpack to is
bounded by the constants below.
"""

import gzip
import tarfile

from .opening import MIB, Part, Refusal, shown

ARCHIVE_BYTES = 2048 * MIB  # unpacked; CIFAR-10 has 186 MB in 8 members, the largest of 31 MB
ARCHIVE_GROWTH = 20  # times the packed size; photographs hardly shrink, gzip bombs do a thousandfold
ARCHIVE_SMALL = 128 * MIB  # what any archive may unpack to, however small it is packed
GROWS = "it unpacks to more than an archive of its size may"
MEMBER_BYTES = 512 * MIB
HEADER_BYTES = 1 * MIB
MAX_MEMBERS = 10_000
TAR_BLOCK = 512
TAR_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
TAR_NOTES = (  # headers that only describe the next member: times, owners, long names
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)


def unpacked(file, size):
    """The tar inside a file, gzipped or not, limited to what an honest archive may unpack to."""
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    if not zipped:
        return Part(file, size)
    return Part(gzip.GzipFile(fileobj=file), min(ARCHIVE_BYTES, max(ARCHIVE_SMALL, ARCHIVE_GROWTH * size)))


def tar_members(tar):
    """Yields (name, `Part`) of every regular file; one pass, and nothing is believed before it is checked."""
    long_name = None
    for _ in range(MAX_MEMBERS):
        block = tar.read(TAR_BLOCK)
        if len(block) < TAR_BLOCK:
            raise Refusal(GROWS if not tar.left and tar.file.read(1) else "it ends too early")
        if not any(block):  # the end mark
            while tar.read(MIB):  # what follows is padding, behind which gzip checks its sum
                pass
            if tar.file.read(1):
                raise Refusal(GROWS)
            return
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if long_name is not None and info.type not in TAR_NOTES:
            info.name, long_name = long_name, None
        if info.name.startswith("/") or ".." in info.name.split("/"):
            raise Refusal(f"the path of member {shown(info.name)} leads out of the archive")
        if info.type == tarfile.DIRTYPE:
            continue
        if info.type not in TAR_FILES + TAR_NOTES:
            raise Refusal(f"member {shown(info.name)} is neither a regular file nor a directory")
        limit = min(tar.left, MEMBER_BYTES if info.type in TAR_FILES else HEADER_BYTES)
        if not 0 <= info.size <= limit:
            raise Refusal(f"member {shown(info.name)} claims {info.size:,} bytes, {limit:,} can be read")
        member = Part(tar, info.size)
        if info.type in TAR_FILES:
            yield info.name, member
        elif info.type in LONG_NAMES:
            long_name = _long_name(info.type, member.read(info.size)) or long_name
        tar.skip(member.left + -info.size % TAR_BLOCK)
    raise Refusal(f"it has {MAX_MEMBERS:,} members or more")


def _long_name(kind, data):
    """The path of the next member that does not fit its own header, or None where this note is on something else."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    path = None
    while data:  # pax: records "27 path=a/long/name\n", whose first number counts itself
        length = data.partition(b" ")[0]
        size = int(length) if length.isdigit() and len(length) < 8 else 0
        if not len(length) + 3 < size <= len(data):
            raise Refusal("a note on a member's name is damaged")
        key, _, value = data[len(length) + 1 : size - 1].partition(b"=")
        if key == b"path":
            path = value.decode("utf-8", "surrogateescape")
        data = data[size:]
    return path
