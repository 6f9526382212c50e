"""Settings in sections for ``--help``, where a dataclass has too many fields for one list. Only ``--help`` needs tyro.

    in_sections(TrainFlags, "settings", {"dataset": "data", "variant": "network", ...})

A section begins at the field that it is named by. What flags mean is each field's docstring, as ever.
"""

import ast
import dataclasses
import inspect
import itertools
import textwrap
from typing import Annotated


def in_sections(kind, name, sections):
    """``kind`` with the dataclass in its field ``name`` divided: a nested dataclass for each section.

    Args:
        kind: dataclass of an entry's flags.
        name: its field, a dataclass whose first field is a section's.
        sections: dict of the first field of each section to its name, an identifier.
    """
    import tyro

    [whole] = [field.type for field in dataclasses.fields(kind) if field.name == name]
    told, parts = docstrings(whole), {}
    for field in dataclasses.fields(whole):
        if field.name in sections:
            part = parts[sections[field.name]] = []
        annotated = Annotated[field.type, tyro.conf.arg(help=told[field.name])]
        part.append((field.name, annotated, dataclasses.field(default=field.default)))
    made = {
        section: _told_by_fields(dataclasses.make_dataclass(section, part, frozen=True))
        for section, part in parts.items()
    }
    fields = [(section, part, dataclasses.field(default_factory=part)) for section, part in made.items()]
    hidden = tyro.conf.Suppress[tyro.conf.Fixed[whole]]
    fields.append((name, hidden, dataclasses.field(default_factory=whole)))
    return _told_by_fields(dataclasses.make_dataclass(kind.__name__, fields, bases=(kind,), frozen=True))


def _told_by_fields(made):
    made.__doc__ = ""  # else its signature, which tyro would show
    return made


def docstrings(kind):
    """Dict of the fields of a dataclass to the text that stands below each."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
