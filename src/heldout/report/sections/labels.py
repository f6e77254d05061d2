"""How every run does on each of several labels, on the part that runs are judged on."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.best import JUDGED, judged_part
from heldout.answer.texts import capital
from heldout.records import LabelScores, RunRow
from heldout.report.blocks import Block, Cell, Column, Table
from heldout.report.cells import RUN, accuracy_cell, auc_cell, csv_only, ends_of, methods, run_cell, unseen
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.stats.further import FURTHER

SHOWN = ("average_precision", "f1")
"""Further scores beside the AUC; the CSV has all."""


def label_table(material: Material) -> Table:
    """A row a label and run, the labels in their order."""
    judged = judged_part(material.comparison)
    titles = {score.name: score.title for score in FURTHER}
    first = next(iter(_of(material.runs[0], judged).values()))
    further = list(first.scores)
    columns = (
        Column("Label", saved_as=("label",)),
        Column("Run", saved_as=RUN),
        Column("Images with it", "of all", True, saved_as=("positives", "images")),
        Column("AUC", number=True, definition="def-auc", saved_as=ends_of("auc")),
        *(Column(capital(titles[name]), number=True, saved_as=ends_of(name)) for name in SHOWN),
        Column("Sensitivity", "%", True, "def-recall", saved_as=ends_of("sensitivity")),
        Column("Specificity", "%", True, "def-recall", saved_as=ends_of("specificity")),
        Column("Threshold", "of the logit", True, saved_as=("threshold",)),
        csv_only(*(end for name in further if name not in SHOWN for end in ends_of(name))),
    )
    rows, used = [], []
    for name in material.classes:
        for row in material.runs:
            one = _of(row, judged)[name]
            rows.append(_row(material, row.id, name, one, further))
            used += [("AUC", one.auc), ("sensitivity", one.sensitivity), ("specificity", one.specificity)]
            used += [(titles[key], one.scores[key]) for key in SHOWN]
    notes = (
        "The second line of a cell is its 95 % interval. The threshold of a label is set on validation, where "
        "sensitivity and specificity together are largest.",
        *methods(used)[:6],
    )
    return Table("label-scores", f"Labels on {JUDGED[judged]}", columns, tuple(rows), notes)


def _row(material: Material, id_: str, name: str, one: LabelScores, further: Sequence[str]) -> tuple[Cell, ...]:
    rest = [value for key in further if key not in SHOWN for value in auc_cell(one.scores[key]).values]
    return (
        Cell(name),
        run_cell(material, id_),
        Cell(f"{one.positives:,}", f"of {one.images:,}", (one.positives, one.images)),
        auc_cell(one.auc),
        *(auc_cell(one.scores[key]) for key in SHOWN),
        accuracy_cell(one.sensitivity),
        accuracy_cell(one.specificity),
        Cell(f"{one.threshold:.2f}", saved=(one.threshold,)),
        unseen(*rest),
    )


def _of(row: RunRow, judged: str) -> dict[str, LabelScores]:
    scores = (row.test if judged == "test" else row.val) or row.val
    return scores.labels


def blocks(material: Material) -> Sequence[Block]:
    """The table."""
    return (label_table(material),)


SECTION = Section(
    "labels",
    "Each label",
    "Every label is a question of its own: is it there or not?",
    450,
    blocks,
    labels=("several",),
)
