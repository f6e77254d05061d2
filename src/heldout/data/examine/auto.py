"""`--patient auto`: what must stay together, by names and by pictures at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heldout.data.examine.copies import place
from heldout.data.examine.keys import PatientKeys
from heldout.data.examine.marks import Marks
from heldout.data.examine.near import NearCopies
from heldout.data.examine.patients import patient_in
from heldout.images.copies import numbered

AUTO = "auto"

CONFIRMED = 0.5
"""Marks in file names are believed if in so many of the originals that they name two images are found to be copies."""


@dataclass(frozen=True)
class Together:
    """Groups of images that a split must not tear apart.

    Attributes:
        patients: (n,) name of the group of each image; empty for an image that is alone.
        notes: What was chosen, and why.
    """

    patients: tuple[str, ...]
    notes: tuple[str, ...]


def together(table: pd.DataFrame, keys: PatientKeys | None, near: NearCopies | None, marks: Marks) -> Together:
    """Join patients that are named, else the key that the images accept, with copies and marked names.

    Args:
        table: `Cohort.table`, n rows.
        keys: What the file names tell of the patients; None where patients are named already, or nothing is told.
        near: Copies that were found; None where nothing was looked for.
        marks: Marks of augmentation in the names.
    """
    named, how = _named(table, keys)
    groups = [named]
    if near is not None:
        groups.append([str(picture) for picture in near.pictures])
        how += f"; changed copies that the images show ({near.changed} images of {near.groups} pictures)"
    if marks.images:
        believed = confirmed(marks, near)
        groups += [list(marks.originals)] * believed
        share = "the images confirm" if believed else "the images do not confirm, and which are not used"
        how += f"; marks of augmentation in the file names ({', '.join(marks.examples)}), which {share}"
    number = _joined(groups, len(table))
    size = np.bincount(number)
    places = [place(*at) for at in zip(table["source"], table["member"], table["row"], strict=True)]
    patients = [_name(row, number, named, size, places) for row in range(len(table))]
    first: dict[int, str] = {}
    for row in sorted(range(len(table)), key=lambda row: (named[row] == "", patients[row])):
        first.setdefault(int(number[row]), patients[row])
    found = tuple(first[int(one)] for one in number)
    count = len(set(found) - {""})
    return Together(found, (f"--patient auto keeps {count} groups together, by {how}.",))


def confirmed(marks: Marks, near: NearCopies | None) -> bool:
    """Whether copies were found among the images that marked names call copies of one original."""
    if near is None:
        return False
    members: dict[str, list[int]] = {}
    for original, picture in zip(marks.originals, near.pictures, strict=True):
        if original:
            members.setdefault(original, []).append(picture)
    several = [pictures for pictures in members.values() if len(pictures) > 1]
    return bool(several) and sum(len(set(one)) < len(one) for one in several) >= CONFIRMED * len(several)


def describe_marks(marks: Marks, near: NearCopies | None) -> list[str]:
    """A sentence for `Cohort.notes` where file names carry marks of augmentation."""
    if not marks.images:
        return []
    told = f"{marks.images} file names carry marks of augmentation or copying ({', '.join(marks.examples)})"
    if confirmed(marks, near):
        return [f"{told}, and the images confirm it: split by the original, with --patient auto."]
    return [f"{told}; among these images copies were not found, so the marks are not used."]


def _named(table: pd.DataFrame, keys: PatientKeys | None) -> tuple[list[str], str]:
    """Patients by name, and where they come from."""
    given = [str(patient) for patient in table["patient"]]
    if any(given):
        return given, "the patients as named"
    if keys is not None and keys.pattern is not None:
        from_names = [patient_in(re.compile(keys.pattern), source) for source in table["source"]]
        return from_names, f"the key '{keys.pattern}' in the file names, which the images accept"
    return [""] * len(table), "no name (no patient is named, and the images accept no key in the file names)"


def _joined(groups: Sequence[Sequence[str]], n: int) -> np.ndarray:
    """(n,) number of each image's group: images with an equal name in any of the groupings are joined."""
    links = []
    for names in groups:
        first: dict[str, int] = {}
        links += [(first.setdefault(name, row), row) for row, name in enumerate(names) if name]
    return numbered([(a, b) for a, b in links if a != b], n)


def _name(row: int, number: np.ndarray, named: Sequence[str], size: np.ndarray, places: Sequence[str]) -> str:
    if named[row]:
        return named[row]
    return f"picture {places[row]}" if size[number[row]] > 1 else ""
