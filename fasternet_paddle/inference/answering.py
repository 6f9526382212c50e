"""Logits of files as they come: decoding in processes, the network in this one.

answers = Answers(predictor, names, prepare, num_workers=2)
for batch, logits in answers: ...
answers.waited / answers.seconds                     # share of the time in which the network had no batch
"""

import time
import warnings

import numpy as np

from ..data.decoding import decoded_batches

BATCH = 32  # files; larger ones are no faster on a CPU and take 19 MB each at 224 pixels


class Answers:
    """Iterate over (``data.decoding.Decoded``, logits float32 ``(M, K)``); what that took is counted.

    Args:
        predictor: ``Predictor``.
        names: sequence of paths.
        prepare: ``data.preparation.Preparation`` of the network's images.
        numbers: which of the names, in order; by default all.
        batch_size: files a batch.
        num_workers: processes that decode; 0 decodes in this one.
    """

    def __init__(self, predictor, names, prepare, numbers=None, batch_size=BATCH, num_workers=0):
        self.predictor = predictor
        numbers = range(len(names)) if numbers is None else numbers
        self.batches = decoded_batches(names, numbers, prepare, batch_size, num_workers)
        self.images = 0
        self.seconds = self.waited = 0.0
        """Since the first batch was ready, and of that: until the next one was."""

    def __iter__(self):
        start = None
        for waited, batch in self._timed():
            if start is None:
                start = time.perf_counter()
            else:
                self.waited += waited
            logits = self._logits(batch.x) if len(batch.x) else np.empty((0, 0), np.float32)
            self.images += len(batch.x)
            yield batch, logits
            self.seconds = time.perf_counter() - start

    def _logits(self, x):
        with warnings.catch_warnings():  # pale pictures may lie in [0, 1] once they are normalised, as these are
            warnings.filterwarnings("ignore", message="the network's input lies between")
            return self.predictor.logits(x)

    def _timed(self):
        """(seconds until it was there, batch) of each batch."""
        batches = iter(self.batches)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                return
            yield time.perf_counter() - asked, batch

    def close(self):
        """End the processes before the last batch."""
        self.batches.close()
