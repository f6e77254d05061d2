"""Names escaped for terminals, JSON and spreadsheets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.shown import cell, cell_text, shown, shown_json


@pytest.mark.parametrize("text", ["Hämangiom", "a\tb\nc", "[/]", "日本", "🙂", ""])
def test_ordinary_text_is_as_it_was(text: str) -> None:
    assert shown(text) == shown_json(text) == cell(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb", r"a\rb"),
        ("\u202egnp", r"\u202egnp"),
        ("\udcff.png", r"\udcff.png"),
    ],
)
def test_what_a_terminal_obeys_is_written_out(text: str, safe: str) -> None:
    assert shown(text) == safe and shown(safe) == safe


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_a_value_in_json_stays_what_it_was(text: str) -> None:
    written = shown_json(json.dumps([text], ensure_ascii=False))
    assert json.loads(written) == [text] and written.encode()


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "'=x"])
def test_what_a_spreadsheet_runs_is_quoted(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.5", "+7", "1e5", "'quoted'", "a=b", "−3"])
def test_numbers_and_other_text_are_not(text: str) -> None:
    assert cell(text) == text


@given(st.text(alphabet="'=+-@a1\t") | st.text())
def test_a_cell_is_read_back_as_it_was(text: str) -> None:
    assert cell_text(cell(text)) == text
