"""What a cross-validation adds: differences over folds, and what choosing among the runs is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from heldout.answer.names import settings_told
from heldout.answer.texts import count, probability
from heldout.records.comparison import Choosing, FoldPair
from heldout.report.blocks import Block, Cell, Column, Table
from heldout.report.cells import accuracy_cell, ends_of, methods, points_cell
from heldout.report.material import Material
from heldout.report.recipes import ShownRecipe, shown_recipes
from heldout.report.section import Section
from heldout.runs.recipes import recipe_key
from heldout.runs.rows import ALPHA


def pair_sides(material: Material, pair: FoldPair) -> tuple[ShownRecipe, ShownRecipe]:
    """How both recipes of a pair are called and coloured."""
    recipes = shown_recipes(material)
    a = recipe_key(pair.model_a, pair.strategy_a, pair.differs_a)
    b = recipe_key(pair.model_b, pair.strategy_b, pair.differs_b)
    return recipes[a], recipes[b]


PAIR_COLUMNS = (
    Column("First", saved_as=("model_a", "strategy_a", "settings_a")),
    Column("Second", saved_as=("model_b", "strategy_b", "settings_b")),
    Column("Folds", number=True, saved_as=("folds", "repeats")),
    Column("Difference", "out of fold, points", True, "def-folds", saved_as=ends_of("difference_points")),
    Column("p", "corrected t", True, "def-folds", saved_as=("p",)),
    Column("p", "after Holm", True, "def-holm", saved_as=("p_holm",)),
    Column("Verdict", definition="def-verdict", saved_as=("verdict",)),
)


def pair_row(material: Material, pair: FoldPair) -> tuple[Cell, ...]:
    """One pair with its difference, p values and verdict."""
    first, second = pair_sides(material, pair)
    sides = (
        (first, (pair.model_a, pair.strategy_a, settings_told(pair.differs_a))),
        (second, (pair.model_b, pair.strategy_b, settings_told(pair.differs_b))),
    )
    repeats = f"{pair.repeats} × {pair.folds}" if pair.repeats > 1 else str(pair.folds)
    return (
        *(Cell(*side.name.lines, saved, colour=side.colour) for side, saved in sides),
        Cell(repeats, saved=(pair.folds, pair.repeats)),
        points_cell(pair.difference_points),
        *(Cell(probability(p), saved=(p,)) for p in (pair.p, pair.p_holm)),
        Cell(pair.verdict, strong=pair.verdict == "distinguishable"),
    )


def pairs_table(material: Material) -> Table:
    """Every two recipes."""
    pairs = material.comparison.fold_pairs
    notes = (
        f"Difference: {material.metric.words} of the first minus that of the second, on images that neither learned "
        "from, over all folds of all repeats.",
        f"Corrected for {count(len(pairs), 'pair')}; distinguishable where p after Holm is below {ALPHA:g} and the "
        "interval leaves out zero.",
        *methods(("difference", pair.difference_points) for pair in pairs),
    )
    rows = tuple(pair_row(material, pair) for pair in pairs)
    return Table("fold-pairs-table", "All pairs out of fold", PAIR_COLUMNS, rows, notes)


def choosing_table(material: Material) -> Table:
    """Of a nested cross-validation what the runs score that its folds would choose."""
    columns = (
        Column("Repeat", saved_as=("seed",)),
        Column("Chosen", "by each fold's own validation", saved_as=("chosen",)),
        Column("Score", material.metric.words, True, "def-nested", saved_as=ends_of(material.metric.name)),
    )

    def chosen(one: Choosing) -> str:
        labels = Counter(material.names[id_].label for id_ in one.chosen)
        return ", ".join(f"{label} ({number}×)" for label, number in labels.most_common())

    rows = tuple(
        (
            Cell(str(one.seed + 1), saved=(one.seed,)),
            Cell(chosen(one), saved=(" ".join(one.chosen),)),
            accuracy_cell(one.score),
        )
        for one in material.comparison.choosing
    )
    notes = (
        "In each fold the run that does best on that fold's own validation images, scored on the images that the fold "
        "held back: what choosing among these runs is worth, without what the choice flatters itself by.",
        *methods(("score", one.score) for one in material.comparison.choosing),
    )
    return Table("choosing", "What choosing among the runs is worth", columns, rows, notes)


def blocks(material: Material) -> Sequence[Block]:
    """Pairs over folds, then the choice; nothing where the study has no folds."""
    found: list[Block] = []
    if material.comparison.fold_pairs:
        found.append(pairs_table(material))
    if material.comparison.choosing:
        found.append(choosing_table(material))
    return found


SECTION = Section(
    "folds",
    "Do they differ over the folds?",
    "Every image was answered by a network that did not learn from it; what another draw of training images would "
    "change shows in the spread over folds.",
    850,
    blocks,
)
