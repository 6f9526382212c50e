"""Both notebooks run from top to bottom at their smallest, and their kept outputs are of the same kind.

What a notebook may hold is checked without running it: calls of the package, no code and no constants of its own.
"""

import ast
import dataclasses
import re
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from fasternet_paddle.config import TrainConfig
from tests import run_notebooks
from tests.run_notebooks import FOLDER, NAMES, code_cells, execute, project_copy, read, replaced

SMALLEST = {
    "FasterNet": {
        'settings("digits", work)': 'settings("digits", work, epochs=1, max_steps=2, num_workers=0)',
        "size = TrainConfig().image_size": "size = 32",
        "count_macs(network)": "count_macs(network, (3, 32, 32))",
        "true_class=label, ": "true_class=label, num_samples=100, ",
    },
    "DWConv": {
        "epochs=3)": "epochs=1, max_steps=1, num_workers=0, depths=(1, 1, 1, 1))",
        "run_ablation(config)": "run_ablation(config, seeds=SEEDS[:2])",
        "measure_variants(t0_mixers())": (
            'measure_variants(t0_mixers(), image_size=32, batch_size=2, runs=1, engine="dygraph")'
        ),
        "measure_loop(name, Predictor(network), val_loader)": (
            'measure_loop(name, Predictor(network, engine="dygraph"), val_loader, 1)'
        ),
        "measure_operators(engines)": "measure_operators(engines, runs=1, warmup=0)",
    },
}
SEED_NOTEBOOK = {  # what the seed's notebook defined
    "LabelSmoothingCrossEntropy",
    "drop_path",
    "DropPath",
    "PConv",
    "FasterNetBlock",
    "FasterNet",
    "fasternet_t0",
    "fasternet_t1",
    "fasternet_t2",
    "fasternet_s",
    "fasternet_m",
    "fasternet_l",
    "plot_learning_curve",
    "get_cifar10_labels",
    "show_images",
}
SECTIONS = ["1", "2", "2.1", "2.2", "2.3", "2.3.1", "2.3.2", "2.3.3", "2.3.4", "2.4", "2.5", "3"]
MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def executed():
    """Fresh outputs of both, one core each; FasterNet runs in notebooks/, DWConv at the root."""

    def run(name, where):
        with project_copy() as project:
            return execute(replaced(read(name), SMALLEST[name]), project, where)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(NAMES, pool.map(run, NAMES, ("notebooks", ".")), strict=True))


def tree(cell):
    """The cell's syntax, IPython's own lines left out."""
    return ast.parse("\n".join(line for line in cell.source.split("\n") if not line.lstrip().startswith(("%", "!"))))


def text(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def first_columns(printed):
    """Of every table in a text: the first column of its header and rows, without numbers."""
    lines, columns = printed.split("\n"), []
    for number, line in enumerate(lines):
        if re.fullmatch(r"-+(  -+)+", line) and number:
            width = len(line.partition("  ")[0])
            end = next((n for n in range(number, len(lines)) if not lines[n].strip()), len(lines))
            table = [lines[number - 1], *lines[number + 1 : end]]
            columns.append([re.sub(r"\d+", "#", row[:width]).strip() for row in table])
    return columns


def kinds(cell):
    """What kinds of output a cell has: types and MIME types, in order; neighbouring prints count as one."""
    found = []
    for output in cell.outputs:
        kind = sorted(output.data) if "data" in output else [output.get("name", output.output_type)]
        if not found or found[-1] != kind or kind != ["stdout"]:
            found.append(kind)
    return found


# ---- executed ----


@pytest.mark.parametrize("name", NAMES)
def test_fresh_outputs_are_of_the_kind_of_the_kept_ones(executed, name):
    kept = read(name)
    for old, new in zip(code_cells(kept), code_cells(executed[name]), strict=True):
        assert kinds(new) == kinds(old), old.source
        assert first_columns(text(new)) == first_columns(text(old)), old.source
    tables = sum(len(first_columns(text(cell))) for cell in code_cells(kept))
    figures = sum("image/png" in kind for cell in code_cells(kept) for kind in kinds(cell))
    assert (tables, figures) == {"FasterNet": (4, 7), "DWConv": (5, 1)}[name]


@pytest.mark.parametrize("name", NAMES)
def test_kept_outputs_are_clean(name):
    for cell in code_cells(read(name)):
        assert cell.execution_count and cell.outputs is not None, f"not executed: {cell.source}"
        assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in cell.outputs)
        said = text(cell)
        assert not re.search(r"/(tmp|root|home|work/main)\b|Warning|Traceback|W\d{4} ", said), said
    first = text(code_cells(read(name))[0])
    assert "results: in the repository, work/" in first
    assert (FOLDER / f"{name}.ipynb").stat().st_size < MOST_BYTES


