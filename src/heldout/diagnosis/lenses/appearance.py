"""What is in the images: the difference in accuracy of a class split by appearance (DISDE)."""

from __future__ import annotations

from typing import ClassVar

from heldout.diagnosis.appearance import BASES, Row, doubts
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.lenses.lens import LensView
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.words import said
from heldout.records import Estimate, Lens

PARTS = ("known to validation, more frequent on test", "alike on both sides, still worse", "missing from validation")
"""Names of DISDE's parts I, II and III."""


class AppearanceLens(LensView):
    """One view a class and kind of columns; its parts are missing where they would be guesses."""

    name: ClassVar[str] = "appearance"
    place: ClassVar[int] = 10

    def views(self, data: CauseData) -> tuple[Lens, ...]:
        """Every row of the table."""
        return tuple(_view(row, data.run.classes[row.k], data.rules) for row in data.appearance.rows)


def _view(row: Row, class_: str, rules: Rules) -> Lens:
    split = row.split
    numbers = {
        "domain_auc": split.auc,
        "val_images": float(row.sizes[0]),
        "test_images": float(row.sizes[1]),
        "effective_val": split.effective_source,
        "effective_test": split.effective_target,
    }
    if row.chance is not None:
        null = row.chance.null
        numbers |= {"null_mean": float(null.mean()), "null_max": float(null.max()), "p": row.chance.p}
    sentence = (
        f"By {BASES[row.basis]}, validation and test images of {class_} are told apart with an AUC of {split.auc:.2f} "
        "(0.50: no difference). "
    )
    parts: dict[str, Estimate] = {}
    if row.sound(rules):
        seen, alike, unseen = row.points
        sentence += (
            f"Images such as validation knows but test has more of cost {said(seen)}, such as it lacks {said(unseen)}; "
            f"images that resemble each other on both sides still differ by {said(alike)}."
        )
        parts = {name: points.estimate() for name, points in zip(PARTS, row.points, strict=True)}
    else:
        sentence += f"What that costs cannot be told, because {' and '.join(doubts(row, rules))}."
    basis = BASES[row.basis]
    return Lens("appearance", "What is in the images", class_, parts, sentence, numbers, basis)


LENS = AppearanceLens()
