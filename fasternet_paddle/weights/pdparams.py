"""Weights in the notebook's format: named arrays in a ``.pdparams`` file (notebook 2.4).

save_weights(model, "model.pdparams")                   # as paddle.save, whole or not at all, with model.record
weights = load_weights("model.pdparams")                # {"stem.0.weight": array, ...}; runs nothing of the file
set_weights(model, weights, "model.pdparams")           # every key and shape must match

The record is one more key: a uint8 tensor of JSON. It leaves the form of the others as it was, and ``paddle.load`` with
``set_state_dict`` passes over it without a word.
"""

import os
import pickle

import numpy as np

from ..errors import FasterNetError
from ..files.pickles import read_pickle
from ..files.tensors import as_array
from ..files.writing import atomic_path
from ..record import Record

NOTES = "StructuredToParameterName@@"  # a table that Paddle keeps beside the weights

RECORD = "fasternet_paddle.record"


def save_weights(model, path):
    """Write the weights of ``model`` with its record (``model.record``, where it has one) as a ``.pdparams`` file.

    ``load_run`` rebuilds the network from that file alone; ``paddle.load`` and ``set_state_dict`` take it as well.
    """
    import paddle

    state = model.state_dict()
    if (record := getattr(model, "record", None)) is not None:
        content = np.frombuffer(record.to_json().encode("ascii"), np.uint8)
        state[RECORD] = paddle.to_tensor(content, place=paddle.CPUPlace())
        state[RECORD].name = RECORD  # Paddle's own would count the tensors of a process
    save_state(state, path)


def split_record(arrays, source):
    """(the arrays without the record's key, ``Record`` or None) of named arrays; ``source`` names them in an error.

    Raises:
        FasterNetError: the record is damaged, or of a later format.
    """
    content = arrays.get(RECORD)
    if content is None:
        return arrays, None
    weights = {name: array for name, array in arrays.items() if name != RECORD}
    if content.dtype != np.uint8:
        raise FasterNetError(f"{source}: the model's record is damaged ({content.dtype})")
    try:
        return weights, Record.from_json(content.tobytes())
    except FasterNetError as error:
        raise FasterNetError(f"{source}: {error}") from None


def read_record(path):
    """The ``Record`` in a ``.pdparams`` file; None where it carries none. Errors as of ``load_weights``."""
    return split_record(load_arrays(path), path)[1]


def replace_record(path, record):
    """Put another ``Record`` into a ``.pdparams`` file that carries one, whole or not at all.

    Everything else in the file stays what it is, to the bit; a link stays a link.

    Raises:
        FasterNetError: the file cannot be read or written, or carries no record.
    """
    if read_record(path) is None:
        raise FasterNetError(f"{path} carries no record; save_weights(load_run({str(path)!r}).model, ...) writes one")
    state = read_pickle(path) | {RECORD: np.frombuffer(record.to_json().encode("ascii"), np.uint8)}
    with atomic_path(os.path.realpath(path)) as temporary, open(temporary, "wb") as file:
        pickle.dump(state, file, protocol=4)  # as paddle.save, which takes no arrays


def save_state(state, path):
    """Write a ``state_dict`` in the notebook's format (``paddle.save``), whole or not at all."""
    import paddle  # reading, which an entry does before its CPU settings stand, needs none of it

    with atomic_path(path) as temporary:
        paddle.save(state, str(temporary))


def load_weights(path):
    """Read a ``.pdparams`` file, the notebook's or this package's, without running anything that it may carry.

    Returns:
        Dict of parameter name to numpy array; Paddle's bfloat16, which its files hold as uint16, as float32. The
        record is not among them.

    Raises:
        FasterNetError: the file is missing, damaged, refused, or holds something other than named arrays.
    """
    return split_record(load_arrays(path), path)[0]


def load_arrays(path):
    """As ``load_weights``, with the record's key where the file has one."""
    state = read_pickle(path)
    if not isinstance(state, dict):
        raise FasterNetError(f"{path} must hold a dict of named arrays, got a {type(state).__name__}")
    weights = {name: value for name, value in state.items() if name != NOTES}
    wrong = [str(name) for name, value in weights.items() if not _is_weight(name, value)]
    if wrong or not weights:
        raise FasterNetError(
            f"{path} must hold named arrays of floats, got {_some(wrong) if wrong else 'none'} that are not; "
            f"is it a model's .pdparams file?"
        )
    return {name: _as_float32(value) if value.dtype == np.uint16 else value for name, value in weights.items()}


def _is_weight(name, value):
    if not isinstance(name, str) or not isinstance(value, np.ndarray):
        return False
    return value.dtype.kind == "f" or value.dtype == np.uint16 or (name == RECORD and value.dtype == np.uint8)


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
