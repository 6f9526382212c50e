"""Name the pictures in files: ``python -m fasternet_paddle.predict photographs --weights best_model.pdparams``.

    python -m fasternet_paddle.predict cat.jpg                                # a table: path, names, probabilities
    python -m fasternet_paddle.predict photographs --recursive --output work/predictions --sheet work/sheet.png
    python -m fasternet_paddle.predict photographs --recursive --output work/predictions --resume     # after a kill

A row a file, the most probable class first, written as it comes. A file that cannot be read is named on standard error
and left out, and the exit code is 1 in the end. Memory stays what it was after the first batches, also for a million
files; decoding in processes and the network share the cores.
"""

import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from .errors import FasterNetError, Stopped
from .runtime import cli, machine
from .runtime.flags import EngineFlags, NetworkFlags, override
from .runtime.streams import reader_left

SAME = 0.01  # of a probability: what two batches of the same network may differ by, with room
TILE = 240  # pixels that a picture has on the contact sheet


@dataclass(frozen=True)
class PredictFlags:
    """What to name, and how."""

    files: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Image files, and folders: the images in them."""
    network: NetworkFlags = field(default_factory=NetworkFlags)
    topk: int = 5
    """Classes a row; where there are fewer, all of them."""
    format: Annotated[str | None, tyro.conf.arg(help="table, csv or json (a line a file); into a folder csv.")] = None
    output: Path | None = None
    """Folder for predictions.csv or predictions.jsonl; without it rows are printed."""
    recursive: bool = False
    """Take the folders in a folder as well."""
    resume: bool = False
    """Go on with the results in the output folder: files that have a row are passed over."""
    overwrite: bool = False
    """Replace the results in the output folder."""
    sheet: Path | None = None
    """A contact sheet of the first 48 pictures, as .png."""
    batch_size: int = 32
    """Images a batch."""
    num_workers: int | None = None
    """Processes that decode; by default one a core, 0 decodes in the main one."""
    inference: EngineFlags = field(default_factory=EngineFlags)

    def __post_init__(self):
        """Check every value; raise ``FasterNetError``."""
        for name, least in (("topk", 1), ("batch_size", 1), ("num_workers", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise FasterNetError(f"{name} must be at least {least}, got {value}")
        if self.form not in ("table", "csv", "json"):
            raise FasterNetError(f"unknown format {self.format!r}; known: table, csv, json")
        if self.output is not None and self.form == "table":
            raise FasterNetError("a table is for reading, and a folder's results are csv or json", change="format")
        if self.output is None and (self.resume or self.overwrite):
            raise FasterNetError("it takes the folder of the results to resume or overwrite them", change="output")
        if self.resume and self.overwrite:
            raise FasterNetError("results are either resumed or overwritten, got both")
        if self.sheet is not None and self.sheet.suffix.lower() != ".png":
            raise FasterNetError(f"a contact sheet is written as .png, got {self.sheet}", change="sheet")

    @property
    def form(self):
        """The rows' format."""
        return self.format or ("table" if self.output is None else "csv")


@cli.entry
def main(argv=None):
    """Predict as the flags say; returns the exit code."""
    flags = cli.parse(
        PredictFlags, argv, prog="python -m fasternet_paddle.predict", description="Name the pictures in files."
    )

    from .data.given import find_given
    from .data.preparation import preparation
    from .files.writing import make_folder
    from .inference.exported import exported_or_none
    from .inference.opening import open_predictor
    from .results.kept import KeptPredictions
    from .results.predictions import FORMS
    from .results.sheet import MOST
    from .results.trial import drawable
    from .runs.run import exported_run, load_run

    given = find_given(flags.files, flags.recursive)
    for remark in given.remarks():
        print(f"note: {remark}", file=sys.stderr)
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the rows
        exported = exported_or_none(flags.inference, **vars(flags.network))
        run = exported_run(exported) if exported else load_run(**vars(flags.network))
        config = override(run.config, flags.inference)
        machine.begin(config.device, config.seed)
        predictor = exported or open_predictor(run, config, flags.inference, flags.network.weights.parent)
        predictor.ready(min(flags.batch_size, len(given.names)))
    form = FORMS[flags.form](run.class_names, min(flags.topk, len(run.class_names)))
    for folder in filter(None, (flags.output, flags.sheet and flags.sheet.parent)):
        make_folder(folder, "output" if folder == flags.output else "sheet")
    prepare = preparation(run.record)
    first = MOST if flags.sheet else 0
    with contextlib.ExitStack() as around:
        if flags.sheet is not None:
            around.enter_context(drawable(run.class_names))
        if flags.output is None:
            predicting = Predicting(flags, run, predictor, prepare, given, Printed(form, first))
            return predicting.go_on(range(len(given.names)))
        keeping = KeptPredictions(flags.output, form, run.class_names, flags.resume, flags.overwrite, first)
        kept = around.enter_context(keeping)
        predicting = Predicting(flags, run, predictor, prepare, given, kept)
        numbers = kept.remaining(given.names)
        if kept.last is not None:
            predicting.see_that_it_is_the_same(*kept.last)
        return predicting.go_on(numbers, kept.found)


