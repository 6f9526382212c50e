"""Figures that show themselves in a notebook, as pyplot's do, and that nobody has to close elsewhere.

    figure = new_figure(10, 6)          # inches; a matplotlib Figure for whoever draws into it
    with unshown():                     # of figures that are made to be saved
        figure = new_figure(10, 6)

Where a notebook or a window shows figures (an inline or an interactive backend is chosen), a new one is pyplot's too:
it appears at the end of the cell or at ``plt.show()``, once, whether or not it is also the cell's last expression. In
a script without a display it belongs to its caller alone, so that making many of them keeps none.
"""

import contextlib
import contextvars
import sys

FILES_ALONE = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")  # backends that show nothing
_unshown = contextvars.ContextVar("unshown", default=False)


def new_figure(width, height):
    """An empty matplotlib ``Figure`` of so many inches, with the constrained layout."""
    from matplotlib.figure import Figure  # here: entries import this file before they have anything to draw

    settings = {"figsize": (width, height), "layout": "constrained"}
    kind = None if _unshown.get() else _shown_kind()
    if kind is not None:
        with contextlib.suppress(Exception):  # of a backend that is not there; the figure is drawn all the same
            import matplotlib.pyplot as plt

            return plt.figure(FigureClass=kind, **settings)
    return Figure(**settings)


@contextlib.contextmanager
def unshown():
    """Figures made meanwhile are nobody's but their caller's, in a notebook too: they are to be saved."""
    token = _unshown.set(True)
    try:
        yield
    finally:
        _unshown.reset(token)


def _shown_kind():
    """The class of figures where something shows them, else None; no backend is chosen by asking."""
    import matplotlib

    backend = dict.get(matplotlib.rcParams, "backend")  # no name as long as none is chosen
    if not isinstance(backend, str) or backend.lower() in FILES_ALONE:
        return None
    if not _in_ipython() and "matplotlib.pyplot" not in sys.modules:
        return None
    if backend.lower().endswith("inline"):
        from .inline import InlineFigure

        return InlineFigure
    return matplotlib.figure.Figure


def _in_ipython():
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
