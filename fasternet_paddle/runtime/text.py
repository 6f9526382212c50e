"""Names in figures: one rule for long ones, fonts that have their glyphs, and no ``$`` taken for mathematics.

    axes.set_title(shorten(name, 20))
    legible([axes.title])                       # after the text is set, before the figure is drawn
    name_ticks(axes.yaxis, names)               # class names at 0, 1, 2, ...

matplotlib asks one font after the other for a glyph, so the user's own font stays the first, and another is added for
the characters alone that it lacks. Where no font here has them, the reader is told once which package brings one.
"""

import dataclasses
import functools
import sys
import unicodedata

import matplotlib
from matplotlib import font_manager

ELLIPSIS = "…"
UNSHOWN = "\ufffd"  # in place of control characters, lone surrogates, and marks that turn the direction of writing
NORMAL = (400, "normal", "regular")  # weights, as matplotlib's list has them
BOX = "□"  # in place of a character that no font here has; DejaVu Sans, which matplotlib brings, has it
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Asked first, since each is the usual one of its system and script; then every other font that is installed.
PREFERRED = (
    "Noto Sans CJK",
    "Source Han Sans",
    "Microsoft YaHei",
    "PingFang",
    "Hiragino Sans",
    "Yu Gothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "WenQuanYi",
    "Noto Sans",
    "Lohit",
    "Nirmala",
    "Kohinoor",
    "Arial Unicode MS",
)
# First and last character of a script, its name, and the package of Debian and Ubuntu with a font for it.
SCRIPTS = (
    (0x0900, 0x097F, "Devanagari", "fonts-lohit-deva"),
    (0x1100, 0x11FF, "Korean", "fonts-noto-cjk"),
    (0x2E80, 0x9FFF, "Chinese or Japanese", "fonts-noto-cjk"),
    (0xAC00, 0xD7AF, "Korean", "fonts-noto-cjk"),
    (0xF900, 0xFAFF, "Chinese or Japanese", "fonts-noto-cjk"),
    (0xFF00, 0xFFEF, "Chinese or Japanese", "fonts-noto-cjk"),
    (0x1F000, 0x1FAFF, "pictograph", "fonts-symbola"),
    (0x20000, 0x3FFFF, "Chinese or Japanese", "fonts-noto-cjk"),
)
OTHER_SCRIPT = ("other", "fonts-noto-core")


def shown(name):
    """``name`` as one line that can be shown: runs of blanks are one blank, what cannot be shown is U+FFFD."""
    line = " ".join(str(name).split())
    return "".join(UNSHOWN if c in TURNING or unicodedata.category(c) in ("Cc", "Cs") else c for c in line)


def width(text):
    """Columns that a text takes: two for a wide (Chinese, Japanese, Korean) character, none for a mark on another."""
    return sum(_columns(character) for character in text)


