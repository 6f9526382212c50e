"""Whether figures can be drawn is tried before the work, with the settings of matplotlib that the user has.

    with drawable(class_names):
        ...                          # hours of training
        save_figure(plot_learning_curve(...), path)

A ``matplotlibrc`` may ask for what is not installed (``text.usetex``, a colour map). Where nothing can be drawn with
the user's settings, figures within the block are drawn with matplotlib's own, and that is said once.
"""

import contextlib

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ..errors import FasterNetError
from ..files.writing import say_once
from ..runtime.drawing import png
from . import plots

NAMES = 6  # of the classes
NOT_OF_FIGURES = ("backend", "interactive", "toolbar", "webagg")  # settings of windows; a backend is not ours to change

_tried = set()  # what was drawn in this process, names and settings


@contextlib.contextmanager
def drawable(class_names=()):
    """Within the block figures can be drawn; the first ``class_names`` are tried, too.

    Raises:
        FasterNetError: not even with matplotlib's own settings.
    """
    failure = _failure(class_names)
    if failure is None:
        yield
        return
    own = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith(NOT_OF_FIGURES)}
    with matplotlib.rc_context(own):
        if (deeper := _failure(class_names)) is not None:
            raise FasterNetError(f"matplotlib cannot draw here ({deeper})")
        say_once(f"figures are drawn with matplotlib's own settings, since yours cannot be used here ({failure})")
        yield


def _failure(class_names):
    """Why a small figure of each kind cannot be drawn, in one line; None where it can."""
    names = tuple(class_names)[:NAMES]
    attempt = names, repr(list(dict.items(matplotlib.rcParams)))  # as they stand: asking would choose a backend
    if attempt in _tried:
        return None
    try:
        for figure in _one_of_each(names):
            figure.set_layout_engine("none")  # its time is worth nothing here
            png(figure, dpi=30)
    except Exception as error:  # a setting reaches every exception there is: a program that is missing, a bad value
        said = str(error).strip().splitlines()
        return f"{type(error).__name__}: {said[0][:150]}" if said else type(error).__name__
    _tried.add(attempt)
    return None


def _one_of_each(names):
    """Small figures with all that the package's figures hold."""
    record = {part: {"acc": [0.1, 0.2], "iter": [0, 1]} for part in ("train", "val")}
    yield plots.plot_learning_curve(record, title="acc", ylabel="Accuracy")
    if names:
        pixels = np.zeros((len(names), 4, 4, 3), np.uint8)
        yield plots.show_images(pixels, 1, len(names), pred=names, gt=names)[0].figure
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    figure.colorbar(axes.imshow(np.eye(2), cmap="RdBu_r"), ax=axes, label="R², %")
    axes.set_title("$10^2$")  # as on a logarithmic axis
    yield figure
