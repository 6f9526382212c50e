"""The layout of the package as data, and what reads it: who may import whom, which files there are, what is too large.

Every check takes ``{"folder.file": source}`` and returns what breaks its rule, so that made-up sources can show that
it finds something. Imports are read wherever they stand: at the top of a file or inside a function, relative or
absolute.
"""

import ast
import re
from pathlib import Path

PACKAGE = "fasternet_paddle"
FOLDER = Path(__file__).resolve().parent.parent / PACKAGE

SHARED = ("errors", "record")  # what every file may use
ENTRIES = ("train", "evaluate", "explain", "export", "predict", "compare")
BENCH = "bench"
ALL = "everything but entries"

# folder: its files. A new file is named here, or the test fails.
FILES = {
    "": ("config", "config_rules", "errors", "record", *ENTRIES),
    "data": (
        *("transforms", "datasets", "loaders", "workers", "fast_transforms", "pictures", "preparation"),
        *("images", "file_images", "folder_data", "folders", "index", "splitting", "checks", "mnist", "processes"),
        *("classes", "photographs", "given", "decoding", "findings", "measured", "subsets"),
        *("samplers", "mixing", "erasing", "picture_operations", "randaugment"),
    ),
    "model": ("losses", "layers", "fasternet", "drawings", "summary"),
    "weights": ("pdparams", "shapes", "authors", "paddleclas", "timm", "recognise", "fitting", "published"),
    "training": (
        *("trainer", "batches", "metrics", "optimizers", "schedules", "parts", "session", "resuming", "forecast"),
        *("recipes", "freezing", "ema", "steps", "keeping", "distilling", "beginning", "reporting", "panel"),
        *("averaging", "several"),
    ),
    "runs": ("folder", "checkpoints", "guards", "records", "run", "recorded"),
    "inference": (
        *("predictor", "answering", "throughput", "runners", "engine", "turns", "cache"),
        *(
            "onnxruntime",
            "openvino",
            "timm",
            "exported",
            "exported_files",
            "opening",
            "plans",
            "forms",
            "loading",
            "int8",
            "shards",
        ),
        *("choosing", "auto", "field", "entrants", "race", "trial", "notes"),
    ),
    "exporting": ("network", "folders", "agreement", "card", "formats", "paddlex", "onnx", "openvino", "timm"),
    "results": (
        *("plots", "trial", "answers", "intervals", "classes", "calibration", "figures"),
        *("wording", "embedding", "report", "outputs", "predictions", "kept", "sheet"),
    ),
    "explaining": (
        *("lime", "explainer", "explanation", "perturbation", "surrogate"),
        *("interpretdl", "pixels", "stability", "faithfulness", "figures"),
    ),
    "comparing": ("ablation", "statistics", "trials"),
    "files": (
        *("opening", "kinds", "pickles", "pickle_values", "archives", "tars", "idx", "lists", "configs", "arrays"),
        *("images", "colours", "depths", "tiffs", "writing", "tables", "cache", "logits", "rows", "names"),
        *("tensors", "torch_files", "torch_values", "zips", "programs", "onnx_files", "json_files"),
    ),
    "runtime": (
        *("cli", "flags", "machine", "packages", "notebook", "text", "quiet", "streams", "drawing"),
        *("ranks", "group", "launch", "watching", "member", "namespaces", "machines", "interrupting", "sections"),
    ),
    "bench": (
        *("__main__", "measuring", "labels", "rates", "paper", "subject", "peers", "sweep", "engines"),
        *("inference", "training", "pipeline", "lime", "decisions", "operators", "variants", "decode", "predict"),
        *("scaling", "estimate"),
    ),
}

# folder or file: what it may import beside its own folder and SHARED. One way: no row leads back to itself.
MAY_IMPORT = {
    "errors": (),
    "record": (),
    "config_rules": (),
    "config": ("config_rules",),
    "files": (),
    "runtime": ("config",),
    "weights": ("files", "config"),
    "data": ("files", "config", "runtime"),
    "model": ("weights", "config", "runtime"),
    "exporting": ("weights", "model", "files", "runtime"),
    "results": ("model", "data", "files", "runtime", "config"),
    "runs": ("model", "weights", "files", "config"),
    "inference": ("exporting", "model", "data", "files", "runtime"),
    "explaining": ("inference", "data", "files", "runtime"),
    "training": ("inference", "results", "runs", "weights", "model", "data", "files", "runtime", "config"),
    "comparing": ("training", "inference", "results", "runs", "model", "data", "files", "runtime", "config"),
    "bench": ALL,
    **dict.fromkeys(ENTRIES, ALL),
}

