"""What was found out once about this machine or a network, kept in the cache as small JSON files.

    with notes.held(key):                                # one process at a time, where the system has locks
        found = notes.read(key) or notes.write(key, {"engine": "openvino"})

Who writes first is right: of two processes that find out the same thing at once both go on with the first one's. A
damaged file counts as none. A folder that cannot be written is said once, and nothing is kept.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from ..files.cache import open_cache
from ..files.writing import say_once

FOLDER = "notes"
MOST = 500  # files; the ones that were written first go
LARGEST = 1 << 20  # bytes of one


def key_of(*parts):
    """sha256, in hexadecimal, of texts."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


class Notes:
    """The notes of a cache.

    Args:
        cache_dir: its folder; by default ``files.cache.cache_root()``.
    """

    def __init__(self, cache_dir=None):
        self.folder = open_cache(cache_dir) / FOLDER

    def read(self, key):
        """The dict under a key, or None."""
        path = self._path(key)
        try:
            if path.stat().st_size > LARGEST:
                return None
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, key, values, anew=False):
        """Keep a dict; returns what is kept in the end: another process may have been faster.

        Args:
            key: of ``key_of``.
            values: dict that JSON can hold.
            anew: replace what is there.
        """
        path = self._path(key)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix="tmp-", dir=self.folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(values, file)
            try:
                if not anew and self._linked(temporary, path) and (first := self.read(key)) is not None:
                    return first
                if os.path.exists(temporary):
                    os.replace(temporary, path)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            self._prune()
        except OSError as error:
            say_once(
                f"{self.folder} cannot be written ({error.strerror}): what was measured is measured again next time"
            )
        return values

    def _linked(self, temporary, path):
        """Put a file in its place unless there is one; whether there is one now. False: no links here."""
        try:
            os.link(temporary, path)
        except FileExistsError:
            return True
        except OSError:
            return path.exists()
        return True

    def _prune(self):
        files = [path for path in self.folder.iterdir() if path.suffix == ".json"]
        for path in sorted(files, key=lambda path: path.stat().st_mtime)[:-MOST]:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def held(self, key):
        """While entered, no other process that asks for the same key goes on; where there are no locks, all do."""
        try:
            import fcntl
        except ImportError:  # Windows: the first to write is right
            yield
            return
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            file = open(self._path(key).with_suffix(".race"), "a")  # noqa: SIM115, closed by the with below
        except OSError:
            yield
            return
        with file:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)  # between threads as well; it ends with the process
            yield

    def _path(self, key):
        return Path(self.folder) / f"{key}.json"