class Printed:
    """Rows on standard output; ``first`` keeps some for the contact sheet."""

    def __init__(self, form, keep_first):
        self.form = form
        self.keep_first = keep_first
        self.first = []
        if header := getattr(form, "header", ""):
            print(header)

    def append(self, predictions):
        """Print a row each."""
        from tqdm import tqdm

        self.first += predictions[: self.keep_first - len(self.first)]
        rows = "\n".join(self.form.row(prediction) for prediction in predictions)
        with tqdm.external_write_mode(file=sys.stdout):  # a bar on the same terminal steps aside
            print(rows.encode("utf-8", "backslashreplace").decode(), flush=True)
        if reader_left():  # as behind | head: there is nobody to predict for
            raise BrokenPipeError


@dataclass
class Predicting:
    """One call's work: what it takes, and ``go_on``."""

    flags: PredictFlags
    run: object
    predictor: object
    prepare: object
    given: object
    results: object
    """``Printed`` or ``KeptPredictions``."""

    def go_on(self, numbers, done=0):
        """Predict the given files of these numbers, ``done`` others having a row; returns the exit code."""
        from tqdm import tqdm

        from .inference.answering import Answers

        flags, names = self.flags, self.given.names
        todo = len(names) - done
        workers = machine.count_cores() if flags.num_workers is None else flags.num_workers
        workers = min(workers, -(-todo // flags.batch_size)) if todo > 1 else 0
        answers = Answers(self.predictor, names, self.prepare, numbers, flags.batch_size, workers)
        failed = len(self.given.unreadable)
        for path, reason in self.given.unreadable:
            self._complain(f"the folder {path} cannot be read: {reason}")
        bar = tqdm(total=len(names), initial=done, desc="predict", unit="image", file=sys.stderr, disable=None)
        with bar, contextlib.closing(answers), self._stoppable() as stop:
            for batch, logits in answers:
                if batch.numbers:
                    self.results.append(self._predictions(batch.numbers, logits))
                for _, reason in batch.broken:
                    self._complain(reason)
                failed += len(batch.broken)
                bar.update(len(batch.numbers) + len(batch.broken))
                if stop is not None and stop.signal is not None:
                    raise Stopped(stop.signal)
        self._finish(answers, failed)
        return 1 if failed else 0

    def see_that_it_is_the_same(self, number, prediction):
        """Refuse to go on with another network's rows: the last one is predicted once more."""
        from .inference.answering import Answers

        [(batch, logits)] = Answers(self.predictor, self.given.names, self.prepare, [number])
        if batch.broken:
            return  # the file has changed
        now = self._predictions(batch.numbers, logits)[0]
        name = prediction.names[0]
        known = dict(zip(now.names, now.probabilities.tolist(), strict=True))
        if abs(known.get(name, 0.0) - float(prediction.probabilities[0])) > SAME:
            raise FasterNetError(
                f"the results were written by another network: for {prediction.path} they say {name} "
                f"{prediction.probabilities[0]:.1%}, and this one {now.names[0]} {now.probabilities[0]:.1%}",
                change=("weights", "overwrite"),
            )

    def _predictions(self, numbers, logits):
        from .results.predictions import predictions_of

        names = self.run.class_names
        paths = [self.given.names[number] for number in numbers]
        return predictions_of(paths, logits, names, min(self.flags.topk, len(names)), self.run.record.temperature)

    def _stoppable(self):
        """Where results are kept, a signal ends the work after the batch under way."""
        from .runs.guards import StopRequest

        return StopRequest() if self.flags.output is not None else contextlib.nullcontext()

    def _complain(self, reason):
        from tqdm import tqdm

        from .files.lists import printable

        with tqdm.external_write_mode(file=sys.stderr):
            print(f"not read: {printable(reason)}", file=sys.stderr)

    def _finish(self, answers, failed):
        if self.flags.sheet is not None:
            self._draw_sheet()
        said = [f"{answers.images:,} images"]
        if answers.seconds:
            rate, waited = answers.images / answers.seconds, answers.waited / answers.seconds
            said = [f"{said[0]} in {answers.seconds:.1f} s ({rate:.1f} images/s, {waited:.0%} of it waiting for files)"]
        if failed:
            said.append(f"{failed:,} not read")
        if self.flags.output is not None:
            said.append(str(self.results.path))
        print(", ".join(said), file=sys.stderr)

    def _draw_sheet(self):
        from .files.images import read_image
        from .results.plots import save_figure
        from .results.sheet import plot_contact_sheet

        if self.results.first:
            figure = plot_contact_sheet(self.results.first, lambda path: read_image(path, at_least=TILE))
            print(save_figure(figure, self.flags.sheet), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
