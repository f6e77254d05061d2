"""What `--strategies auto` tried, what it recommends, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.names import short_models
from heldout.answer.selection import judged_on, selection_sentences, strategy_told
from heldout.answer.texts import capital, count, duration, number, percent, signed
from heldout.records.selection import Behind, Candidate, Selection
from heldout.report.blocks import Block, Cell, Column, Headline, Table
from heldout.report.material import Material
from heldout.report.section import Section

STANDINGS = {"as good": "as good, as far as can be told", "worse": "worse"}

COLUMNS = (
    Column("Recipe", saved_as=("candidate", "model", "strategy", "settings")),
    Column("Rung", number=True, saved_as=("rung",)),
    Column("Right", "share of images", True, "def-accuracy", saved_as=("val_accuracy",)),
    Column("Loss", "nats", True, saved_as=("val_loss",)),
    Column("Behind", "points", True, "def-behind", saved_as=("points_behind", "low", "high")),
    Column("Best", "of 100 draws", True, "def-behind", saved_as=("best",)),
    Column("Standing", definition="def-behind", saved_as=("standing",)),
    Column("Time", number=True, saved_as=("seconds",)),
)


def row(found: Selection, place: int, one: Candidate, behind: Behind) -> tuple[Cell, ...]:
    """One recipe that was tried."""
    chosen, settings = place == found.chosen, " ".join(f"{key}={value}" for key, value in one.settings.items())
    name = short_models(found.models)[one.backbone]
    ends = (behind.points, behind.low, behind.high)
    standing = "recommended" if chosen else STANDINGS[behind.standing]
    return (
        Cell(name, strategy_told(one), (place, one.backbone, one.strategy, settings), strong=chosen),
        Cell(str(one.rung + 1), saved=(one.rung + 1,)),
        Cell(percent(one.val_accuracy), saved=(one.val_accuracy,), strong=chosen),
        Cell(number(one.val_loss, 3), saved=(one.val_loss,)),
        Cell("–", saved=ends)
        if chosen
        else Cell(number(behind.points), f"{signed(behind.low)} to {signed(behind.high)}", ends),
        Cell("–" if behind.best is None else number(100 * behind.best, 0), saved=(behind.best,)),
        Cell(standing, saved=(standing,), strong=chosen),
        Cell(duration(one.seconds), saved=(one.seconds,)),
    )


def table(found: Selection, place: int) -> Table:
    """All recipes of a search, in the order in which they were tried."""
    rows = tuple(row(found, n, one, found.behind[n]) for n, one in enumerate(found.candidates))
    how = "paired over patients, for all pairs at once" + (", or over folds where that is wider" if found.folds else "")
    notes = (
        f"Right and loss: on {judged_on(found)}. Behind: points by which a recipe lies behind the recommended one, "
        f"with the 95 % interval, {how}. Best: in how many of 100 draws of patients it has the most images right.",
        "The test images had no part in it. What is right here of the recommended recipe is flattered by its having "
        "been chosen.",
    )
    title = f"{capital(count(len(found.candidates), 'recipe'))} tried"
    return Table(f"candidates-{place + 1}", title, COLUMNS, rows, notes)


def opening(material: Material) -> Sequence[Block]:
    """What is recommended, in sentences."""
    found: list[Block] = []
    for selection in material.comparison.selections:
        first, *rest = selection_sentences(selection)
        found.append(Headline(first, " ".join(rest)))
    return found


def blocks(material: Material) -> Sequence[Block]:
    """A table a search; nothing where every strategy was named."""
    return [table(one, place) for place, one in enumerate(material.comparison.selections)]


SECTION = Section(
    "selection",
    "Which recipe was chosen, and how surely?",
    "From what costs seconds to what trains the whole network, judged on images that no recipe learned from.",
    250,
    blocks,
    opening=opening,
)
