"""Flags, and how every entry ends after a user's mistake, a signal or a fault."""

import importlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fasternet_paddle import compare, evaluate, explain, train
from fasternet_paddle.bench.__main__ import SUBJECTS
from fasternet_paddle.config import TrainConfig
from fasternet_paddle.errors import FasterNetError, Stopped
from fasternet_paddle.runtime import cli

WHO = {"prog": "python -m fasternet_paddle.something", "description": "Something."}


@dataclass(frozen=True)
class Flags:
    """Flags of a test."""

    index: tuple[int, ...] = ()
    """Numbers of images."""
    loud: bool = False
    """Say more."""


def test_flags_are_the_fields():
    config = cli.parse(TrainConfig, ["--learning-rate", "3e-4", "--embed-dim", "42", "--dataset", "digits"], **WHO)
    assert config == TrainConfig(learning_rate=3e-4, embed_dim=42, dataset="digits")
    assert cli.parse(Flags, ["--index", "3", "7", "--loud"], **WHO) == Flags((3, 7), True)
    assert cli.parse(TrainConfig, [], **WHO) == TrainConfig()
    assert cli.parse(TrainConfig, ["--epochs", "2"], **WHO, default=TrainConfig(seed=7)).seed == 7


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--epochs", "many"], "--epochs.*'many'"),
        (["--epoch-count", "3"], "--epoch-count"),
        (["--epochs"], "--epochs"),
        (["--epochs", "0"], "^epochs must be at least 1, got 0 "),
        (["--variant"], "--variant"),
        (["--image-size", "31"], "at least 32 pixels, since the network divides by 32, got 31"),
        (["--learning-rate", "-1"], "learning_rate must be above 0"),
        (["--label-smoothing", "1.5"], "label_smoothing"),
        (["--num-workers", "-1"], "num_workers must be 0 or more"),
        (["--batch-size", "-4"], "batch_size must be at least 1"),
        (["--seed", "-1"], "seed must lie in"),
        (["--weight-decay", "-0.1"], "weight_decay must be 0 or more"),
        (["--max-steps", "0"], "max_steps must be at least 1"),
        (["--dataset", "imagenet"], "known datasets: cifar10, cifar100"),
        (["--work-path", ""], "work_path must name a folder"),
        (["--augment", "slow"], "unknown augment 'slow'; known: notebook, fast"),
    ],
)
def test_a_wrong_flag_is_one_sentence(argv, says):
    with pytest.raises(FasterNetError, match=says) as caught:
        cli.parse(TrainConfig, argv, **WHO)
    assert "\n" not in str(caught.value)
    assert "something --help" in str(caught.value)


def test_a_dataclass_own_error_keeps_the_settings_that_mend_it():
    @dataclass(frozen=True)
    class Picky:
        size: int = 1

        def __post_init__(self):
            raise FasterNetError("size must  be even: " + 30 * "long ", change="size")

    @dataclass(frozen=True)
    class Outer:
        inner: Picky
        """Nested, as an entry's recipe is."""

    for kind in (Picky, Outer):
        with pytest.raises(FasterNetError) as caught:
            cli.parse(kind, ["--size", "3"], **WHO)
        assert caught.value.change == ("size",)
        assert str(caught.value).startswith("size must  be even: " + 30 * "long ")  # nothing wrapped, nothing lost


