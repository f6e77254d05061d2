"""What folds and seeds add to a comparison's output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from heldout.answer.names import RunName, with_settings
from heldout.answer.texts import count, number, percent, probability
from heldout.notebook.blocks import Cell, Column, Fold, Grid
from heldout.notebook.cells import NOTHING, percent_cell, points_cell
from heldout.records import Comparison


def fold_pairs(comparison: Comparison, names: Mapping[str, RunName]) -> Fold | None:
    """Differences over folds, the clearest first."""
    pairs = sorted(comparison.fold_pairs, key=lambda pair: pair.p)
    if not pairs:
        return None
    short = {row.model: names[row.id].model for row in comparison.runs}
    sides = [
        (with_settings(pair.strategy_a, pair.differs_a), with_settings(pair.strategy_b, pair.differs_b))
        for pair in pairs
    ]
    rows = tuple(
        (
            Cell(f"{short[pair.model_a]} · {a}, {short[pair.model_b]} · {b}"),
            points_cell(pair.difference_points),
            Cell(probability(pair.p_holm)),
            Cell(pair.verdict),
        )
        for pair, (a, b) in zip(pairs, sides, strict=True)
    )
    columns = (Column("first, second"), Column("first − second", number=True), Column("p (Holm)", number=True))
    over = count(pairs[0].folds * pairs[0].repeats, "fold")
    note = "Corrected resampled t test (Nadeau & Bengio 2003)."
    grid = Grid(f"Pairs out of fold ({over}), difference in points", (*columns, Column("verdict")), rows, note)
    apart = sum(pair.verdict == "distinguishable" for pair in pairs)
    return Fold(f"Out of fold {apart} of {count(len(pairs), 'pair')} can be told apart", (grid,))


def choosing(comparison: Comparison, names: Mapping[str, RunName]) -> Grid | None:
    """What choosing among the runs is worth, by a nested cross-validation."""
    rows = []
    for one in comparison.choosing:
        labels = Counter(names[id_].label for id_ in one.chosen)
        chosen = ", ".join(f"{label} ({times}×)" for label, times in labels.most_common())
        rows.append((Cell(str(one.seed + 1)), Cell(chosen), percent_cell(one.score)))
    columns = (Column("repeat"), Column("chosen"), Column(comparison.metric.words, number=True))
    caption = "The best run by each fold's own validation, scored on what the fold held back"
    return Grid(caption, columns, tuple(rows)) if rows else None


def seeds(comparison: Comparison, names: Mapping[str, RunName]) -> Fold | None:
    """Mean and spread over seeds, where there are several."""
    if all(len(group.seeds) == 1 for group in comparison.groups):
        return None
    short = {row.model: names[row.id].model for row in comparison.runs}

    def shown(mean: float | None, spread: float | None) -> Cell:
        return NOTHING if mean is None else Cell(percent(mean) + ("" if spread is None else f" ± {number(spread)}"))

    rows = tuple(
        (
            Cell(f"{short[group.model]} · {with_settings(group.strategy, group.differs)}"),
            Cell(str(len(group.seeds))),
            shown(group.val_accuracy, group.val_spread_points),
            shown(group.test_accuracy, group.test_spread_points),
        )
        for group in comparison.groups
    )
    columns = (Column("model and strategy"), *(Column(name, number=True) for name in ("seeds", "validation", "test")))
    return Fold("Over seeds", (Grid("Mean ± standard deviation in points", columns, rows),))
