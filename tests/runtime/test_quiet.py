"""Importing Paddle through this package leaves the user's logging, and says nothing."""

import signal
import subprocess
import sys

import pytest

STATE = "logging.root.level, [handler.formatter._fmt for handler in logging.root.handlers]"
LEFT = (
    "any('quiet' in type(finder).__module__ for finder in sys.meta_path), "
    "type(sys.modules['paddle'].__spec__.loader).__name__"
)


def said(code):
    """What Python prints for ``code`` (standard output, standard error)."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize(
    ("before", "line", "state"),
    [
        ("pass", "from fasternet_paddle import PConv", "30 []"),
        ("logging.basicConfig(level=40, format='%(msg)s')", "import fasternet_paddle.data.loaders", "40 ['%(msg)s']"),
        ("pass", "import fasternet_paddle, paddle; logging.basicConfig(level=40, format='%(msg)s')", "40 ['%(msg)s']"),
    ],
)
def test_logging_and_warnings_stay_the_users(before, line, state):
    out, err = said(
        f"import logging, sys, warnings, numpy; warnings.simplefilter('always'); {before}\n"
        f"filters = list(warnings.filters)\n"
        f"{line}; print({STATE}, warnings.filters == filters, {LEFT})"
    )
    assert out == f"{state} True False SourceFileLoader" and err == ""


def test_who_imports_paddle_first_has_it_as_it_is():
    out, _ = said(
        "import warnings; warnings.simplefilter('ignore'); import sys, logging, paddle; before = list(sys.meta_path); "
        "import fasternet_paddle.runtime.machine; print(sys.meta_path == before, logging.root.level)"
    )
    assert out == "True 20"


def test_a_missing_paddle_is_still_missing():
    out, _ = said(
        "import sys, fasternet_paddle\n"
        "class Blind:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'paddle': raise ModuleNotFoundError('none here', name='paddle')\n"
        "sys.meta_path.insert(1, Blind())\n"
        "try: fasternet_paddle.PConv\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    assert "needs PaddlePaddle" in out


def test_looking_for_paddle_is_not_importing_it():
    out, err = said(
        "import importlib.util, fasternet_paddle, sys, logging; spec = importlib.util.find_spec('paddle'); "
        f"print(spec.loader.is_package('paddle'), 'paddle' in sys.modules); import paddle; print({STATE})"
    )
    assert out.splitlines() == ["True False", "30 []"] and err == ""


def test_spawned_processes_are_as_quiet(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import logging, multiprocessing\n"
        "from fasternet_paddle import test_transform\n"
        "if __name__ == '__main__':\n"
        "    spawn, last = multiprocessing.get_context('spawn'), test_transform(32).transforms[-1]\n"
        "    process = spawn.Process(target=print, args=(last,))\n"
        "    process.start(), process.join()\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("<function normalize") and done.stderr == ""


@pytest.mark.parametrize("handler", ["signal.SIG_DFL", "lambda *_: sys.exit(3)"])
def test_paddle_takes_no_sigterm_over(handler):
    """Its handler asks for memory, and a process that is ended in the middle of that waits for itself for ever."""
    code = (
        f"import os, signal, sys; signal.signal(signal.SIGTERM, {handler}); import fasternet_paddle, paddle; "
        "paddle.zeros([1]) + 1; os.kill(os.getpid(), signal.SIGTERM)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM if handler == "signal.SIG_DFL" else 3, "")


@pytest.mark.parametrize("after", ["init_glog", "init_devices", "ProcessMesh"])
def test_a_sigterm_is_never_paddles_while_it_is_imported(after):
    """Between Paddle's taking it over and the end of its import; ``ProcessMesh`` is asked for long after that."""
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(3))\n"
        "def look(frame, event, arg):\n"
        f"    if event in ('c_return', 'call') and {after!r} in (getattr(arg, '__name__', ''), frame.f_code.co_name):\n"
        "        sys.setprofile(None)\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "import fasternet_paddle\n"
        "sys.setprofile(look)\n"
        "import paddle\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (3, "")
