"""What every entry does around its work: flags from a dataclass, CPU settings, device, seed, errors.

The CPU settings must stand before Paddle's first operation, so an entry imports what needs Paddle inside its ``main``.
That also keeps ``--help`` quick.
"""

import contextlib
import functools
import io
import os
import re
import sys
import warnings

from ..errors import NEEDS_OPENMP, NEEDS_PADDLE, FasterNetError, Stopped


def entry(main):
    """Decorate ``main(argv)`` of an entry: it returns an exit code, and a user's mistake is one sentence and code 2."""

    @functools.wraps(main)
    def run(argv=None):
        warnings.filterwarnings("ignore", message="No ccache found")  # Paddle says it at every import
        os.environ.setdefault("GLOG_minloglevel", "2")  # its C++ part says more, of no use to the reader of a log
        try:
            return main(argv) or 0
        except FasterNetError as error:
            print(f"error: {error}{way_out(error)}", file=sys.stderr)
            return 2
        except ImportError as error:
            needs = NEEDS_PADDLE if error.name == "paddle" else NEEDS_OPENMP if "libgomp" in str(error) else None
            if needs is None:
                raise
            print(f"error: {needs}", file=sys.stderr)
            return 2
        except Stopped as stop:
            print(f"{stop}; everything is saved, --resume goes on from here", file=sys.stderr)
            return 128 + stop.signal  # as a shell expects
        except MemoryError:  # Paddle's, on the CPU and on a GPU, and numpy's
            print("error: out of memory; lower --batch-size or --image-size", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130  # 128 + SIGINT, as a shell expects

    return run


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
        raise FasterNetError(f"{_sentence(said.getvalue())} (see {prog} --help)") from None


def _sentence(box):
    """The message out of tyro's framed one, which ends at a rule or at an empty line."""
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines()[1:]]
    end = next((number for number, line in enumerate(lines) if not line or set(line) == {"─"}), len(lines))
    return re.sub(r"^Error parsing [A-Z]\w*: ", "", " ".join(lines[:end])).rstrip(".")
