"""Missing parts drawn by patient."""

from __future__ import annotations

from typing import ClassVar

from heldout.data.splits._parts import fill_in, given_parts
from heldout.data.splits.split_method import Draw, SplitMethod
from heldout.records import Cohort, Split


class Grouped(SplitMethod):
    """What is missing is drawn by patient, stratified by class: all images of a patient land on the same side.

    An image-level draw puts the same patient on both sides, and the score on validation then partly measures how well
    the network recognises patients. Exact copies also stay together, with their patients if these differ. Where only
    some images name their patient, each of the others counts as a patient of its own.
    """

    name: ClassVar[str] = "grouped"
    title: ClassVar[str] = "drawn by patient, stratified by class"

    def suits(self, cohort: Cohort) -> bool:
        """Where something is to be drawn and a patient is named."""
        return not {"train", "val"} <= given_parts(cohort) and bool((cohort.table["patient"] != "").any())

    def draw(self, cohort: Cohort, draw: Draw) -> Split:
        """Draw what is missing.

        Raises:
            InputError: A class has images of one patient only.
        """
        return fill_in(cohort, draw, by_patient=True)


SPLIT = Grouped()
