"""docs/diagnosis-rules.md says of every rule what the table of rules says."""

from __future__ import annotations

import re

from benchmarks.rules_sensitivity import COUNTED, HEADER, PAGE, RULES, cells_of_rule, rows_of


def test_every_row_of_the_page_is_that_of_the_rules() -> None:
    found = rows_of(PAGE.read_text())
    assert list(found) == [f"`{rule.name}`" for rule in RULES.rows()]
    for rule in RULES.rows():
        assert found[f"`{rule.name}`"][: len(HEADER)] == cells_of_rule(rule)


def test_every_row_says_what_halving_and_doubling_do_or_that_nothing_was_seen() -> None:
    for row in rows_of(PAGE.read_text()).values():
        counts = row[len(HEADER) :]
        assert len(counts) == len(COUNTED)
        counted = all(re.fullmatch(r"\d+ of \d+", cell) for cell in counts)
        assert counted or (counts[0] and not any(counts[1:])), row[0]
