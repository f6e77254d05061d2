"""A forest of differences: a row a pair, its dot and its interval, filled where the two can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heldout.answer.names import RunName
from heldout.answer.texts import probability
from heldout.records import Estimate
from heldout.report.figure import broken_label, label, plotly_text, spec
from heldout.report.marks import dots, legend_entry, row_axis


@dataclass(frozen=True)
class Row:
    """One pair as it is drawn.

    Attributes:
        first: Name of the one that the other is taken off.
        second: Name of the other.
        points: Their difference in points.
        p_holm: After Holm's correction.
        verdict: As of `records.comparison.Pair`.
    """

    first: RunName
    second: RunName
    points: Estimate
    p_holm: float
    verdict: str


def negative(d: Estimate) -> Estimate:
    """A difference the other way round."""
    return Estimate(-d.value, -d.high, -d.low, d.n, d.method)


def forest(rows: Sequence[Row]) -> dict[str, Any]:
    """The figure for plotly.js, the first row on top."""
    texts = [(label(row.first), label(row.second)) for row in rows]
    traces = []
    for verdict, colour, hollow in (("distinguishable", "@accent", False), ("not distinguishable", "@muted", True)):
        places = [place for place, row in enumerate(rows) if row.verdict == verdict]
        told = [
            f"{texts[place][0]}<br>minus {texts[place][1]}<br>"
            f"p after Holm {plotly_text(probability(rows[place].p_holm))}, {verdict}"
            for place in places
        ]
        if places:
            estimates = [rows[place].points for place in places]
            traces += [
                dots(estimates, places, told, colour=colour, hollow=hollow),
                legend_entry(verdict, hollow=hollow, colour=colour),
            ]
    layout = {
        "xaxis": {"title": {"text": "difference, points"}, "zeroline": True},
        "yaxis": row_axis([f"{a}<br>− {b}" for a, b in texts]),
        "hovermode": "closest",
    }
    stacked = [f"{broken_label(row.first)}<br>− {broken_label(row.second)}" for row in rows]
    narrow = {"height": 110 + 76 * len(rows), "ticktext": stacked}
    return spec(traces, layout, 110 + 40 * len(rows), ["distinguishable", "not distinguishable"], narrow)
