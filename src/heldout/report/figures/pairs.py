"""Every pair of runs on the same images: a forest of differences."""

from __future__ import annotations

from dataclasses import replace

from heldout.answer.texts import capital
from heldout.records import Pair
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure
from heldout.report.figures._forest import Row, forest, negative
from heldout.report.material import Material

MOST = 28
"""Pairs drawn (8 runs have 28); beyond, only those with the best run on test, the table holds all."""


def turned(pair: Pair) -> Pair:
    """The pair with the better run first, so that differences point one way."""
    if pair.difference_points.value >= 0:
        return pair
    area = pair.auc_difference
    return replace(
        pair,
        a=pair.b,
        b=pair.a,
        difference_points=negative(pair.difference_points),
        auc_difference=None if area is None else negative(area),
    )


def drawn(material: Material) -> tuple[list[Pair], str]:
    """Which pairs are drawn, the largest difference first, and a sentence that says so."""
    pairs = sorted(map(turned, material.comparison.pairs), key=lambda pair: -pair.difference_points.value)
    if len(pairs) <= MOST:
        return pairs, ""
    best = material.ranked[0].id
    return [pair for pair in pairs if best in (pair.a, pair.b)], (
        f" Of {len(pairs)} pairs, those with the best run on {material.judged} are drawn; the table holds all."
    )


def sheet_row(pair: Pair) -> list[Raw]:
    """A pair in the figure's CSV, turned as drawn."""
    d = pair.difference_points
    return [pair.a, pair.b, pair.split, d.value, d.low, d.high, d.n, d.method, pair.p, pair.p_holm, pair.verdict]


def draw(material: Material) -> list[Chart]:
    """Difference of test accuracies in points with the interval of the paired bootstrap."""
    pairs, note = drawn(material)
    if not pairs:
        return []
    names = material.names
    rows = [Row(names[pair.a], names[pair.b], pair.difference_points, pair.p_holm, pair.verdict) for pair in pairs]
    apart = sum(pair.verdict == "distinguishable" for pair in material.comparison.pairs)
    header = ["a", "b", "split", "difference_points", "low", "high", "n", "method", "p", "p_holm", "verdict"]
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            f"{capital(material.metric.words)} on {material.judged} of the better run minus that of the other, on the "
            "same images, with "
            "its 95 % interval. Filled: "
            f"the two can be told apart after correction for the number of pairs.{note}",
            f"{apart} of {len(material.comparison.pairs)} pairs of runs can be told apart on {material.judged}.",
            forest(rows),
            sheet(header, [sheet_row(turned(pair)) for pair in material.comparison.pairs]),
        )
    ]


FIGURE = Figure("pairs", "Differences between runs on the same images", "pairs", 0, draw)
