"""A run's calibration on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.calibration import (
    KEPT,
    PARTS,
    SCORES,
    alternative_told,
    broken_told,
    caveats,
    likeness_told,
    promise_told,
    rate_name,
    scaling_told,
    set_size_told,
    used,
)
from heldout.answer.texts import percent
from heldout.cli.views.cells import decimal_cell, empty_table, percent_cell, signed_cell
from heldout.cli.views.tables import wrapped

if TYPE_CHECKING:
    from heldout.cli.env import Environment
    from heldout.records.calibration import Calibration


def show_calibration(record: Calibration, env: Environment) -> None:
    """The scaling, probabilities before and after, every promise, what it did on test, and what all of it rests on.

    Args:
        record: As it was just made, so that it counts all networks that were compared.
        env: Where to print.
    """
    console = env.console()
    console.print(wrapped(scaling_told(record), console.width))
    _reliability(record, env)
    if told := alternative_told(record):
        console.print(wrapped(told, console.width))
    for rule in record.rules:
        console.print(wrapped(promise_told(record, rule), console.width))
    if any(rule.on_test is not None for rule in record.rules):
        _rules(record, env)
    for said in filter(None, map(broken_told, record.rules)):
        console.print(wrapped(said, console.width))
    if record.test_likeness is not None and record.rules:
        console.print(wrapped(likeness_told(record.test_likeness), console.width))
    for caveat in caveats(record, record.candidates):
        console.print(wrapped(caveat, console.width))


def _reliability(record: Calibration, env: Environment) -> None:
    console = env.console()
    table = empty_table("Before and after, each image by a scaling that has not seen its patient", console.width)
    for heading in ("Part", "score", "before", "after", "change"):
        table.add_column(heading, justify="left" if heading in ("Part", "score") else "right")
    for one in used(record):
        for place, score in enumerate(one.scores):
            cells = decimal_cell(score.before), decimal_cell(score.after), signed_cell(score.change)
            table.add_row("" if place else PARTS[one.part], SCORES[score.name], *cells)
    console.print(table)


def _rules(record: Calibration, env: Environment) -> None:
    console = env.console()
    table = empty_table("On test images that had no part in it", console.width)
    for heading in ("What is controlled", "allowed", "found", "", "answered", "classes in a set"):
        table.add_column(heading, justify="left" if heading in ("What is controlled", "") else "right")
    for rule in record.rules:
        if rule.on_test is None:
            continue
        size = set_size_told(rule.on_test.set_size)
        found = percent_cell(rule.on_test.loss)
        kept, coverage = KEPT[rule.on_test.kept], percent_cell(rule.on_test.coverage)
        table.add_row(rate_name(rule, record.positive), percent(rule.alpha), found, kept, coverage, size)
        for name, loss in rule.on_test.by_class.items():
            table.add_row(f"  {name}", "", percent_cell(loss), "", "", "")
    console.print(table)
