"""Every two recipes over the folds of a cross-validation: a forest of differences."""

from __future__ import annotations

from dataclasses import replace

from heldout.answer.names import settings_told
from heldout.answer.texts import capital, count
from heldout.records.comparison import FoldPair
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure
from heldout.report.figures._forest import Row, forest, negative
from heldout.report.material import Material
from heldout.report.sections.folds import pair_sides


def turned(pair: FoldPair) -> FoldPair:
    """The pair with the better one first, so that differences point one way."""
    if pair.difference_points.value >= 0:
        return pair
    return replace(
        pair,
        model_a=pair.model_b,
        strategy_a=pair.strategy_b,
        differs_a=pair.differs_b,
        model_b=pair.model_a,
        strategy_b=pair.strategy_a,
        differs_b=pair.differs_a,
        difference_points=negative(pair.difference_points),
    )


def sheet_row(pair: FoldPair) -> list[Raw]:
    """A pair in the figure's CSV, turned as drawn."""
    d = pair.difference_points
    first, second = (pair.model_a, pair.strategy_a), (pair.model_b, pair.strategy_b)
    settings = settings_told(pair.differs_a), settings_told(pair.differs_b)
    return [*first, *second, d.value, d.low, d.high, d.n, d.method, pair.p, pair.p_holm, pair.verdict, *settings]


HEADER = (
    *("model_a", "strategy_a", "model_b", "strategy_b"),
    *("difference_points", "low", "high", "n", "method", "p", "p_holm", "verdict"),
    *("settings_a", "settings_b"),
)


def draw(material: Material) -> list[Chart]:
    """Mean difference over folds in points, with Nadeau & Bengio's interval."""
    pairs = sorted(map(turned, material.comparison.fold_pairs), key=lambda pair: -pair.difference_points.value)
    if not pairs:
        return []
    rows = [
        Row(first.name, second.name, pair.difference_points, pair.p_holm, pair.verdict)
        for pair in pairs
        for first, second in [pair_sides(material, pair)]
    ]
    apart = sum(pair.verdict == "distinguishable" for pair in pairs)
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            f"{capital(material.metric.words)} out of fold of the better one minus that of the other, over "
            f"{count(pairs[0].folds * pairs[0].repeats, 'fold')}, with its 95 % interval, which counts that folds "
            "share training images. Filled: the two can be told apart after correction for the number of pairs.",
            f"{apart} of {count(len(pairs), 'pair')} can be told apart out of fold.",
            forest(rows),
            sheet(HEADER, [sheet_row(pair) for pair in pairs]),
        )
    ]


FIGURE = Figure("fold-pairs", "Differences over the folds", "folds", 0, draw)
