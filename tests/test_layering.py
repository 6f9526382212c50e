"""The layout holds: every file has its room, imports go one way, and no library text speaks of flags."""

import ast
import importlib
import subprocess
import sys

import pytest

import fasternet_paddle
from tests import layering
from tests.layering import ALL, ENTRIES, FILES, LARGER, MAY_IMPORT, SHARED

SOURCES = layering.read_package()
EMPTY = dict.fromkeys((f"{folder}.{name}".lstrip(".") for folder, names in FILES.items() for name in names), "")
# What users could import before the package had folders.
# fmt: off
NAMES_OF_0_1 = {
    "DWConv", "DropPath", "Explanation", "FasterNet", "FasterNetBlock", "FasterNetError", "FullConv", "History",
    "LIMECVInterpreter", "LabelSmoothingCrossEntropy", "Lime", "MIXERS", "MixupImage", "PConv", "Predictor",
    "TrainConfig", "VARIANTS", "create_model", "denormalize", "drop_path", "fasternet_l", "fasternet_m", "fasternet_s",
    "fasternet_t0", "fasternet_t1", "fasternet_t2", "fit", "get_cifar10_labels", "label_smoothing_cross_entropy",
    "load_dataset", "load_explanation", "load_run", "load_weights", "loop_throughput", "make_loader", "make_loaders",
    "make_optimizer", "measure_faithfulness", "measure_stability", "model_throughput", "plot_learning_curve",
    "show_images", "show_predictions", "test_transform", "train_one_epoch", "train_transform", "validate",
}
# fmt: on

# ---- the package ----


def test_every_file_has_its_room():
    assert layering.unknown_files(SOURCES) == []


def test_every_room_has_a_row():
    assert {layering.room(module) for module in SOURCES} == set(MAY_IMPORT)


def test_imports_go_one_way():
    assert layering.wrong_ways(SOURCES) == []


def test_the_table_is_one_way():
    assert layering.cycle({room: () if row == ALL else row for room, row in MAY_IMPORT.items()}) is None


def test_no_way_leads_back():
    edges = layering.package_imports(SOURCES)
    assert layering.cycle(edges) is None
    assert layering.cycle(layering.between_folders(edges)) is None


def test_imports_are_seen():
    """Enough of them that an empty answer above means something."""
    assert sum(map(len, layering.package_imports(SOURCES).values())) > 100


def test_library_texts_name_no_flag():
    assert layering.named_flags(SOURCES) == []


def test_files_and_functions_are_short():
    assert layering.too_large(SOURCES) == []


def test_what_is_excused_is_too_large():
    found = [line.partition(":")[0] for line in layering.too_large(SOURCES, excused={})]
    assert sorted(LARGER) == sorted(found) and all(LARGER.values())


def test_config_needs_the_standard_library_only():
    tree = ast.parse(SOURCES["config"])
    absolute = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    absolute |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    assert absolute <= sys.stdlib_module_names


# ---- the public names ----


def test_no_public_name_of_before_is_lost():
    assert not NAMES_OF_0_1 - set(fasternet_paddle.__all__)


def test_no_public_name_is_a_modules_or_a_folders():
    taken = {part for module in SOURCES for part in module.split(".")}
    assert not taken & set(fasternet_paddle.__all__)


@pytest.mark.parametrize("name", fasternet_paddle.__all__)
def test_public_name_is_defined_where_the_table_says(name):
    module = fasternet_paddle._HOME[name]
    found = getattr(fasternet_paddle, name)
    assert found is getattr(importlib.import_module(f"fasternet_paddle.{module}"), name)
    if isinstance(found, type) or callable(found):
        assert found.__module__ == f"fasternet_paddle.{module}" and found.__doc__


def test_each_name_stands_in_the_table_once():
    names = [name for names in fasternet_paddle._MODULES.values() for name in names]
    assert len(names) == len(set(names)) == len(fasternet_paddle.__all__)


