"""Diagnoses as an output: by how much test is lower, the budget as bars, causes with a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.labels import by_loss, causes_of, label_sentence
from heldout.answer.names import RunIdentity, run_names
from heldout.answer.texts import number
from heldout.answer.why import (
    CHECKED,
    EXPLORATORY,
    LIMITS,
    alternatives_sentence,
    finding_in_short,
    headline,
    points_lost,
    status_words,
    why_lower,
)
from heldout.notebook.blocks import Bar, Block, Cause, Causes, Cell, Column, Display, Fold, Grid, Lines
from heldout.notebook.cells import lost_cell, percent_cell, points_cell
from heldout.records import Diagnosis, Finding
from heldout.records.terms import TERM_TITLES, VERDICT_SIGNS


def of_diagnosis(diagnosis: Diagnosis, spoken: str = "") -> Display:
    """One run's diagnosis.

    Args:
        diagnosis: Of one run.
        spoken: What the run is called in a sentence; by default as if it were alone.
    """
    name = spoken or _spoken([diagnosis])[diagnosis.run]
    why = why_lower(diagnosis)
    asked = f"{name}, label {diagnosis.label}" if diagnosis.label else name
    blocks: list[Block] = []
    if why.explained:
        blocks += [*_budget(diagnosis), *_told(diagnosis, why.told)]
    blocks += _others(why.others, CHECKED if not why.explained else "What else was checked")
    if why.remedies:
        rows = tuple(
            (Cell(f"{one.name}{' *' if one.exploratory else ''}"), points_cell(one.gain_points)) for one in why.remedies
        )
        columns = (Column("remedy"), Column("points gained", number=True))
        starred = f"* {EXPLORATORY}" if any(one.exploratory for one in why.remedies) else ""
        caption = f"What would help: test {diagnosis.metric.words} with it minus without it"
        blocks.append(Grid(caption, columns, rows, starred))
    if diagnosis.limits:
        blocks.append(Fold(LIMITS, (Lines("", diagnosis.limits),)))
    gap = diagnosis.gap_points
    method = f"{gap.method}, {gap.n:,} {diagnosis.unit.words}; " if gap else ""
    note = f"Intervals are 95 % ({method}B = {diagnosis.bootstrap}, seed {diagnosis.bootstrap_seed})."
    return Display((headline(diagnosis, asked), diagnosis.summary), tuple(blocks), note)


def of_diagnoses(diagnoses: Sequence[Diagnosis]) -> Display:
    """Several diagnoses: the first at length, the others folded; of several labels a table of them first."""
    names = _spoken(diagnoses)
    if not diagnoses:
        return Display(("No run was diagnosed.",))
    if any(one.label for one in diagnoses):
        return _of_labels(diagnoses, names)
    first, *others = (of_diagnosis(one, names[one.run]) for one in diagnoses)
    folded = (Fold(one.sentences[0], (one,)) for one in others)
    return Display(first.sentences, (*first.blocks, *folded), first.note)


def _spoken(diagnoses: Sequence[Diagnosis]) -> dict[str, str]:
    """Id of a run -> what it is called in a sentence."""
    known = {one.run: RunIdentity(one.run, one.model, one.strategy, one.seed) for one in diagnoses}
    return {id_: name.spoken for id_, name in run_names(list(known.values())).items()}


def _of_labels(diagnoses: Sequence[Diagnosis], names: dict[str, str]) -> Display:
    sentences: list[str] = []
    blocks: list[Block] = []
    for run in dict.fromkeys(one.run for one in diagnoses):
        own = by_loss([one for one in diagnoses if one.run == run])
        sentences.append(f"{names[run]}: {label_sentence(own)}")
        columns = (Column("label"), *(Column(name, number=True) for name in ("validation", "test", "points lost")))
        rows = tuple(
            (
                Cell(one.label),
                percent_cell(one.val_accuracy),
                percent_cell(one.test_accuracy),
                points_cell(one.gap_points),
                Cell(causes_of(one)),
            )
            for one in own
        )
        blocks.append(Grid(f"{names[run]}, {own[0].metric.words}", (*columns, Column("why")), rows))
        blocks += [Fold(one.label, (of_diagnosis(one, names[run]),)) for one in own]
    return Display(tuple(sentences), tuple(blocks))


def _budget(diagnosis: Diagnosis) -> tuple[Grid, ...]:
    """From validation down to test, a bar a term along the axis of the score; none where it was not taken apart."""
    val, test = diagnosis.val_accuracy, diagnosis.test_accuracy
    if not diagnosis.budget or val is None or test is None:
        return ()
    at = [100 * val.value]
    for term in diagnosis.budget:
        at.append(at[-1] - term.points.value)
    low, high = min(at), max(at)
    low -= max(0.12 * (high - low), 1e-9)  # validation and test need some length to be seen

    def bar(one: float, other: float) -> tuple[float, float]:
        begin, end = sorted(((one - low) / (high - low), (other - low) / (high - low)))
        return max(begin, 0.0), min(end, 1.0)

    rows = [(Cell("validation"), percent_cell(val), Cell("", bar=Bar(*bar(low, at[0]), "whole")))]
    for term, begun, ended in zip(diagnosis.budget, at, at[1:], strict=False):
        drawn = Cell(status_words(term))
        if begun != ended:
            drawn = Cell("", bar=Bar(*bar(begun, ended), "lost" if ended < begun else "gained"))
        rows.append((Cell(TERM_TITLES[term.term]), lost_cell(term.known), drawn))
    rows.append((Cell("test"), percent_cell(test), Cell("", bar=Bar(*bar(low, at[-1]), "whole"))))
    whole = sum(term.points.value for term in diagnosis.budget)
    caption = f"From validation to test: {number(whole)} {diagnosis.metric.words} points lost"
    columns = (Column("term"), Column("points", number=True), Column("", drawn=True))
    return (Grid(caption, columns, tuple(rows)),)


def _told(diagnosis: Diagnosis, findings: Sequence[Finding]) -> tuple[Causes, ...]:
    """Established and suggested causes."""
    causes = tuple(
        Cause(
            VERDICT_SIGNS[one.verdict],
            one.verdict,
            one.cause,
            "" if one.points is None else points_lost(one.points),
            " ".join(filter(None, (one.sentence, alternatives_sentence(diagnosis, one)))),
            one.remedy,
        )
        for one in findings
    )
    return (Causes("What was found", causes),) if causes else ()


def _others(findings: Sequence[Finding], caption: str) -> tuple[Fold, ...]:
    """The other causes, a line each under their verdict."""
    lines = tuple(
        Lines(
            f"{sign} {verdict.capitalize()}",
            tuple(f"{one.cause}: {finding_in_short(one)}" for one in findings if one.verdict == verdict),
        )
        for verdict, sign in VERDICT_SIGNS.items()
        if any(one.verdict == verdict for one in findings)
    )
    return (Fold(f"{caption} ({len(findings)})", lines),) if lines else ()
