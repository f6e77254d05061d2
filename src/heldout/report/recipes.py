"""The recipes of a study as the page tells them: runs that differ in their seed alone."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.answer.names import RunName, with_settings
from heldout.records import RunRow
from heldout.report.material import Material
from heldout.runs.recipes import RecipeKey, recipe_key


@dataclass(frozen=True)
class ShownRecipe:
    """A recipe on the page.

    Attributes:
        name: Its model, and its strategy with the settings that tell it from others.
        colour: Number of the colour that its runs share.
        runs: Its runs, one a seed.
    """

    name: RunName
    colour: int
    runs: tuple[RunRow, ...]


def shown_recipes(material: Material) -> dict[RecipeKey, ShownRecipe]:
    """The recipes in the order of their first runs."""
    members: dict[RecipeKey, list[RunRow]] = {}
    for row in material.runs:
        members.setdefault(recipe_key(row.model, row.strategy, row.differs), []).append(row)
    return {
        key: ShownRecipe(
            RunName(material.names[rows[0].id].model, (with_settings(rows[0].strategy, rows[0].differs),)),
            material.marks[rows[0].id].colour,
            tuple(rows),
        )
        for key, rows in members.items()
    }
