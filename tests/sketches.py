"""Figures in an eighth of their time, for tests that do not look at them: every part is still drawn, but small.

    monkeypatch.setattr(drawing, "_draw_once", sketch)          # conftest: for all files but those it names

The entries' tests in processes of their own draw whole figures, as do those of the folders that make them.
"""

from fasternet_paddle.runtime import drawing

DOTS = 30  # an inch
_draw_whole = drawing._draw_once


def sketch(figure, image, _dpi):
    """In place of ``drawing._draw_once``."""
    figure.set_layout_engine("none")
    _draw_whole(figure, image, DOTS)
