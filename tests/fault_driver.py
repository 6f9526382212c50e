"""Disturb a training run of two processes at random moments, resume it, and compare its end with an undisturbed one's.

    python -m tests.fault_driver --folder FOLDER --faults 30 --seed 1

A fault is drawn from ``FAULTS`` and comes at a random moment between the start of the command and its end. Every
disturbed command must end within a minute, with a code that is not 0, one sentence (but for a parent that was killed)
and no process left; then the run is resumed. Ends with code 0 and a line of counts, or with an AssertionError.
"""

import argparse
import collections
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

RECIPE = ["--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--epochs", "3", "--max-steps", "6"]
RECIPE += ["--variant", "t1", "--embed-dim", "4", "--nproc", "2", "--num-workers", "1", "--ema-decay", "0.9"]
COMPARED = ("history.csv", "metrics.json", "final_model.pdparams", "best_model.pdparams", "final_ema_model.pdparams")
LIMIT = 60.0  # seconds in which a disturbed command must end
FAULTS = (
    *("rank killed", "rank terminated", "rank stopped", "rank interrupted"),
    *("parent killed", "parent terminated", "parent stopped", "parent interrupted", "group interrupted"),
    *("out of memory", "full disk"),
)
SMALL = 96 << 20  # bytes of memory that a rank has left, where it is to run out


def start(folder, extra=(), **options):
    """The training command as a process group of its own."""
    flags = ["--resume"] if (folder / "config.yaml").exists() else RECIPE
    command = [sys.executable, "-W", "ignore", "-m", "fasternet_paddle.train", *flags, "--work-path", str(folder)]
    return subprocess.Popen(
        [*command, "--checkpoint-every", "0", *extra],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def family(pid):
    """Numbers of the living processes that began in the session of process ``pid``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(") ")[2].split()[:4]
            except OSError:
                continue
            if int(session) == pid and state not in "ZX":
                found.append(int(entry.name))
    return found


def ranks_of(pid):
    """Numbers of the processes that share the work, as far as they are there: spawned by ``pid``."""
    return [
        child
        for child in family(pid)
        if _parent(child) == pid and b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    except OSError:
        return None


def disturb(fault, process, rng):
    """Let ``fault`` happen to a running command; whether it did."""
    who, _, what = fault.partition(" ")
    signum = {
        "killed": signal.SIGKILL,
        "terminated": signal.SIGTERM,
        "stopped": signal.SIGSTOP,
        "interrupted": signal.SIGINT,
    }.get(what)
    ranks = ranks_of(process.pid)
    try:
        if who == "rank":
            if not ranks:
                return False
            os.kill(ranks[rng.integers(len(ranks))], signum)
        elif who == "parent":
            process.send_signal(signum)
        elif who == "group":
            os.killpg(process.pid, signum)
        elif fault == "out of memory":
            if not ranks:
                return False
            one = ranks[rng.integers(len(ranks))]
            used = int(Path(f"/proc/{one}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(one, resource.RLIMIT_AS, (used + SMALL // 1000, used + SMALL // 1000))
        elif fault == "full disk":
            if not ranks:
                return False
            for one in ranks:
                resource.prlimit(one, resource.RLIMIT_FSIZE, (1000, 1000))
    except (OSError, FileNotFoundError):
        return False
    return True


def attempt(folder, fault, delay, rng):
    """Run the command with ``fault`` after ``delay`` seconds; (whether it happened, seconds until the end, code)."""
    process = start(folder)
    time.sleep(delay)
    happened = process.poll() is None and disturb(fault, process, rng)
    began = time.monotonic()
    if happened and fault == "parent stopped":
        while ranks_of(process.pid):  # the ranks of a stopped parent end
            assert time.monotonic() - began < LIMIT, f"{fault}: ranks live on beside a stopped parent"
            time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
    try:
        out, err = process.communicate(timeout=LIMIT if happened else 10 * LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"{fault} after {delay:.1f} s: not ended within {LIMIT:.0f} s") from None
    seconds = time.monotonic() - began
    if not happened or process.returncode == 0:  # it came too late
        assert process.returncode == 0, f"undisturbed, yet {process.returncode}: {err}"
        return False, seconds, 0
    deadline = time.monotonic() + 5
    while (left := family(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, f"{fault}: processes {left} live on"
    said = [line for line in err.splitlines() if line.strip()]
    if fault == "parent killed":
        assert not said, said
    else:
        assert len(said) == 1, f"{fault} after {delay:.1f} s, code {process.returncode}:\n{err}"
        assert "Traceback" not in out + err
    print(f"{fault} after {delay:.1f} s: code {process.returncode} in {seconds:.1f} s; {' '.join(said)}", flush=True)
    return True, seconds, process.returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--faults", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=FAULTS)
    flags = parser.parse_args()
    print(f"seed {flags.seed}")
    rng = np.random.default_rng(flags.seed)
    calm = flags.folder / "calm"
    process, began = start(calm), time.monotonic()
    _, err = process.communicate()
    assert process.returncode == 0, err
    whole = time.monotonic() - began

    counts, slowest, runs = collections.Counter(), 0.0, 0
    while counts.total() < flags.faults:
        folder = flags.folder / f"run{runs}"
        while True:
            fault = str(rng.choice(flags.kinds)) if counts.total() < flags.faults else None
            if fault is None:
                process = start(folder)
                _, err = process.communicate()
                assert process.returncode == 0, err
                break
            happened, seconds, _ = attempt(folder, fault, float(rng.uniform(0.2, 0.8) * whole), rng)
            if not happened:
                break
            counts[fault] += 1
            slowest = max(slowest, seconds)
        for name in COMPARED:
            assert (folder / name).read_bytes() == (calm / name).read_bytes(), f"{name} differs in {folder}"
        shutil.rmtree(folder)
        runs += 1
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(
        f"{counts.total()} faults over {runs} runs ({told}): all ended, the slowest after {slowest:.1f} s, "
        f"all ends equal"
    )


if __name__ == "__main__":
    main()
