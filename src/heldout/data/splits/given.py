"""The split as the data gives it."""

from __future__ import annotations

from typing import ClassVar

from heldout.data.splits._parts import given_parts
from heldout.data.splits.split_method import Draw, SplitMethod
from heldout.errors import InputError, Problem
from heldout.records import Cohort, Split


class Given(SplitMethod):
    """Train and validation are named by the data, and kept as they are; nothing is drawn.

    Whether patients cross from one part to another is not in our hands here: `heldout inspect` says so if they do.
    """

    name: ClassVar[str] = "given"
    title: ClassVar[str] = "train, validation and test as the data names them"

    def suits(self, cohort: Cohort) -> bool:
        """Where train and validation are named."""
        return {"train", "val"} <= given_parts(cohort)

    def draw(self, cohort: Cohort, draw: Draw) -> Split:
        """Take the split over.

        Raises:
            InputError: The data names no train or no validation set.
        """
        missing = {"train", "val"} - given_parts(cohort)
        if missing:
            raise InputError(
                [
                    Problem(
                        "the split",
                        f"no images in {' and '.join(sorted(missing))}",
                        "train and validation named by the data",
                        "Let the missing part be drawn, or name it in the data.",
                    )
                ]
            )
        ids, part = cohort.table["id"], cohort.table["split"]
        return Split(
            train=tuple(ids[part == "train"]),
            val=tuple(ids[part == "val"]),
            test=tuple(ids[part == "test"]),
            method="given",
            seed=None,
            grouped=_grouped(cohort),
        )


def _grouped(cohort: Cohort) -> bool:
    """Whether no patient stands in two parts, which can be said only where every image names its patient."""
    if not cohort.patients_known:
        return False
    return bool((cohort.table.groupby("patient")["split"].nunique() == 1).all())


SPLIT = Given()
