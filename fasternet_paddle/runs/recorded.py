"""A weights file whose record is to learn something that work on it will find.

weights = RecordedWeights("work/model/best_model.pdparams")      # refused now, not after the work
weights.write(temperature=1.7)                                    # the weights stay, to the bit
"""

import contextlib
import dataclasses
from pathlib import Path

from ..errors import FasterNetError
from ..files.writing import make_folder
from ..weights.pdparams import read_record, replace_record
from .folder import CONFIG
from .guards import only_writer


class RecordedWeights:
    """A ``.pdparams`` file with a record, as it was when this was made.

    Raises:
        FasterNetError: a file of another kind, one that carries no record, or a folder that cannot be written.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.record = read_record(path)
        if self.record is None:
            raise FasterNetError(
                f"{path} carries no record to write into; save_weights(load_run({str(path)!r}).model, PATH) writes a "
                f"file that does"
            )
        self.folder = self.path.resolve().parent
        make_folder(self.folder, "weights")
        self.status = self._status()

    def write(self, **fields):
        """Replace these fields of the record.

        Raises:
            FasterNetError: the file was written since, or a run is writing its folder.
        """
        with only_writer(self.folder) if (self.folder / CONFIG).exists() else contextlib.nullcontext():
            if self._status() != self.status:
                raise FasterNetError(f"{self.path} was written anew meanwhile: nothing is written into it; try again")
            replace_record(self.path, dataclasses.replace(self.record, **fields))

    def _status(self):
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
