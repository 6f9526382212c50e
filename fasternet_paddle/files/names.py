"""Names of files made from other names: none is another's, on systems that know no case too, and none is too long.

own_names(["a", "A", "a-map"], endings=("", "-map"), longest=200)      # ["a", "A-2", "a-map-2"]
"""

import os
import unicodedata


def own_names(names, endings=("",), taken=(), longest=200):
    """A name for each of ``names``, such that no two of all names with all ``endings`` are one file.

    Names that differ in case only, or in how an accent is written, are one file on many systems.

    Args:
        names: texts of any kind; what is neither letter, digit, ``_``, ``.`` nor ``-`` becomes ``_``.
        endings: what is put behind a name.
        taken: names that other files have.
        longest: bytes that a name may have; of a longer one the beginning is kept.

    Returns:
        List of names; a second one of a name is ``name-2``.
    """
    used, given = {_key(name) for name in taken}, []
    for name in names:
        stem, number = _plain(name) or "image", 1
        chosen = _cut(stem, longest)
        while used & (keys := {_key(chosen + ending) for ending in endings}):
            number += 1
            chosen = f"{_cut(stem, longest - len(f'-{number}'))}-{number}"
        used |= keys
        given.append(chosen)
    return given


def _plain(name):
    """One ``_`` in place of each run of characters that a shell or a system may not take; marks stay on letters."""
    kept = [c if c.isalnum() or c in "_.-" or unicodedata.category(c)[0] == "M" else None for c in name]
    return "".join(c or "_" for place, c in enumerate(kept) if c or not place or kept[place - 1])


def _cut(name, longest):
    while len(os.fsencode(name)) > longest:
        name = name[:-1]
    return name


def _key(name):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
