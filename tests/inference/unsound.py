"""Engines that a child process tries, without Paddle: one is sound, the others die, lie or fail as onnxruntime."""

import os

import numpy as np

CLASSES = 4


def answers(x):
    """What the model answers: ``(N, C, H, W)`` -> ``(N, CLASSES)``."""
    return x[:, 0, 0, :CLASSES].astype(np.float32)


def sound(folder, plan):
    return answers


def crashes(folder, plan):
    if plan.engine == "onnxruntime":
        os.kill(os.getpid(), 11)
    return answers


def lies(folder, plan):
    return (lambda x: answers(x) + 1) if plan.engine == "onnxruntime" else answers


def fails(folder, plan):
    if plan.engine == "onnxruntime":
        raise OSError("no such instruction\nfor this processor")
    return answers
