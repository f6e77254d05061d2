"""The table of a cohort, its classes, and what a person should know of its images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from heldout.data.examine.copies import describe_copies, exact_copies
from heldout.data.examine.keys import crossing_split
from heldout.data.examine.measure import MeasuredImage
from heldout.records.cohort import COLUMNS, typed

SHOWN_NOTES = 8
"""Sentences of files that are told; of windows that are none, say, there may be one an image."""


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


def notes_of(table: pd.DataFrame, key_note: str | None, excluded: int = 0) -> list[str]:
    """What a person should know of images that can be used: left out, copies, patients, no split."""
    notes = []
    if excluded:
        left = "1 image that cannot be read was" if excluded == 1 else f"{excluded} images that cannot be read were"
        notes.append(f"{left} left out (--skip-unreadable).")
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
    if key_note is not None:
        notes.append(key_note)
    if (table["split"] == "").all():
        notes.append("No split is given: test and validation are drawn from all images.")
    elif not (table["split"] == "test").any():
        notes.append(
            "There is no test set: a score on validation images by which a model was chosen is optimistic (--folds "
            "holds each fold's images back from what is chosen within a run)."
        )
    return notes


def notes_of_files(measured: Sequence[MeasuredImage]) -> list[str]:
    """What files say of their images, each sentence once with the number of images."""
    counts = Counter(note for image in measured if image.entry.labelled for note in image.notes)
    return [f"{count:,} of {len(measured):,} images: {note}" for note, count in counts.most_common(SHOWN_NOTES)]


def _crossing(table: pd.DataFrame) -> list[str]:
    """Patients that the given split tears apart."""
    torn = crossing_split(list(table["patient"]), list(table["split"]))
    if not torn:
        return []
    named = table[(table["patient"] != "") & (table["split"] != "")]
    images = int(named["patient"].isin(torn).sum())
    return [
        f"{len(torn)} of {named['patient'].nunique()} patients ({images} images) stand in more than one part of the "
        f"given split, for example '{torn[0]}': scores on them are too good."
    ]
