"""Execute the notebooks: ``python -m tests.run_notebooks [--save] [NAME ...]`` (``make notebooks``).

Every cell of both runs at the notebooks' own quick settings, in a copy of the project: the repository stays as it is.
A cell that raises, or that writes to standard error, fails. ``--save`` puts the fresh outputs into the notebooks.
"""

import argparse
import asyncio
import copy
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
NAMES = ("FasterNet", "DWConv")
TIMEOUT = 600  # seconds a cell


def read(name):
    """A notebook of the project, as ``nbformat`` reads it."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(notebook):
    """The cells with code, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def replaced(notebook, replacements):
    """A copy of ``notebook`` whose code has each old text replaced by the new one.

    Raises:
        LookupError: an old text that no code cell holds.
    """
    notebook = copy.deepcopy(notebook)
    for old, new in replacements.items():
        holders = [cell for cell in code_cells(notebook) if old in cell.source]
        if not holders:
            raise LookupError(f"no code cell holds {old!r}")
        for cell in holders:
            cell.source = cell.source.replace(old, new)
    return notebook


@contextmanager
def project_copy():
    """A temporary copy of what the notebooks need, as a clone would have it."""
    with tempfile.TemporaryDirectory(prefix="fasternet-notebooks-") as folder:
        project = Path(folder) / "project"
        ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        for name in ("fasternet_paddle", "notebooks"):
            shutil.copytree(ROOT / name, project / name, ignore=ignore)
        shutil.copy(ROOT / "setup.cfg", project)
        yield project


def execute(notebook, project, where="notebooks", environment=None):
    """Run every cell of ``notebook`` in the folder ``where`` of ``project``; returns it with fresh outputs.

    Raises:
        CellExecutionError: a cell raised.
        RuntimeError: a cell wrote to standard error, or the kernel died.
    """
    notebook = copy.deepcopy(notebook)
    scratch = project.parent
    settings = {
        "PYTHONPATH": str(project),
        "FASTERNET_CACHE": str(scratch / "cache"),
        "IPYTHONDIR": str(scratch / "ipython"),
    }
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # this environment's kernel, not one of the user's
    client = NotebookClient(
        notebook, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": str(project / where)}}
    )
    client.record_timing = False
    client.coalesce_streams = True  # prints that follow one another are one output
    log = scratch / "kernel.log"  # what the kernel's process says itself, when it starts and ends for instance
    with log.open("w") as file:
        try:
            environment = {**os.environ, **settings, **(environment or {})}
            asyncio.run(client.async_execute(env=environment, stdout=file, stderr=file))
        except DeadKernelError as error:
            raise RuntimeError(f"{error}\n{log.read_text(errors='replace')}") from error
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"a cell wrote to standard error:\n{output.text}\n---- the cell:\n{cell.source}")
    return notebook


def save(notebook, name):
    """Write a notebook's outputs, with metadata that does not depend on where it ran."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    nbformat.validate(notebook)
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")


def main(argv=None):
    """Run as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.run_notebooks", description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", default=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}; both by default"
    )
    parser.add_argument("--save", action="store_true", help="put the fresh outputs into the notebooks")
    flags = parser.parse_args(argv)
    for name in flags.names:
        start = time.perf_counter()
        try:
            with project_copy() as project:
                notebook = execute(read(name), project)
        except (CellExecutionError, RuntimeError) as error:
            print(f"{name}: failed\n{error}", file=sys.stderr)
            return 1
        if flags.save:
            save(notebook, name)
        print(f"{name}: {len(code_cells(notebook))} cells in {time.perf_counter() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
