"""Numbers as text, for terminal and report: how many decimals, which minus, which words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heldout.records import Estimate

MINUS = "−"


def number(value: float, decimals: int = 1) -> str:
    """A number with a true minus sign and no negative zero.

    >>> number(-0.04), number(-2.25, 2)
    ('0.0', '−2.25')
    """
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def signed(value: float, decimals: int = 1) -> str:
    """A difference, its sign always shown.

    >>> signed(3.14), signed(-3.14), signed(0.0)
    ('+3.1', '−3.1', '0.0')
    """
    text = number(value, decimals)
    return f"+{text}" if value > 0 and float(text.replace(",", "")) > 0 else text


def percent(fraction: float, decimals: int = 1) -> str:
    """A fraction in percent.

    >>> percent(0.865)
    '86.5 %'
    """
    return f"{number(100 * fraction, decimals)} %"


def percent_range(estimate: Estimate) -> str:
    """The interval of a fraction in percent: `82.8–89.5`."""
    return f"{number(100 * estimate.low)}–{number(100 * estimate.high)}"


def percent_to(estimate: Estimate) -> str:
    """The interval of a fraction, to be read aloud: `82.8 to 89.5 %`."""
    return f"{number(100 * estimate.low)} to {number(100 * estimate.high)} %"


def bracketed(estimate: Estimate) -> str:
    """The interval of points where there is little room: `[−9.3, −3.1]`."""
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


def points_range(estimate: Estimate) -> str:
    """The interval of a difference in points; `to` rather than a dash, which would read as a minus."""
    return f"{signed(estimate.low)} to {signed(estimate.high)}"


def decimal_range(estimate: Estimate) -> str:
    """The interval of an area under the curve: `.930–.970` with a leading zero."""
    return f"{number(estimate.low, 3)}–{number(estimate.high, 3)}"


def signed_range(estimate: Estimate) -> str:
    """The interval of a difference of decimals: `−0.004 to 0.046`."""
    return f"{signed(estimate.low, 3)} to {signed(estimate.high, 3)}"


def probability(p: float) -> str:
    """A p value.

    >>> probability(0.0312), probability(1e-9), probability(1.0)
    ('0.031', '< 0.001', '1.000')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(4.051), duration(75), duration(3725), duration(0.0042)
    ('4.05 s', '1 min 15 s', '1 h 2 min', '0.0042 s')
    """
    if seconds < 0.1:
        return f"{seconds:.2g} s"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 image`, `2,000 images`.

    >>> count(1, "image"), count(2000, "image"), count(2, "class", "classes")
    ('1 image', '2,000 images', '2 classes')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def shortened(text: str, most: int = 28) -> str:
    """A long name with its middle left out; names of files and classes differ at both ends."""
    if len(text) <= most:
        return text
    front = (most - 1) // 2
    return f"{text[:front]}…{text[-(most - 1 - front) :]}"


def opening_sentence(text: str) -> str:
    """The first sentence of some, where there is room for no more; the others have to stand elsewhere.

    A sentence ends with a stop before white space and a capital, a digit or a quote.

    >>> opening_sentence("It costs 10.5 points [5.3, 16.1]. Half of the change costs 3.6.")
    'It costs 10.5 points [5.3, 16.1].'
    """
    return re.split(r"(?<=[.!?])\s+(?=['\"‘“A-Z0-9])", text, maxsplit=1)[0]


def capital(text: str) -> str:
    """Text that begins with a capital letter."""
    return text[:1].upper() + text[1:]
