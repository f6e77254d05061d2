"""A review on the terminal: who has read how many, what became of the images, how well readers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.texts import count
from heldout.cli.views.cells import decimal_cell, empty_table, percent_cell

if TYPE_CHECKING:
    from heldout.cli.env import Environment
    from heldout.review.agreement import Agreement
    from heldout.review.status import Status


def show_review(status: Status, env: Environment) -> None:
    """How far a review is."""
    console = env.console()
    people = empty_table(f"Review of {count(status.images, 'test image')}", console.width)
    for name in ("Who", "Role", "Read", "Of"):
        people.add_column(name, justify="right" if name in ("Read", "Of") else "left")
    for person in status.people:
        people.add_row(person.name, person.role, f"{person.read:,}", f"{person.total:,}")
    console.print(people)
    outcomes = ", ".join(f"{number:,} {name}" for name, number in status.outcomes.items() if number)
    env.say(f"Images: {outcomes}.")
    if status.withdrawn:
        env.say(f"{count(status.withdrawn, 'reading')} taken back, which stay written.")
    if status.agreement.pairs:
        env.say("")
        _show_agreement(status.agreement, env)
    env.say(f"\n{status.next_step}")


def _show_agreement(found: Agreement, env: Environment) -> None:
    console = env.console()
    graded = any(pair.weighted for pair in found.pairs)
    table = empty_table("Agreement, where both named a class", console.width)
    table.add_column("Readers")
    for name in ("Both read", "Could not tell", "Same class", "Cohen's kappa", *(["Weighted kappa"] if graded else [])):
        table.add_column(name, justify="right")
    for pair in found.pairs:
        cells = [f"{pair.both:,}", f"{pair.could_not_tell:,}", percent_cell(pair.same), decimal_cell(pair.kappa)]
        table.add_row(f"{pair.a} and {pair.b}", *cells, *([decimal_cell(pair.weighted)] if graded else []))
    console.print(table)
    if found.fleiss is not None:
        env.say(f"All readers, Fleiss' kappa: {decimal_cell(found.fleiss).replace(chr(10), ', ')}.")
