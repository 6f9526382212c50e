"""Names in figures: short, whole letters, no mathematics, and no warning a character."""

import os
import unicodedata
import warnings

import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from fasternet_paddle.runtime import text

# Unassigned in Unicode, so that no font has it on any machine.
NO_FONT_HAS = "\U000e1234"


@pytest.mark.parametrize(
    ("name", "most", "wanted"),
    [
        ("cat", 3, "cat"),
        ("golden retriever 12", 10, "golden…12"[:6] + "… 12"),
        ("a\tb\n c", 9, "a b c"),
        ("金毛寻回犬混种", 9, "金毛寻…种"),
        ("e\u0301" * 9, 5, "e\u0301" * 3 + "…" + "e\u0301"),
        ("\x1b[31mred\u202e", 20, "\ufffd[31mred\ufffd"),
        ("photo\udcff.jpg", 20, "photo\ufffd.jpg"),
    ],
)
def test_shorten(name, most, wanted):
    assert text.shorten(name, most) == wanted


@pytest.mark.parametrize("most", [1, 2, 3, 4, 7, 12, 29])
def test_shortened_names_fit_and_no_mark_loses_its_letter(most):
    for name in ("हिन्दी में एक बहुत लंबा नाम जो नहीं समाता", "a long name of a class," * 3, "猫" * 40, "👩‍👩‍👧" * 9):
        short = text.shorten(name, most)
        assert text.width(short) <= most
        head, _, tail = short.partition(text.ELLIPSIS)
        assert name.startswith(head) and name.endswith(tail)
        assert not tail or not unicodedata.category(tail[0]).startswith("M")


def test_names_of_one_beginning_stay_apart():
    names = [f"a very long beginning that all of them share, number {n}" for n in range(10)]
    assert len({text.shorten(name, 20) for name in names}) == 10


def test_the_users_font_comes_first_and_alone_where_it_suffices():
    assert text.fonts_for(["plain"]) == (["sans-serif"], "")


def test_another_font_is_asked_for_the_characters_that_are_missing(monkeypatch):
    serif = font_manager.findfont("DejaVu Serif")
    poor = frozenset("abc")
    glyphs = text._glyphs
    monkeypatch.setattr(text, "_glyphs", lambda path: glyphs(path) if os.path.samefile(path, serif) else poor)
    assert text.fonts_for(["abc ж"]) == (["sans-serif", "DejaVu Serif"], "")
    assert text.fonts_for([NO_FONT_HAS])[1] == NO_FONT_HAS


def test_names_are_drawn_as_they_are_without_a_warning(tmp_path, capsys):
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_title("$x_1$ and \\frac{")
    text._say_once.cache_clear()
    for _ in range(2):
        text.legible([axes.title, axes.set_xlabel(NO_FONT_HAS)])
        text.name_ticks(axes.yaxis, ["$", f"a{NO_FONT_HAS}b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(tmp_path / "figure.png")
    assert axes.title.get_text() == "$x_1$ and \\frac{"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$", f"a{text.BOX}b"]
    assert axes.get_xlabel() == text.BOX
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "apt-get install" in said


@pytest.mark.parametrize(
    ("character", "package"),
    [("猫", "fonts-noto-cjk"), ("ね", "fonts-noto-cjk"), ("강", "fonts-noto-cjk"), ("न", "fonts-lohit-deva")],
)
def test_the_package_that_brings_a_script(character, package):
    assert text._script(character)[1] == package
