"""Recipes by name: files of settings that the package ships, in the form of a run's ``config.yaml``.

    load_recipe("notebook")                      # TrainConfig()
    load_recipe("my-recipe.yaml")                # a file of one's own; what it does not name keeps its default

A recipe says how to train, and leaves data, folders and devices to whoever trains.
"""

from pathlib import Path

from ..config import TrainConfig, config_from
from ..errors import FasterNetError
from ..files.configs import read_yaml

NOTEBOOK = "notebook"
FOLDER = Path(__file__).parent / "recipes"
SUFFIXES = (".yaml", ".yml")


def recipe_names():
    """Names of the recipes that the package ships, the notebook's first."""
    return (NOTEBOOK, *sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_recipe(name):
    """The ``TrainConfig`` of a recipe.

    Args:
        name: one of ``recipe_names()``, or the path of a YAML file.

    Raises:
        FasterNetError: no such recipe or file, or a setting that is unknown or wrong.
    """
    if name == NOTEBOOK:
        return TrainConfig()
    if name in recipe_names():
        path = FOLDER / f"{name}.yaml"
    elif Path(name).suffix in SUFFIXES or Path(name).exists():
        path = Path(name)
    else:
        raise FasterNetError(
            f"unknown recipe {name!r}; known: {', '.join(recipe_names())}, or the path of a .yaml file"
        )
    values = read_yaml(path)
    for beyond in ("class_names", "record"):  # of a run's config.yaml
        values.pop(beyond, None)
    return config_from(values, path)
