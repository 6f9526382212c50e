"""Packages that everything needs, looked at before any work: Paddle without importing it, and matplotlib's settings.

    check_paddle()          # raises where it is missing, hidden by a file of that name, or too old
    check_matplotlib()      # raises where it cannot be imported for what the user has set for it

Standard library only: it also runs where nothing is installed yet.
"""

import contextlib
import importlib.util
import re
from pathlib import Path

from ..errors import NEEDS_PADDLE, FasterNetError

OLDEST_PADDLE = (3, 0)


def check_paddle():
    """Raise ``FasterNetError`` where Paddle is missing, hidden or too old; without importing it, so in no time."""
    found = paddle_version()
    if found is None:
        raise FasterNetError(NEEDS_PADDLE)
    if (hiding := _not_paddle()) is not None:
        raise FasterNetError(
            f"{hiding} is not PaddlePaddle, but bears its name and is found in its place; rename it, or start from "
            f"another folder"
        )
    if (0, 0, 0) < version_numbers(found) < OLDEST_PADDLE:  # a build of Paddle's development branch has version 0.0.0
        raise FasterNetError(
            f"fasternet_paddle needs PaddlePaddle {'.'.join(map(str, OLDEST_PADDLE))} or newer, found {found}; on AI "
            f"Studio choose an environment with Paddle 3, elsewhere see https://www.paddlepaddle.org.cn/install"
        )


def check_matplotlib():
    """Raise ``FasterNetError`` where matplotlib cannot be imported for what the user has set for it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise
    except Exception as error:  # a matplotlibrc that is no text, a MPLBACKEND that is none, no folder to write
        raise FasterNetError(
            f"matplotlib cannot start with the settings that it finds, a matplotlibrc file or a MPL variable "
            f"({type(error).__name__}: {error})"
        ) from None


def paddle_version():
    """Version of the Paddle that would be imported: None where there is none, empty where it does not tell."""
    spec = importlib.util.find_spec("paddle")
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or ():
        for file, name in (("version/__init__.py", "full_version"), ("__init__.py", "__version__")):
            with contextlib.suppress(OSError):
                text = Path(folder, file).read_text(encoding="utf-8")
                if found := re.search(rf"^{name}\s*=\s*['\"](.+?)['\"]", text, re.MULTILINE):
                    return found[1]
    return ""


def _not_paddle():
    """Path of a module or package of a user's own that would be imported as paddle; None where it is Paddle."""
    spec = importlib.util.find_spec("paddle")
    for folder in spec.submodule_search_locations or ():
        if Path(folder, "version").is_dir() or Path(folder, "base").is_dir() or paddle_version():
            return None
    return spec.origin or next(iter(spec.submodule_search_locations or ()), "paddle")


def version_numbers(version):
    """Leading numbers of a version, as a tuple to compare: "3.0.0rc1" -> (3, 0, 0)."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers += [int(digits)] if digits else []
        if digits != part:
            break
    return tuple(numbers)
