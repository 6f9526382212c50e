"""What every subject of the bench shares: a process of its own for each way, turns, rates and the machine's peak.

    jobs = {}
    add_way(jobs, "notebook", bare_environment(), worker, steps=20)
    add_way(jobs, "ours", own_environment(), worker, steps=20)
    results = in_turns(jobs, rounds=3)         # {(way, settings): [what the worker returned, one a round]}

Ways are measured in turn, round by round, so that a machine that grows slower meanwhile slows all of them; a ratio is
taken within a round.
"""

import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import numpy as np

from ..errors import FasterNetError
from ..inference.throughput import time_calls
from ..runtime import machine

SETTINGS = ("MKL_", "OMP_", "KMP_", "GOMP_", "OPENBLAS_", "DNNL_", "ONEDNN_", "FLAGS_", "CPU_NUM")  # that change speed
MARK = "bench result: "
SECONDS = 3600  # after which a process counts as stuck
BATCHES = (1, 32)  # images a pass
SIZE = 224  # pixels a side
PEAK_SIZE = 2048  # rows and columns of the matrices whose product measures the peak


def check_least(flags, **least):
    """Raise ``FasterNetError`` unless every named field of ``flags`` is as large as given here."""
    for name, value in least.items():
        if getattr(flags, name) < value:
            raise FasterNetError(f"{name} must be at least {value}, got {getattr(flags, name)}")


def possible(precisions, more=()):
    """Those of ``precisions`` that this processor has; one that it lacks is told. ``more``: that are known beside.

    Raises:
        FasterNetError: an unknown one, or none is left.
    """
    from ..inference import engine  # here: a process that measures PyTorch must not import Paddle
    from ..inference.predictor import PRECISIONS

    known = (*PRECISIONS, *more)
    unknown = [precision for precision in precisions if precision not in known]
    if unknown or not precisions:
        got = repr(unknown[0]) if unknown else "none"
        raise FasterNetError(f"precision must name one or more of {', '.join(known)}, got {got}")
    if engine.has_bf16():
        return tuple(precisions)
    left = tuple(precision for precision in precisions if precision != "bf16")
    if not left:
        raise FasterNetError("this processor has no bf16 instructions; measure in f32", change="precision")
    if len(left) < len(precisions):
        print("this processor has no bf16 instructions: bf16 is not measured")
    return left


def bare_environment():
    """The process's environment without any setting that changes speed: how the notebook runs by itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}


def own_environment():
    """The bare environment with what this package's entries set on this machine."""
    environment = bare_environment()
    machine.cpu_settings(environment)
    return environment


def settings_text(environment):
    """The settings of an environment that change speed, as ``A=1 B=2``, or "no settings"."""
    return " ".join(f"{name}={environment[name]}" for name in sorted(environment) if name.startswith(SETTINGS)) or (
        "no settings"
    )


def training_rate(seconds, batch_size, image_size):
    """``{figure: images/s}`` from the seconds of each step: by the median of all but the first."""
    return {f"step, T0, {batch_size} images of {image_size}": batch_size / float(np.median(seconds[1:]))}


