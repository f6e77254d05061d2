"""Every pair of runs on the same images: a forest of differences."""

from __future__ import annotations

from dataclasses import replace

from heldout.answer.texts import capital, probability
from heldout.records import Estimate, Pair
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, broken_label, label, plotly_text, spec
from heldout.report.marks import dots, legend_entry, row_axis
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


def negative(d: Estimate) -> Estimate:
    """The difference the other way round."""
    return Estimate(-d.value, -d.high, -d.low, d.n, d.method)


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
    texts = [[label(names[id_]) for id_ in (pair.a, pair.b)] for pair in pairs]
    traces = []
    for verdict, colour, hollow in (("distinguishable", "@accent", False), ("not distinguishable", "@muted", True)):
        rows = [row for row, pair in enumerate(pairs) if pair.verdict == verdict]
        if rows:
            traces += [
                dots(
                    [pairs[row].difference_points for row in rows],
                    rows,
                    [
                        f"{texts[row][0]}<br>minus {texts[row][1]}<br>"
                        f"p after Holm {plotly_text(probability(pairs[row].p_holm))}, {verdict}"
                        for row in rows
                    ],
                    colour=colour,
                    hollow=hollow,
                ),
                legend_entry(verdict, hollow=hollow, colour=colour),
            ]
    layout = {
        "xaxis": {"title": {"text": "difference, points"}, "zeroline": True},
        "yaxis": row_axis([f"{a}<br>− {b}" for a, b in texts]),
        "hovermode": "closest",
    }
    stacked = [f"{broken_label(names[pair.a])}<br>− {broken_label(names[pair.b])}" for pair in pairs]
    narrow = {"height": 110 + 76 * len(pairs), "ticktext": stacked}
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
            spec(traces, layout, 110 + 40 * len(pairs), ["distinguishable", "not distinguishable"], narrow),
            sheet(header, [sheet_row(turned(pair)) for pair in material.comparison.pairs]),
        )
    ]


FIGURE = Figure("pairs", "Differences between runs on the same images", "pairs", 0, draw)
