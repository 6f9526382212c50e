"""The folder of an export: written beside its place and put there whole, and the record that says what is in it.

    with whole_folder("out", overwrite=False) as folder:         # a temporary one
        write_record(record, folder, "logits")                   # fasternet.json
        ...                                                      # an exception leaves nothing
    record, outputs = read_record("out")

``fasternet.json`` is the record's JSON and one key more: whether the network gives logits or probabilities.
"""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from ..errors import FasterNetError
from ..files.opening import open_file
from ..record import LARGEST, Record

RECORD, AGREEMENT, CARD = "fasternet.json", "agreement.json", "README.md"
OUTPUTS = ("logits", "probabilities")
KEY = "fasternet_paddle"  # of the record within ONNX files, OpenVINO's and timm's


@contextlib.contextmanager
def whole_folder(path, overwrite=False):
    """Yield a temporary folder beside ``path`` that takes its place when the block succeeds.

    Raises:
        FasterNetError: ``path`` is there already and ``overwrite`` is False or it is no export, or cannot be written.
    """
    path = Path(path)
    _check_free(path, overwrite)
    temporary = None
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
        yield temporary
        _open_to_readers(temporary)
        if path.exists():
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
            os.rename(path, aside / "old")
            os.rename(temporary, path)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            os.rename(temporary, path)
    except OSError as error:
        raise FasterNetError(f"cannot write the folder {path}: {error.strerror or error}", change="output") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _check_free(path, overwrite):
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / RECORD).is_file():  # whatever it is, it is not ours to remove
        raise FasterNetError(f"{path} is there already and is no export of this package", change="output")
    if not overwrite:
        raise FasterNetError(f"{path} holds another export", change=("overwrite", "output"))


def _open_to_readers(folder):
    """Give what ``mkdtemp`` and others made for the owner alone the modes that new files have."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    for file in folder.iterdir():
        file.chmod(0o666 & ~mask)


def record_text(record, outputs):
    """The JSON of ``record`` and of what the network gives, as it travels inside an export."""
    return json.dumps({**json.loads(record.to_json()), "outputs": outputs})


def parse_record(text):
    """The inverse of ``record_text``.

    Raises:
        FasterNetError: no such record, or one of a later format.
    """
    record = Record.from_json(text)
    outputs = json.loads(text).get("outputs", "logits")
    if outputs not in OUTPUTS:
        raise FasterNetError(f"the model's record says that the network gives {outputs!r:.40}")
    return record, outputs


def write_record(record, folder, outputs):
    """Write ``fasternet.json``."""
    (Path(folder) / RECORD).write_text(record_text(record, outputs) + "\n", encoding="utf-8")


def read_record(folder):
    """(``Record``, "logits" or "probabilities") of an exported folder.

    Raises:
        FasterNetError: the file is missing, damaged or of a later format.
    """
    with open_file(Path(folder) / RECORD, LARGEST) as (file, _):
        text = file.read()
    try:
        return parse_record(text)
    except FasterNetError as error:
        raise FasterNetError(f"{Path(folder) / RECORD}: {error}") from None
