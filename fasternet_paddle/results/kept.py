"""A folder's file of predictions: written as they come, gone on with after a kill.

    with KeptPredictions("out", Csv(class_names, k), class_names, resume=True) as kept:
        todo = kept.remaining(names)                   # numbers of the files that have no row yet
        kept.append(predictions)

The file itself is the state. Files are matched by their paths, so that files may have come or gone meanwhile: a row
stays, and no file is done twice.
"""

from pathlib import Path

import numpy as np

from ..data.given import Places
from ..errors import FasterNetError
from ..files.lists import printable
from ..files.opening import RefusedFile
from ..files.rows import RowFile

STEM = "predictions"


class KeptPredictions:
    """The rows of ``predictions.csv`` or ``predictions.jsonl``.

    Args:
        folder: that exists.
        form: ``Csv`` or ``JsonLines``.
        class_names: of the network.
        resume, overwrite: go on with what is there, or replace it.
        keep_first: how many of the first rows ``first`` keeps.
    """

    def __init__(self, folder, form, class_names, resume=False, overwrite=False, keep_first=0):
        self.form = form
        self.path = Path(folder) / f"{STEM}{form.suffix}"
        self.known = frozenset(class_names)
        self.keep_first = keep_first
        self.first = []
        self.last = None
        """(number among the names, ``Prediction``) of the last row that was found of a file that is given."""
        self.found = self.others = 0
        """Rows that were there: of files that are given, and of others."""
        self.file = RowFile(self.path, form.header.encode(), resume, overwrite, form.quoted)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def remaining(self, names):
        """Numbers, ascending, of the ``names`` that have no row; an iterator.

        Raises:
            FasterNetError: the file is damaged, of another network, or of other files altogether.
        """
        places, done = None, np.zeros(len(names), bool)

        def use(row):
            nonlocal places
            prediction = self._parsed(row)
            self._show(prediction)
            places = places or Places(names)
            number = places.find(prediction.path)
            if number is None:
                self.others += 1
            else:
                self.found += 1
                self.last = number, prediction
                done[number] = True

        self.file.read(use)
        if self.others and not self.found:
            raise FasterNetError(
                f"none of the {self.others:,} files in {printable(str(self.path))} is among those given now, from this "
                f"folder; name the same ones, or take another folder for the results",
                change=("output", "overwrite"),
            )
        return (int(number) for number in np.flatnonzero(~done))

    def append(self, predictions):
        """Write a row each."""
        for prediction in predictions:
            self._show(prediction)
        rows = [self.form.row(prediction) for prediction in predictions]
        self.file.append([row.encode("utf-8", "surrogateescape") for row in rows])

    def _show(self, prediction):
        if len(self.first) < self.keep_first:
            self.first.append(prediction)

    def _parsed(self, row):
        where = f"row {self.found + self.others + 1:,} of {printable(str(self.path))}"
        try:
            prediction = self.form.parse(row.decode("utf-8", "surrogateescape"))
        except FasterNetError:
            raise RefusedFile(
                f"{where} is refused: it is damaged, or was written with other settings", change="overwrite"
            ) from None
        if unknown := set(prediction.names) - self.known:
            raise FasterNetError(
                f"{where} names the class {printable(min(unknown))!r:.80}, which this network does not know",
                change=("weights", "overwrite"),
            )
        return prediction
