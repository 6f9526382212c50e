"""Where the package keeps what it can make again: ``$FASTERNET_CACHE``, else its folder in the user's cache.

That is ``~/.cache/fasternet_paddle`` on Linux (``$XDG_CACHE_HOME/fasternet_paddle`` where that is set) and what the
system has for it elsewhere. A user without a home that can be written, as in many containers, has none: there it is a
folder for this process alone, and that is said once.
"""

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from pathlib import Path

import platformdirs

from ..errors import FasterNetError
from .writing import say_once

CACHE_VARIABLE = "FASTERNET_CACHE"
HOMES = ("HOME", "USERPROFILE")  # what ``~`` is, on Linux and macOS, and on Windows


def cache_root():
    """``Path`` of the package's cache folder, which may not exist yet.

    Raises:
        FasterNetError: the variable's folder cannot be known, or nothing can be written anywhere.
    """
    given = os.environ.get(CACHE_VARIABLE)
    try:
        root = Path(given).expanduser() if given else _users_cache()
    except RuntimeError:  # there is no home
        if given:
            raise FasterNetError(f"{CACHE_VARIABLE} is {given}, and this user's home folder is not known") from None
        return _for_this_process()
    return root if given or (is_text(root) and _can_be_made(root)) else _for_this_process()


def open_cache(cache_dir=None):
    """The cache's folder, made and looked at.

    Raises:
        FasterNetError: it cannot be written, or belongs to another user.
    """
    cache = Path(cache_dir).expanduser() if cache_dir else cache_root()
    if not is_text(cache):
        raise FasterNetError(f"the cache folder's name {cache} is no text, as Paddle needs it; set {CACHE_VARIABLE}")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FasterNetError(
            f"cannot make the cache folder {cache}: {error.strerror}; set {CACHE_VARIABLE} to a folder you can write"
        ) from error
    # What is in the cache is run: it must come from the user, not from someone who shares the machine.
    if hasattr(os, "getuid") and cache.stat().st_uid != os.getuid():
        raise FasterNetError(f"the cache folder {cache} belongs to another user; set {CACHE_VARIABLE} to your own")
    if not os.access(cache, os.W_OK | os.X_OK):
        raise FasterNetError(f"the cache folder {cache} cannot be written; set {CACHE_VARIABLE} to another folder")
    return cache


@contextlib.contextmanager
def home_for_paddle():
    """While entered, ``~`` is a folder that can be written: there Paddle puts the functions that it compiles.

    It takes ``~/.cache``, whatever that is: without a home a folder of that name where the process stands.
    """
    home = Path(os.path.expanduser("~"))
    if home.is_absolute() and is_text(home) and _can_be_made(home / ".cache" / "paddle"):
        yield
        return
    before = {name: os.environ.get(name) for name in HOMES}
    os.environ.update(dict.fromkeys(HOMES, str(_temporary())))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def is_text(path):
    """Whether Paddle, which takes paths as text, can write there; on Linux a path may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _users_cache():
    """The system's place; ``RuntimeError`` where there is no home, which older releases of platformdirs hand on."""
    root = platformdirs.user_cache_path("fasternet_paddle", appauthor=False)
    return root if root.is_absolute() else root.expanduser()


def _can_be_made(folder):
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _for_this_process():
    folder = _temporary()
    say_once(f"the home folder is no place to keep compiled networks in: set {CACHE_VARIABLE} to keep them")
    return folder


@functools.cache
def _temporary():
    """A folder that ends with the process."""
    try:
        folder = tempfile.mkdtemp(prefix="fasternet_paddle-")
    except OSError as error:
        raise FasterNetError(
            f"neither the user's cache nor a temporary folder can be written ({error.strerror}); set {CACHE_VARIABLE} "
            f"to a folder that can"
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
