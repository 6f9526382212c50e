"""The field of a race: kinds of batches, the plans that may be fastest for one, and how a result is told."""

import dataclasses
import importlib.metadata
import math
import platform

from ..files.writing import say_once
from ..runtime import machine
from .plans import STREAMING, Plan, cut

LARGEST_PART = 32  # images; a part larger than that is all of them
PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "onnxruntime", "openvino", "numpy")  # whose releases decide


def kind_of(count, height, width):
    """(batch, side): the powers of two that a batch and, by halves, its images' side are nearest to from below."""
    return math.ceil(math.log2(max(1, count))), round(2 * math.log2(math.sqrt(height * width)))


def opened_plans(engine, precision, threads):
    """Plans without parts: all threads on one part, a part a thread, and between them where there are many."""
    yield Plan(engine, precision, 1, threads)
    if engine in STREAMING and threads > 1:
        yield Plan(engine, precision, threads, 1)
        if threads >= 4:
            yield Plan(engine, precision, threads // 2, 2)


def with_parts(plan, count, most=None):
    """A plan with each size of parts that makes a difference for ``count`` images.

    None where half of its streams would be idle. ``most`` is ``cut``'s.
    """
    if 2 * count <= plan.streams:
        return
    sizes = [None if plan.streams == 1 else -(-count // plan.streams), *(2**power for power in range(6))]
    seen = set()
    for size in sizes:
        one = dataclasses.replace(plan, part=size)
        largest = max(part.stop - part.start for part in cut(count, one, most))
        if largest not in seen and (size is None or size <= max(LARGEST_PART, largest)):
            seen.add(largest)
            yield one


def told_of(standing, out):
    """One line on a race: who won, the best of each other engine, who was left out and why."""
    said, best = [], {}
    for lane in standing:
        best.setdefault(lane.engine, lane)
    if standing:
        first = standing[0]
        others = [f"{lane.engine} {lane.rate:.0f}" for engine, lane in best.items() if engine != first.engine]
        said.append(
            "; ".join([f"{first.name.describe()}: {first.rate:.0f} images/s", *[", ".join(others)][: len(others)]])
        )
    else:
        said.append("nothing could be measured, so it is paddle")
    groups = {}
    for way, reason in out.items():
        groups.setdefault((way.partition(",")[0], reason), []).append(way)
    for (engine, reason), ways in groups.items():
        said.append(f"left out: {ways[0] if len(ways) == 1 else f'{len(ways)} ways of {engine}'} ({reason})")
    return "; ".join(said)


def machine_key():
    """Texts that stand for the machine and the releases of what runs on it."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            versions.append("")
    return machine.processor(), machine.count_cores(), platform.machine(), platform.python_version(), *versions


def tell_lone(reasons):
    """Say once that "auto" has nothing to choose from."""
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    say_once(f"auto is paddle here: {told}")
