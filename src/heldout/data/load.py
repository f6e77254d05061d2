"""DATA -> Cohort: name the images, read every one once, collect all problems, raise them once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.draft import drafted, layout_of
from heldout.data.entries import AS_FOUND, Entry, Layout
from heldout.data.examine.auto import AUTO, describe_marks, together
from heldout.data.examine.checks import classes_gone, labels_missing, listed_twice, split_problems
from heldout.data.examine.classes import spelled_alike
from heldout.data.examine.depth import depth_problems, policy_notes
from heldout.data.examine.keys import PatientKeys, patient_keys
from heldout.data.examine.labels import AskedLabels, asked_labels, everywhere, labels_of
from heldout.data.examine.marks import Marks, marks_in
from heldout.data.examine.measure import Keep, MeasuredImage, measure
from heldout.data.examine.near import NearCopies, describe_near, near_copies_of
from heldout.data.examine.patients import patients_missing, with_patients
from heldout.data.tabulate import notes_of, notes_of_files, order_classes, tabulate
from heldout.errors import InputError, Problem
from heldout.images.channels import parse_channels
from heldout.images.intensity import parse_intensity
from heldout.progress import Reporter, Silent
from heldout.records import Cohort
from heldout.records.labelling import LABELLINGS, Labelling

SILENT = Silent()

BY_THE_RULES = AskedLabels()
"""Whether an image has one class or several labels is decided by the rules (`examine.labels`)."""


@dataclass(frozen=True)
class Examined:
    """DATA as it is, usable or not.

    Attributes:
        cohort: All images that can be read and have a label.
        problems: Everything that stands in the way; empty if the cohort can be used.
        patient_keys: What the file names tell of the patients, where none is named or asked for.
        near: Changed copies; None where they were not looked for.
        marks: Marks of augmentation in the file names; None where the images have no files of their own.
        images: What was measured of every image of the cohort, in its order.
    """

    cohort: Cohort
    problems: tuple[Problem, ...]
    patient_keys: PatientKeys | None = None
    near: NearCopies | None = None
    marks: Marks | None = None
    images: tuple[MeasuredImage, ...] = ()

    @property
    def patient_note(self) -> str | None:
        """What the file names tell of the patients, in a sentence; one of the notes of the cohort."""
        return None if self.patient_keys is None else self.patient_keys.note(has_copies(self.near))

    @property
    def patient_option(self) -> str | None:
        """What `--patient` should be where nothing was asked for; None where there is nothing to gain.

        `auto` where there are changed copies to keep together, else the key in the file names that the images accept.
        """
        keys = self.patient_keys
        if has_copies(self.near):
            return AUTO
        return None if keys is None or keys.given is not None else keys.pattern


def load(
    data: str | Path | pd.DataFrame,
    *,
    images: str | Path | None = None,
    path_column: str = "",
    label_column: str | Sequence[str] = "",
    ignore: Sequence[str] = (),
    patient: str | None = None,
    skip_unreadable: bool = False,
    require_test: bool = True,
    intensity: str = "",
    channels: str = "",
    labels: AskedLabels | str | None = None,
    label_separator: str = "",
    verify: bool = False,
    reporter: Reporter = SILENT,
    keep: Keep | None = None,
) -> Cohort:
    """Read a data set.

    Args:
        data: A folder `train|val|test/<class>/image` or `<class>/image`, a folder of `.npy` files, an `.npz` file in
            MedMNIST's layout, a `.csv` or `.parquet` manifest, a folder with `train.csv` and `test.csv`, a `.zip` file,
            `medmnist:NAME[@SIZE]`, `hf:ORG/NAME`, `phantom:NAME`; or a manifest as a DataFrame.
        images: Folder that holds the images of a table; by default the table's own, or for a DataFrame the current one.
        path_column: Column of a table that names the image, by path, name or id; `path` by default.
        label_column: Column of a table that holds the class, `label` by default; or several of 0 and 1, one a class.
        ignore: Patterns of files and folders to leave out, such as `*_mask*`.
        patient: Name of a column, or a regular expression on the file name whose first group (or all named groups,
            joined) is the patient; or `auto`: patients that are named, else the key in the file names that the images
            accept, joined with groups of copies, changed or not.
        skip_unreadable: Leave out single images that cannot be read; they are recorded in `Cohort.excluded`.
        require_test: Whether a given split without test images is an error.
        intensity: Policy for images of more than 8 bits: `dicom-window`, `window:LO,HI`, `percentile:LO,HI`,
            `full-range` or `per-image`; empty for none.
        channels: `select:…`, `project` or `adapt`, where images have other channels than grey or RGB; empty for none.
        labels: `single` or `several` labels an image; None goes by the rules (`heldout.data.examine.labels`).
        label_separator: Between names in one cell, which settles what they are; empty for `|` by the rules.
        verify: Read every file, also those that an earlier command read and that have not changed since.
        reporter: Is told of every image.
        keep: Is given every image that is decoded, with its source, member and row, by several threads at once.

    Returns:
        The images as a table.

    Raises:
        InputError: All problems of the data at once.
        UsageError: `patient` is neither a column nor a regular expression with a group; another kind of labels.
        HeldoutError: The reader cannot work: an extra is missing, a download failed.
    """
    layout = layout_of(images, path_column, label_column, ignore)
    asked = labels if isinstance(labels, AskedLabels) else asked_labels(labels, label_separator)
    examined = examine(
        data,
        layout=layout,
        patient=patient,
        skip_unreadable=skip_unreadable,
        require_test=require_test,
        intensity=intensity,
        channels=channels,
        labels=asked,
        verify=verify,
        reporter=reporter,
        keep=keep,
    )
    if examined.problems:
        named = "The table" if isinstance(data, pd.DataFrame) else data
        raise InputError(examined.problems, title=f"{named} cannot be used as it is")
    return examined.cohort


def examine(
    data: str | Path | pd.DataFrame,
    *,
    layout: Layout = AS_FOUND,
    patient: str | None = None,
    skip_unreadable: bool = False,
    require_test: bool = True,
    intensity: str = "",
    channels: str = "",
    labels: AskedLabels = BY_THE_RULES,
    verify: bool = False,
    reporter: Reporter = SILENT,
    keep: Keep | None = None,
) -> Examined:
    """Like `load`, but problems are returned beside what could be read: what `heldout inspect` shows.

    Raises:
        InputError: DATA is of no known kind.
        UsageError: As for `load`.
        HeldoutError: As for `load`.
    """
    if intensity:
        parse_intensity(intensity)  # told before hours of reading
    if channels:
        parse_channels(channels)
    draft, reader = drafted(data, layout, reporter)
    auto = patient == AUTO and not any(AUTO in entry.extra for entry in draft.entries)
    told = None if auto else patient
    named_labels = labels_of(draft, labels)
    labelling = LABELLINGS[named_labels.kind]
    entries = with_patients(named_labels.entries, told)
    measured, array_problems, single_problems = measure(entries, draft.root, reporter, verify, keep)
    judged = [image.entry for image in measured] if skip_unreadable else list(entries)
    excluded = tuple(single_problems) if skip_unreadable else ()
    problems = [
        *draft.problems,
        *named_labels.problems,
        *array_problems,
        *(classes_gone(entries, judged) if skip_unreadable else single_problems),
        *listed_twice(judged),
        *([] if named_labels.problems else _wrong_labels(judged)),
        *patients_missing(judged, told),
        *depth_problems(measured, intensity, channels),
    ]
    if not named_labels.problems and (judged or not problems):
        problems += split_problems([(entry.split, entry.label) for entry in judged], require_test, labelling)
    table = tabulate(measured, draft.keeps_further)
    named = told is not None or (table["patient"] != "").any()
    small = small_of([image for image in measured if image.entry.labelled])
    keys = None if named else patient_keys(table, small)
    near, marks = _copies(small, table, verify)
    key_note = None if auto or keys is None else keys.note(has_copies(near))
    notes = [
        *notes_of(table, key_note, len(excluded)),
        *notes_of_files(measured),
        *policy_notes(measured, intensity),
    ]
    if auto:
        groups = together(table, keys, near, marks)
        table, notes = table.assign(patient=list(groups.patients)), [*notes, *groups.notes]
    cohort = Cohort(
        name=draft.name,
        root=str(draft.root),
        reader=reader,
        classes=order_classes(_names_in(table, labelling), named_labels.classes),
        table=table,
        excluded=excluded,
        notes=(*draft.notes, *named_labels.notes, *notes, *describe_near(near, auto), *describe_marks(marks, near)),
        copies=None if near is None else near.named(list(table["id"])),
        intensity=intensity,
        channels=channels,
        labels=named_labels.kind,
    )
    kept = tuple(image for image in measured if image.entry.labelled)
    return Examined(cohort, tuple(problems), None if auto else keys, near, marks, kept)


def _wrong_labels(entries: Sequence[Entry]) -> list[Problem]:
    """What is wrong with labels, once it is clear what they are."""
    names = [name for entry in entries for name in entry.names]
    return [*labels_missing(entries), *everywhere(entries), *spelled_alike(names)]


def _names_in(table: pd.DataFrame, labelling: Labelling) -> set[str]:
    """Names of all classes, or labels, that images have."""
    return {name for text in set(table["label"]) for name in labelling.names_in(text)}


def has_copies(near: NearCopies | None) -> bool:
    """Whether changed copies were found."""
    return near is not None and bool(near.pairs)


def small_of(images: Sequence[MeasuredImage]) -> list[NDArray[np.uint8]]:
    """Their thumbnails, n of (64, 64)."""
    return [image.small for image in images]


def _copies(small: Sequence[NDArray[np.uint8]], table: pd.DataFrame, verify: bool) -> tuple[NearCopies | None, Marks]:
    """Changed copies among the images of the table, and marks of copying in their names."""
    near = near_copies_of(table, small, verify)
    files = bool(len(table)) and bool((table["row"] < 0).all())
    return near, marks_in(list(table["source"]) if files else [""] * len(table), list(table["label"]))
