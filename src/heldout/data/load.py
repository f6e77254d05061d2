"""DATA -> Cohort: choose the reader, read every image once, collect all problems, raise them once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from heldout.data.entries import Reader
from heldout.data.examine.auto import AUTO, describe_marks, together
from heldout.data.examine.checks import labels_missing, listed_twice, split_problems
from heldout.data.examine.copies import describe_copies, exact_copies
from heldout.data.examine.keys import PatientKeys, patient_keys
from heldout.data.examine.labels import AskedLabels, everywhere, labels_of
from heldout.data.examine.marks import Marks, marks_in
from heldout.data.examine.measure import MeasuredImage, measure
from heldout.data.examine.near import NearCopies, describe_near, near_copies_of
from heldout.data.examine.patients import patients_missing, with_patients
from heldout.errors import HeldoutError, InputError, Problem
from heldout.images.copies import SIDE
from heldout.progress import Reporter, Silent
from heldout.records import Cohort
from heldout.records.cohort import COLUMNS, typed
from heldout.records.labelling import LABELLINGS, Labelling
from heldout.registry import Shelf

readers: Shelf[Reader] = Shelf("heldout.data.readers", group="heldout.readers", attribute="READER", noun="reader")

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
    """

    cohort: Cohort
    problems: tuple[Problem, ...]
    patient_keys: PatientKeys | None = None
    near: NearCopies | None = None
    marks: Marks | None = None


def load(
    data: str | Path,
    *,
    patient: str | None = None,
    skip_unreadable: bool = False,
    require_test: bool = True,
    labels: AskedLabels = BY_THE_RULES,
    reporter: Reporter = SILENT,
) -> Cohort:
    """Read a data set.

    Args:
        data: A folder `train|val|test/<class>/image` or `<class>/image`, a folder of `.npy` files, an `.npz` file in
            MedMNIST's layout, a `.csv` or `.parquet` manifest, `medmnist:NAME[@SIZE]`, `hf:ORG/NAME`, `phantom:NAME`.
        patient: Name of a column, or a regular expression on the file name whose first group (or all named groups,
            joined) is the patient; or `auto`: patients that are named, else the key in the file names that the images
            accept, joined with groups of copies, changed or not.
        skip_unreadable: Leave out single images that cannot be read; they are recorded in `Cohort.excluded`.
        require_test: Whether a given split without test images is an error.
        labels: Whether an image is of one class or has several labels, where that is not clear.
        reporter: Is told of every image.

    Returns:
        The images as a table.

    Raises:
        InputError: All problems of the data at once.
        UsageError: `patient` is neither a column nor a regular expression with a group.
        HeldoutError: The reader cannot work: an extra is missing, a download failed.
    """
    examined = examine(
        data,
        patient=patient,
        skip_unreadable=skip_unreadable,
        require_test=require_test,
        labels=labels,
        reporter=reporter,
    )
    if examined.problems:
        raise InputError(examined.problems, title=f"{data} cannot be used as it is")
    return examined.cohort


def examine(
    data: str | Path,
    *,
    patient: str | None = None,
    skip_unreadable: bool = False,
    require_test: bool = True,
    labels: AskedLabels = BY_THE_RULES,
    reporter: Reporter = SILENT,
) -> Examined:
    """Like `load`, but problems are returned beside what could be read: what `heldout inspect` shows.

    Raises:
        InputError: DATA is of no known kind.
        UsageError: As for `load`.
        HeldoutError: As for `load`.
    """
    text = str(data)
    reader = choose(text)
    draft = reader.read(text, reporter)
    auto = patient == AUTO and not any(AUTO in entry.extra for entry in draft.entries)
    told = None if auto else patient
    named_labels = labels_of(draft, labels)
    entries = with_patients(named_labels.entries, told)
    measured, array_problems, single_problems = measure(entries, draft.root, reporter)
    judged = [image.entry for image in measured] if skip_unreadable else entries
    excluded = tuple(single_problems) if skip_unreadable else ()
    problems = [
        *draft.problems,
        *named_labels.problems,
        *array_problems,
        *([] if skip_unreadable else single_problems),
        *listed_twice(judged),
        *([] if named_labels.problems else [*labels_missing(judged), *everywhere(judged)]),
        *patients_missing(judged, told),
    ]
    if not named_labels.problems and (judged or not problems):
        problems += split_problems(
            [(entry.split, entry.label) for entry in judged], require_test, LABELLINGS[named_labels.kind]
        )
    table = tabulate(measured, draft.keeps_further)
    classes = named_labels.classes
    named = told is not None or (table["patient"] != "").any()
    keys = None if named else patient_keys(table, draft.root)
    near, marks = _copies(measured, table)
    notes = notes_of(table, None if auto else keys, len(excluded))
    if auto:
        groups = together(table, keys, near, marks)
        table, notes = table.assign(patient=list(groups.patients)), [*notes, *groups.notes]
    cohort = Cohort(
        name=draft.name,
        root=str(draft.root),
        reader=reader.name,
        classes=order_classes(_names_in(table, LABELLINGS[named_labels.kind]), classes),
        table=table,
        excluded=excluded,
        notes=(*draft.notes, *named_labels.notes, *notes, *describe_near(near, auto), *describe_marks(marks, near)),
        labels=named_labels.kind,
        copies=None if near is None else near.named(list(table["id"])),
    )
    return Examined(cohort, tuple(problems), None if auto else keys, near, marks)


