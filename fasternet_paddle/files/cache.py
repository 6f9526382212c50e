"""Where the package keeps what it can make again: ``$FASTERNET_CACHE``, else its folder in the user's cache.

That is ``~/.cache/fasternet_paddle`` on Linux (``$XDG_CACHE_HOME/fasternet_paddle`` where that is set) and what the
system has for it elsewhere.
"""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "FASTERNET_CACHE"


def cache_root():
    """``Path`` of the package's cache folder, which may not exist yet."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given).expanduser() if given else platformdirs.user_cache_path("fasternet_paddle", appauthor=False)