def test_help_lists_every_field(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.parse(TrainConfig, ["--help"], **WHO)
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for name in TrainConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in shown


class AnotherFault(Exception):
    """Anything that is no user's mistake."""


ENTRIES = [train, evaluate, explain, *(importlib.import_module(f"fasternet_paddle.bench.{name}") for name in SUBJECTS)]


class Panic(BaseException):
    """As PyO3's ``PanicException``, which is no ``Exception``."""


def _panic(text, context=None):
    panic = Panic(text)
    panic.__context__ = context
    return panic


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (
            FasterNetError("epochs must be at least 1", change="epochs"),
            2,
            "error: epochs must be at least 1; set --epochs",
        ),
        (ModuleNotFoundError("No module named 'paddle'", name="paddle"), 2, "pip install paddlepaddle"),
        (ImportError("libgomp.so.1: cannot open shared object file"), 2, "apt-get install libgomp1"),
        (MemoryError(), 2, "lower --batch-size or --image-size"),
        (RuntimeError("Resource temporarily unavailable"), 2, "out of memory; lower --batch-size"),
        (RuntimeError("can't start new thread"), 2, "out of memory; lower --batch-size"),
        (SystemError("error return without exception set"), 2, "out of memory; lower --batch-size"),
        (SystemError("<built-in> returned NULL without setting an exception"), 2, "out of memory; lower --batch-size"),
        (_panic("PyObject pointer is null"), 2, "out of memory; lower --batch-size"),
        (_panic("called `Option::unwrap()` on a `None` value", MemoryError()), 2, "out of memory; lower --batch-size"),
        (Stopped(signal.SIGTERM), 143, "stopped by SIGTERM; everything is saved, --resume goes on from here"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_how_every_entry_ends(capsys, monkeypatch, raised, code, says):
    def stop(*_arguments, **_more):
        raise raised

    monkeypatch.setattr(cli, "parse", stop)  # what each of them calls first
    for module in ENTRIES:
        assert module.main([]) == code, module
        said = capsys.readouterr().err
        assert says in said and said.count("\n") == bool(says), module


def test_an_entry_lets_other_faults_through(monkeypatch):
    def fail(*_arguments, **_more):
        raise raised

    monkeypatch.setattr(cli, "parse", fail)
    for raised in (AnotherFault(), ImportError("cannot import name 'x'", name="numpy")):
        for module in ENTRIES:
            with pytest.raises(type(raised)):
                module.main([])


def test_settings_become_the_flags_that_mend_an_error():
    error = FasterNetError("rule", change=("overwrite", "work_path", "batch_size"))
    wanted = "; replace what is there with --overwrite or choose another --work-path or set --batch-size"
    assert cli.way_out(error) == wanted
    assert cli.way_out(FasterNetError("rule")) == ""


FAKE = "import sys; sys.exit('Paddle was imported')"
CALLS = """
import importlib, sys
for name in sys.argv[1:]:
    main = importlib.import_module(f"fasternet_paddle.{name}").main
    print(name, main(["inference"] if "bench" in name else []))
"""


@dataclass(frozen=True)
class Paths:
    """Flags with paths in all their forms."""

    weights: Path = Path("a")
    image: tuple[Path, ...] = ()
    config: Path | None = None
    recipe: TrainConfig = field(default_factory=TrainConfig)
    names: tuple[str, ...] = ()
    engine: str = "paddle"


def test_a_home_folder_is_found_behind_every_flag(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    argv = ["--weights=~/a", "--image", "~/b.jpg", "c~.jpg", "--config=~", "--data-path=~/d", "--names", "~/e"]
    flags = cli.parse(Paths, [*argv, "--work-path", "~/f", "--engine", "~"], **WHO)
    assert flags.weights == tmp_path / "a" and flags.image == (tmp_path / "b.jpg", Path("c~.jpg"))
    assert flags.config == tmp_path and flags.names == ("~/e",) and flags.engine == "~"  # no paths
    assert flags.recipe.data_path == f"{tmp_path}/d" and flags.recipe.work_path == f"{tmp_path}/f"
    own = cli.parse(TrainConfig, ["--init-weights=~/g", "--teacher=t0-imagenet-authors"], **WHO)
    assert own.init_weights == f"{tmp_path}/g" and own.teacher == "t0-imagenet-authors"
    (tmp_path / "own.yaml").write_text("epochs: 7\n")
    assert train._parse(["--recipe=~/own.yaml"]).settings.epochs == 7
    assert compare._recipe("~/own.yaml", [], tmp_path).epochs == 7  # of an arm, whose words no shell sees
    with pytest.raises(FasterNetError, match="weights ~nobodyatall/a lies in a home folder that this system does not"):
        cli.parse(Paths, ["--weights=~nobodyatall/a"], **WHO)


def test_what_a_system_refuses_is_one_sentence(monkeypatch, capsys, tmp_path):
    """Named by the system itself, as in a call that no check foresaw; a file that nobody named stays a fault."""

    def opened(*_arguments, **_more):
        path.read_text()

    monkeypatch.setattr(cli, "parse", opened)
    path = tmp_path / ("n" * 300)
    assert evaluate.main([]) == 2
    assert capsys.readouterr().err == f"error: {path} cannot be used: File name too long\n"
    path = tmp_path / "missing"
    with pytest.raises(FileNotFoundError):
        evaluate.main([])


@pytest.mark.parametrize(("hiding", "path"), [("paddle.py", "paddle.py"), ("paddle/__init__.py", "paddle/__init__.py")])
def test_a_paddle_of_ones_own_is_named_as_what_it_is(tmp_path, hiding, path):
    (tmp_path / hiding).parent.mkdir(exist_ok=True)
    (tmp_path / hiding).write_text("raise SystemExit('it was imported')")
    command = [sys.executable, "-m", "fasternet_paddle.evaluate"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr == (
        f"error: {tmp_path / path} is not PaddlePaddle, but bears its name and is found in its place; rename it, or "
        f"start from another folder\n"
    )


def test_settings_of_matplotlib_that_cannot_be_read_are_one_sentence(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"font.family: \xe9")
    command = [sys.executable, "-m", "fasternet_paddle.evaluate"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "error: matplotlib cannot start with the settings that it finds" in done.stderr


SLOW = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
from fasternet_paddle.runtime import cli, packages
packages.check_paddle = packages.check_matplotlib = lambda: None

@cli.entry
def main(argv):
    import slow

sys.exit(main())
"""


@pytest.mark.parametrize("fault", ["except BaseException: pass", "except: raise ImportError('it is broken')"])
def test_ctrl_c_ends_an_import_that_would_go_on(tmp_path, fault):
    """Some packages take the exception for a module that is missing, and go on."""
    (tmp_path / "entry.py").write_text(SLOW)
    (tmp_path / "slow.py").write_text(f"import time\nprint('begun', flush=True)\ntry: time.sleep(60)\n{fault}\n")
    command = [sys.executable, "entry.py"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == "interrupted\n"
    assert process.returncode == 130


@pytest.mark.parametrize("layout", ["version", "init"])
def test_a_paddle_that_is_too_old_is_said_before_any_work(tmp_path, layout):
    """As a user meets it: a package of that name on the path; it may not even be imported."""
    (tmp_path / "paddle" / "version").mkdir(parents=True)
    told = {"version": "full_version  = '2.6.2'\nmajor = '2'\n", "init": ""}[layout]
    (tmp_path / "paddle" / "version" / "__init__.py").write_text(told)
    (tmp_path / "paddle" / "__init__.py").write_text(f"__version__ = '2.6.2'\n{FAKE}")
    entries = ["train", "evaluate", "explain", "bench.__main__"]
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", CALLS, *entries],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == [word for name in entries for word in (name, "2")], done.stderr
    sentences = done.stderr.splitlines()
    assert len(sentences) == len(entries) and len(set(sentences)) == 1
    assert "needs PaddlePaddle 3.0 or newer, found 2.6.2" in sentences[0]
    assert [path.name for path in tmp_path.iterdir()] == ["paddle"]