def test_importing_costs_nothing():
    """Neither Paddle nor numpy is imported, nor any module but the one that waits for Paddle, before a name is used."""
    code = (
        "import sys, fasternet_paddle; print(dir(fasternet_paddle)); "
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in ('paddle', 'numpy', 'matplotlib') "
        "or name.startswith('fasternet_paddle.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, imported = done.stdout.splitlines()
    assert imported == "['fasternet_paddle.runtime', 'fasternet_paddle.runtime.quiet']" and "'PConv'" in names


def test_every_name_comes_without_interpretdl():
    code = (
        "import sys; sys.modules['interpretdl'] = None; "  # as if it were not installed
        "from fasternet_paddle import *; print(Lime.__name__, LIMECVInterpreter.__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout == "Lime LIMECVInterpreter\n", done.stderr


# ---- the checks find what they look for ----


@pytest.mark.parametrize(
    ("module", "line", "found"),
    [
        ("model.layers", "from ..training.trainer import fit", "training.trainer"),  # reversed
        ("model.layers", "from ..training import trainer", "training.trainer"),
        ("model.layers", "from .. import training", "training"),
        ("model.layers", "def f():\n    from ..training.trainer import fit", "training.trainer"),
        ("model.layers", "import fasternet_paddle.training.trainer", "training.trainer"),
        ("model.layers", "from fasternet_paddle.training import trainer", "training.trainer"),
        ("model.layers", "from fasternet_paddle import fit", "fasternet_paddle"),  # the public surface is for users
        ("training.trainer", "from ..train import main", "train"),  # nothing imports an entry
        ("evaluate", "from .train import main", "train"),
        ("bench.lime", "from ..explain import main", "explain"),
        ("evaluate", "from .bench.measuring import in_turns", "bench.measuring"),  # or bench
        ("training.trainer", "from ..bench import measuring", "bench.measuring"),
        ("config", "from .files.tables import text_table", "files.tables"),
    ],
)
def test_a_reversed_import_is_found(module, line, found):
    assert layering.wrong_ways({**EMPTY, module: line}) == [(module, found)]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("training.trainer", "from ..model.layers import PConv"),
        ("model.layers", "from ..errors import FasterNetError\nfrom ..record import Record"),
        ("model.layers", "from .losses import LabelSmoothingCrossEntropy"),
        ("evaluate", "from .training import trainer"),
        ("bench.lime", "from ..explaining.lime import Lime\nfrom . import measuring"),
        ("model.layers", "import paddle\nfrom paddle import nn"),
    ],
)
def test_an_import_that_is_allowed_is_no_fault(module, line):
    assert layering.wrong_ways({**EMPTY, module: line}) == []


@pytest.mark.parametrize("module", ["utils", "model.helpers", "sharing.network"])
def test_an_unknown_file_is_found(module):
    assert layering.unknown_files({**EMPTY, module: ""}) == [module]


def test_a_file_that_is_gone_is_found():
    assert layering.unknown_files({name: "" for name in EMPTY if name != "model.layers"}) == ["model.layers"]


@pytest.mark.parametrize(
    "text",
    [
        "raise FasterNetError('epochs must be 1 or more; set --epochs')",
        "raise FasterNetError(f'{path} holds another run; choose another --work-path')",
        "LOWER = 'lower --learning-rate'",
        "print('see', '--help')",
    ],
)
@pytest.mark.parametrize("module", ["training.trainer", "runtime.machine", "config"])
def test_a_library_text_that_names_a_flag_is_found(module, text):
    ((where, flag),) = layering.named_flags({module: text})
    assert where == module and flag in text


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("training.trainer", '"""Goes on with ``--resume``."""'),  # a docstring
        ("training.trainer", "# as --resume does"),
        ("training.trainer", "'a--b', '-- and', 'x = y --- z'"),
        ("explaining.interpretdl", "'pip install --no-deps interpretdl'"),
        ("runtime.cli", "'lower --batch-size'"),
        ("train", "'give one of --resume and --overwrite'"),
        ("bench.lime", "'--rounds must be 1 or more'"),
    ],
)
def test_what_may_name_a_flag_is_no_fault(module, text):
    assert layering.named_flags({module: text}) == []


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}}, ["a", "b", "c", "a"]),
        ({"a": {"a"}}, ["a", "a"]),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, None),
    ],
)
def test_a_way_back_is_found(edges, found):
    assert layering.cycle(edges) == found


def test_a_way_back_between_folders_is_found():
    edges = {"a.first": {"b.first"}, "b.second": {"a.second"}}
    assert layering.cycle(edges) is None
    assert layering.cycle(layering.between_folders(edges)) == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1\n" * 251, ["model.layers: 251 lines"]),
        ("x = 1\n" * 250, []),
        ("def f():\n" + "    x = 1\n" * 60, ["model.layers.f: 61 lines, 0 parameters"]),
        ("def f():\n" + "    x = 1\n" * 59, []),
        ("class A:\n    def f(self, a, b, c, d, *, e, f, g, h): pass", []),
        ("def f(a, b, c, d, *, e, f, g, h, i): pass", ["model.layers.f: 1 lines, 9 parameters"]),
    ],
)
def test_what_is_too_large_is_found(source, found):
    assert layering.too_large({"model.layers": source}) == found


def test_shared_files_import_nothing_else():
    assert all(not MAY_IMPORT[name] for name in SHARED) and set(ENTRIES) < set(FILES[""])
