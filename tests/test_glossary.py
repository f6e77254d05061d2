"""The glossary: each term once, in order, and every field it names is there."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from heldout import records
from heldout.records import TERMS, VERDICTS

TEXT = (Path(__file__).parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in TEXT.splitlines() if line.startswith("| ")][
    1:
]


def known(field: str) -> bool:
    record, _, attribute = field.partition(".")
    kind = getattr(records, record, None)
    return kind is not None and attribute in {f.name for f in dataclasses.fields(kind)}


def test_each_term_stands_once_in_alphabetical_order() -> None:
    terms = [term for term, _, _ in ROWS]
    assert terms == sorted(terms, key=str.casefold) and len(set(terms)) == len(terms)
    assert 40 <= len(terms) <= 80


def test_the_fields_are_there() -> None:
    named = {match for _, field, _ in ROWS for match in re.findall(r"`([^`]+)`", field)}
    assert len(named) > 30
    assert [field for field in named if not known(field)] == []


def test_terms_of_the_budget_and_verdicts_are_explained() -> None:
    explained = " ".join(meaning for _, _, meaning in ROWS).lower()
    assert all(f"`{term}`" in explained for term in TERMS)
    assert all(verdict in explained for verdict in VERDICTS)


def test_meanings_are_short() -> None:
    assert all(meaning.endswith(".") and len(meaning.split()) <= 25 for _, _, meaning in ROWS)
