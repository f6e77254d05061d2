"""Which runs are one recipe from several seeds, and what tells recipes of one model and strategy apart."""

from __future__ import annotations

from collections.abc import Mapping

from heldout.records import Recipe
from heldout.records.backbone import GIVEN
from heldout.records.recipe import Setting

OWN = ("weights", "image_size", "fit", "interpolation", "precision")
"""Fields of a recipe that calls of `heldout run` into one folder may set differently, besides the strategy's settings;
and `input_map`."""

RecipeKey = tuple[str, str, tuple[tuple[str, Setting], ...]]
"""Model, strategy, and the settings that tell it from others of these."""


def differing_settings(recipes: Mapping[str, Recipe]) -> dict[str, dict[str, Setting]]:
    """Run -> those of its settings that are not the same in all runs of its model and strategy; the seed is none.

    Two runs of one model and strategy with the same settings here have the same recipe but for the seed. A model that
    came with its predictions has no settings that we know of.

    Args:
        recipes: Id of each run of a study -> its recipe.
    """
    groups: dict[tuple[str, str], dict[str, dict[str, Setting]]] = {}
    for id_, recipe in recipes.items():
        groups.setdefault((recipe.backbone, recipe.strategy), {})[id_] = _settings(recipe)
    found: dict[str, dict[str, Setting]] = {}
    for group in groups.values():
        first = next(iter(group.values()))
        varied = {
            name
            for settings in group.values()
            for name in {*first, *settings}
            if (name in first) != (name in settings) or first.get(name) != settings.get(name)
        }
        for id_, settings in group.items():
            found[id_] = {name: value for name, value in settings.items() if name in varied}
    return found


def recipe_key(model: str, strategy: str, differs: Mapping[str, Setting]) -> RecipeKey:
    """What the runs of one recipe share, whatever their seed."""
    return model, strategy, tuple(sorted(differs.items()))


def _settings(recipe: Recipe) -> dict[str, Setting]:
    if recipe.strategy == GIVEN:
        return {}
    read = None if recipe.input_map is None else recipe.input_map.words
    return {**recipe.settings, **{name: getattr(recipe, name) for name in OWN}, "input_map": read}
