"""Missing parts drawn by image."""

from __future__ import annotations

from typing import ClassVar

from heldout.data.splits._parts import fill_in, given_parts
from heldout.data.splits.split_method import Draw, SplitMethod
from heldout.records import Cohort, Split


class Stratified(SplitMethod):
    """What is missing is drawn by image, every class in proportion; exact copies land on the same side.

    For data without patients. If there are patients but nobody wrote them down, the score on validation is too good.
    """

    name: ClassVar[str] = "stratified"
    title: ClassVar[str] = "drawn by image, stratified by class, exact copies kept together"

    def suits(self, cohort: Cohort) -> bool:
        """Where something is to be drawn and no patient is named."""
        return not {"train", "val"} <= given_parts(cohort) and not (cohort.table["patient"] != "").any()

    def draw(self, cohort: Cohort, draw: Draw) -> Split:
        """Draw what is missing.

        Raises:
            InputError: A class has one image only.
        """
        return fill_in(cohort, draw, by_patient=False)


SPLIT = Stratified()
