"""Where the runs go wrong: which class is taken for which, and the recall of every class."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.report.blocks import Block, Column, Prose, Table
from heldout.report.cells import RUN, accuracy_cell, ends_of, run_cell
from heldout.report.material import Material
from heldout.report.section import Section


def size_of(material: Material, name: str) -> str:
    """How many test images of a class the recalls rest on."""
    known = [row.test.recall.get(name) for row in material.tested if row.test]
    return next((f"n = {recall.n:,}" for recall in known if recall), "")


def recalls_table(material: Material) -> Table:
    """Recall of every class on test, one row a run."""
    recalls = {row.id: [row.test.recall.get(name) for name in material.classes] for row in material.tested if row.test}
    columns = (
        Column("Run", saved_as=RUN),
        *(
            Column(name, size_of(material, name), True, "def-recall", saved_as=ends_of(f"recall_{name}"))
            for name in material.classes
        ),
    )
    rows = tuple((run_cell(material, id_), *map(accuracy_cell, found)) for id_, found in recalls.items())
    ways = dict.fromkeys(recall.method for found in recalls.values() for recall in found if recall)
    return Table(
        "recalls-table",
        "Recall of every class on test",
        columns,
        rows,
        tuple(f"Interval: {way}." for way in ways),
    )


def blocks(material: Material) -> Sequence[Block]:
    """Recalls, where there is a test set."""
    return (recalls_table(material),) if material.tested else (Prose("There is no test set."),)


SECTION = Section(
    "errors",
    "Where they go wrong",
    "Rows are the truth, columns the prediction; the stronger the colour along the diagonal, the better.",
    900,
    blocks,
    labels=("single",),
)
