"""Whole numbers that one table writes as `17` and another as `17.0`: one spelling, so that rows meet."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

READ_ELSEWHERE = ("label", "split", "seed", "epoch")
"""Columns whose readers take both spellings, or none."""

FLOAT = re.compile(r"-?\d+\.0+")
"""A whole number as pandas writes it in a column of floats, which a column of whole numbers with a gap becomes."""

WHOLE = re.compile(r"-?\d+")

BETWEEN = re.compile(r"-?\d+\.\d*[1-9]\d*")
"""A number between whole ones, or a name with a point in it: patient and visit."""


def one_spelling(frames: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    """Write `17.0` as `17` in columns that became floats in one table, or one part of it, and not in another.

    A column is changed where all of a part's cells are written so, others of that name hold whole numbers, and none
    holds a number between (`17.1`).

    Args:
        frames: Text; with the columns `table` and `part`. Changed in place.

    Returns:
        A sentence for each column that was changed.
    """
    passed_over = (*READ_ELSEWHERE, "where", "table", "part")
    names = dict.fromkeys(str(name) for frame in frames for name in frame.columns if name not in passed_over)
    notes = []
    for name in names:
        sides = [
            (frame, rows, set(frame.loc[rows, name]) - {""})
            for frame in frames
            if name in frame
            for rows in frame.groupby("part", sort=False).groups.values()
        ]
        floats = [one for one in sides if one[2] and all(FLOAT.fullmatch(text) for text in one[2])]
        texts = set().union(*(said for _, _, said in sides))
        if not floats or not any(map(WHOLE.fullmatch, texts)) or any(map(BETWEEN.fullmatch, texts)):
            continue
        for frame, rows, _ in floats:
            frame.loc[rows, name] = [text.partition(".")[0] for text in frame.loc[rows, name]]
        tables = " and ".join(dict.fromkeys(str(frame["table"].iloc[0]) for frame, _, _ in floats))
        example = min(floats[0][2])
        notes.append(
            f"The column {name} of {tables} holds whole numbers as a column of floats writes them, other rows without "
            f"a point: {example} is read as {example.partition('.')[0]}."
        )
    return tuple(notes)
