"""CPU settings, cores, device, seed and Paddle's version: what is chosen, and that the user's word comes first."""

import logging
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import paddle
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.runtime import machine


def test_cpu_settings_are_for_amd_and_never_override(tmp_path):
    (tmp_path / "amd").write_text("vendor_id\t: AuthenticAMD\n")
    (tmp_path / "intel").write_text("vendor_id\t: GenuineIntel\n")
    for vendor, before, after in (
        ("amd", {}, {"MKL_DEBUG_CPU_TYPE": "5"}),
        ("amd", {"MKL_DEBUG_CPU_TYPE": "0"}, {"MKL_DEBUG_CPU_TYPE": "0"}),
        ("intel", {}, {}),
        ("missing", {}, {}),
    ):
        environ = dict(before)
        chosen = machine.cpu_settings(environ, tmp_path / vendor)
        assert environ == after
        assert chosen == {name: value for name, value in after.items() if name not in before}


def test_training_threads_are_the_cores_where_they_pay_and_never_override():
    for image_size, cores, threads in ((224, 2, "2"), (96, 1, "1"), (224, 64, "4"), (32, 64, "1")):
        environ = {"OMP_NUM_THREADS": "1"}  # as Paddle leaves it
        assert machine.training_threads(image_size, environ, (), cores) == {"OMP_NUM_THREADS": threads}
        assert environ == {"OMP_NUM_THREADS": threads}
    environ = {"OMP_NUM_THREADS": "1"}
    assert machine.training_threads(224, environ, environ, 2) == {}
    assert environ == {"OMP_NUM_THREADS": "1"}


def test_cores_are_those_that_a_container_grants(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert machine.count_cores(tmp_path / "missing") == 8
    quotas = ((250_000, 2), (50_000, 1), (9_900_000, 8))
    for text, cores in (("max 100000\n", 8), *((f"{quota} 100000\n", cores) for quota, cores in quotas)):
        (tmp_path / "cpu.max").write_text(text)
        assert machine.count_cores(tmp_path) == cores
    older = tmp_path / "v1" / "cpu"
    older.mkdir(parents=True)
    (older / "cpu.cfs_period_us").write_text("100000\n")
    for quota, cores in ((-1, 8), *quotas):
        (older / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        assert machine.count_cores(tmp_path / "v1") == cores
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert machine.count_cores(tmp_path / "missing") == os.cpu_count()


def test_begin_says_what_it_chose(monkeypatch, capsys):
    monkeypatch.setattr(machine, "cpu_settings", lambda: {"MKL_X": "5"})
    monkeypatch.setattr(machine, "training_threads", lambda image_size: {"OMP_NUM_THREADS": image_size})
    for sizes, threads in (((), ""), ((224,), ", OMP_NUM_THREADS=224")):
        assert machine.begin("cpu", 0, *sizes) == "cpu"
        assert capsys.readouterr().out == f"device: cpu, MKL_X=5{threads}\n"


def test_device():
    assert machine.set_device("cpu") == "cpu"
    for name, says in (("tpu", "auto, cpu, gpu or gpu:N, got 'tpu'"), ("gpu:99", "gpu:99 is not there")):
        with pytest.raises(FasterNetError, match=says):
            machine.set_device(name)


def test_seed_reaches_all_three_generators():
    draws = []
    for _ in range(2):
        machine.seed_everything(5)
        draws.append((random.random(), np.random.random(), float(paddle.rand([]))))
    assert draws[0] == draws[1]


def test_threads_of_inference_are_the_users_or_all_cores():
    for asked, given, threads in (
        ("3", (), 3),
        ("3,2", (), 3),
        ("1", ("OMP_NUM_THREADS",), 1),
        ("0", ("OMP_NUM_THREADS",), 1),
        ("1", (), 5),  # Paddle's own
        ("many", ("OMP_NUM_THREADS",), 5),
        (None, (), 5),
    ):
        environ = {} if asked is None else {"OMP_NUM_THREADS": asked}
        assert machine.available_threads(environ, given, cores=5) == threads
    assert machine.available_threads({}, ()) == machine.count_cores()


@pytest.mark.parametrize("asked", [None, "1"])
def test_paddles_own_thread_count_is_not_taken_for_the_users(asked):
    """The package may be imported after Paddle, which sets the variable."""
    environ = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environ |= {"OMP_NUM_THREADS": asked} if asked else {}
    code = (
        "import sys, types, os; sys.modules['paddle'] = types.ModuleType('paddle')\n"
        "os.environ.setdefault('OMP_NUM_THREADS', '1')\n"
        "from fasternet_paddle.runtime import machine; print(machine.available_threads(cores=7))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, timeout=60)
    assert done.stdout.strip() == (asked or "7"), done.stderr


def test_machine_is_named_with_the_cores_that_count(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "count_cores", lambda: 3)
    line = machine.describe_machine()
    assert ", 3 cores, " in line and "Python 3." in line and "paddlepaddle" in line
    assert f"numpy {np.__version__}" in line
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU: fast\n")
    assert machine.processor(tmp_path / "cpuinfo") == "Some CPU: fast"
    assert machine.processor(tmp_path / "missing")


def test_only_harmless_remarks_are_kept_out(monkeypatch, caplog):
    monkeypatch.delenv("GLOG_minloglevel", raising=False)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        machine.quieten()
        warnings.warn("No ccache found. Please be aware", UserWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert [str(one.message) for one in heard] == ["something else"]
    with caplog.at_level(logging.INFO):
        fonts = logging.getLogger("matplotlib.font_manager")
        fonts.info("generated new fontManager")
        fonts.warning("Matplotlib is building the font cache; this may take a moment.")
        fonts.error("no fonts")
    assert caplog.messages == ["no fonts"]
    assert os.environ.get("GLOG_minloglevel") == "2"  # noqa: SIM112, Paddle's name
