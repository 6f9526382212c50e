"""What protects a run while it trains: one writer a folder, a stop that loses nothing, and checkpoints.

    parts = make_parts(config, data)
    with Session(config, resume=True) as session:       # the folder's lock; Ctrl-C lets the step under way finish
        session.start(parts, data)                      # from the newest checkpoint, or from the beginning
        history = fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session)

A run that was killed at any moment goes on from its last checkpoint and ends with the same bits.
"""

import contextlib
import json
import os
import zlib
from pathlib import Path

from ..config import CHECKPOINT_EVERY, KEEP_CHECKPOINTS
from ..data.classes import in_order_of
from ..errors import FasterNetError, Stopped
from ..runs import folder
from ..runs.checkpoints import Checkpoints, latest_checkpoint, parse_checkpoint
from ..runs.guards import StopRequest, only_writer
from ..runtime import group, ranks
from .metrics import Progress
from .resuming import check_header, restore, run_identity, snapshot
from .steps import extras_of


class Unguarded:
    """A run without lock, stop request and checkpoints: what ``fit`` takes where it is given no session."""

    def __init__(self):
        self.progress = Progress()

    def after_step(self):
        """Nothing is saved."""

    def leave_if_asked(self, alone=False):
        """Nobody asks."""

    def save(self):
        """Nothing is saved."""


class Session:
    """The guarded run of a ``TrainConfig`` in its ``work_path``; a context manager, entered once.

    Args:
        config: ``TrainConfig``; its ``work_path`` is checked here, and nothing is written yet.
        resume: go on with the run that is there; where it made no checkpoint yet, from its beginning. ``match`` then
            puts the classes of the data into its order.
        overwrite: replace the run that is there.
        checkpoint_every: seconds between two checkpoints; 0 saves after each step.
        keep_checkpoints: how many to keep, at least 1.

    Raises:
        FasterNetError: another run is there, none is there to resume, the folder cannot be written, or, when it is
            entered, another process writes it.
    """

    def __init__(
        self,
        config,
        *,
        resume=False,
        overwrite=False,
        checkpoint_every=CHECKPOINT_EVERY,
        keep_checkpoints=KEEP_CHECKPOINTS,
    ):
        if resume and overwrite:
            raise FasterNetError("resume goes on with a run and overwrite replaces it, so only one of them can be done")
        if ranks.is_first():
            folder.check_work_path(config.work_path, overwrite, resume)
        self.config, self.resume = config, resume
        self.checkpoints = Checkpoints(config.work_path, checkpoint_every, keep_checkpoints)
        self.progress = None  # until ``start``
        self.is_over = False

    def __enter__(self):
        with contextlib.ExitStack() as entered:
            if ranks.is_first():
                folder.make_work_path(self.config.work_path)
                entered.enter_context(only_writer(self.config.work_path))
            self.stop = entered.enter_context(StopRequest(quiet=ranks.count() > 1))
            entered.enter_context(group.heeding())
            if ranks.is_first():
                folder.sweep_work_path(self.config.work_path)
            self._entered = entered.pop_all()
        return self

    def __exit__(self, *error):
        return self._entered.__exit__(*error)

    def match(self, data):
        """``data`` for the run: of one that is gone on with, its classes are put into that run's order.

        Raises:
            FasterNetError: the data have other classes than the run.
        """
        if not self.resume:
            return data
        class_names = None
        if ranks.is_first():
            class_names = folder.load_config(Path(self.config.work_path) / folder.CONFIG)[1]
        if ranks.count() > 1:
            class_names = json.loads(ranks.from_first(json.dumps(class_names).encode()))
        return data if class_names is None else in_order_of(data, tuple(class_names), self.config.work_path)

    def start(self, parts, data):
        """Put ``parts`` where the run stands and write its recipe; ``progress`` then says where that is.

        Args:
            parts: ``Parts`` of the run.
            data: ``ImageData`` that it trains on.

        Raises:
            FasterNetError: the run there has another recipe or other data, or none of its checkpoints is whole.
        """
        work_path = self.config.work_path
        if self.match(data).class_names != data.class_names:
            raise FasterNetError(f"{data.name} numbers its classes otherwise than the run: session.match(data) first")
        self.parts, self.identity = parts, run_identity(self.config, data)
        _check_alike(self.identity)
        self.progress = Progress()
        if self.resume:
            latest = _latest(work_path)
            if latest is not None:
                self.progress = restore(latest, parts.model, parts.optimizer, parts.scheduler, self.identity)
            print(f"resuming from {latest.path if latest else 'the beginning: no checkpoint was made yet'}")
        if not ranks.is_first():
            return
        if not self.resume:
            folder.clear_work_path(work_path)
        folder.save_config(self.config, data.class_names, work_path, getattr(parts.model, "record", None))
        if data.listing is not None:
            folder.save_listing(data.listing.rows(), work_path)
        if data.checked is not None:
            folder.save_findings(data.checked.as_dict(), work_path)

    def after_step(self):
        """Save if it is time to, and leave if a signal asked for it; called after each optimizer step."""
        is_due, signum = ranks.largest((self.checkpoints.is_due() and ranks.is_first(), self._asked()))
        if is_due:
            self.save()
        self._leave(int(signum))

    def leave_if_asked(self, alone=False):
        """Save and raise ``Stopped`` if a signal asked one of the run's processes for it.

        Between the batches of one step, where only the end of a loading process leads, the last checkpoint stands.

        Args:
            alone: this process has failed, and the others may be anywhere: of several, it exchanges nothing with them,
                which would wait for one another or take one message for another, and the last checkpoint stands.
        """
        if alone and ranks.count() > 1:
            if signum := self._asked():
                raise Stopped(signum, saved=False)
            return
        self._leave(int(ranks.largest((self._asked(),))[0]))

    def _asked(self):
        """Number of the signal that asked this process to stop; 0: none."""
        return self.stop.signal or group.asked() or 0

    def _leave(self, signum):
        if signum:
            if not (self.is_over or extras_of(self.parts.optimizer).waiting):
                self.save()
            raise Stopped(signum)

    def end(self):
        """The network is trained and its last checkpoint written: the first process goes on alone."""
        self.is_over = True
        group.leave()

    def save(self):
        """Write a checkpoint of the run as it stands, in the first of its processes."""
        parts, progress = self.parts, self.progress
        state = snapshot(parts.model, parts.optimizer, parts.scheduler, progress, self.identity)
        if ranks.is_first():
            self.checkpoints.save(progress.steps, *state)


def _latest(work_path):
    """The newest whole ``Checkpoint``, which the first process reads for all; None where there is none."""
    if ranks.count() == 1:
        return latest_checkpoint(work_path, check_header)
    path = content = None
    if ranks.is_first() and (latest := latest_checkpoint(work_path, check_header)) is not None:
        path, content = bytes(latest.path), latest.path.read_bytes()
    path, content = ranks.from_first(path), ranks.from_first(content)
    return None if path is None else parse_checkpoint(Path(os.fsdecode(path)), content)


def _check_alike(identity):
    """Raise ``FasterNetError`` where the processes have different recipes or images, as on several machines."""
    own = zlib.crc32(json.dumps(identity, sort_keys=True).encode())
    if ranks.largest((own,))[0] != -ranks.largest((-own,))[0]:
        raise FasterNetError("the processes of this run have different recipes or training images", change="data_path")