LINES_A_FILE = 250
LINES_A_FUNCTION = 60
PARAMETERS = 8
LARGER = {  # what may be larger, and why
    "training.trainer.fit": "the notebook's eight parameters, then seed, session, callbacks; the loop stays one cell",
    "explaining.lime._Interpreter.interpret": "InterpretDL's signature: nine parameters",
}

FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
OTHERS_FLAGS = {"--no-deps", "--constraint", "--quiet", "--disable-pip-version-check"}  # pip's
OTHERS_FLAGS |= {"--serve", "--pipeline", "--host", "--port"}  # PaddleX's
NAMES_FLAGS = ("runtime.cli", *ENTRIES)  # with bench: what speaks to a command line


def read_package():
    """``{"folder.file": source}`` of the package; its empty ``__init__`` files and the public names' are left out."""
    paths = [path for path in FOLDER.rglob("*.py") if path.name != "__init__.py"]
    return {".".join(path.relative_to(FOLDER).with_suffix("").parts): path.read_text("utf-8") for path in paths}


def room(module):
    """The row of ``MAY_IMPORT``: a file's folder, or the file where it stands in none."""
    return module.split(".")[0]


def imports(module, source, known):
    """Modules and folders of the package that a file imports; "" is the package's top, which only users take from.

    Args:
        module: "folder.file" of the file.
        source: its text.
        known: names of all modules, which tell a module from what a module holds.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = [PACKAGE, *module.split(".")][: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE:
                found.add(_longest(parts[1:], known))
    return found


def _longest(parts, known):
    """The module or folder that a dotted name begins with."""
    places = known | {room(name) for name in known}
    return next((".".join(parts[:end]) for end in (2, 1) if ".".join(parts[:end]) in places), "")


def package_imports(sources):
    """``{module: modules it imports}``."""
    return {module: imports(module, source, set(sources)) for module, source in sources.items()}


def unknown_files(sources, files=FILES):
    """Files that the table does not name, and files that it names and that are not there."""
    named = {f"{folder}.{name}".lstrip(".") for folder, names in files.items() for name in names}
    return sorted(named ^ set(sources))


def wrong_ways(sources, may_import=MAY_IMPORT):
    """Pairs (module, imported) that the table does not allow; nothing may import an entry or, from outside, bench."""
    found = [(module, other) for module, others in package_imports(sources).items() for other in sorted(others)]
    return [
        (module, other or PACKAGE) for module, other in found if not _is_allowed(room(module), room(other), may_import)
    ]


def _is_allowed(source, target, may_import):
    """Whether the row of ``source`` lets it import from ``target``; both are folders or files that stand in none."""
    if target == "" or target in ENTRIES:
        return False
    if target == source or target in SHARED:
        return True
    row = may_import.get(source, ())
    return target != BENCH if row == ALL else target in row


def cycle(edges):
    """A way that leads back to its start, as a list of names, or None; ``edges`` is ``{name: names}``."""
    finished = set()

    def follow(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in finished:
            for other in sorted(edges.get(name, ())):
                if (found := follow(other, [*way, name])) is not None:
                    return found
            finished.add(name)
        return None

    return next((found for name in sorted(edges) if (found := follow(name, [])) is not None), None)


def between_folders(edges):
    """The edges between folders alone."""
    folders = {}
    for module, found in edges.items():
        folders.setdefault(room(module), set()).update(room(other) for other in found)
    return {folder: found - {folder} for folder, found in folders.items()}


def _texts(tree):
    """String constants of a file that are no docstrings (a string that stands by itself)."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in alone
    ]


def named_flags(sources):
    """Pairs (module, flag) of library texts that name a flag of the command line: the entries add those."""
    return [
        (module, flag)
        for module, source in sources.items()
        if module not in NAMES_FLAGS and room(module) != BENCH
        for text in _texts(ast.parse(source))
        for flag in FLAG.findall(text.value)
        if flag not in OTHERS_FLAGS
    ]


def too_large(sources, excused=LARGER):
    """One line for every file and function that is larger than the limits and not excused."""
    found = []
    for module, source in sources.items():
        lines = len(source.splitlines())
        if lines > LINES_A_FILE and module not in excused:
            found.append(f"{module}: {lines} lines")
        for name, function in _functions(ast.parse(source), module):
            lines = function.end_lineno - function.lineno + 1
            arguments = function.args
            parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            count = len([parameter for parameter in parameters if parameter.arg not in ("self", "cls")])
            if (lines > LINES_A_FUNCTION or count > PARAMETERS) and name not in excused:
                found.append(f"{name}: {lines} lines, {count} parameters")
    return found


def _functions(node, name):
    """Pairs (dotted name, function) of a file, those of classes and inside functions included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not isinstance(child, ast.ClassDef):
                yield f"{name}.{child.name}", child
            yield from _functions(child, f"{name}.{child.name}")
        else:
            yield from _functions(child, name)
