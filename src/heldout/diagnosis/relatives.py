"""Images of one part that have a relative in another: the same patient, the same picture, or a changed copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heldout.images.copies import numbered
from heldout.runs.folder import StudyFiles


@dataclass(frozen=True)
class CopyPair:
    """Two images that show one picture.

    Attributes:
        first: Id of one.
        second: Id of the other.
        change: How the first was changed to give the second, in words.
    """

    first: str
    second: str
    change: str


def leaked_ids(study: StudyFiles, copies: Iterable[CopyPair] = ()) -> dict[str, str]:
    """Validation images that are not independent of train, each with the reason.

    Args:
        study: Cohort and split.
        copies: Pairs that show one picture; images that pairs join over others show it too.
    """
    return _related(study, study.split.val, study.split.train, "train", tuple(copies))


def between_folds(
    study: StudyFiles, folds: Sequence[tuple[str, ...]], copies: Iterable[CopyPair] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Images of a cross-validation that have a relative in another fold, from which their network learned.

    Args:
        study: Cohort and split.
        folds: Ids of each fold.
        copies: As for `leaked_ids`.

    Returns:
        Id -> the reason; and id -> how it differs from its copy in another fold, where such a pair was found.
    """
    pairs = tuple(copies)
    found: dict[str, str] = {}
    changes: dict[str, str] = {}
    for own in folds:
        others = [id_ for fold in folds if fold is not own for id_ in fold]
        found |= _related(study, own, others, "another fold", pairs)
        changes |= {id_: change for id_, (_, change) in _paired(own, others, pairs).items()}
    return found, changes


def crossing_ids(study: StudyFiles, copies: Iterable[CopyPair] = ()) -> dict[str, str]:
    """Test images that are not independent of train and validation, each with the reason."""
    pairs = tuple(copies)
    found = _related(study, study.split.test, study.split.val, "validation", pairs)
    return found | _related(study, study.split.test, study.split.train, "train", pairs)


def changes_of(study: StudyFiles, copies: Iterable[CopyPair]) -> dict[str, str]:
    """Validation id -> how it differs from its copy in train, in words; only where such a pair was found."""
    paired = _paired(study.split.val, study.split.train, tuple(copies))
    return {id_: change for id_, (_, change) in paired.items()}


def pictures_of(table: pd.DataFrame, copies: Iterable[CopyPair]) -> dict[str, int]:
    """Id -> number of the picture that it shows: exact copies and pairs joined.

    Args:
        table: Rows of `Cohort.table`.
        copies: Pairs; those with an id that is not in the table are passed over.
    """
    row = {str(id_): number for number, id_ in enumerate(table["id"])}
    links = [(row[pair.first], row[pair.second]) for pair in copies if pair.first in row and pair.second in row]
    _, first, same = np.unique(table["content"].to_numpy(dtype=str), return_index=True, return_inverse=True)
    links += [(int(first[group]), number) for number, group in enumerate(same)]
    return dict(zip(row, numbered(links, len(table)).tolist(), strict=True))


def _related(
    study: StudyFiles, here: Sequence[str], there: Sequence[str], name: str, copies: Sequence[CopyPair]
) -> dict[str, str]:
    table = study.cohort.table
    rows = table.set_index("id")
    mine, others = rows.loc[list(here)], rows.loc[list(there)]
    found: dict[str, str] = {}
    patients = _first(others, "patient")
    for id_, patient in zip(mine.index, mine["patient"], strict=True):
        if patient and patient in patients:
            found[str(id_)] = f"patient {patient} is also in {name}"
    found |= _copied(table, here, there, name, copies)
    contents = _first(others, "content")
    for id_, content in zip(mine.index, mine["content"], strict=True):
        if content in contents:
            found[str(id_)] = f"the same picture as {contents[content]} in {name}"
    return found


def _copied(
    table: pd.DataFrame, here: Sequence[str], there: Sequence[str], name: str, copies: Sequence[CopyPair]
) -> dict[str, str]:
    """Images that show a picture of the other part, over one pair or several, with how one differs from the other."""
    pictures = pictures_of(table, copies)
    shown: dict[int, str] = {}
    for id_ in there:
        shown.setdefault(pictures[id_], id_)
    found = {id_: f"a changed copy of {shown[pictures[id_]]} in {name}" for id_ in here if pictures[id_] in shown}
    for id_, (other, change) in _paired(here, there, copies).items():
        found[id_] = f"a copy of {other} in {name} ({change})"
    return found


def _paired(here: Sequence[str], there: Sequence[str], copies: Sequence[CopyPair]) -> dict[str, tuple[str, str]]:
    """Image of one part -> its copy in the other that agrees most, and how that was changed."""
    own, members = set(here), set(there)
    found: dict[str, tuple[str, str]] = {}
    for pair in reversed(copies):
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if one in own and other in members:
                found[one] = other, pair.change
    return found


def _first(rows: pd.DataFrame, column: str) -> dict[str, str]:
    """Value of a column -> the first id that has it; empty values left out."""
    return {str(value): str(id_) for id_, value in reversed(list(zip(rows.index, rows[column], strict=True))) if value}
