"""A notebook shows each figure once, however it is asked to; a script keeps none."""

import gc
import weakref

import matplotlib.pyplot as plt
import nbformat
import pytest

from fasternet_paddle.results.plots import plot_learning_curve
from fasternet_paddle.runtime import drawing
from fasternet_paddle.runtime.drawing import new_figure, unshown
from tests.run_notebooks import execute, project_copy

RECORD = {"train": {"loss": [2.0, 1.0], "iter": [0, 10]}, "val": {"loss": [1.5], "iter": [12]}}
SETUP = (
    "import numpy as np; from fasternet_paddle import plot_learning_curve, show_images\n"
    f"record = {RECORD}; images = np.random.RandomState(0).randint(0, 256, (2, 8, 8, 3), np.uint8)"
)
CELLS = {  # name: (cell, images that it shows)
    "two curves": ("plot_learning_curve(record)\nplot_learning_curve(record)", 2),
    "two curves, kept": ("a = plot_learning_curve(record)\nb = plot_learning_curve(record)", 2),
    "the last expression": ("plot_learning_curve(record)", 1),
    "its axes' figure": ("show_images(images, 1, 2)[0].figure", 1),
    "images, then show": (
        "import matplotlib.pyplot as plt\nshow_images(images, 1, 2)\nplt.show()",
        1,
    ),
    "nothing is left for a later cell": ("1", 0),
    "shown again when it is asked for": ("a", 1),
    "displayed": ("from IPython.display import display\nc = plot_learning_curve(record)\ndisplay(c)", 1),
    "saved": ("import io\nc = plot_learning_curve(record); c.savefig(io.BytesIO())", 1),
    "two that differ, in order": ("plot_learning_curve(record)\nshow_images(images, 1, 2)[0].figure", 2),
    "with one of the user's own": ("plt.figure()\nplt.plot([1, 2])\nplot_learning_curve(record)", 2),
    "made to be saved": (
        "from fasternet_paddle.runtime.drawing import unshown\nwith unshown(): d = plot_learning_curve(record)",
        0,
    ),
}


@pytest.fixture(scope="module")
def shown():
    """The images of each cell, PNG in base64: under a kernel as it comes, and after ``%matplotlib inline``."""
    cells = [cell for cell, _ in CELLS.values()]
    codes = [SETUP, *cells, "%matplotlib inline", *cells, "print(plt.get_fignums())"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    with project_copy() as project, pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the tests' own; a kernel's is the inline one
        done = execute(notebook, project).cells
    assert done[-1].outputs[0].text == "[]\n"
    images = [[out.data["image/png"] for out in cell.outputs if "image/png" in out.get("data", {})] for cell in done]
    second = len(CELLS) + 2
    return {name: (images[1 + place], images[second + place]) for place, name in enumerate(CELLS)}


@pytest.mark.parametrize("name", CELLS)
def test_a_notebook_shows_each_figure_once(shown, name):
    assert [len(images) for images in shown[name]] == [CELLS[name][1]] * 2


def test_figures_appear_in_the_order_in_which_they_were_made(shown):
    curve, images = shown["two that differ, in order"][0]
    assert (curve, images) == (shown["the last expression"][0][0], shown["its axes' figure"][0][0])


def test_a_script_keeps_no_figure():
    before = plt.get_fignums()
    figure = plot_learning_curve(RECORD)
    watched = weakref.ref(figure)
    del figure
    gc.collect()
    assert watched() is None and plt.get_fignums() == before


def test_a_chosen_backend_that_shows_has_them_in_pyplot(monkeypatch):
    class Windows(plt.Figure):
        """A window's figure, by a backend that needs none."""

    monkeypatch.setattr(drawing, "_shown_kind", lambda: Windows)
    figure = new_figure(3, 2)
    assert isinstance(figure, Windows) and plt.gcf() is figure and figure.get_layout_engine() is not None
    with unshown():
        assert new_figure(3, 2) is not plt.gcf()
    plt.close(figure)
    monkeypatch.setattr(plt, "figure", lambda **_: 1 / 0)  # a backend that cannot be loaded
    assert new_figure(3, 2).get_size_inches().tolist() == [3, 2]


@pytest.mark.parametrize(("backend", "kind"), [("agg", None), ("SVG", None), (object(), None), ("tkagg", plt.Figure)])
def test_backends_that_show_are_told_from_those_that_do_not(monkeypatch, backend, kind):
    monkeypatch.setattr("matplotlib.rcParams", {"backend": backend})
    assert drawing._shown_kind() is kind
