"""Everything a run depended on, defaults included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heldout.records import Recipe
from heldout.report.blocks import Block, Cell, Column, Raw, Table
from heldout.report.cells import RUN, run_cell, setting_text
from heldout.report.material import Material
from heldout.report.section import Section

FIXED = ("weights", "image_size", "fit", "interpolation", "precision", "seed")
"""Fields of a recipe that every run has."""


def fixed_cells(recipe: Recipe) -> tuple[Cell, ...]:
    """The cells under `FIXED`; dashes for images that were not given."""
    values: tuple[Raw, ...] = (recipe.image_size, recipe.fit, recipe.interpolation, recipe.precision, recipe.seed)
    if not recipe.image_size:
        return (
            Cell(recipe.weights, mono=True),
            *(Cell("–", saved=(None,)) for _ in values[:-1]),
            Cell(str(recipe.seed)),
        )
    return (Cell(recipe.weights, mono=True), *(Cell(str(value), saved=(value,)) for value in values))


def settings_table(material: Material) -> Table:
    """Every setting of every run."""
    recipes = {row.id: material.run(row.id).recipe for row in material.runs}
    names = list(dict.fromkeys(name for recipe in recipes.values() for name in recipe.settings))
    mapped = any(recipe.input_map is not None for recipe in recipes.values())
    columns = (
        Column("Run", saved_as=RUN),
        *(Column(name.replace("_", " "), saved_as=(name,)) for name in (*FIXED, *names)),
        *([Column("intensity", "values that become black and white", saved_as=("intensity",))] * mapped),
        Column("finished", "UTC", saved_as=("finished",)),
        Column("id", "folder in runs/", saved_as=()),
    )
    rows = []
    for id_, recipe in recipes.items():
        own = [setting_text(recipe.settings[name]) if name in recipe.settings else None for name in names]
        finished = material.run(id_).record.created
        rows.append(
            (
                run_cell(material, id_),
                *fixed_cells(recipe),
                *(Cell("–" if value is None else value, saved=(value,)) for value in own),
                *([_intensity_cell(recipe)] * mapped),
                Cell(finished[:16].replace("T", " "), saved=(finished,)),
                Cell(id_, mono=True),
            )
        )
    weights = "answers" if material.files.given else "tensors"
    notes = ("A dash: there is no such setting.", f"Weights: the start of the SHA-256 of the {weights}.")
    return Table("settings-table", "Settings of every run", columns, tuple(rows), notes)


def _intensity_cell(recipe: Recipe) -> Cell:
    words = "" if recipe.input_map is None else recipe.input_map.words
    return Cell(words or "–", saved=(words or None,))


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested JSON as dotted names."""
    result: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = setting_text(value)
    return result


def environment_table(material: Material) -> Table:
    """Versions and machine; where runs differ, every value with the number of its runs. The CSV has a column a run."""
    environments = {row.id: flat(material.environments[row.id]) for row in material.runs}
    names = dict.fromkeys(name for found in environments.values() for name in found if name != "format")
    rows = []
    for name in names:
        values = tuple(found.get(name, "not recorded") for found in environments.values())
        distinct = list(dict.fromkeys(values))
        text = distinct[0] if len(distinct) == 1 else "; ".join(f"{v} ({values.count(v)} runs)" for v in distinct)
        rows.append((Cell(name), Cell(text, saved=values)))
    columns = (Column("What", saved_as=("name",)), Column("Value", saved_as=tuple(environments)))
    return Table("environment", "Where the runs were made", columns, tuple(rows))


def blocks(material: Material) -> Sequence[Block]:
    """Settings and environment."""
    found: list[Block] = [settings_table(material)]
    if any(material.environments.values()):
        found.append(environment_table(material))
    return found


SECTION = Section(
    "settings", "Settings", "Everything a run depended on, defaults included.", 1300, blocks, figures_first=False
)
