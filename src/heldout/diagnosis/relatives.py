"""Images of one part that have a relative in another: the same patient, the same picture, or a near-copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from heldout.runs.folder import StudyFiles

Pair = tuple[str, str]
"""Two ids that show the same picture, changed a little."""


def leaked_ids(study: StudyFiles, near_copies: Iterable[Pair] = ()) -> dict[str, str]:
    """Validation images that are not independent of train, each with the reason.

    Args:
        study: Cohort and split.
        near_copies: Pairs of ids that show nearly the same picture.
    """
    return _related(study, study.split.val, study.split.train, "train", near_copies)


def crossing_ids(study: StudyFiles, near_copies: Iterable[Pair] = ()) -> dict[str, str]:
    """Test images that are not independent of train and validation, each with the reason."""
    pairs = list(near_copies)
    found = _related(study, study.split.test, study.split.val, "validation", pairs)
    return found | _related(study, study.split.test, study.split.train, "train", pairs)


def _related(
    study: StudyFiles, here: Sequence[str], there: Sequence[str], name: str, near_copies: Iterable[Pair]
) -> dict[str, str]:
    table = study.cohort.table.set_index("id")
    mine, others = table.loc[list(here)], table.loc[list(there)]
    found: dict[str, str] = {}
    patients = _first(others, "patient")
    for id_, patient in zip(mine.index, mine["patient"], strict=True):
        if patient and patient in patients:
            found[str(id_)] = f"patient {patient} is also in {name}"
    members = set(others.index)
    own = set(mine.index)
    for a, b in near_copies:
        for one, other in ((a, b), (b, a)):
            if one in own and other in members:
                found[one] = f"nearly the same picture as {other} in {name}"
    contents = _first(others, "content")
    for id_, content in zip(mine.index, mine["content"], strict=True):
        if content in contents:
            found[str(id_)] = f"the same picture as {contents[content]} in {name}"
    return found


def _first(rows: pd.DataFrame, column: str) -> dict[str, str]:
    """Value of a column -> the first id that has it; empty values left out."""
    return {str(value): str(id_) for id_, value in reversed(list(zip(rows.index, rows[column], strict=True))) if value}
