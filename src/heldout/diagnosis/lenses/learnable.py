"""What would fix it: how much of the drop a classifier that learns from both parts alike still has."""

from __future__ import annotations

from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.lenses.lens import LensView
from heldout.diagnosis.pooled import pooled, remaining
from heldout.diagnosis.words import said
from heldout.records import Lens


class LearnableLens(LensView):
    """Difficulty, and what a classifier could learn from target data."""

    name: ClassVar[str] = "learnable"
    place: ClassVar[int] = 20

    def views(self, data: CauseData) -> tuple[Lens, ...]:
        """Empty without the pooled classifier."""
        balanced = pooled(data, "balanced")
        if balanced is None:
            return ()
        difficulty = balanced.difficulty
        learnable = remaining(data) - difficulty
        sentence = (
            f"A classifier that learns from validation and test images alike is still right less often on test by "
            f"{said(difficulty)}: these images are harder (or their labels worse). The rest of threshold and ranking, "
            f"{said(learnable)}, could be learned from labelled target images."
        )
        parts = {"harder on test for anyone": difficulty.estimate(), "learnable from target data": learnable.estimate()}
        numbers = {"val_images": float(len(balanced.val.ids)), "test_images": float(len(balanced.test.ids))}
        return (Lens("learnable", "What would fix it", "", parts, sentence, numbers),)


LENS = LearnableLens()
