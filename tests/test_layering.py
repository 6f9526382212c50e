"""A module imports only modules above it in the list; entries never import each other; no name hides a module."""

import ast
from pathlib import Path

import fasternet_paddle

PACKAGE = Path(fasternet_paddle.__file__).parent

# In the order in which the data meets them (the README's table says what each is).
# fmt: off
ORDER = [
    "errors", "config", "workspace", "files", "guards",
    "safe_open", "safe_values", "safe_pickle", "safe_read",
    "transforms", "datasets", "workers", "fast_transforms", "loaders",
    "losses", "layers", "fasternet",
    "metrics", "run_folder", "checkpoint", "resume", "trainer",
    "compiled", "engine", "inference", "plots",
    "interpretdl_compat", "perturbation", "explanation", "lime_base", "lime", "lime_interpreter",
    "explainers", "trust", "explanation_plots",
    "macs", "tables", "comparison", "drawings",
    "cli", "ablation",
]
# fmt: on
ENTRIES = ["train", "evaluate", "explain"]


def _imports(path):
    """Modules of the package that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
        found |= {name.split(".")[1] for name in names if name.startswith("fasternet_paddle.")}
    return found


def _violations(order, imports):
    """Pairs (module, imported) in which the imported one does not stand above."""
    place = {name: number for number, name in enumerate(order)}
    return [(m, i) for m, found in imports.items() for i in found if i not in place or place[i] >= place[m]]


def _package_imports():
    return {path.stem: _imports(path) for path in PACKAGE.glob("*.py") if path.stem != "__init__"}


def test_every_module_has_its_place():
    assert set(_package_imports()) == {*ORDER, *ENTRIES}


def test_modules_import_only_what_stands_above_them():
    imports = _package_imports()
    assert _violations(ORDER, {name: imports[name] for name in ORDER}) == []


def test_entries_import_modules_but_not_each_other():
    imports = _package_imports()
    for entry in ENTRIES:
        assert imports[entry] <= {*ORDER, "formats"}, entry


def test_a_reversed_import_would_be_found():
    assert _violations(["a", "b"], {"a": {"b"}, "b": set()}) == [("a", "b")]
    assert _violations(["a", "b"], {"a": set(), "b": {"a"}}) == []


def test_no_public_name_is_a_modules_name():
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {p.name for p in PACKAGE.iterdir() if p.is_dir()}
    assert not modules & set(fasternet_paddle.__all__)


def test_public_names_exist():
    for name in fasternet_paddle.__all__:
        assert getattr(fasternet_paddle, name) is not None


def test_config_needs_the_standard_library_only():
    tree = ast.parse((PACKAGE / "config.py").read_text(encoding="utf-8"))
    absolute = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    absolute |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level == 0}
    assert absolute == {"dataclasses", "math"}
