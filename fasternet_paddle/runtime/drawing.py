"""Figures that show themselves where a reader is looking, and stay out of the way elsewhere.

    figure = new_figure(figsize=(10, 6), layout="constrained")

In a notebook a figure is one of pyplot's: it appears below its cell, once, as the original notebook's did, whether the
cell ends with it, with ``plt.show()`` or with something else. Under a backend without a reader (scripts, the entries)
pyplot does not know it, so that nothing stays open.
"""

import contextlib
import io
import sys

import matplotlib
from matplotlib._pylab_helpers import Gcf  # as the inline backend does: pyplot's own functions would choose a figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

READERS = ("inline", "ipympl", "nbagg", "widget", "notebook")  # in the names of the backends of notebooks
SAVING = ("savefig.bbox", "savefig.facecolor", "savefig.edgecolor", "savefig.transparent")  # settings of savefig alone
WINDOWS = ("qt", "gtk", "tk", "wx", "macosx", "webagg")  # at the beginning of the names of those that open windows


class ShownOnce(Figure):
    """A figure that is shown by the cell's last line, by ``plt.show()`` or at the end of the cell: by one of them."""

    def _ipython_display_(self):  # what all three of them call
        from IPython.display import Image, display

        for figure in _made_before(self):  # else the one that a cell ends with would stand above them
            display(Image(png(figure, figure.dpi)))
        display(Image(png(self, self.dpi)))


def new_figure(**settings):
    """A matplotlib ``Figure`` with the arguments of its class; one of pyplot's where somebody is looking."""
    if _has_reader():
        from matplotlib import pyplot

        with contextlib.suppress(ImportError):  # a backend that is not installed shows nothing
            return pyplot.figure(FigureClass=ShownOnce, **settings)
    return Figure(**settings)


def png(figure, dpi):
    """A figure as the bytes of a PNG file, instead of being shown."""
    image = io.BytesIO()
    if all(matplotlib.rcParams[name] == matplotlib.rcParamsDefault[name] for name in SAVING):
        _draw_once(figure, image, dpi)
    else:
        figure.savefig(image, format="png", dpi=dpi)
    put_away(figure)
    return image.getvalue()


def _draw_once(figure, image, dpi):
    """Write the file that ``savefig`` would write: it draws a figure with a layout twice, once to lay it out."""
    canvas, resolution = figure.canvas, figure.dpi
    drawn = FigureCanvasAgg(figure)  # has no window, whose size another resolution would change
    try:
        figure.dpi = dpi
        drawn.print_png(image)
    finally:
        figure.dpi = resolution
        figure.set_canvas(canvas)


def put_away(figure):
    """Take a figure from pyplot, which then does not show it; it can still be drawn and saved."""
    if _is_open(figure):
        sys.modules["matplotlib.pyplot"].close(figure)


def _has_reader():
    """Whether figures of pyplot's are shown: by a notebook's backend, or by windows that the user's pyplot opens."""
    backend = dict.__getitem__(matplotlib.rcParams, "backend")  # as it stands: asking would choose one
    if not isinstance(backend, str):
        return False
    backend = backend.lower()
    if any(name in backend for name in READERS):
        return True
    return "matplotlib.pyplot" in sys.modules and backend.startswith(WINDOWS)


def _made_before(figure):
    """Figures of ours that pyplot has still to show and that were made before this one, which it has too."""
    if not _is_open(figure):
        return []
    waiting = [manager.canvas.figure for manager in Gcf.get_all_fig_managers()]
    return [one for one in waiting[: waiting.index(figure)] if isinstance(one, ShownOnce)]


def _is_open(figure):
    pyplot = sys.modules.get("matplotlib.pyplot")
    number = getattr(figure, "number", None)
    return pyplot is not None and number is not None and pyplot.fignum_exists(number)
