"""Every pair of runs on the same test images: a forest of differences."""

from __future__ import annotations

from heldout.records import Pair
from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material
from heldout.report._words import plotly_text, probability, shortened
from heldout.report.figures._figure import Figure, dots, legend_entry, row_axis, spec

MOST = 28
"""Pairs drawn (8 runs have 28); beyond, only those with the best run on test, the table holds all."""


def drawn(material: Material) -> tuple[list[Pair], str]:
    """Which pairs are drawn, turned so that the better run stands first, and a sentence that says so."""
    pairs = [pair for pair in material.comparison.pairs]
    if len(pairs) <= MOST:
        return pairs, ""
    best = material.tested[0].row.id
    return [pair for pair in pairs if best in (pair.a, pair.b)], (
        f" Of {len(pairs)} pairs, those with the best run on test are drawn; the table holds all."
    )


def draw(material: Material) -> list[Chart]:
    """Difference of test accuracies in points with the interval of the paired bootstrap."""
    pairs, note = drawn(material)
    if not pairs:
        return []
    pairs = sorted(pairs, key=lambda pair: -abs(pair.difference_points.value))
    names = {run.row.id: run.label for run in material.runs}
    texts = [[shortened(names[id_], 34) for id_ in (pair.a, pair.b)] for pair in pairs]
    traces = []
    for verdict, colour, hollow in (("distinguishable", "@accent", False), ("not distinguishable", "@muted", True)):
        rows = [row for row, pair in enumerate(pairs) if pair.verdict == verdict]
        if rows:
            traces += [
                dots(
                    [pairs[row].difference_points for row in rows],
                    rows,
                    [
                        f"{plotly_text(texts[row][0])}<br>minus {plotly_text(texts[row][1])}<br>"
                        f"p after Holm {plotly_text(probability(pairs[row].p_holm))}, {verdict}"
                        for row in rows
                    ],
                    colours=colour,
                    hollow=hollow,
                ),
                legend_entry(verdict, hollow=hollow, colour=colour),
            ]
    layout = {
        "xaxis": {"title": {"text": "difference of test accuracies, points"}, "zeroline": True},
        "yaxis": row_axis([f"{plotly_text(a)}<br>− {plotly_text(b)}" for a, b in texts]),
        "hovermode": "closest",
    }
    csv: list[list[Raw]] = []
    for pair in material.comparison.pairs:
        d = pair.difference_points
        csv.append([pair.a, pair.b, pair.split, d.value, d.low, d.high, d.n, d.method, pair.p, pair.p_holm])
        csv[-1].append(pair.verdict)
    apart = sum(pair.verdict == "distinguishable" for pair in material.comparison.pairs)
    header = ["a", "b", "split", "difference_points", "low", "high", "n", "method", "p", "p_holm", "verdict"]
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "First run minus second, on the same test images; right of zero the first is better. Filled: the two can be told apart after "
            f"correction for the number of pairs.{note}",
            f"{apart} of {len(material.comparison.pairs)} pairs of runs can be told apart on test.",
            spec(traces, layout, 110 + 40 * len(pairs), ["distinguishable", "not distinguishable"]),
            sheet(header, csv),
        )
    ]


FIGURE = Figure("pairs", "Differences between runs on the same test images", "pairs", 0, draw)
