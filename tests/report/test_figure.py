"""Text and numbers on their way into plotly.js."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from heldout.report.figure import finite, plotly_text


@given(st.text())
def test_nothing_in_a_label_is_markup_or_a_template_for_plotly(text: str) -> None:
    shown = plotly_text(text)
    assert "<" not in shown
    assert "%{" not in shown


def test_json_never_meets_what_it_cannot_hold() -> None:
    assert finite(math.nan) is None and finite(math.inf) is None and finite(0.5) == 0.5
