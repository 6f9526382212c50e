"""Recipes by name: files of settings that the package ships, in the form of a run's ``config.yaml``.

    load_recipe("notebook")                      # TrainConfig()
    load_recipe("paper", variant="s", epochs=30) # the paper's for S, its milestones at a tenth of 300 epochs
    load_recipe("my-recipe.yaml")                # a file of one's own; what it does not name keeps its default

A recipe says how to train, and leaves data, folders and devices to whoever trains. Beside settings a file may hold
``about``, a sentence, and ``by_variant``, settings for a size of the network.
"""

import dataclasses
from pathlib import Path

from ..config import TrainConfig, config_from
from ..errors import FasterNetError
from ..files.configs import read_yaml

NOTEBOOK = "notebook"
FOLDER = Path(__file__).parent  # its .yaml files
SUFFIXES = (".yaml", ".yml")
MILESTONES = ("warmup_epochs", "early_epochs")  # which move with the number of epochs


def recipe_names():
    """Names of the recipes that the package ships, the notebook's first."""
    return (NOTEBOOK, *sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_recipe(name, variant=None, epochs=None):
    """The ``TrainConfig`` of a recipe.

    Args:
        name: one of ``recipe_names()``, or the path of a YAML file.
        variant: of the network; by default the recipe's.
        epochs: by default the recipe's; for another number its milestones move in proportion.

    Raises:
        FasterNetError: no such recipe or file, or a setting that is unknown or wrong.
    """
    values, source = _read(name)
    about, by_variant = values.pop("about", None), values.pop("by_variant", {})
    if not isinstance(about, str | None) or not isinstance(by_variant, dict):
        raise FasterNetError(f"{source}: about must be text, and by_variant a mapping from variants to settings")
    variant = variant or values.get("variant", TrainConfig.variant)
    own = by_variant.get(variant, {})
    if not isinstance(own, dict):
        raise FasterNetError(f"{source}: by_variant must hold settings for {variant}, got {own!r:.80}")
    recipe = config_from(values | own | {"variant": variant}, source)
    if epochs in (None, recipe.epochs):
        return recipe
    scale = epochs / recipe.epochs
    moved = {name: getattr(recipe, name) * scale for name in MILESTONES if getattr(recipe, name)}
    return dataclasses.replace(recipe, epochs=epochs, **moved)


def over_recipe(name, parse):
    """What ``parse`` makes of flags set over a recipe, its milestones moved to the epochs that the flags say.

    Args:
        name: as ``load_recipe``.
        parse: from a ``TrainConfig`` of defaults to the one that the flags make of it.
    """
    recipe = load_recipe(name)
    asked = parse(TrainConfig(variant=recipe.variant, epochs=recipe.epochs))
    return parse(load_recipe(name, asked.variant, asked.epochs))


def describe_recipes():
    """One line a recipe, for ``--help``: its name and what it is about."""
    lines = [f"{NOTEBOOK}: the defaults, as the notebook trains"]
    for name in recipe_names()[1:]:
        lines.append(f"{name}: {_read(name)[0].get('about', '')}")
    return lines


def _read(name):
    """(dict of what a recipe's file holds, what to call it)."""
    if name == NOTEBOOK:
        return {}, NOTEBOOK
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
    return values, path
