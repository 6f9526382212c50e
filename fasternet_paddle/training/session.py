"""What protects a run while it trains: one writer a folder, a stop that loses nothing, and checkpoints.

    parts = make_parts(config, data)
    with Session(config, resume=True) as session:       # the folder's lock; Ctrl-C lets the step under way finish
        session.start(parts, data)                      # from the newest checkpoint, or from the beginning
        history = fit(*parts, config.epochs, config.work_path, seed=config.seed, session=session)

A run that was killed at any moment goes on from its last checkpoint and ends with the same bits.
"""

import contextlib
from pathlib import Path

from ..config import CHECKPOINT_EVERY, KEEP_CHECKPOINTS
from ..data.classes import in_order_of
from ..errors import FasterNetError, Stopped
from ..runs import folder
from ..runs.checkpoints import Checkpoints, latest_checkpoint
from ..runs.guards import StopRequest, only_writer
from .metrics import Progress
from .resuming import check_header, restore, run_identity, snapshot
from .steps import extras_of


class Unguarded:
    """A run without lock, stop request and checkpoints: what ``fit`` takes where it is given no session."""

    def __init__(self):
        self.progress = Progress()

    def after_step(self):
        """Nothing is saved."""

    def leave_if_asked(self):
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
        folder.check_work_path(config.work_path, overwrite, resume)
        self.config, self.resume = config, resume
        self.checkpoints = Checkpoints(config.work_path, checkpoint_every, keep_checkpoints)
        self.progress = None  # until ``start``

    def __enter__(self):
        folder.make_work_path(self.config.work_path)
        with contextlib.ExitStack() as entered:
            entered.enter_context(only_writer(self.config.work_path))
            self.stop = entered.enter_context(StopRequest())
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
        class_names = folder.load_config(Path(self.config.work_path) / folder.CONFIG)[1] if self.resume else None
        return data if class_names is None else in_order_of(data, class_names, self.config.work_path)

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
        self.progress = Progress()
        if self.resume:
            latest = latest_checkpoint(work_path, check_header)
            if latest is not None:
                self.progress = restore(latest, parts.model, parts.optimizer, parts.scheduler, self.identity)
            print(f"resuming from {latest.path if latest else 'the beginning: no checkpoint was made yet'}")
        else:
            folder.clear_work_path(work_path)
        folder.save_config(self.config, data.class_names, work_path, getattr(parts.model, "record", None))
        if data.listing is not None:
            folder.save_listing(data.listing.rows(), work_path)
        if data.checked is not None:
            folder.save_findings(data.checked.as_dict(), work_path)

    def after_step(self):
        """Save if it is time to, and leave if a signal asked for it; called after each optimizer step."""
        if self.checkpoints.is_due():
            self.save()
        self.leave_if_asked()

    def leave_if_asked(self):
        """Save and raise ``Stopped`` if a signal asked for it.

        Between the batches of one step, where only the end of a loading process leads, the last checkpoint stands.
        """
        if self.stop.signal is not None:
            if not extras_of(self.parts.optimizer).waiting:
                self.save()
            raise Stopped(self.stop.signal)

    def save(self):
        """Write a checkpoint of the run as it stands."""
        parts, progress = self.parts, self.progress
        state = snapshot(parts.model, parts.optimizer, parts.scheduler, progress, self.identity)
        self.checkpoints.save(progress.steps, *state)