def _names_in(table: pd.DataFrame, labelling: Labelling) -> set[str]:
    """Names of all classes, or labels, that images have."""
    return {name for text in set(table["label"]) for name in labelling.names_in(text)}


def _copies(measured: Sequence[MeasuredImage], table: pd.DataFrame) -> tuple[NearCopies | None, Marks]:
    """Changed copies among the images of the table, and marks of copying in their names."""
    small = [image.small for image in measured if image.entry.labelled]
    near = near_copies_of(table, np.stack(small) if small else np.empty((0, SIDE, SIDE), dtype=np.uint8))
    files = bool(len(table)) and bool((table["row"] < 0).all())
    return near, marks_in(list(table["source"]) if files else [""] * len(table), list(table["label"]))


def choose(data: str) -> Reader:
    """The one reader that accepts DATA.

    Raises:
        InputError: None does.
        HeldoutError: Several do.
    """
    fitting = [reader for reader in readers if reader.accepts(data)]
    if len(fitting) > 1:
        raise HeldoutError(
            f"Several readers take '{data}': {', '.join(reader.name for reader in fitting)}. "
            f"Expected one; uninstall the plug-in that you do not need."
        )
    if not fitting:
        kinds = "; ".join(reader.title for reader in readers)
        raise InputError(
            [Problem(data, _what_is(data), f"one of: {kinds}", "See `docs/data.md` for an example of each.")]
        )
    return fitting[0]


def _what_is(data: str) -> str:
    path = Path(data)
    if path.is_dir():
        return "a folder of no known layout"
    if path.is_file():
        return f"a file that ends in '{path.suffix}'"
    head, colon, _ = data.partition(":")
    return f"the unknown prefix '{head}:'" if colon and len(head) > 1 and "/" not in head else "no such file or folder"


def tabulate(measured: Sequence[MeasuredImage], keeps_further: bool = True) -> pd.DataFrame:
    """`Cohort.table` of the images that have a label; exact copies are numbered in the order of their places.

    Further columns of the source are kept where they are to be, but for one that has the name of a column of `COLUMNS`.
    """
    usable = [image for image in measured if image.entry.labelled]
    frame = pd.DataFrame(
        {
            "content": [image.content for image in usable],
            "source": [image.entry.source for image in usable],
            "member": [image.entry.member for image in usable],
            "row": [image.entry.row for image in usable],
            "label": [image.entry.label for image in usable],
            "patient": [image.entry.patient for image in usable],
            "site": [image.entry.site for image in usable],
            "split": [image.entry.split for image in usable],
            "width": [image.width for image in usable],
            "height": [image.height for image in usable],
            "channels": [image.channels for image in usable],
            "bits": [image.bits for image in usable],
        }
    )
    further = dict.fromkeys(name for image in usable for name in image.entry.extra if name not in COLUMNS)
    further = further if keeps_further else {}
    frame = frame.assign(id=identify(frame))
    return typed(frame.assign(**{name: [image.entry.extra.get(name, "") for image in usable] for name in further}))


def identify(frame: pd.DataFrame) -> pd.Series:
    """Ids: the content hash, with `-2`, `-3` … for exact copies, numbered by place and not by the order of rows."""
    rank = frame.sort_values(["content", "source", "member", "row"], kind="stable").groupby("content").cumcount()
    number = rank.reindex(frame.index).fillna(0).astype("int64") + 1
    suffix = number.map(lambda n: "" if n == 1 else f"-{n}")
    return frame["content"].astype(str) + suffix.astype(str)


def order_classes(labels: Iterable[str], given: Sequence[str] = ()) -> tuple[str, ...]:
    """Class names in the order of their indices: as given, else by number where all are numbers, else by alphabet."""
    present = set(labels)
    if given:
        return tuple(name for name in given if name in present) + tuple(sorted(present - set(given)))
    if present and all(name.lstrip("-").isdecimal() for name in present):
        return tuple(sorted(present, key=lambda name: (int(name), name)))
    return tuple(sorted(present))


def notes_of(table: pd.DataFrame, keys: PatientKeys | None, excluded: int = 0) -> list[str]:
    """What a person should know of images that can be used: left out, copies, patients, no split."""
    notes = []
    if excluded:
        notes.append(f"{excluded} images that cannot be read were left out (--skip-unreadable).")
    if not len(table):
        return notes
    notes += describe_copies(exact_copies(table))
    known = int((table["patient"] != "").sum())
    if 0 < known < len(table):
        notes.append(
            f"The patient is known for {known} of {len(table)} images only: a drawn split keeps those together and "
            f"treats every other image as a patient of its own."
        )
    if known:
        notes += _crossing(table)
    if keys is not None and keys.note is not None:
        notes.append(keys.note)
    if (table["split"] == "").all():
        notes.append("No split is given: test and validation are drawn from all images.")
    elif not (table["split"] == "test").any():
        notes.append("There is no test set: the score on validation, by which models are chosen, is optimistic.")
    return notes


def _crossing(table: pd.DataFrame) -> list[str]:
    """Patients that the given split tears apart."""
    named = table[(table["patient"] != "") & (table["split"] != "")]
    crossing = named.groupby("patient")["split"].nunique()
    torn = list(crossing[crossing > 1].index)
    if not torn:
        return []
    images = int(named["patient"].isin(torn).sum())
    return [
        f"{len(torn)} patients ({images} images) stand in more than one part of the given split, for example "
        f"'{torn[0]}': scores on them are too good."
    ]
