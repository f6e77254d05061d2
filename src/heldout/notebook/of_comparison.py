"""A comparison as an output: the answer, the runs with their intervals, the pairs folded."""

from __future__ import annotations

from collections.abc import Mapping

from heldout.answer import comparison_sentences, names_in, ranked
from heldout.answer.baseline import baseline_title
from heldout.answer.best import JUDGED, judged_part
from heldout.answer.names import RunName
from heldout.answer.selection import selection_sentences
from heldout.answer.texts import count, duration, probability
from heldout.notebook.blocks import Cell, Column, Display, Fold, Grid
from heldout.notebook.cells import NOTHING, decimal_cell, percent_cell, points_cell
from heldout.notebook.of_repeats import choosing, fold_pairs, seeds
from heldout.records import Comparison, RunRow

MOST_PAIRS = 15
"""Pairs shown, the clearest first: a screen's worth; all stand in the record and in the report."""


def of_comparison(comparison: Comparison) -> Display:
    """A comparison that has runs."""
    names = names_in(comparison)
    found = [sentence for selection in comparison.selections for sentence in selection_sentences(selection)]
    made = (choosing, fold_pairs, _pairs, seeds, _labels)
    more = [block for block in (make(comparison, names) for make in made) if block is not None]
    return Display(
        (*comparison_sentences(comparison, names), *found),
        (_runs(comparison, names), *more),
        _note(comparison),
    )


def in_order(comparison: Comparison) -> tuple[RunRow, ...]:
    """The runs, best first on the part they are judged on, then those that were not scored there."""
    best = ranked(comparison)
    return (*best, *(row for row in comparison.runs if row not in best))


def _runs(comparison: Comparison, names: Mapping[str, RunName]) -> Grid:
    rows = in_order(comparison)
    trained, tested = any(row.train for row in rows), any(row.test for row in rows)
    timed = any(row.seconds_per_epoch is not None for row in rows)
    headings = ["train"] * trained + ["validation"] + ["test"] * tested + ["AUC"] + ["gap"] * tested
    headings += ["an epoch"] * timed
    columns = (Column("run"), *(Column(heading, number=True) for heading in headings))
    body = []
    for row in rows:
        cells = {
            "train": percent_cell(row.train.score if row.train else None),
            "validation": percent_cell(row.val.score),
            "test": percent_cell(row.test.score if row.test else None),
            "AUC": decimal_cell((row.test or row.val).auc),
            "gap": points_cell(row.gap_points),
            "an epoch": NOTHING if row.seconds_per_epoch is None else Cell(duration(row.seconds_per_epoch)),
        }
        body.append((Cell(*names[row.id].lines), *(cells[heading] for heading in headings)))
    if (baseline := comparison.baseline) is not None:
        scored = {"validation": percent_cell(baseline.val), "test": percent_cell(baseline.test)}
        title = Cell(baseline_title(baseline.answer))
        body.append((title, *(scored.get(heading, Cell("")) for heading in headings)))
    return Grid("", columns, tuple(body))


def _pairs(comparison: Comparison, names: Mapping[str, RunName]) -> Fold | None:
    """Every two runs, the clearest difference first."""
    pairs = sorted(comparison.pairs, key=lambda pair: pair.p)
    if not pairs:
        return None
    rows = tuple(
        (
            Cell(f"{names[pair.a].label}, {names[pair.b].label}"),
            points_cell(pair.difference_points),
            Cell(probability(pair.p_holm)),
            Cell(pair.verdict),
        )
        for pair in pairs[:MOST_PAIRS]
    )
    more = "" if len(pairs) <= MOST_PAIRS else f" The {MOST_PAIRS} clearest of {len(pairs)}."
    columns = (Column("first, second"), Column("first − second", number=True), Column("p (Holm)", number=True))
    where = JUDGED[judged_part(comparison)]
    grid = Grid(f"Pairs on the same {where} images, difference in points.{more}", (*columns, Column("verdict")), rows)
    apart = sum(pair.verdict == "distinguishable" for pair in pairs)
    return Fold(f"{apart} of {count(len(pairs), 'pair')} of runs can be told apart", (grid,))


def _labels(comparison: Comparison, names: Mapping[str, RunName]) -> Fold | None:
    """How every run does on each of several labels."""
    part = judged_part(comparison)
    grids: list[Grid] = []
    columns = ("images with it", "AUC", "sensitivity", "specificity")
    for row in in_order(comparison):
        scores = (row.test if part == "test" else row.val) or row.val
        rows = tuple(
            (
                Cell(label),
                Cell(f"{one.positives:,} of {one.images:,}"),
                decimal_cell(one.auc),
                percent_cell(one.sensitivity),
                percent_cell(one.specificity),
            )
            for label, one in scores.labels.items()
        )
        if rows:
            headings = (Column("label"), *(Column(name, number=True) for name in columns))
            grids.append(Grid(f"{names[row.id].label}, {JUDGED[part]}", headings, rows))
    return Fold("Label by label", tuple(grids)) if grids else None


def _note(comparison: Comparison) -> str:
    """What the columns hold, and how their intervals were made."""
    row = comparison.runs[0]
    score, words = (row.test or row.val).score, comparison.metric.words
    unit = f" Rows are {comparison.unit.words}; {comparison.unit.told}." if comparison.unit.told else ""
    return (
        f"train, validation, test: {words}, below each value its 95 % interval (of the first row: {score.method}). AUC "
        f"on {'test' if row.test else 'validation'}. gap: validation minus test in points.{unit}"
    )
