"""Tables of several labels an image, read as the question of one of them: is it there or not?

The truth is the column `label`, names with `|` between, or a column of 0 and 1 that is called as the label; the answer
is the label's own probability or logit, that of a sigmoid. Both become a table of two classes, which all else reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from heldout.errors import Problem
from heldout.given.answers import Answers
from heldout.given.columns import FORMS, ClassColumns, of_form
from heldout.given.rows import ANSWERED, OWN, Long, gathered
from heldout.records.labelling.several import BAR, question_classes


def ask_of_label(
    long: Long, name: str, answers: Answers, pattern: str
) -> tuple[Long, ClassColumns | None, list[Problem]]:
    """The tables as a question of two classes.

    Args:
        long: The rows of all tables.
        name: The label.
        answers: What the columns of the labels hold.
        pattern: Form of their names, as `--class-columns` says it; empty for the usual ones.

    Returns:
        The rows with `label` saying whether the label is there and without the columns of the labels; the columns of
        the two classes, None where no column answers; and what stands in the way.
    """
    frame, key = long.frame.copy(), name.lower()
    absent, present = question_classes(name)
    named = _names(frame) if "label" in long.columns else None
    if named is not None:
        there = pd.Series([None if not names else key in names for names in named], index=frame.index, dtype=object)
        problems = [] if any(there == True) else [_nowhere(name, named)]  # noqa: E712  (None is neither)
    elif key in long.columns:
        numbers = pd.to_numeric(frame[key], errors="coerce")
        there = numbers.map({0: False, 1: True}).astype(object).where(numbers.isin([0, 1]), None)
        wrong = (there.isna() & (frame[key] != "") & ~long.lacking(key)).to_numpy(dtype=bool)
        problems = gathered(frame, wrong, lambda at: f"'{frame[key][at]}' under {name}", "0 or 1", "Correct it.")
    else:
        return long, None, [_no_truth(long, name)]
    frame["label"] = ["" if one is None or pd.isna(one) else present if one else absent for one in there]
    free = [column for column in long.columns if column not in (*OWN, *ANSWERED)]
    forms = (pattern.lower(),) if pattern else FORMS[answers]
    columns = {form: form.replace("*", key) for form in forms}
    form = next((f for f, column in columns.items() if column in free and (named is not None or column != key)), "")
    others = _of_labels(free, form, named)
    left = tuple(column for column in long.columns if column not in others and column != key)
    if not form:
        told = replace(long, frame=frame, columns=left, of_table=_with(long, (), ()))
        return told, None, [*problems, _no_answer(long, name, answers, tuple(columns.values()))]
    answer = columns[form]
    values = pd.to_numeric(frame[answer], errors="coerce").to_numpy(dtype=np.float64)
    other = f"no {answer}"
    opposite = 1 - values if answers == "probabilities" else np.zeros(len(values))
    frame[other] = [
        text if np.isnan(value) else against
        for text, value, against in zip(frame[answer], values, opposite.tolist(), strict=True)
    ]
    told = replace(long, frame=frame, columns=(*left, other, answer), of_table=_with(long, (other,), (answer,)))
    finite = values[np.isfinite(values)]
    if answers == "logits" and len(finite) and ((finite >= 0) & (finite <= 1)).all():
        remedy = "Say --probabilities instead."
        problems.append(Problem("the tables", f"0 … 1 only under {answer}", "logits: scores before sigmoid", remedy))
    return told, ClassColumns((absent, present), (other, answer)), problems


def _names(frame: pd.DataFrame) -> list[frozenset[str]]:
    """The names in each cell, in small letters; none of an empty cell."""
    return [frozenset(part.strip().lower() for part in str(cell).split(BAR) if part.strip()) for cell in frame["label"]]


def _of_labels(free: Sequence[str], form: str, named: list[frozenset[str]] | None) -> set[str]:
    """Columns that tell of labels: answers by their form, and columns of 0 and 1 that are called as these."""
    labels = set().union(*named) if named is not None else set()
    by_form = of_form(free, form) if form and form != "*" else {}
    return {*by_form.values(), *(column for column in free if column in labels or column in by_form)}


def _with(long: Long, added: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Table -> its columns: all have labels now, and those that answer have both answers."""
    return {
        table: columns | {"label"} | (set(added) if set(beside) <= columns else set())
        for table, columns in long.of_table.items()
    }


def _nowhere(name: str, named: list[frozenset[str]]) -> Problem:
    known = sorted(set().union(*named))
    shown = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return Problem("the column label", f"no image with {name}", f"one of: {shown}", "Correct --label.")


def _no_truth(long: Long, name: str) -> Problem:
    return Problem(
        f"{' and '.join(long.of_table)} line 1",
        f"the columns {', '.join(long.columns) or 'none'}",
        f"a column label with names ({BAR} between), or a column {name} of 0 and 1",
        "Add it, or correct --label.",
    )


def _no_answer(long: Long, name: str, answers: Answers, wanted: Sequence[str]) -> Problem:
    return Problem(
        f"{' and '.join(long.of_table)} line 1",
        f"the columns {', '.join(long.columns)}",
        f"a column with the {answers} of {name}: {' or '.join(dict.fromkeys(wanted))}",
        "Add it, or say --class-columns 'PATTERN_*'.",
    )
