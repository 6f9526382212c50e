"""Weights in the notebook's format: named arrays in a ``.pdparams`` file (notebook 2.4).

save_state(model.state_dict(), "model.pdparams")        # as paddle.save, whole or not at all
weights = load_weights("model.pdparams")                # {"stem.0.weight": array, ...}; runs nothing of the file
set_weights(model, weights, "model.pdparams")           # every key and shape must match
"""

import numpy as np

from ..errors import FasterNetError
from ..files.pickles import read_pickle
from ..files.tensors import as_array
from ..files.writing import atomic_path

NOTES = "StructuredToParameterName@@"  # a table that Paddle keeps beside the weights


def save_state(state, path):
    """Write a ``state_dict`` in the notebook's format (``paddle.save``), whole or not at all."""
    import paddle  # reading, which an entry does before its CPU settings stand, needs none of it

    with atomic_path(path) as temporary:
        paddle.save(state, str(temporary))


def load_weights(path):
    """Read a ``.pdparams`` file, the notebook's or this package's, without running anything that it may carry.

    Returns:
        Dict of parameter name to numpy array; Paddle's bfloat16, which its files hold as uint16, as float32.

    Raises:
        FasterNetError: the file is missing, damaged, refused, or holds something other than named arrays.
    """
    state = read_pickle(path)
    if not isinstance(state, dict):
        raise FasterNetError(f"{path} must hold a dict of named arrays, got a {type(state).__name__}")
    weights = {name: value for name, value in state.items() if name != NOTES}
    wrong = [str(name) for name, value in weights.items() if not (isinstance(name, str) and _is_float_array(value))]
    if wrong or not weights:
        raise FasterNetError(
            f"{path} must hold named arrays of floats, got {_some(wrong) if wrong else 'none'} that are not; "
            f"is it a model's .pdparams file?"
        )
    return {name: _as_float32(value) if value.dtype == np.uint16 else value for name, value in weights.items()}


def _is_float_array(value):
    return isinstance(value, np.ndarray) and (value.dtype.kind == "f" or value.dtype == np.uint16)


def _as_float32(bfloat16):
    return as_array(bfloat16.tobytes(), "bf2").reshape(bfloat16.shape)


def set_weights(model, weights, source):
    """Copy ``weights`` (a dict as from ``load_weights``) into ``model``; every key and shape must match.

    Raises:
        FasterNetError: keys that are missing, extra or misshapen, each listed; the model is then unchanged.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    problems = []
    if missing := [name for name in wanted if name not in weights]:
        problems.append(f"missing {_some(missing)}")
    if extra := [name for name in weights if name not in wanted]:
        problems.append(f"extra {_some(extra)}")
    misshapen = [
        f"{name} {weights[name].shape} for {shape}"
        for name, shape in wanted.items()
        if name in weights and weights[name].shape != shape
    ]
    if misshapen:
        problems.append(f"misshapen {_some(misshapen)}")
    if problems:
        raise FasterNetError(
            f"{source} does not fit this network: {'; '.join(problems)}", change=("variant", "mixer", "num_classes")
        )
    model.set_state_dict({name: weights[name].astype(np.float32) for name in wanted})


def _some(names, most=6):
    """List names, the first few of many."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
