"""Which columns of a table hold the classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from heldout.errors import Problem
from heldout.given.answers import Answers

FORMS: dict[Answers, tuple[str, ...]] = {
    "probabilities": ("prob_*", "probability_*", "p_*", "p(*)", "*"),
    "logits": ("logit_*", "*"),
}
"""What the column of a class may be called, `*` being the class; the form that names most of the labels is taken, of
equals the first."""

PLAIN = "*"


@dataclass(frozen=True)
class ClassColumns:
    """Where the answers stand.

    Attributes:
        classes: Class names in the order of their indices, spelled as the labels are.
        columns: Their columns, in the same order.
        unclear: Further columns that the form, `*`, does not tell from one of a class without an image.
    """

    classes: tuple[str, ...]
    columns: tuple[str, ...]
    unclear: tuple[str, ...] = ()


def find_class_columns(
    columns: Sequence[str], labels: Collection[str], answers: Answers, pattern: str, own: Collection[str], table: str
) -> ClassColumns | Problem:
    """The columns of the classes.

    Columns of the form `*`, which are named as the classes, are those of the labels that occur; with any other form all
    that have it, so that a class without an image is known too. Case does not matter.

    Args:
        columns: Names of the columns, in lower case.
        labels: Labels that occur.
        answers: What the columns hold.
        pattern: The form, as `--class-columns` says it; empty for the usual ones.
        own: Columns that hold something else.
        table: What problems call the table.
    """
    free = [column for column in columns if column not in own]
    spelled = {label.lower(): label for label in sorted(labels)}
    if pattern and pattern.count("*") != 1:
        return Problem(
            "--class-columns", f"'{pattern}'", "a pattern with one * for the class: prob_*", "Correct the pattern."
        )
    forms = (pattern.lower(),) if pattern else FORMS[answers]
    named = {form: of_form(free, form) for form in forms}
    hits = {form: len(found.keys() & spelled.keys()) for form, found in named.items()}
    best = max(forms, key=lambda form: hits[form])  # of equals the first
    if not hits[best]:
        return _no_columns(columns, spelled, answers, forms, table)
    found = named[best]
    unclear: tuple[str, ...] = ()
    if best == PLAIN:
        told = {column for kind in FORMS.values() for form in kind for column in _of_names(free, form, spelled)}
        unclear = tuple(column for column in free if column not in told)
        found = {name: column for name, column in found.items() if name in spelled}
    classes = order(spelled.get(name, name) for name in found)
    return ClassColumns(classes, tuple(found[name.lower()] for name in classes), unclear)


def order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in the order of their indices: by number where all are numbers, else by alphabet."""
    found = sorted(set(names))
    if found and all(name.lstrip("-").isdecimal() for name in found):
        return tuple(sorted(found, key=lambda name: (int(name), name)))
    return tuple(found)


def of_form(columns: Sequence[str], form: str) -> dict[str, str]:
    """Class in lower case -> its column, of the columns that have a form."""
    before, _, after = form.partition("*")
    return {
        column[len(before) : len(column) - len(after)]: column
        for column in columns
        if column.startswith(before) and column.endswith(after) and len(column) > len(before) + len(after)
    }


def _of_names(columns: Sequence[str], form: str, names: Collection[str]) -> list[str]:
    """The columns of a form that name one of these classes."""
    return [column for name, column in of_form(columns, form).items() if name in names]


def _no_columns(
    columns: Sequence[str], spelled: dict[str, str], answers: Answers, forms: Sequence[str], table: str
) -> Problem:
    shown = ", ".join(columns) or "none"
    others = [form for kind, forms_ in FORMS.items() if kind != answers for form in forms_ if form != PLAIN]
    of_others = next((form for form in others if of_form(columns, form).keys() & spelled.keys()), None)
    example = next(iter(spelled.values()), "CLASS")
    names = " or ".join(form.replace("*", example) for form in forms)
    remedy = "Write one column a class (a model with one output p: p and 1 − p), or say --class-columns 'PATTERN_*'."
    if of_others is not None:
        other = "logits" if answers == "probabilities" else "probabilities"
        remedy = f"Columns are named '{of_others}': if they hold {other}, say --{other}."
    return Problem(f"{table} line 1", f"the columns {shown}", f"one column a class with its {answers}: {names}", remedy)
