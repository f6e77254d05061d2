"""Are probabilities what they say, and when does a run answer: what `heldout calibrate` found."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.calibration import (
    KEPT,
    PARTS,
    SCORES,
    broken_told,
    caveats,
    likeness_told,
    promise_told,
    rate_name,
    scaling_told,
    set_size_told,
)
from heldout.answer.calibration import used as applied
from heldout.answer.texts import percent
from heldout.errors import InputError
from heldout.records import Estimate
from heldout.records.calibration import Calibration
from heldout.report.blocks import Block, Cell, Column, Notes, Prose, Table
from heldout.report.cells import RUN, accuracy_cell, auc_cell, ends_of, methods, run_cell, saved, signed_cell
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.runs.calibrated import read_calibration
from heldout.runs.candidates import candidates_of


def calibrations(material: Material) -> tuple[dict[str, Calibration], list[str]]:
    """Run id -> its calibration, and a sentence for each that cannot be read."""
    found, doubts = {}, []
    for run in material.files.runs:
        try:
            record = read_calibration(run.folder)
        except InputError as error:
            doubts.append(f"{error.problems[0]}")
            continue
        if record is not None:
            found[run.record.id] = record
    return found, doubts


def blocks(material: Material) -> Sequence[Block]:
    """Scores before and after, every promise, what it did on test, and what all of it rests on."""
    found, doubts = calibrations(material)
    told: list[Block] = [Prose(doubt) for doubt in doubts]
    if not found:
        return told
    told.append(_scores(material, found))
    if any(record.rules for record in found.values()):
        told.append(_rules(material, found))
    for id_, record in found.items():
        said = [scaling_told(record), *(promise_told(record, rule) for rule in record.rules)]
        said += filter(None, map(broken_told, record.rules))
        if record.rules and record.test_likeness is not None:
            said.append(likeness_told(record.test_likeness))
        said += caveats(record, candidates_of(material.files, record.part))
        told.append(Notes(material.names[id_].spoken, tuple(said)))
    return told


def _scores(material: Material, found: dict[str, Calibration]) -> Table:
    columns = (
        Column("Run", saved_as=RUN),
        Column("Part", saved_as=("split",)),
        Column("Score", saved_as=("score",)),
        Column("Before", number=True, saved_as=ends_of("before")),
        Column("After", number=True, saved_as=ends_of("after")),
        Column("Change", number=True, saved_as=ends_of("change")),
    )
    rows, noted = [], []
    for id_, record in found.items():
        for one in applied(record):
            for score in one.scores:
                cells = auc_cell(score.before), auc_cell(score.after), signed_cell(score.change)
                part, name = Cell(PARTS[one.part], saved=(one.part,)), Cell(SCORES[score.name], saved=(score.name,))
                rows.append((run_cell(material, id_), part, name, *cells))
                noted.append((f"{SCORES[score.name]}, {PARTS[one.part]}", score.change))
    notes = ("Lower is better. Each image was scaled by what was fitted on other patients.", *methods(noted))
    return Table("calibration-scores", "Probabilities before and after scaling", columns, tuple(rows), notes)


def _rules(material: Material, found: dict[str, Calibration]) -> Table:
    columns = (
        Column("Run", saved_as=RUN),
        Column("What is controlled", saved_as=("rule",)),
        Column("Allowed", number=True, saved_as=("alpha",)),
        Column("Found on test", number=True, saved_as=ends_of("loss")),
        Column("Kept", saved_as=("kept",)),
        Column("Answered", "or sets of one class", number=True, saved_as=ends_of("coverage")),
        Column("Classes in a set", number=True, saved_as=ends_of("set_size")),
    )
    rows = []
    noted: list[tuple[str, Estimate | None]] = []
    for id_, record in found.items():
        for rule in record.rules:
            on_test, name = rule.on_test, rate_name(rule, record.positive)
            size = None if on_test is None else on_test.set_size
            kept = "–" if on_test is None else KEPT[on_test.kept]
            loss, coverage = (None, None) if on_test is None else (on_test.loss, on_test.coverage)
            rows.append(
                (
                    run_cell(material, id_),
                    Cell(name, saved=(rule.kind,)),
                    Cell(percent(rule.alpha), saved=(rule.alpha,)),
                    accuracy_cell(loss),
                    Cell(kept, saved=(None if on_test is None else on_test.kept,)),
                    accuracy_cell(coverage),
                    Cell(set_size_told(size), saved=saved(size)),
                )
            )
            noted += [(name, loss), ("answered", coverage)]
    return Table("abstention", "When a run answers", columns, tuple(rows), methods(noted))


SECTION = Section(
    "calibration",
    "When to believe an answer",
    "Probabilities before and after scaling, and what a run promises of the images that it answers.",
    280,
    blocks,
    figures_first=False,
    labels=("single",),
)
