"""The same model and strategy, started again from other seeds; of a cross-validation with other folds too."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.names import settings_told
from heldout.answer.texts import number, percent
from heldout.records import Group
from heldout.report.blocks import Block, Cell, Column, Table
from heldout.report.material import Material
from heldout.report.recipes import shown_recipes
from heldout.report.section import Section
from heldout.runs.recipes import recipe_key

COLUMNS = (
    Column("Model and strategy", saved_as=("model", "strategy", "settings")),
    Column("Seeds", saved_as=("seeds",)),
    Column("Validation", "mean", True, "def-accuracy", saved_as=("val_accuracy",)),
    Column("Spread", "points", True, "def-spread", saved_as=("val_spread_points",)),
    Column("Test", "mean", True, "def-accuracy", saved_as=("test_accuracy",)),
    Column("Spread", "points", True, "def-spread", saved_as=("test_spread_points",)),
)


REPEATS = (
    "A seed is here a repeat of the cross-validation, with folds of its own: the spread is that of seeds and folds "
    "together."
)


def group_row(material: Material, group: Group) -> tuple[Cell, ...]:
    """Means and spreads of one recipe."""
    recipe = shown_recipes(material)[recipe_key(group.model, group.strategy, group.differs)]

    def mean(value: float | None) -> Cell:
        return Cell("–" if value is None else percent(value), saved=(value,))

    def spread(value: float | None) -> Cell:
        return Cell("–" if value is None else number(value, 2), saved=(value,))

    return (
        Cell(
            *recipe.name.lines,
            (group.model, group.strategy, settings_told(group.differs)),
            colour=recipe.colour,
        ),
        Cell(", ".join(map(str, group.seeds)), saved=(" ".join(map(str, group.seeds)),)),
        mean(group.val_accuracy),
        spread(group.val_spread_points),
        mean(group.test_accuracy),
        spread(group.test_spread_points),
    )


def blocks(material: Material) -> Sequence[Block]:
    """The spread, where there is any."""
    if not material.seeds_repeat:
        return ()
    rows = tuple(group_row(material, group) for group in material.comparison.groups)
    notes = (REPEATS,) if material.split.folds else ()
    return (Table("groups", "Over the seeds", COLUMNS, rows, notes),)


SECTION = Section(
    "seeds", "Variation between seeds", "The same model and strategy, trained again from other seeds.", 700, blocks
)