def shorten(name, most):
    """``name`` in at most ``most`` columns: a longer one loses its middle, since names differ at either end.

    Args:
        name: text of any script; control characters are replaced as in ``shown``.
        most: columns, at least 1.

    Returns:
        The name, or its beginning, an ellipsis and its end; marks stay with the letter they belong to.
    """
    name = shown(name)
    if width(name) <= most:
        return name
    tail = _fitting(list(reversed(_clusters(name))), (most - 1) // 3)
    head = _fitting(_clusters(name), most - 1 - width("".join(tail)))
    return "".join([*head, ELLIPSIS, *reversed(tail)])


def _columns(character):
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _clusters(text):
    """A text as letters with the marks that belong to them."""
    clusters = []
    for character in text:
        joined = clusters and (unicodedata.category(character)[0] == "M" or clusters[-1][-1] == "\u200d")
        if clusters and (joined or character == "\u200d"):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _fitting(clusters, columns):
    """As many of the first clusters as fit."""
    taken = []
    for cluster in clusters:
        columns -= width(cluster)
        if columns < 0:
            break
        taken.append(cluster)
    return taken


def fonts_for(texts):
    """The user's font families, then those that have the characters which the user's lack.

    Args:
        texts: iterable of str.

    Returns:
        ``(families, missing)``: a list for matplotlib's ``fontfamily``, and the characters that no font here has.
    """
    families = list(matplotlib.rcParams["font.family"])
    missing = {character for text in texts for character in text if not character.isspace()}
    missing -= frozenset().union(*(_glyphs(path) for path in _paths_of(families)))
    for entry in _installed() if missing else ():
        found = missing & _glyphs(entry.fname)
        if found:
            families.append(entry.name)
            missing -= found
        if not missing:
            break
    return families, "".join(sorted(missing))


def legible(texts):
    """Make matplotlib ``Text`` objects show names as they are: fonts with the glyphs, no ``$`` as mathematics.

    Args:
        texts: ``matplotlib.text.Text`` objects whose text is set; changed in place. For ticks see ``name_ticks``.
    """
    texts = list(texts)
    families, missing = fonts_for(text.get_text() for text in texts)
    for text, boxed in zip(texts, _boxed((text.get_text() for text in texts), missing), strict=True):
        text.set(text=boxed, fontfamily=families, parse_math=False, usetex=False)


def name_ticks(axis, names, **style):
    """Put names at 0, 1, 2, ... of a matplotlib axis (``axes.xaxis``), legible; ``style`` goes to their ``Text``."""
    families, missing = fonts_for(names)
    boxed = _boxed(names, missing)  # before they are set: an axis writes its labels anew at each drawing
    axis.set_ticks(range(len(boxed)), boxed, fontfamily=families, parse_math=False, usetex=False, **style)


def _boxed(names, missing):
    """Names with a box in place of each missing character, about which the reader is told once a script."""
    for script, package in sorted({_script(character) for character in missing}):
        _say_once(script, package)
    table = dict.fromkeys(map(ord, missing), BOX)
    return [name.translate(table) for name in names]


def _script(character):
    number = ord(character)
    found = ((script, package) for first, last, script, package in SCRIPTS if first <= number <= last)
    return next(found, OTHER_SCRIPT)


@functools.cache
def _say_once(script, package):
    print(
        f"no font here has the {script} characters of a name, so figures show boxes in their place; install one, "
        f"on Debian and Ubuntu with apt-get install {package}",
        file=sys.stderr,
    )


def _paths_of(families):
    """Font files that matplotlib takes for ``families``; generic names are looked up in its settings."""
    paths = []
    for family in families:
        properties = font_manager.FontProperties(family=[family])
        paths.append(font_manager.findfont(properties, fallback_to_default=True))
    return paths


@functools.cache
def _glyphs(path):
    """Characters that a font file has; none where it cannot be read."""
    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()


@functools.cache
def _installed():
    """matplotlib's entry of every upright font, the preferred ones first, one a file.

    matplotlib keeps a list of fonts that it made once; what was installed since is added. A font that has no normal
    weight is entered as one, else matplotlib logs at every use that it took another.
    """
    manager = font_manager.fontManager
    known = {entry.fname for entry in manager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            try:
                manager.addfont(path)
            except Exception:  # whatever FreeType says of a font that it cannot read: it is not used
                continue
    own = matplotlib.get_data_path()  # its fonts for formulas, and one that draws a box for everything
    upright = [
        entry
        for entry in manager.ttflist
        if entry.style == "normal" and (not entry.fname.startswith(own) or entry.name.startswith("DejaVu"))
    ]
    normal = {entry.name for entry in upright if entry.weight in NORMAL}
    lacking = {entry.name: entry for entry in upright if entry.name not in normal}
    manager.ttflist.extend(dataclasses.replace(entry, weight=400) for entry in lacking.values())

    def rank(entry):
        place = next((n for n, name in enumerate(PREFERRED) if entry.name.startswith(name)), len(PREFERRED))
        return place, entry.name, entry.fname

    kept = [entry for entry in upright if entry.weight in NORMAL or lacking.get(entry.name) is entry]
    return tuple(sorted(kept, key=rank))
