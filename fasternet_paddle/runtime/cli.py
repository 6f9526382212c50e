"""What every entry does around its work: flags from a dataclass, and how mistakes and interruptions end.

The CPU settings must stand before Paddle's first operation, so an entry imports what needs Paddle inside its ``main``.
That also keeps ``--help`` quick.
"""

import contextlib
import functools
import io
import sys

from ..errors import NEEDS_OPENMP, NEEDS_PADDLE, FasterNetError, Stopped
from . import machine
from .drawing import unshown

HELP = {"-h", "--help"}


def entry(main):
    """Decorate ``main(argv)`` of an entry, called with the process's arguments by default; it returns an exit code.

    A user's mistake is one sentence and code 2; among them a Paddle that is missing or too old, before any work.
    """

    @functools.wraps(main)
    def run(argv=None):
        argv = sys.argv[1:] if argv is None else argv
        machine.quieten()
        try:
            if not HELP & set(argv):
                machine.check_paddle()
            with unshown():
                return main(argv) or 0
        except FasterNetError as error:
            return _refuse(f"{error}{way_out(error)}")
        except ImportError as error:
            needs = NEEDS_PADDLE if error.name == "paddle" else NEEDS_OPENMP if "libgomp" in str(error) else None
            if needs is None:
                raise
            return _refuse(needs)
        except Stopped as stop:
            print(f"{stop}; everything is saved, --resume goes on from here", file=sys.stderr)
            return 128 + stop.signal  # as a shell expects
        except MemoryError:  # Paddle's, on the CPU and on a GPU, and numpy's
            return _refuse("out of memory; lower --batch-size or --image-size")
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130  # 128 + SIGINT, as a shell expects

    return run


def _refuse(sentence):
    print(f"error: {sentence}", file=sys.stderr)
    return 2


# What changing a setting does, where "set" says too little.
WAYS_OUT = {
    "overwrite": "replace what is there with --overwrite",
    "resume": "go on with it with --resume",
    "work_path": "choose another --work-path",
    "learning_rate": "lower --learning-rate",
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
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                kind,
                args=argv,
                prog=prog,
                description=description,
                default=default,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        own = _own_error(stop)
        sentence, change = (own, own.change) if own else (_sentence(said.getvalue()), ())
        raise FasterNetError(f"{sentence} (see {prog} --help)", change=change) from None


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
    end = next((number for number, line in enumerate(lines) if not line or set(line) == {"─"}), len(lines))
    return " ".join(lines[:end]).rstrip(".")
