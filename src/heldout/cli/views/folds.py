"""What a cross-validation adds to a comparison, on the terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from heldout.answer.names import with_settings
from heldout.answer.texts import count, probability
from heldout.cli.views.cells import empty_table, percent_cell, points_cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from heldout.answer.names import RunName
    from heldout.records import Comparison


def fold_tables(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    """Differences over folds, the clearest first, and what choosing among the runs is worth."""
    return [*_pairs(comparison, names, width), *_choosing(comparison, names, width)]


def _pairs(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    if not comparison.fold_pairs:
        return []
    short = {row.model: names[row.id].model for row in comparison.runs}
    first = comparison.fold_pairs[0]
    over = count(first.folds * first.repeats, "fold")
    table = empty_table(f"Pairs out of fold ({over}), difference in points", width)
    table.add_column("first, second")
    for column in ("first − second", "p", "p (Holm)"):
        table.add_column(column, justify="right")
    table.add_column("verdict", min_width=15)
    for pair in sorted(comparison.fold_pairs, key=lambda pair: pair.p):
        a, b = with_settings(pair.strategy_a, pair.differs_a), with_settings(pair.strategy_b, pair.differs_b)
        couple = f"{short[pair.model_a]} · {a}\n{short[pair.model_b]} · {b}"
        p_values = (probability(pair.p), probability(pair.p_holm))
        table.add_row(couple, points_cell(pair.difference_points), *p_values, pair.verdict)
    return [table]


def _choosing(comparison: Comparison, names: Mapping[str, RunName], width: int) -> list[Table]:
    if not comparison.choosing:
        return []
    table = empty_table("The best run by each fold's own validation, scored on what the fold held back", width)
    for column in ("repeat", "chosen"):
        table.add_column(column)
    table.add_column(comparison.metric.words, justify="right")
    for one in comparison.choosing:
        labels = Counter(names[id_].label for id_ in one.chosen)
        chosen = ", ".join(f"{label} ({number}×)" for label, number in labels.most_common())
        table.add_row(str(one.seed + 1), chosen, percent_cell(one.score))
    return [table]
