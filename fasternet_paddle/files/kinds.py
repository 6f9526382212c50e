"""What a file is by its first bytes, so that a wrong one can be called by its name.

kind_of(b"\\xfd7zXZ\\0...")  # "an xz archive"
"""

import struct

from .opening import Refusal

PNG, JPEG, GZIP, TAR = "a PNG picture", "a JPEG picture", "a gzip file", "a tar archive"
PEEKED = 512  # bytes
STARTS = {
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.": "a file of PyTorch's older torch.save (.pth, .pt)",
    b"\x93NUMPY": "an array of numpy's (.npy)",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (.h5)",
    b"\x1f\x8b": GZIP,
    b"\xfd7zXZ\0": "an xz archive",
    b"BZh": "a bzip2 archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x89PNG\r\n\x1a\n": PNG,
    b"\xff\xd8\xff": JPEG,
    b"\0\0\0\x0cjP  \r\n\x87\n": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"8BPS": "a Photoshop picture (.psd)",
    b"%PDF": "a PDF document",
    b"MATLAB 5.0": "a file of Matlab's (.mat)",
}
BRANDS = {  # of what begins with its size and "ftyp"
    b"avif": "an AVIF picture",
    b"avis": "an AVIF picture",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1"), "a HEIC picture, as telephones take them"),
}
ZIP_START = b"PK\3\4"
ZIP_MEMBERS = {  # the first member's ending: what such a zip is
    b"/data.pkl": "a file of PyTorch's torch.save (.pth, .pt)",
    b".npy": "an archive of numpy's (.npz)",
}


def kind_of(start):
    """What a file that begins with the bytes `start` is, "an xz archive" for example; None if that is not known."""
    for signature, kind in STARTS.items():
        if start.startswith(signature):
            return kind
    if start[4:8] == b"ftyp":
        return BRANDS.get(start[8:12], "a film (.mp4, .mov)")
    if start.startswith(ZIP_START) and len(start) >= 30:
        (length,) = struct.unpack_from("<H", start, 26)
        member = start[30 : 30 + length]
        return next((kind for ending, kind in ZIP_MEMBERS.items() if member.endswith(ending)), "a zip archive")
    if len(start) > 9 and start[8:9] == b"{" and 0 < int.from_bytes(start[:8], "little") < 2**27:
        return "a file of safetensors"
    if start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page, as downloads that failed leave it"
    if start[257:262] == b"ustar":
        return TAR
    return None


def refuse_other(file, wanted, but=()):
    """Raises `Refusal` if a file, then back at its beginning, is of a known kind other than `but`."""
    file.seek(0)
    kind = kind_of(file.read(PEEKED))
    file.seek(0)
    if kind is not None and kind not in but:
        raise Refusal(f"it is {kind}, not {wanted}")
