"""Names of a person's files, classes and columns where they could be taken for something else: escaped here alone.

A name may hold what a terminal obeys, and a cell of a CSV what a spreadsheet runs. Names that hold neither are as they
were.
"""

from __future__ import annotations

import re

OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed; \x9b begins a command as ESC [ does
    "\u202a-\u202e\u2066-\u2069\u200e\u200f"  # direction of writing (Trojan Source, CVE-2021-42574)
    "\u2028\u2029"  # line breaks
    "\ud800-\udfff]"  # bytes of a name that are no UTF-8, which no stream can write
)

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that spreadsheets take for a formula (OWASP, CSV injection), or one that was quoted before."""


def shown(text: str) -> str:
    r"""Text for a terminal: what it would obey is written out, ESC as `\x1b`."""
    return OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)


def shown_json(text: str) -> str:
    """The same for JSON, whose own escapes are used: the value stays what it was."""
    return OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def cell(text: str) -> str:
    """Text for a cell of a CSV: a quote in front of what a spreadsheet would run, unless it is a number.

    `cell_text` takes it off again.
    """
    return f"'{text}" if FORMULA.match(text) and not _is_number(text) else text


def cell_text(text: str) -> str:
    """What a cell held before `cell`."""
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) and not _is_number(text[1:]) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
