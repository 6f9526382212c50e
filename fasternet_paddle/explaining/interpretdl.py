"""InterpretDL 0.8.0, imported on today's packages: on first use, quietly, and leaving the process as it was.

Its modules are not altered. What does not run today is overridden in subclasses (``surrogate.py``, ``pixels.py``).
"""

import contextlib
import importlib
import importlib.util
import io
import threading
import warnings

from ..errors import FasterNetError

INSTALL = "pip install -e '.[explain]' && pip install --no-deps interpretdl==0.8.0"
NEEDS = ("interpretdl", "IPython", "requests", "skimage")  # what the extra brings

_importing = threading.RLock()  # what an import changes meanwhile is the process's, not the thread's


def check_installed():
    """Raise ``FasterNetError`` where InterpretDL or one of its own needs is missing; it says how to install it."""
    for package in NEEDS:
        if importlib.util.find_spec(package) is None:
            raise FasterNetError(f"explanations need InterpretDL, and {package} is not installed: {INSTALL}")


def load_interpretdl(module=None):
    """Import InterpretDL, or one of its modules ("interpreter._lime_base").

    Raises:
        FasterNetError: it is not installed (``check_installed``) or cannot be imported.
    """
    check_installed()
    with _importing, _old_display(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # It prints that Paddle is missing when it is only newer than it expects, and its docstrings hold escapes that
        # Python warns of when it first compiles them.
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("interpretdl" if module is None else f"interpretdl.{module}")
        except Exception as error:  # on packages that it does not know every kind is possible
            raise FasterNetError(f"InterpretDL cannot be imported ({error}); install it anew: {INSTALL}") from error


@contextlib.contextmanager
def _old_display():
    """``display`` where IPython had it up to version 8, for as long as InterpretDL takes the name from there."""
    import IPython.core.display
    import IPython.display

    place = vars(IPython.core.display)  # version 8 warns where the module itself is asked for the name
    was_there = "display" in place
    if not was_there:
        place["display"] = IPython.display.display
    try:
        yield
    finally:
        if not was_there:
            del place["display"]
