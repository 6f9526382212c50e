"""Recipes by name: files of settings that the package ships, in the form of a run's ``config.yaml``.

    load_recipe("notebook")                      # TrainConfig()
    load_recipe("paper", variant="s", epochs=30) # the paper's for S, its milestones at a tenth of 300 epochs
    load_recipe("my-recipe.yaml")                # a file of one's own; what it does not name keeps its default

A recipe says how to train, and leaves data, folders and devices to whoever trains. Beside settings a file may hold
``about``, a sentence, and ``by_variant``, settings for a size of the network.
"""

import dataclasses
from pathlib import Path

from ..config import MIN_IMAGE_SIZE, TrainConfig, config_from
from ..errors import FasterNetError
from ..files.configs import read_yaml

NOTEBOOK = "notebook"
FOLDER = Path(__file__).parent  # its .yaml files
SUFFIXES = (".yaml", ".yml")
MILESTONES = ("warmup_epochs", "early_epochs")  # which move with the number of epochs


def recipe_names():
    """Names of the recipes that the package ships, the notebook's first."""
    return (NOTEBOOK, *sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_recipe(name, variant=None, epochs=None, image_size=None):
    """The ``TrainConfig`` of a recipe.

    Args:
        name: one of ``recipe_names()``, or the path of a YAML file.
        variant: of the network; by default the recipe's.
        epochs: by default the recipe's; for another number its milestones move in proportion.
        image_size: by default the recipe's; for another one its early size is the same share of it, in steps of 32.

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
    return _of_size(_of_length(recipe, epochs or recipe.epochs), image_size or recipe.image_size)


def _of_length(recipe, epochs):
    """``recipe`` in so many epochs."""
    scale = epochs / recipe.epochs
    moved = {name: getattr(recipe, name) * scale for name in MILESTONES if getattr(recipe, name)}
    return recipe if epochs == recipe.epochs else dataclasses.replace(recipe, epochs=epochs, **moved)


def _of_size(recipe, image_size):
    """``recipe`` at another size; where its early size comes to the same, there is none."""
    early = {}
    if recipe.early_image_size is not None and image_size != recipe.image_size:
        size = max(MIN_IMAGE_SIZE, 32 * round(recipe.early_image_size * image_size / recipe.image_size / 32))
        early = {"early_image_size": size} if size < image_size else {"early_image_size": None, "early_epochs": 0.0}
    return dataclasses.replace(recipe, image_size=image_size, **early)


def recipe_for(name, asked):
    """The ``TrainConfig`` of a recipe that flags are set over, where they are what ``asked`` says of them.

    Of weights to begin from, network and preparation go on: a file tells them, and nobody need repeat them.

    Args:
        name: as ``load_recipe``.
        asked: ``RecipeFlags``.
    """
    its = {}
    if asked.init_weights is not None:
        from .beginning import settings_of_weights

        its = settings_of_weights(asked.init_weights)
    variant, image_size = asked.variant or its.get("variant"), asked.image_size or its.get("image_size")
    return dataclasses.replace(load_recipe(name, variant, asked.epochs, image_size), **its)


def describe_recipes():
    """One line a recipe, for ``--help``: its name, what it is about, and its settings."""
    lines = [f"{NOTEBOOK}: the defaults, as the notebook trains"]
    for name in recipe_names()[1:]:
        values = _read(name)[0]
        about = values.pop("about", "")
        lines.append(f"{name}: {about} ({', '.join(f'{key} {_shown(value)}' for key, value in values.items())})")
    return lines


def _shown(value):
    if not isinstance(value, dict):
        return str(value)
    return "; ".join(f"{key}: {', '.join(f'{k} {v}' for k, v in own.items())}" for key, own in value.items())


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
