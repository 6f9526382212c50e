"""Exported networks, kept in the user's cache in folders that are named by what went into them.

    folder = exported(model)            # <cache>/<sha256>/inference.json, inference.pdiparams, checksums.json
    folder = kept(name, ("inference.onnx",), write)      # other files: what ``write(folder)`` makes

The cache is ``files.cache.cache_root()``. An entry is written beside its place and renamed, so that processes may race
for it, and is used only while its checksums hold; a damaged one is made again.
"""

import contextlib
import hashlib
import inspect
import json
import os
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

import paddle

from ..errors import FasterNetError
from ..exporting.network import FILES, export_network, input_channels
from ..files.cache import CACHE_VARIABLE, open_cache
from ..runtime.quiet import errors_alone

FORMAT = 1  # of an entry; another number leaves the older entries to be pruned
CHECKSUMS = "checksums.json"
KEPT_ENTRIES = 16  # a T0 takes 11 MB, an L 370 MB
KEPT_SECONDS = 3600  # an entry used within the last hour stays, whatever their number
PASSING = ("training", "_full_name", "_built")  # attributes of a layer that depend on what was done, not what it is

# Held while Paddle compiles, for one thread at a time, and while sources are read: both parse Python, and up to Python
# 3.12 two threads that parse at once may end in a SystemError ("AST constructor recursion depth mismatch").
_exporting = threading.RLock()


def fingerprint(model):
    """sha256, in hexadecimal, of all that decides a network's outputs.

    That is every weight and buffer, the classes of the layers with their settings, the source text of classes that
    are not Paddle's own, and Paddle's version.
    """
    digest = hashlib.sha256(f"{FORMAT} {paddle.__version__} {input_channels(model)}".encode())
    classes = set()
    for name, layer in model.named_sublayers(include_self=True):
        settings = {
            key: value
            for key, value in sorted(vars(layer).items())
            if key not in PASSING and isinstance(value, (bool, int, float, str, tuple, list))
        }
        digest.update(f"{name} {type(layer).__qualname__} {settings}".encode())
        classes.add(type(layer))
    for kind in sorted(classes, key=lambda kind: (kind.__module__, kind.__qualname__)):
        if kind.__module__.partition(".")[0] != "paddle":
            digest.update(_source(kind).encode())
    for name, tensor in model.to_static_state_dict().items():
        array = tensor.numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _source(kind):
    try:
        with _exporting:
            return inspect.getsource(kind)
    except (OSError, TypeError):  # a class typed into a console has no source text
        return f"{kind.__module__}.{kind.__qualname__}"


def exported(model, cache_dir=None, anew=False):
    """Export ``model`` unless an intact entry of the cache holds it already.

    The model itself is left as it is: a copy in eval mode is compiled. Batch, height and width stay free.

    Args:
        model: ``paddle.nn.Layer``, images ``(N, C, H, W)`` -> logits ``(N, K)``.
        cache_dir: folder of the cache; by default ``cache_root()``.
        anew: make the entry again even if it seems intact.

    Returns:
        Path of a folder holding ``inference.json`` and ``inference.pdiparams``.

    Raises:
        FasterNetError: the cache cannot be written, or belongs to another user.
    """

    def write(folder):
        with errors_alone():
            export_network(model, folder)

    return kept(fingerprint(model), FILES, write, cache_dir, anew)


def kept(name, files, write, cache_dir=None, anew=False):
    """The folder of the entry ``name``, a sha256; where it is not intact ``write(folder)`` makes its ``files``."""
    with _exporting:
        return _entry(name, files, write, cache_dir, anew)


def packed(entry, files=FILES):
    """The ``files`` of an entry, as ``{name: bytes}``, for ``unpacked`` on this machine or another.

    Raises:
        FasterNetError: the cache has lost the entry.
    """
    if not _is_intact(entry, files):
        raise FasterNetError(f"the compiled network is no longer in the cache ({entry}); make its Predictor again")
    return {name: (entry / name).read_bytes() for name in files}


def unpacked(name, files, cache_dir=None):
    """The entry called ``name`` that ``packed`` has read, written again where the cache lacks it; its folder."""

    def write(folder):
        for file, content in files.items():
            (folder / file).write_bytes(content)

    return _entry(name, tuple(files), write, cache_dir)


def _entry(name, files, write, cache_dir, anew=False):
    """The folder of an intact entry; ``write(folder)`` makes its files where there is none, or anew."""
    cache = open_cache(cache_dir)
    entry = cache / name
    if not anew and _is_intact(entry, files):
        with contextlib.suppress(OSError):  # a file system that lets owners alone set it
            os.utime(entry)  # when it was last used, for pruning
        return entry
    try:
        temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=cache))
        try:
            write(temporary)
            checksums = {name: _checksum(temporary / name) for name in files}
            (temporary / CHECKSUMS).write_text(json.dumps(checksums), encoding="utf-8")
            _put(temporary, entry, anew, files)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _prune(cache, keep=entry)
    except OSError as error:
        raise FasterNetError(
            f"cannot write the compiled network to {cache}: {error.strerror or error}; "
            f"free space or set {CACHE_VARIABLE} to another folder"
        ) from error
    return entry


def _put(temporary, entry, anew, files=FILES):
    """Rename ``temporary`` to ``entry``; if another process was faster, keep the other's unless it is damaged."""
    try:
        os.rename(temporary, entry)
        return
    except OSError:
        if not entry.exists():
            raise
    if not anew and _is_intact(entry, files):
        return
    aside = Path(tempfile.mkdtemp(prefix="tmp-", dir=entry.parent))
    try:
        os.rename(entry, aside / "damaged")
        os.rename(temporary, entry)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_intact(entry, files=FILES):
    try:
        wanted = json.loads((entry / CHECKSUMS).read_text(encoding="utf-8"))
        return all(_checksum(entry / name) == wanted[name] for name in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _checksum(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _prune(cache, keep):
    """Remove entries beyond the most recently used ones, and what crashed exports left; never a foreign file."""
    now = time.time()
    entries = [path for path in cache.iterdir() if re.fullmatch(r"[0-9a-f]{64}|tmp-\w+", path.name) and path != keep]
    used = {}
    for path in entries:
        try:
            used[path] = path.stat().st_mtime
        except OSError:  # another process has just pruned it
            continue
    newest = sorted(used, key=used.get, reverse=True)
    complete = [path for path in newest if not path.name.startswith("tmp-")]
    for path in newest:
        surplus = path not in complete[: KEPT_ENTRIES - 1]
        if surplus and now - used[path] > KEPT_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
