"""Which of several labels loses most from validation to test, and why: a line a label, each with a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.labels import by_loss, causes_of, label_sentence
from heldout.records import Diagnosis
from heldout.report.blocks import Block, Cell, Column, Notes, Prose, Table
from heldout.report.cells import RUN, accuracy_cell, ends_of, lost_cell, run_cell
from heldout.report.material import Material
from heldout.report.section import Section

COLUMNS = (
    Column("Label", saved_as=("label",)),
    Column("Run", saved_as=RUN),
    Column("Validation", "%", True, saved_as=ends_of("val")),
    Column("Test", "%", True, saved_as=ends_of("test")),
    Column("Lost", "points", True, "def-gap", saved_as=ends_of("gap_points")),
    Column("Why", saved_as=("why",)),
)


def of_run(material: Material, id_: str) -> tuple[Diagnosis, ...]:
    """Diagnoses of a run's labels, the greatest loss first."""
    found = (of_label.get(id_) for of_label in material.label_diagnoses.values())
    return by_loss([one for one in found if isinstance(one, Diagnosis)])


def unreadable(material: Material) -> list[str]:
    """Diagnoses that cannot be read or shown, each with the reason."""
    return [
        f"{label}, {material.names[id_].label if id_ in material.names else id_}: {one}"
        for label, of_label in material.label_diagnoses.items()
        for id_, one in of_label.items()
        if isinstance(one, str)
    ]


def blocks(material: Material) -> Sequence[Block]:
    """A sentence a run, then the table, then how one label is read in full."""
    found: list[Block] = []
    rows = []
    for run in material.ranked or material.runs:
        own = of_run(material, run.id)
        if not own:
            continue
        found.append(Prose(f"{material.names[run.id].spoken}: {label_sentence(own)}"))
        rows += [
            (
                Cell(one.label),
                run_cell(material, run.id),
                accuracy_cell(one.val_accuracy),
                accuracy_cell(one.test_accuracy),
                lost_cell(one.gap_points),
                Cell(causes_of(one)),
            )
            for one in own
        ]
    if rows:
        words = next(one.metric.words for run in material.runs for one in of_run(material, run.id))
        notes = (f"Validation, test and points lost: {words}. In full: heldout report STUDY --label NAME.",)
        found.append(Table("label-losses", "What each label loses", COLUMNS, tuple(rows), notes))
    if left := unreadable(material):
        found.append(Notes("Not shown", tuple(left)))
    return found


SECTION = Section(
    "label-losses",
    "Why test is lower, label by label",
    "Each label is diagnosed as two classes, absent and present, at its threshold.",
    120,
    blocks,
    labels=("several",),
)
