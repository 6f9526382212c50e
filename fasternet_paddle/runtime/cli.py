"""What every entry does around its work: flags from a dataclass, and how mistakes, interruptions and systems end.

The CPU settings must stand before Paddle's first operation, so an entry imports what needs Paddle inside its ``main``.
That also keeps ``--help`` quick.
"""

import contextlib
import dataclasses
import errno
import functools
import io
import os
import signal
import sys
from pathlib import Path

from ..errors import NEEDS_OPENMP, NEEDS_PADDLE, FasterNetError, Stopped, is_out_of_memory
from . import machine, packages, streams
from .interrupting import TOLD, Terminated, as_a_signal, end_quietly_with, interruptible

HELP = {"-h", "--help"}
# What a system answers where a path or a disk cannot be used; a missing file that nobody named is a fault of ours.
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.ELOOP}
REFUSALS |= {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENOTDIR, errno.EINVAL}


def entry(main):
    """Decorate ``main(argv)`` of an entry, called with the process's arguments by default; it returns an exit code.

    A user's mistake is one sentence and code 2; among them a Paddle that is missing or too old, before any work.
    """

    @functools.wraps(main)
    def run(argv=None):
        is_whole = argv is None  # the process is there for this entry alone
        argv = sys.argv[1:] if is_whole else argv
        machine.quieten()
        os.environ["MPLBACKEND"] = "agg"  # an entry shows no window; the user's may not even be installed
        with streams.kept() as lost, interruptible():
            code = _ended(main, argv)
        if lost and code == 0:
            code = _refuse(f"standard output could not be written ({lost}): what was printed is lost, nothing else")
        if is_whole:
            end_quietly_with(code)
        return code

    return run


def _ended(main, argv):
    """The exit code of ``main``; how it ended is told."""
    try:
        return _told(main, argv)
    except BaseException as error:
        if not is_out_of_memory(error):
            raise
        return _refuse("out of memory; lower --batch-size or --image-size")


def _told(main, argv):
    try:
        if not HELP & set(argv):
            packages.check_paddle()
            packages.check_matplotlib()
        try:
            return main(argv) or 0
        except Stopped:
            raise
        except BaseException as error:
            raise as_a_signal(error)  # noqa: B904
    except FasterNetError as error:
        return _refuse(f"{error}{way_out(error)}")
    except ImportError as error:
        needs = NEEDS_PADDLE if error.name == "paddle" else NEEDS_OPENMP if "libgomp" in str(error) else None
        if needs is None:
            raise
        return _refuse(needs)
    except Stopped as stop:
        way_on = stop.way_on or "--resume goes on from here"
        how = f"everything is saved, {way_on}" if stop.saved else "what was saved before is as it was"
        print(f"{stop}; {how}", file=sys.stderr)
        return 128 + stop.signal  # as a shell expects
    except BrokenPipeError:  # who read standard output has left, and there is nothing but what is printed
        return READER_LEFT
    except OSError as error:
        if error.filename is None or error.errno not in REFUSALS:
            raise
        return _refuse(f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}")
    except (KeyboardInterrupt, Terminated) as stop:
        signum = signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT
        print(TOLD[signum], file=sys.stderr)
        return 128 + signum


READER_LEFT = 128 + 13  # as a shell expects after SIGPIPE


def _refuse(sentence):
    print(f"error: {sentence}", file=sys.stderr)
    return 2


# What changing a setting does, where "set" says too little.
WAYS_OUT = {
    "overwrite": "replace what is there with --overwrite",
    "resume": "go on with it with --resume",
    "sync_batch_norm": "leave out --sync-batch-norm",
    "work_path": "choose another --work-path",
    "learning_rate": "lower --learning-rate (with --resume it goes on from the last checkpoint)",
}


def way_out(error):
    """The end of an error's sentence: the flags that mend it, from the settings that the library named."""
    ways = [WAYS_OUT.get(name, f"set --{name.replace('_', '-')}") for name in error.change]
    return f"; {' or '.join(ways)}" if ways else ""


def parse(kind, argv=None, *, prog, description, default=None):
    """Turn command-line flags into an instance of the dataclass ``kind``; nested dataclasses give flags too.

    Args:
        kind: dataclass; its fields' names become flags with hyphens, their docstrings the help.
        argv: arguments without the program's name; by default the process's.
        prog, description: for ``--help``.
        default: instance whose values replace the dataclass's defaults.

    Raises:
        FasterNetError: a flag that is unknown or has no value of its kind, or what the dataclass itself refuses.
        SystemExit: 0, after ``--help``.
    """
    flags, unknown = parse_known(kind, argv, prog=prog, description=description, default=default)
    if unknown:
        raise FasterNetError(f"Unrecognized options: {', '.join(unknown)} (see {prog} --help)")
    return flags


def parse_known(kind, argv=None, *, prog, description, default=None):
    """As ``parse``, but arguments that ``kind`` has no flag for are handed back: (instance, list of str)."""
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            flags, unknown = tyro.cli(
                kind,
                args=argv,
                prog=prog,
                description=description,
                default=default,
                return_unknown_args=True,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
            )
        return at_home(flags), unknown
    except SystemExit as stop:
        if not stop.code:
            raise
        own = _own_error(stop)
        sentence, change = (own, own.change) if own else (_sentence(said.getvalue()), ())
        raise FasterNetError(f"{sentence} (see {prog} --help)", change=change) from None


MAY_BE_FILES = ("init_weights", "teacher", "recipe")


def at_home(flags):
    """``flags`` with ``~`` at the beginning of every path replaced: a shell does not see it in ``--output=~/figures``.

    Paths are the ``Path``s among the fields, alone or in tuples, the texts whose name ends in ``_path``, and those that
    may be a file or a name (``MAY_BE_FILES``).
    """
    changed = {}
    for name, value in ((field.name, getattr(flags, field.name)) for field in dataclasses.fields(flags)):
        if dataclasses.is_dataclass(value):
            new = at_home(value)
        elif isinstance(value, tuple):
            new = tuple(path_at_home(name, item) if isinstance(item, Path) else item for item in value)
        else:
            may_be = name.endswith("_path") or name in MAY_BE_FILES
            is_path = isinstance(value, Path) or (isinstance(value, str) and may_be)
            new = path_at_home(name, value) if is_path else value
        if new != value:
            changed[name] = new
    return dataclasses.replace(flags, **changed) if changed else flags


def path_at_home(name, path):
    """``path``, a ``Path`` or text, with a ``~`` at its beginning replaced; ``name`` is what an error calls it."""
    if not str(path).startswith("~"):
        return path
    try:
        return type(path)(Path(path).expanduser())
    except RuntimeError:
        raise FasterNetError(
            f"{name} {path} lies in a home folder that this system does not know", change=name
        ) from None


def _own_error(stop):
    """The error that the dataclass itself raised while tyro made it, if that is why tyro exits."""
    error = stop
    while error is not None and not isinstance(error, FasterNetError):
        error = error.__context__
    return error


def _sentence(box):
    """The message out of tyro's framed one, which ends at a rule or at an empty line.

    Its hook for errors (``tyro._errors``) is private, and asks for one exact release by whoever takes it.
    """
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines()[1:]]
    if lines and _is_rule(lines[0]):  # below the title, where standard error takes ASCII alone
        del lines[0]
    end = next((number for number, line in enumerate(lines) if not line or _is_rule(line)), len(lines))
    return " ".join(lines[:end]).rstrip(".")


def _is_rule(line):
    return bool(line) and set(line) <= {"─", "-"}
