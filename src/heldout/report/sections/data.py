"""What the runs learned from and were judged by."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count
from heldout.records import PARTS
from heldout.report.blocks import Block, Cell, Column, Fold, Notes, Prose, Table
from heldout.report.material import Material
from heldout.report.section import Section

COLUMNS = (
    Column("Class or label", saved_as=("class",)),
    Column("Train", number=True, saved_as=("train",)),
    Column("Validation", number=True, saved_as=("val",)),
    Column("Test", number=True, saved_as=("test",)),
    Column("All", number=True, saved_as=("all",)),
)


def data_table(material: Material) -> Table:
    """Images of each class in each part, then patients and sites."""
    table = material.cohort.table.set_index("id")
    parts = [list(material.split.part(part)) for part in PARTS]
    frames = [table.loc[ids] for ids in (*parts, [id_ for ids in parts for id_ in ids])]

    def row(name: str, numbers: list[int], total: bool = False, known: bool = True) -> tuple[Cell, ...]:
        cells = (Cell(f"{n:,}" if known else "not known", saved=(n,)) for n in numbers)
        return (Cell(name, strong=total), *cells)

    labelling, texts = material.cohort.labelling, [frame["label"].tolist() for frame in frames]
    counts = [labelling.strata(own, material.classes).sum(axis=0) for own in texts]
    names = labelling.strata_names(material.classes)
    rows = [
        row(name, [int(one[k]) if k < len(one) else 0 for one in counts])
        for k, name in enumerate(names)
        if k < len(material.classes) or any(len(one) > k for one in counts)
    ]
    rows.append(row("all images", [len(frame) for frame in frames], total=True))
    for noun, column in (("patients", "patient"), ("sites", "site")):
        numbers = [int(frame.loc[frame[column] != "", column].nunique()) for frame in frames]
        rows.append(row(noun, numbers, total=True, known=numbers[-1] > 0))
    return Table("data-table", "Images", COLUMNS, tuple(rows))


def excluded_table(material: Material) -> Table:
    """Files left out on request, and why."""
    columns = (
        Column("File", saved_as=("where",)),
        Column("Found", saved_as=("found",)),
        Column("Expected", saved_as=("expected",)),
        Column("What to do", saved_as=("remedy",)),
    )
    rows = tuple(
        (Cell(p.where, mono=True), Cell(p.found), Cell(p.expected), Cell(p.remedy)) for p in material.cohort.excluded
    )
    return Table("excluded", "Files left out", columns, rows)


def split_sentence(material: Material) -> str:
    """How the parts came about."""
    cohort, split = material.cohort, material.split
    seed = "" if split.seed is None else f", seed {split.seed}"
    grouped = "no patient on both sides of the draw" if split.grouped else "drawn without regard to patients"
    if split.seed is None:
        grouped = "patients kept apart" if split.grouped else "as the data came"
    return (
        f"«{cohort.name}», read as {cohort.reader} from {material.study.data}. Split: {split.method}{seed} ({grouped})."
    )


def blocks(material: Material) -> Sequence[Block]:
    """What the cohort holds, what was left out, what a person should read."""
    found: list[Block] = [Prose(split_sentence(material)), data_table(material)]
    of_runs = [
        f"{material.names[row.id].label}: {note}" for row in material.runs for note in material.run(row.id).record.notes
    ]
    notes = dict.fromkeys((*material.files.remarks, *material.study.notes, *material.cohort.notes, *of_runs))
    if notes:
        found.append(Notes("To read", tuple(notes)))
    if material.cohort.excluded:
        files = count(len(material.cohort.excluded), "file")
        found.append(Fold(f"{files} left out on request", (excluded_table(material),)))
    return found


SECTION = Section("data", "The data", "What the runs learned from and were judged by.", 1100, blocks)