def test_a_raising_cell_fails():
    notebook = read("FasterNet")
    notebook.cells = [nbformat.v4.new_code_cell("raise ValueError('on purpose')")]
    with project_copy() as project, pytest.raises(CellExecutionError, match="on purpose"):
        execute(notebook, project)


def test_a_cell_that_writes_to_standard_error_fails():
    notebook = read("FasterNet")
    notebook.cells = [nbformat.v4.new_code_cell("import warnings; warnings.warn('stray')")]
    with project_copy() as project, pytest.raises(RuntimeError, match="stray"):
        execute(notebook, project)


def test_a_replacement_that_is_not_found_fails():
    with pytest.raises(LookupError, match="no code cell holds 'no such text'"):
        replaced(read("FasterNet"), {"no such text": ""})


def test_the_entry_reports_a_failure(monkeypatch, capsys):
    broken = read("FasterNet")
    broken.cells = [nbformat.v4.new_code_cell("1 / 0")]
    monkeypatch.setattr(run_notebooks, "read", lambda name: broken)
    assert run_notebooks.main(["FasterNet"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


# ---- read ----


@pytest.mark.parametrize("name", NAMES)
def test_code_cells_call_the_package_and_define_nothing(name):
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    for number, cell in enumerate(code_cells(read(name))):
        assert len(cell.source.split("\n")) <= 16, cell.source
        for node in ast.walk(tree(cell)):
            assert not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)), cell.source
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                assert not node.id.isupper(), f"a constant: {node.id}"
            if isinstance(node, ast.keyword) and node.arg in fields and number != 1:  # 1 holds the settings
                assert not isinstance(node.value, ast.Constant), f"the config holds {node.arg}: {cell.source}"


@pytest.mark.parametrize("name", NAMES)
def test_names_come_from_the_packages_top(name):
    taken = [
        node.module
        for cell in code_cells(read(name))
        for node in ast.walk(tree(cell))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("fasternet_paddle")
    ]
    assert set(taken) == {"fasternet_paddle"}
    assert not any("import fasternet_paddle" in cell.source for cell in code_cells(read(name)))


def test_every_function_of_the_seed_is_called():
    called = {
        node.func.id
        for name in NAMES
        for cell in code_cells(read(name))
        for node in ast.walk(tree(cell))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert SEED_NOTEBOOK - called == set()


def test_sections_are_the_seeds_in_order():
    headings = [
        match.group(1)
        for cell in read("FasterNet").cells
        if cell.cell_type == "markdown"
        for match in re.finditer(r"^#+ (\d(?:\.\d)*)\.? ", cell.source, flags=re.M)
    ]
    assert headings == SECTIONS


@pytest.mark.parametrize("name", NAMES)
def test_every_explanation_is_chinese_then_english(name):
    for cell in read(name).cells:
        if cell.cell_type != "markdown" or "参考文献" in cell.source:
            continue
        lines = [line for line in cell.source.split("\n") if line and not line.startswith(("#", "|"))]
        is_chinese = [bool(re.search(r"[\u4e00-\u9fff]", line)) for line in lines]
        assert is_chinese[0] and not is_chinese[-1], cell.source
        assert is_chinese == sorted(is_chinese, reverse=True) or "$$" in cell.source, cell.source


@pytest.mark.parametrize(
    "quoted", ["92.8 %", "982", "93.2 %", "580", "3010 / 4893 / 4558 / 3159", "5.46 / 3.09 / 3.58 / 5.02"]
)
def test_dwconv_quotes_the_seed_and_the_paper(quoted):
    assert any(quoted in cell.source for cell in read("DWConv").cells if cell.cell_type == "markdown")
