"""Paddle imported without what it does to the process besides: logging and SIGTERM's handler stay as they were.

Importing Paddle (3.3) puts the root logger at INFO with a handler of its own, after which ``logging.basicConfig`` has
no effect, and warns that there is no ccache, which only who compiles C++ extensions could want. ``watch_for_paddle`` is
called when this package is imported, before any of its modules, so that it also holds for ``import
fasternet_paddle.data.loaders`` and in loading processes that are spawned. Who imports Paddle first has it as it is.
"""

import contextlib
import sys


class _Finder:
    """Finds Paddle as the other finders do, and has it executed under what ``KEPT`` names; it finds nothing else."""

    def find_spec(self, name, path=None, target=None):
        if name not in KEPT:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self)
                return spec
        return None


class _Loader:
    """Paddle's own loader, which takes its place again as soon as a module is imported indeed."""

    def __init__(self, loader, finder):
        self.loader, self.finder = loader, finder

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        with KEPT[module.__name__]():
            self.loader.exec_module(module)
        if module.__name__ == "paddle":
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(self.finder)


@contextlib.contextmanager
def sigterm_kept():
    """What Python has SIGTERM handled by, an entry or the system's default, handles it; one that comes meanwhile waits.

    Paddle's C++ part takes it over for a stack trace, for which it asks for memory: where the signal comes in the
    middle of that, the process waits for itself, for ever. Elsewhere it ends without a word.
    """
    import signal

    masked = getattr(signal, "pthread_sigmask", None)  # not on Windows
    before = masked(signal.SIG_BLOCK, {signal.SIGTERM}) if masked else None
    try:
        yield
    finally:
        handler = signal.getsignal(signal.SIGTERM)
        if handler is not None:  # None: it belongs to no Python code
            with contextlib.suppress(ValueError):  # not the main thread
                signal.signal(signal.SIGTERM, handler)
        if masked:
            masked(signal.SIG_SETMASK, before)


def watch_for_paddle():
    """See to it that Paddle's import, if it has not happened yet, leaves logging and warnings alone."""
    if "paddle" not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


@contextlib.contextmanager
def logging_kept():
    """The root logger keeps its level and its handlers, and ccache is not spoken of, whatever is imported meanwhile."""
    import logging  # here: importing this package shall cost nothing
    import warnings

    level, handlers, added = logging.root.level, list(logging.root.handlers), []
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No ccache found")
            before = list(warnings.filters)
            yield
            added += [one for one in warnings.filters if one not in before]  # such as numpy's, imported by Paddle
    finally:
        for action, message, category, module, line in reversed(added):
            patterns = [getattr(text, "pattern", text) or "" for text in (message, module)]
            warnings.filterwarnings(action, patterns[0], category, patterns[1], line)
        logging.root.setLevel(level)
        for handler in list(logging.root.handlers):
            if handler not in handlers:
                logging.root.removeHandler(handler)


@contextlib.contextmanager
def errors_alone():
    """Paddle's C++ part writes nothing below an error to standard error, such as its remark at a compilation that a
    static graph takes no ``out``. Where its setting cannot be reached it writes as ever."""
    level = _log_level()
    before = level.value
    level.value = max(before, 2)  # glog's number of an error
    try:
        yield
    finally:
        level.value = before


def _log_level():
    """glog's ``FLAGS_minloglevel`` inside Paddle; the environment's is read but once, at Paddle's import."""
    import ctypes

    import paddle

    with contextlib.suppress(OSError, ValueError, AttributeError):
        library = ctypes.CDLL(paddle.base.libpaddle.__file__)
        return ctypes.c_int.in_dll(library, "_ZN3fLI17FLAGS_minloglevelE")
    return ctypes.c_int()


KEPT = {"paddle": logging_kept, "paddle.base": sigterm_kept}  # module: what its execution leaves as it was
