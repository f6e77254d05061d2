"""Candidates in a table: several rows an image, one for each epoch or setting that the model was chosen among."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.readers.tables import integer
from heldout.errors import Problem
from heldout.given.answers import Logits
from heldout.records.logit_table import variant_rows
from heldout.records.run import Choice, ChosenOn
from heldout.ties import first_of_largest

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Chosen:
    """Which candidate a model is.

    Attributes:
        name: The candidate: `epoch=7`, or as the table has it.
        among: Number of candidates.
        choice: What was chosen.
        on: Part by which it was chosen.
    """

    name: str
    among: int
    choice: Choice
    on: ChosenOn


def candidates_of(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The candidate of each row: `epoch=7`, the text under `candidate`, both with a blank between, or nothing."""
    names = []
    for candidate, epoch in zip(frame["candidate"], frame["epoch"], strict=True):
        number = integer(epoch)
        said = f"epoch={epoch if number is None else number}" if epoch else ""
        names.append(f"{candidate} {said}".strip())
    return names


def in_order(names: Sequence[str]) -> list[str]:
    """Candidates by the number at their end, where all have one, else by alphabet."""
    numbers = [integer(name.rpartition("=")[2]) for name in names]
    if all(number is not None for number in numbers):
        return sorted(names, key=lambda name: (integer(name.rpartition("=")[2]) or 0, name))
    return sorted(names)


def choose(
    rows: pd.DataFrame, logits: Logits, images: pd.DataFrame, chosen_on: ChosenOn, chosen: str
) -> tuple[Mask, pd.DataFrame, Chosen | None] | Problem:
    """Which rows of a model are its own, and the table of all candidates.

    Rows without a candidate are the model's own; in a part that has none, those of the chosen candidate. A single one
    is chosen without a word. Candidates that only training images have are none to choose among.

    Args:
        rows: Rows of one model, index = row of `logits`.
        logits: (all rows, k).
        images: One row an image, with its label.
        chosen_on: Part by which it was chosen.
        chosen: Its name, as the table has it; empty for the most accurate on `chosen_on`.
    """
    held_out = rows[rows["part"] != "train"]
    names = _candidates(held_out)
    if len(names) < 2:
        only = names or _candidates(rows)
        if len(only) > 1:
            return _of_train_alone(only)
        return _own(rows, "".join(only)), pd.DataFrame(), None
    best = _named(names, chosen) if chosen else _best(rows, logits, names, chosen_on)
    if isinstance(best, Problem):
        return best
    tables = []
    for name in names:
        for part in ("val", "test"):
            mine = held_out[(held_out["candidate_name"] == name) & (held_out["part"] == part)]
            if len(mine):
                mine = mine.sort_values("own_id")
                tables.append(variant_rows(list(mine["own_id"]), part, name, logits[mine.index]))
    choice: Choice = "epoch" if all(name.startswith("epoch=") for name in names) else "settings"
    return _own(rows, best), pd.concat(tables, ignore_index=True), Chosen(best, len(names), choice, chosen_on)


def _candidates(rows: pd.DataFrame) -> list[str]:
    return in_order([name for name in rows["candidate_name"].unique() if name])


def _own(rows: pd.DataFrame, best: str) -> Mask:
    """(rows,) those of the model itself: without a candidate, else of this one, part by part."""
    bare = rows["candidate_name"] == ""
    has_own = set(rows.loc[bare, "part"])
    own: Mask = (bare | ((rows["candidate_name"] == best) & ~rows["part"].isin(has_own))).to_numpy()
    return own


def _of_train_alone(names: Sequence[str]) -> Problem:
    shown = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
    return Problem(
        "the tables, train",
        f"{len(names)} candidates ({shown}), of which validation and test have no rows",
        "one row a training image, of the model that answers validation and test",
        "Keep those of one epoch or setting.",
    )


def _named(names: Sequence[str], chosen: str) -> str | Problem:
    matching = [name for name in names if chosen in (name, name.removeprefix("epoch="))]
    if matching:
        return matching[0]
    return Problem("--chosen", f"'{chosen}'", f"one of the candidates {', '.join(names)}", "Correct it.")


def _best(rows: pd.DataFrame, logits: Logits, names: Sequence[str], chosen_on: ChosenOn) -> str | Problem:
    """The most accurate candidate on a part, of equals the first."""
    if not chosen_on:
        return Problem(
            "the tables",
            f"{len(names)} candidates ({', '.join(names[:4])}{' …' if len(names) > 4 else ''})",
            "word of which of them the model is",
            "Say --chosen-on val or --chosen-on test (the most accurate there), or --chosen NAME.",
        )
    shares = []
    for name in names:
        mine = rows[(rows["candidate_name"] == name) & (rows["part"] == chosen_on)]
        right = first_of_largest(logits[mine.index], axis=1) == mine["class_index"].to_numpy(dtype=np.int64)
        shares.append(float(right.mean()) if len(mine) else -1.0)
    if max(shares) < 0:
        return Problem(
            "the tables", f"no candidate's answers on {chosen_on}", "them, since it was chosen there", "Add them."
        )
    return names[int(first_of_largest(np.array(shares)))]