def in_process(function, arguments, environment):
    """Call a function in a Python process of its own.

    Args:
        function: ``"module:name"``; what it returns must be JSON.
        arguments: its keyword arguments, JSON too.
        environment: of the process.

    Returns:
        What the function returned.

    Raises:
        FasterNetError: it failed; the last line that it said is in the sentence.
    """
    code = f"import sys; from {__name__} import answer; answer(sys.argv[1], sys.argv[2])"
    command = [sys.executable, "-W", "ignore", "-c", code, function, json.dumps(arguments)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise FasterNetError(f"{function} took longer than {SECONDS} s and was ended; ask for less") from None
    answers = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not answers:
        said = done.stderr.strip().splitlines() or ["nothing was said"]
        raise FasterNetError(f"{function} failed with exit code {done.returncode}: {said[-1]}")
    return json.loads(answers[-1].removeprefix(MARK))


def answer(function, arguments):
    """The other end of ``in_process``: call the function, print its result."""
    module, _, name = function.partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    print(MARK + json.dumps(result), flush=True)


def add_way(jobs, way, environment, worker, /, **arguments):
    """Add to ``jobs``, under ``(way, settings)``, a call of the function ``worker`` in a process of its own."""
    function = f"{worker.__module__}:{worker.__name__}"
    jobs[way, settings_text(environment)] = functools.partial(in_process, function, arguments, environment)


def in_turns(jobs, rounds, keep=None):
    """Run each job once a round, in an order that is turned round by round; standard error hears what is running.

    A job that fails is told and run no more; the others go on.

    Args:
        jobs: dict of (way, settings) to a function without arguments.
        rounds: how often each is run.
        keep: called with the results so far after each new one, to save them.

    Returns:
        Dict of (way, settings) to the list of the job's results, one a round; jobs without any are left out.

    Raises:
        FasterNetError: that of the first job, where all have failed.
    """
    names, errors = list(jobs), {}
    results = {name: [] for name in names}
    for round_number in range(rounds):
        for name in names[round_number % len(names) :] + names[: round_number % len(names)]:
            if name in errors:
                continue
            print(f"round {round_number + 1} of {rounds}: {', '.join(name)}", file=sys.stderr)
            try:
                results[name].append(jobs[name]())
            except FasterNetError as error:
                errors[name] = error
                print(f"note: {', '.join(name)} is measured no further: {error}", file=sys.stderr)
                continue
            if keep is not None:
                keep({name: found for name, found in results.items() if found})
    if not any(results.values()):
        raise errors[names[0]]
    return {name: found for name, found in results.items() if found}


@dataclass(frozen=True)
class Ratio:
    """How many times faster: the median over rounds, the smallest and the largest."""

    median: float
    low: float
    high: float

    def __str__(self):
        return f"x{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def compare(rates, baseline):
    """``Ratio`` of two lists of rates, round by round; one that ended early has fewer."""
    rounds = min(len(rates), len(baseline))
    ratios = np.array(rates[:rounds], np.float64) / np.array(baseline[:rounds], np.float64)
    return Ratio(float(np.median(ratios)), float(ratios.min()), float(ratios.max()))


def measure_peak(precision="f32", runs=30):
    """GFLOP/s of a large matrix product on this processor, the best of ``runs``; a multiply-add counts as two.

    f32 is the better of numpy's and oneDNN's product, bf16 oneDNN's.
    """
    import paddle

    from ..inference.predictor import Predictor

    paddle.seed(0)
    # A 1x1 convolution is a matrix product of (pixels, channels) with (channels, channels).
    model = paddle.nn.Sequential(
        paddle.nn.Conv2D(PEAK_SIZE, PEAK_SIZE, 1, bias_attr=False), paddle.nn.AdaptiveAvgPool2D(1), paddle.nn.Flatten()
    )
    side = 46  # 46 x 46 = 2116 pixels
    x = np.random.RandomState(0).standard_normal((1, PEAK_SIZE, side, side)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:  # not in the user's cache: nobody asks for this network again
        predictor = Predictor(model, precision=precision, cache_dir=folder)
    products = {"oneDNN": (lambda: predictor.logits(x), 2 * PEAK_SIZE**2 * side**2)}
    if precision == "f32":
        matrix = np.random.RandomState(0).standard_normal((PEAK_SIZE, PEAK_SIZE)).astype(np.float32)
        products["numpy"] = (lambda: matrix @ matrix, 2 * PEAK_SIZE**3)
    return max(operations / min(time_calls(product, runs)) / 1e9 for product, operations in products.values())


def model_rates(run, runs, batches=None):
    """Images/s of a network alone, on ready batches: dict of figure to rate. Needs no Paddle, which changes threads.

    Args:
        run: normalised float32 ``(N, 3, 224, 224)`` -> logits.
        runs: timed passes; their median counts. A single image, which is over soon, is passed ten times as often.
        batches: batch sizes; by default ``BATCHES``.
    """
    rates = {}
    for batch_size in batches or BATCHES:
        x = np.random.RandomState(0).standard_normal((batch_size, 3, SIZE, SIZE)).astype(np.float32)
        seconds = time_calls(lambda x=x: run(x), runs if batch_size > 1 else 10 * runs)
        rates[f"model, batch {batch_size}"] = batch_size / float(np.median(seconds))
    return rates
