"""An engine tried in a process of its own, since one that is not made for the processor ends the process that loads it.

    reasons = try_plans(folder, [Plan("openvino"), Plan("openvino", streams=2)], x, wanted, bound)
    reasons[plan]            # None: it answers within the bound; else why it may not be used

The child imports numpy and the engine, no Paddle, and says a line for each plan; what it said before it died counts.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .loading import load_files
from .plans import InParts, Plan

SECONDS = 120  # after which a child counts as stuck
MARK = "trial: "


def try_plans(folder, plans, x, wanted, bound, load=None):
    """Open each plan in a child and hold its answers to the model's.

    Args:
        folder: with the engine's files.
        plans: list of ``Plan``, without parts.
        x: float32 ``(N, C, H, W)``.
        wanted: the model's logits ``(N, K)``.
        bound: largest difference allowed, in shares of the largest logit.
        load: "module:function" in place of ``loading.load_files``, for tests.

    Returns:
        ``{plan: None or a reason}``.
    """
    reasons, left = {}, list(plans)
    with tempfile.TemporaryDirectory() as scratch:
        np.savez(Path(scratch) / "probe.npz", x=x, wanted=wanted)
        while left:
            said, ended = _child(folder, left, scratch, bound, load)
            for plan, reason in zip(left, said, strict=False):
                reasons[plan] = reason
            left = left[len(said) :]
            if left:  # the one under way is the one that ended it
                reasons[left.pop(0)] = ended
    return reasons


def _child(folder, plans, scratch, bound, load):
    """(what a child said of the first plans, how it ended)."""
    asked = {"folder": str(folder), "plans": [dataclasses.asdict(plan) for plan in plans], "bound": bound, "load": load}
    package = str(Path(__file__).resolve().parents[2])
    code = (
        f"import sys; sys.path.insert(0, {package!r}); from {__name__} import answer; answer(sys.argv[1], sys.argv[2])"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, json.dumps(asked), scratch]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as stuck:
        output, code = (stuck.stdout or b"").decode("utf-8", "replace"), None
    except (OSError, TypeError) as error:  # no processes here, or no path of Python
        return [f"no process could be started to try it ({error})"] * len(plans), ""
    said = [json.loads(line.removeprefix(MARK)) for line in output.splitlines() if line.startswith(MARK)]
    ended = f"did not answer within {SECONDS} s" if code is None else f"ended its process with code {code}"
    return said, ended


def answer(asked, scratch):
    """The other end of ``try_plans``: a line of JSON for each plan, null or a reason."""
    asked = json.loads(asked)
    load = load_files
    if asked["load"]:
        import importlib

        module, _, name = asked["load"].partition(":")
        load = getattr(importlib.import_module(module), name)
    with np.load(Path(scratch) / "probe.npz") as probe:
        x, wanted = probe["x"], probe["wanted"]
    for values in asked["plans"]:
        try:
            plan = Plan(**values)
            reason = differs(InParts(load(asked["folder"], plan), plan)(x), wanted, asked["bound"])
        except Exception as error:  # whatever an engine raises
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        print(MARK + json.dumps(reason), flush=True)


def differs(found, wanted, bound):
    """Why answers are not the model's: a sentence's part, or None."""
    if found.shape != wanted.shape:
        return f"answers with the shape {found.shape} in place of {wanted.shape}"
    difference = float(np.abs(found - wanted).max()) / max(float(np.abs(wanted).max()), np.finfo(np.float32).tiny)
    if difference <= bound:  # NaN never is
        return None
    return f"answers differ from the model's by {difference:.2g} of the largest logit, allowed are {bound:g}"
