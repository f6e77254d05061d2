"""Tables of a model card: scores with intervals, groups of images, and the gap taken apart."""

from __future__ import annotations

from heldout.answer.groups import WHO, by_loss, why_not_compared
from heldout.answer.texts import capital, signed
from heldout.answer.why import status_words
from heldout.handing_over.front_matter import AREA, told
from heldout.records import Diagnosis, Estimate, RunRow
from heldout.records.terms import TERM_TITLES, TERM_WORDS
from heldout.report.blocks import Cell, Column, Table
from heldout.report.cells import accuracy_cell, auc_cell, lost_cell, methods, whole_cell
from heldout.report.material import Material

NONE = "–"


def scores_table(material: Material, row: RunRow) -> Table:
    """Every score of the run on validation and test."""
    val, test = (
        {name: (kind, estimate) for kind, name, estimate in told(material, scores)} if scores is not None else {}
        for scores in (row.val, row.test)
    )
    names = dict.fromkeys([*test, *val])
    rows = tuple((Cell(name), *_cells(val.get(name)), *_cells(test.get(name))) for name in names)
    noun = capital(material.unit.words)
    columns = (
        Column("Score"),
        _numbers("Validation", "95 % interval"),
        _numbers(noun, "validation"),
        _numbers("Test", "95 % interval"),
        _numbers(noun, "test"),
    )
    sides = (("validation", val), ("test", test))
    notes = methods((f"{name}, {part}", side[name][1]) for part, side in sides for name in side)
    return Table("scores", "Scores on images that the run did not learn from", columns, rows, notes)


def _numbers(heading: str, unit: str) -> Column:
    """A column of numbers; a card has no file of its tables."""
    return Column(heading, unit, True, saved_as=())


def _cells(found: tuple[str, Estimate] | None) -> tuple[Cell, Cell]:
    """A score, and on how many images, or patients, it rests."""
    if found is None:
        return Cell(NONE), Cell(NONE)
    kind, estimate = found
    return (auc_cell if kind == AREA else accuracy_cell)(estimate), whole_cell(estimate.n)


def groups_table(diagnosis: Diagnosis) -> Table:
    """Groups of images by further columns; of those too small to be compared it is said."""
    noun = capital(diagnosis.unit.words)
    columns = (
        Column("Group"),
        _numbers(noun, "validation"),
        _numbers(noun, "test"),
        _numbers("Score", "validation"),
        _numbers("Score", "test"),
        _numbers("Gap", "points"),
        _numbers("More than all others", "points"),
    )
    groups = by_loss(diagnosis)
    rows = tuple(
        (
            Cell(group.name, why_not_compared(group)),
            whole_cell(group.val_images),
            whole_cell(group.test_images),
            accuracy_cell(group.val_score),
            accuracy_cell(group.test_score),
            lost_cell(group.gap_points),
            lost_cell(group.difference_points),
        )
        for group in groups
    )
    notes = (
        "Groups overlap. A row says where the loss sits, not why; intervals of the last column hold for all rows.",
    )
    return Table("subgroups", WHO, columns, rows, notes)


def budget_table(diagnosis: Diagnosis) -> Table:
    """The terms in their order; they sum to the gap."""
    rows = tuple(
        (
            Cell(TERM_TITLES[term.term], status_words(term)),
            lost_cell(term.known),
            Cell(f"{capital(TERM_WORDS[term.term])}. {capital(term.detail)}"),
        )
        for term in diagnosis.budget
    )
    whole = signed(sum(term.points.value for term in diagnosis.budget))
    columns = (
        Column("Term"),
        _numbers("Points lost", "on test"),
        Column("What it means, and how it was measured", say=True),
    )
    notes = (
        f"The terms sum to {whole} points, the gap, exactly.",
        *methods((t.term, t.known) for t in diagnosis.budget),
    )
    return Table("budget", "Validation minus test, taken apart", columns, rows, notes)
