from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.answer.texts import count, duration, listing, number, probability, shortened, signed


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_number_reads_back_within_its_rounding(value: float, decimals: int) -> None:
    text = number(value, decimals)
    assert "-" not in text
    assert float(text.replace("−", "-").replace(",", "")) == pytest.approx(value, abs=0.51 * 10**-decimals)


@given(st.floats(-1e3, 1e3))
def test_a_difference_shows_its_sign_and_zero_has_none(value: float) -> None:
    text = signed(value)
    if text.lstrip("+−") == "0.0":
        assert text == "0.0"
    else:
        assert text[0] == ("+" if value > 0 else "−")


@given(st.text(max_size=80), st.integers(5, 40))
def test_shortening_keeps_both_ends_and_the_limit(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= max(most, 0) or short == text
    if short != text:
        assert text.startswith(short.split("…")[0])
        assert text.endswith(short.rpartition("…")[2])


def test_small_p_values_are_not_zero() -> None:
    assert [probability(p) for p in (0.0, 0.00099, 0.001, 0.0494, 1.0)] == [
        "< 0.001",
        "< 0.001",
        "0.001",
        "0.049",
        "1.000",
    ]


def test_durations_and_counts_for_people() -> None:
    assert [duration(s) for s in (0.004, 9.999, 59.0, 60.4, 3599.7, 7322)] == [
        "0.004 s",
        "10.00 s",
        "59.0 s",
        "1 min 0 s",
        "1 h 0 min",
        "2 h 2 min",
    ]
    assert count(0, "image") == "0 images"
    assert listing([]) == "" and listing(["a"]) == "a" and listing(["a", "b", "c"]) == "a, b and c"
