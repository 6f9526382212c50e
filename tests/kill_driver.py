"""Kill a training run again and again, resume it each time, and compare its end with that of a run left in peace.

    python -m tests.kill_driver --folder FOLDER --kills 10 --workers 0 --seed 1

A kill is SIGKILL at a random one of the run's events: an optimizer step, the making of a temporary file, the middle of
a write, a flush to disk, a renaming. Each run is a forked child, so that Paddle is imported once. Ends with code 0 and
a line of counts, or with an AssertionError.
"""

import argparse
import contextlib
import io
import os
import shutil
import signal
import tempfile
from pathlib import Path

import matplotlib.backends.backend_agg  # noqa: F401, once for all children
import numpy as np
import paddle
import sklearn.datasets
import sklearn.model_selection  # noqa: F401

from fasternet_paddle import train
from fasternet_paddle.runtime import drawing
from tests.sketches import sketch

RECIPE = ["--dataset", "digits", "--image-size", "32", "--batch-size", "16", "--epochs", "4", "--max-steps", "3"]
RECIPE += [
    "--variant",
    "t1",
    "--embed-dim",
    "4",
    "--depths",
    "1",
    "1",
    "2",
    "1",
]  # T1 drops paths: what is random in a step must be resumed too
# Every switch that goes together; none of the others changes what a run must keep.
EVERYTHING = "--warmup-epochs 0.5 --min-learning-rate 1e-5 --layer-decay 0.8 --backbone-rate 0.5 --decay weights"
EVERYTHING += " --clip-norm 1 --accumulate 2 --ema-decay 0.9 --patience 2 --least-gain 0.01 --initializer paper"
EVERYTHING += " --freeze stem --temperature 2 --early-image-size 32 --early-epochs 2 --image-size 64"
EVERYTHING += " --mixup 0.2 --cutmix 1 --random-erasing 0.25 --auto-augment rand-m5 --balanced-sampling"
COMPARED = ("history.csv", "metrics.json", "final_model.pdparams", "final_optimizer.pdopt", "best_model.pdparams")
ENDLESS = 10**9


class Events:
    """Count events, log steps, and die at event number ``fatal``."""

    def __init__(self, log, fatal):
        self.log, self.fatal, self.count = log, fatal, 0

    def happen(self):
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner, name, half=None):
        """Let ``owner.name`` be an event; ``half`` does half of its work if this is the fatal one."""
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            if half is not None and self.count + 1 == self.fatal:
                half(*args, **kwargs)
            self.happen()
            return original(*args, **kwargs)

        setattr(owner, name, watched)

    def install(self):
        step = paddle.optimizer.AdamW.step

        def counted_step(optimizer):
            step(optimizer)
            with open(self.log, "a") as log:
                log.write("s")
            self.happen()

        paddle.optimizer.AdamW.step = counted_step
        for owner, name in ((os, "fsync"), (os, "replace"), (os, "unlink"), (tempfile, "mkstemp")):
            self.watch(owner, name)
        self.watch(
            Path, "write_text", half=lambda path, text, **_: os.write(_open(path), text[: len(text) // 2].encode())
        )
        self.watch(Path, "write_bytes", half=lambda path, data: os.write(_open(path), data[: len(data) // 2]))
        self.watch(paddle, "save", half=_save_half)


def _open(path):
    return os.open(path, os.O_WRONLY | os.O_CREAT)


_paddle_save = paddle.save


def _save_half(state, path):
    whole = io.BytesIO()
    _paddle_save(state, whole)
    os.write(_open(path), whole.getvalue()[: whole.tell() // 2])


def run_child(folder, recipe, fatal, log):
    """Train or resume in a forked child; returns (killed, events that happened, if it ended by itself)."""
    flags = ["--resume"] if (folder / "config.yaml").exists() else recipe
    count_file = Path(f"{log}.count")
    pid = os.fork()
    if pid == 0:
        events = Events(log, fatal)
        events.install()
        with contextlib.redirect_stdout(io.StringIO()):
            code = train.main([*flags, "--work-path", str(folder), "--checkpoint-every", "0"])
        with open(count_file, "w") as file:
            file.write(str(events.count))
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True, None
    assert os.waitstatus_to_exitcode(status) == 0, f"the run ended with {os.waitstatus_to_exitcode(status)}"
    return False, int(count_file.read_text())


def main():
    drawing._draw_once = sketch  # the files are the same in number
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--everything", action="store_true", help="with every switch that goes together")
    flags = parser.parse_args()
    recipe, compared = [*RECIPE, "--num-workers", str(flags.workers)], COMPARED
    if flags.everything:
        first = flags.folder / "first"
        run_child(first, recipe, ENDLESS, flags.folder / "first.log")
        weights = str(first / "best_model.pdparams")
        recipe += [*EVERYTHING.split(), "--init-weights", weights, "--teacher", weights]
        compared += ("best_ema_model.pdparams", "final_ema_model.pdparams")
    rng = np.random.default_rng(flags.seed)
    calm, calm_log = flags.folder / "calm", flags.folder / "calm.log"
    _, total = run_child(calm, recipe, ENDLESS, calm_log)
    steps = calm_log.stat().st_size

    kills = runs = extra = 0
    while kills < flags.kills:
        folder, log, killed_here = flags.folder / f"run{runs}", flags.folder / f"run{runs}.log", 0
        log.touch()
        while True:
            fatal = int(rng.integers(1, total // 3)) if kills < flags.kills else ENDLESS
            killed, _ = run_child(folder, recipe, fatal, log)
            if not killed:
                break
            kills, killed_here = kills + 1, killed_here + 1
        for name in compared:
            assert (folder / name).read_bytes() == (calm / name).read_bytes(), f"{name} differs in {folder}"
        more = log.stat().st_size - steps
        assert 0 <= more <= killed_here, f"{more} more steps than the calm run's {steps} after {killed_here} kills"
        leftovers = [path for path in folder.rglob(".*") if path.name != ".lock"]
        assert not leftovers, leftovers
        shutil.rmtree(folder)
        runs, extra = runs + 1, extra + more
    print(
        f"{kills} kills over {runs} runs of {steps} steps and {total} events: {extra} steps done twice, all ends equal"
    )


if __name__ == "__main__":
    main()
