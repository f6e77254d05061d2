"""Epochs of every run as a table."""

from heldout.report.blocks import Cell, Column, Table
from heldout.report.section import Section


def blocks(material):
    """One row a run."""
    rows = tuple(
        (Cell(material.names[row.id].label), Cell(f"{row.epochs}", saved=(row.epochs,))) for row in material.runs
    )
    return (Table("letters-table", "Epochs of every run", (Column("Run"), Column("Epochs", number=True)), rows),)


SECTION = Section("letters", "Letters", "What the letters say.", 650, blocks)
