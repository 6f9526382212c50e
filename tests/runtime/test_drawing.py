"""Figures show themselves in a notebook, each once, and leave nothing open elsewhere."""

import io
import os
import subprocess
import sys

import matplotlib
import nbformat
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from nbclient import NotebookClient

from fasternet_paddle import plot_learning_curve
from fasternet_paddle.runtime import drawing

RECORD = {part: {"loss": [1.0, 0.5], "iter": [0, 10]} for part in ("train", "val")}
SET_UP = """
import numpy as np
from fasternet_paddle import plot_learning_curve, show_images
record = {part: {"loss": [1.0, 0.5], "iter": [0, 10]} for part in ("train", "val")}
images = np.zeros((2, 8, 8, 3), np.uint8)
"""
IN_ORDER = "plot_learning_curve(record)\nshow_images(images, 1, 2)[0].figure"
CELLS = {  # what a cell does: how many figures stand below it
    "show_images(images, 1, 2)\nimport matplotlib.pyplot as plt\nplt.show()": 1,
    "plot_learning_curve(record)\nplot_learning_curve(record)": 2,
    "a = plot_learning_curve(record)\nb = plot_learning_curve(record)": 2,
    IN_ORDER: 2,
    "plot_learning_curve(record)": 1,
    "figure = plot_learning_curve(record)": 1,
    "figure": 1,  # shown again where it is asked for again
    "show_images(images, 1, 2)[0].figure": 1,
    "from fasternet_paddle.results.plots import save_figure\n"
    "import tempfile, pathlib\n"
    "with tempfile.TemporaryDirectory() as folder:\n"
    "    path = save_figure(plot_learning_curve(record), pathlib.Path(folder) / 'loss.png')": 0,
}


def figures(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def test_each_figure_stands_once_below_its_cell():
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (SET_UP, *CELLS)]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # the kernel's own
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment)
    assert [figures(cell) for cell in notebook.cells] == [0, *CELLS.values()]
    shown = {cell.source: [out.data["image/png"] for out in cell.outputs if "data" in out] for cell in notebook.cells}
    assert shown[IN_ORDER] == [*shown["plot_learning_curve(record)"], *shown["show_images(images, 1, 2)[0].figure"]]


def test_nothing_stays_open_where_nobody_looks():
    before = pyplot.get_fignums()
    figure = plot_learning_curve(RECORD)
    assert pyplot.get_fignums() == before
    drawing.put_away(figure)  # is none of pyplot's, so nothing happens


@pytest.mark.parametrize("backend", ["module://matplotlib_inline_is_not_here.inline", "tkagg"])
def test_a_backend_that_is_not_installed_ends_nothing(backend):
    code = (
        f"import matplotlib; matplotlib.rcParams['backend'] = {backend!r}\n"
        "from fasternet_paddle.runtime.drawing import new_figure\n"
        "import sys; sys.modules['tkinter'] = None\n"
        "print(type(new_figure(figsize=(1, 1))).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "Figure\n", done.stderr


@pytest.mark.parametrize("layout", ["constrained", "compressed", None])
@pytest.mark.parametrize("setting", [{}, {"savefig.bbox": "tight"}, {"savefig.facecolor": "pink"}])
def test_a_figure_is_what_matplotlib_itself_saves(layout, setting):
    def figure():
        drawn = Figure(figsize=(3, 2), layout=layout)
        for axes in drawn.subplots(1, 2):
            axes.imshow([[0, 1], [2, 3]])
            axes.set_title("a title", y=1.0)
        return drawn

    with matplotlib.rc_context(setting):
        drawn, saved = figure(), io.BytesIO()
        canvas = drawn.canvas
        mine = drawing.png(drawn, dpi=70)
        figure().savefig(saved, format="png", dpi=70)
    assert mine == saved.getvalue()
    assert drawn.canvas is canvas and drawn.dpi == matplotlib.rcParams["figure.dpi"]
