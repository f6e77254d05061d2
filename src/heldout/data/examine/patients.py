"""Patients as `--patient` tells them: from a column, or from the file names by a regular expression."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from heldout.data.entries import Entry
from heldout.errors import Problem, UsageError

SHOWN_COLUMNS = 12


def with_patients(entries: Sequence[Entry], patient: str | None) -> list[Entry]:
    """The entries with their patients set as `--patient` says.

    Args:
        entries: The images.
        patient: Name of a column, in capitals or not; or a regular expression with a group; or None to leave the
            patients as they are.

    Returns:
        The entries in their order; the patient is empty where this does not tell it.

    Raises:
        UsageError: Neither a column nor a valid regular expression with a group.
    """
    if patient is None or not entries:
        return list(entries)
    columns = {name for entry in entries for name in entry.extra}
    column = column_named(patient, columns)
    if column is not None:
        return [replace(entry, patient=entry.extra.get(column, "").strip()) for entry in entries]
    if patient.strip().lower() == "patient" and any(entry.patient for entry in entries):
        return list(entries)
    pattern = _compiled(patient, columns)
    return [replace(entry, patient=patient_in(pattern, entry.source)) for entry in entries]


def column_named(name: str, columns: Collection[str]) -> str | None:
    """The column of that name, in capitals or not; None without one."""
    if name in columns:
        return name
    return next((column for column in columns if column.lower() == name.strip().lower()), None)


def patients_missing(entries: Sequence[Entry], patient: str | None) -> list[Problem]:
    """Images whose patient `--patient` was to tell and does not."""
    if patient is None:
        return []
    columns = {name for entry in entries for name in entry.extra}
    column = patient.strip().lower() == "patient" or column_named(patient, columns) is not None
    found = f"nothing in the column '{patient}'" if column else f"a file name that --patient '{patient}' does not match"
    remedy = (
        "Fill it in; an image whose patient nobody knows can carry a patient of its own."
        if column
        else "Widen the expression (alternatives: 'a|b'), or name patients in a manifest."
    )
    return [Problem(entry.shown, found, "the patient of every image", remedy) for entry in entries if not entry.patient]


def _compiled(patient: str, columns: set[str]) -> re.Pattern[str]:
    named = f" The data has the columns: {', '.join(sorted(columns)[:SHOWN_COLUMNS])}." if columns else ""
    try:
        pattern = re.compile(patient)
    except re.error as error:
        raise UsageError(
            f"Found --patient '{patient}', which is no column and no valid regular expression ({error}).{named}"
        ) from error
    if not pattern.groups:
        raise UsageError(
            f"Found --patient '{patient}'; expected the name of a column, or a regular expression on the file name "
            f"with a group in round brackets that holds the patient, for example '(patient\\d+)_'.{named}"
        )
    return pattern


def patient_in(pattern: re.Pattern[str], source: str) -> str:
    """The patient that a file's name carries: the first group, or all named groups joined by `-`; empty if none.

    A pattern with a slash in it sees the whole path relative to DATA, any other only the name of the file.
    """
    match = pattern.search(source if "/" in pattern.pattern else source.rpartition("/")[2])
    if match is None:
        return ""
    named = match.groupdict()
    return "-".join(value for value in named.values() if value) if named else (match.group(1) or "")
