"""JSON of a stranger's, within bounds."""

import json

from .opening import MIB, Refusal, open_file, refusals_name

JSON_BYTES = 64 * MIB  # an evaluation over 1,000 classes has some 1 MB


def read_json(path, limit=JSON_BYTES):
    """The mapping that a JSON file holds.

    Raises:
        FasterNetError: the file cannot be opened or is too large.
        RefusedFile: it is no JSON, or holds no mapping.
    """
    with open_file(path, limit) as (file, size), refusals_name(path, "JSON file"):
        values = json.loads(file.read(size))
        if not isinstance(values, dict):
            raise Refusal(f"a mapping is needed, it holds a {type(values).__name__}")
    return values
