"""Exact copies: the same pixels under two names, which a split must not tear apart."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Copies:
    """Images whose pixels are the same.

    Attributes:
        content: Their common content hash.
        ids: Two or more.
        places: Where each lies: file, with the array and row in it.
        labels: Label of each.
        splits: Split of each as given, or empty.
        patients: Patient of each, or empty.
    """

    content: str
    ids: tuple[str, ...]
    places: tuple[str, ...]
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    patients: tuple[str, ...]

    @property
    def across_splits(self) -> bool:
        """Whether copies stand in different parts of the given split."""
        return len(set(self.splits)) > 1

    @property
    def labels_differ(self) -> bool:
        """Whether one of the labels must be wrong."""
        return len(set(self.labels)) > 1

    @property
    def patients_differ(self) -> bool:
        """Whether one of the patients must be wrong, among those that are named."""
        return len(set(self.patients) - {""}) > 1


def exact_copies(table: pd.DataFrame) -> tuple[Copies, ...]:
    """Groups of images with equal pixels.

    Args:
        table: `Cohort.table`.

    Returns:
        One `Copies` a group of two or more, in the order of their first image.
    """
    once = table.drop_duplicates(["source", "member", "row"])  # a file that is listed twice is a problem, and no copy
    again = once[once["content"].duplicated(keep=False)]
    return tuple(
        Copies(
            content=str(content),
            ids=tuple(group["id"]),
            places=tuple(place(*row) for row in zip(group["source"], group["member"], group["row"], strict=True)),
            labels=tuple(group["label"]),
            splits=tuple(group["split"]),
            patients=tuple(group["patient"]),
        )
        for content, group in again.groupby("content", sort=False)
    )


def place(source: str, member: str, row: int) -> str:
    """`train/normal.npy row 17`, `data.npz [train_images] row 3`, `train/a/1.png`."""
    return f"{source}{f' [{member}]' if member else ''}" + (f" row {row}" if row >= 0 else "")


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"


def describe_copies(copies: tuple[Copies, ...]) -> list[str]:
    """Sentences for `Cohort.notes`: how many, and what makes them harmful."""
    if not copies:
        return []
    images = sum(len(group.ids) for group in copies)
    notes = [
        f"{images} images are exact copies of one another ({_pictures(len(copies))}; for example "
        f"{copies[0].places[0]} = {copies[0].places[1]}). Copies are kept, and never torn apart by a drawn split."
    ]
    across = [group for group in copies if group.across_splits]
    if across:
        example = across[0]
        other = next(i for i, split in enumerate(example.splits) if split != example.splits[0])
        notes.append(
            f"{_pictures(len(across))} in more than one part of the given split (for example {example.places[0]} = "
            f"{example.places[other]}): scores on them are too good. Remove one of each pair."
        )
    differ = [group for group in copies if group.labels_differ]
    if differ:
        example = differ[0]
        other = next(i for i, label in enumerate(example.labels) if label != example.labels[0])
        notes.append(
            f"{_pictures(len(differ))} with two labels (for example {example.places[0]} is {example.labels[0]}, "
            f"{example.places[other]} is {example.labels[other]}): one of them is wrong."
        )
    mixed = sum(group.patients_differ for group in copies)
    if mixed:
        notes.append(f"{_pictures(mixed)} under two patients; a drawn split keeps such patients together.")
    return notes
