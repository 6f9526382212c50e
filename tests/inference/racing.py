"""Engines of the tests' own for the engine auto: each with its speed, its answers and its way to die."""

import time

import numpy as np

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.inference.auto import Auto
from fasternet_paddle.inference.plans import Plan
from tests.inference.unsound import answers

SECONDS_AN_IMAGE = {"paddle": 4e-4, "onnxruntime": 1e-4, "openvino": 2e-4}


class Engine:
    """Takes its time for each image, less for each where more come at once."""

    precision, name = "f32", "fake"

    def __init__(self, plan, seconds=0.0, wrong=False):
        self.plan, self.seconds, self.wrong = plan, seconds, wrong
        self.threads = plan.threads

    def __call__(self, x, most=None, plan=None):
        end = time.perf_counter() + self.seconds * len(x)
        while time.perf_counter() < end:
            pass
        return answers(x) * (2 if self.wrong else 1)

    def describe(self):
        return self.plan.describe()


class Entrants:
    """What ``Auto`` asks for; ``fault`` befalls the fastest, onnxruntime."""

    load = "tests.inference.unsound:sound"
    precision, bound, reasons = "f32", 1e-3, {"mxnet": "not installed"}
    engines = ("paddle", "onnxruntime", "openvino")

    def __init__(self, fault=None):
        self.fault, self.opened = fault, []
        if fault in FAULTS:
            self.load = f"tests.inference.unsound:{fault}"

    def base(self):
        return Plan("paddle")

    def lone(self):
        return False

    def key(self):
        return "network"

    def folder(self, engine):
        if self.fault == "unconverted" and engine == "onnxruntime":
            raise RuntimeError("cannot convert")
        return "."

    def open(self, plan):
        self.opened.append(plan)
        if self.fault == "unopened" and plan.engine == "onnxruntime":
            raise FasterNetError("cannot be opened here")
        wrong = self.fault == "wrong in the race" and plan.engine == "onnxruntime"
        return Engine(plan, SECONDS_AN_IMAGE[plan.engine], wrong)

    def probe(self, count, height, width):
        return np.random.RandomState(0).standard_normal((count, 3, height, width)).astype(np.float32)

    def reference(self, x):
        return answers(x)


FAULTS = ("crashes", "lies", "fails")


def chosen(cache_dir, fault=None):
    """(name of the engine that a race chose, its note's plan)."""
    auto = Auto(Entrants(fault), cache_dir)
    auto.ready(4, 32, 32)
    return auto.describe()
