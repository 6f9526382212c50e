"""InterpretDL 0.8.0, imported on today's packages: on first use, quietly, and leaving the process as it was.

Its modules are not altered. What does not run today is overridden in subclasses (``lime_base.py``,
``explainers.py``).
"""

import contextlib
import importlib
import importlib.util
import io
import warnings

from ..errors import FasterNetError

INSTALL = "pip install -e '.[explain]' && pip install --no-deps interpretdl==0.8.0"
NEEDS = ("interpretdl", "IPython", "requests", "skimage")  # what the extra brings


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
    import IPython.core.display
    import IPython.display

    # InterpretDL wants it where IPython had it up to version 8 (which warns of an access, hence vars)
    if "display" not in vars(IPython.core.display):
        IPython.core.display.display = IPython.display.display
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # It prints that Paddle is missing when it is only newer than it expects, and its docstrings hold escapes that
        # Python warns of when it first compiles them.
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("interpretdl" if module is None else f"interpretdl.{module}")
        except ImportError as error:
            raise FasterNetError(f"InterpretDL cannot be imported ({error}); install it anew: {INSTALL}") from error
