"""Patients: from a column, from the file names, or at least a hint that the file names look like they carry one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from heldout.data.entries import Entry
from heldout.errors import Problem, UsageError

SHOWN_COLUMNS = 12


def with_patients(entries: Sequence[Entry], patient: str | None) -> list[Entry]:
    """The entries with their patients set as `--patient` says.

    Args:
        entries: The images.
        patient: Name of a column, or a regular expression with a group, or None to leave the patients as they are.

    Returns:
        The entries in their order; the patient is empty where this does not tell it.

    Raises:
        UsageError: Neither a column nor a valid regular expression with a group.
    """
    if patient is None or not entries:
        return list(entries)
    columns = {name for entry in entries for name in entry.extra}
    if patient in columns:
        return [replace(entry, patient=entry.extra.get(patient, "").strip()) for entry in entries]
    if patient == "patient" and any(entry.patient for entry in entries):
        return list(entries)
    pattern = _compiled(patient, columns)
    return [replace(entry, patient=patient_in(pattern, entry.source)) for entry in entries]


def patients_missing(entries: Sequence[Entry], patient: str | None) -> list[Problem]:
    """Images whose patient `--patient` was to tell and does not."""
    if patient is None:
        return []
    column = patient == "patient" or any(patient in entry.extra for entry in entries)
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


CANDIDATES = (
    r"^(\D*\d+)",  # up to the first number: patient7_left_2.png, 007-3.png
    # all but the counters at the end: person12_bacteria_3.jpeg, IM-0011-0001-0002.jpeg
    r"^(.*?[-_. ]\d+|.*\d.*?)(?:[-_. ]\d+)+\.\w+$",
    r"^(.*\d.*?)[-_. ]+[A-Za-z]*\d*\.\w+$",  # all but the last part: slide3_core4_y120.png, 17_OD_b.png
)
"""What file names with a patient in them look like, the coarsest first, since to join two patients harms less than to
tear one apart."""

LARGEST_SHARE = 0.10
"""A key that more than this share of the images have is no patient but a class, a hospital or a date. Ours; so are the
two below."""

SHARING = 0.20
"""Share of the images that must have their key in common with another, for the hint to be worth giving."""

MINIMUM_IMAGES = 12


@dataclass(frozen=True)
class PatientHint:
    """File names that look like they carry a patient.

    Attributes:
        pattern: A regular expression for `--patient`.
        keys: Number of different keys it finds.
        sharing: Share of the images that have their key in common with another image.
        example: The names of two images with the same key.
    """

    pattern: str
    keys: int
    sharing: float
    example: tuple[str, str]

    def __str__(self) -> str:
        return (
            f"No patient is known, but the file names look like they carry one: {self.example[0]} and "
            f"{self.example[1]} begin alike, and so do {self.sharing:.0%} of the files ({self.keys} beginnings). If "
            f"that is the patient, add --patient '{self.pattern}' (or a sharper expression): without it, validation "
            f"can share patients with train and look too good."
        )


def propose_patient(names: Sequence[str], labels: Sequence[str]) -> PatientHint | None:
    """Look for a patient in file names.

    Only a hint: whether images with one key are indeed more alike is not tested here.

    Args:
        names: Paths or names of the files, one an image.
        labels: Their classes.

    Returns:
        The coarsest of `CANDIDATES` that matches every name, finds more keys than twice the classes, gives no key to
        more than `LARGEST_SHARE` of the images, and joins at least `SHARING` of them; None if none does.
    """
    bare = sorted({name.rpartition("/")[2] for name in names})  # 001.png in two folders says nothing of a patient
    if len(bare) < MINIMUM_IMAGES:
        return None
    for text in CANDIDATES:
        pattern = re.compile(text)
        keys = [patient_in(pattern, name) for name in bare]
        if not all(keys):
            continue
        counts = Counter(keys)
        sharing = sum(count for count in counts.values() if count > 1) / len(keys)
        if (
            sharing >= SHARING
            and len(counts) > 2 * len(set(labels))
            and max(counts.values()) <= max(3, LARGEST_SHARE * len(keys))
        ):
            key = next(key for key in keys if counts[key] > 1)
            first, second = [name for name, other in zip(bare, keys, strict=True) if other == key][:2]
            return PatientHint(text, len(counts), sharing, (first, second))
    return None
