"""How numbers of a diagnosis are written in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.records import Estimate, Metric, Unit
from heldout.stats.measured import Measured

SCORE, IMAGES, PATIENTS = "⟦score⟧", "⟦images⟧", "⟦patients⟧"
"""Stand in the sentences of a cause for what the metric is called (`accuracy`), for who decisions are made on
(`images`), and for who is drawn, halved and folded as a whole (`patients`, or `images` where no patient is named): a
cause's words do not know by what its run is judged."""


def worded(text: str, metric: Metric, unit: Unit, patients: str = "patients") -> str:
    """A sentence with the names of metric and unit in their places.

    Args:
        text: The sentence.
        metric: What the score is.
        unit: Who one decision is made on.
        patients: Who is drawn as a whole (`RunData.drawn`).

    >>> worded(f"costs 2.0 points of {SCORE} on 30 {IMAGES}", Metric("balanced-accuracy"), Unit("patient"))
    'costs 2.0 points of balanced accuracy on 30 patients'
    """
    return text.replace(SCORE, metric.words).replace(IMAGES, unit.words).replace(PATIENTS, patients)


def said(points: Measured) -> str:
    """`5.2 points [3.1, 7.4]`."""
    value, low, high = (round(number, 1) + 0.0 for number in (points.value, *points.interval()))  # + 0.0: never -0.0
    return f"{value:.1f} points [{low:.1f}, {high:.1f}]"


def with_interval(estimate: Estimate) -> str:
    """`5.2 [3.1, 7.4]`."""
    return f"{estimate.value:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"


NAMED = 4
"""Things that a sentence names; of more it says how many."""


def listed(names: Sequence[str]) -> str:
    """Names in a row, the last of many as a number: `'a', 'b', 'c', 'd' and 3 others`."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")


def capital(text: str) -> str:
    """A sentence's first letter made large, the rest as it is."""
    return text[:1].upper() + text[1:]


def within_sentence(title: str) -> str:
    """A cause's title within a sentence: `wrong labels on test`, but `BatchNorm statistics`, `JPEG compression`."""
    first = title.split()[0]
    return title if first[1:] != first[1:].lower() else title[0].lower() + title[1:]
