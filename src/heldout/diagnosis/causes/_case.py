"""A run on the table: its evidence, its budget, and what an intervention did to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heldout.diagnosis.gap import GapBudget, threshold_gain
from heldout.diagnosis.run_data import RunData
from heldout.records import Remedy
from heldout.stats.measured import Measured
from heldout.stats.weighted import recalls, weighted_mean


@dataclass(frozen=True)
class Effect:
    """What an intervention on validation images did.

    Attributes:
        lost: Accuracy points lost on validation, its classes weighted to the shares of test: what the intervention
            explains of the gap.
        of_threshold: Points of these that a shift of the decision would mend.
        images: Ids of the validation images that were right before and wrong after.
        scored: Number of images that were scored again.
    """

    lost: Measured
    of_threshold: Measured
    images: tuple[str, ...]
    scored: int

    def numbers(self) -> dict[str, float]:
        """For `Finding.numbers`: how the points fall on the mechanisms."""
        return {
            "of_threshold": self.of_threshold.value,
            "of_ranking": self.lost.value - self.of_threshold.value,
            "images_scored": float(self.scored),
        }


@dataclass(frozen=True)
class Case:
    """Everything a cause is given.

    Attributes:
        evidence: The run's evidence; validation and test are there.
        budget: Its gap, taken apart.
    """

    evidence: RunData
    budget: GapBudget

    def effect(self, experiment: str, variant: str) -> Effect | None:
        """What a variant of an experiment did to the validation images; None where it was not scored.

        Only the images that were scored count, before as after: an experiment writes every image that it considered,
        with its old logits where it left the image as it was.
        """
        scored = self.evidence.scored.get(experiment)
        base = self.budget.base
        if scored is None or not scored.has(variant, "val"):
            return None
        logits = scored.logits(variant, "val", base.val.ids)
        here = np.asarray(np.isfinite(logits).all(axis=1))
        if not here.any():
            return None
        some = replace(base, val=base.val.take(here), val_weights=base.val_weights[:, here])
        before, after = some.val, some.val.with_logits(logits[here])
        draws, k = self.budget.draws, self.evidence.k
        change = recalls(before.right, before.labels, some.val_weights, k) - recalls(
            after.right, after.labels, some.val_weights, k
        )
        lost = 100 * np.nansum(base.test_prior * change, axis=1)
        of_threshold = 100 * (threshold_gain(some, after) - threshold_gain(some, before))
        turned = np.flatnonzero(before.right & ~after.right)
        return Effect(
            draws.measured(lost, len(before)),
            draws.measured(of_threshold, len(before)),
            tuple(before.ids[i] for i in turned),
            len(before),
        )

    def gain(self, experiment: str, variant: str, part: str) -> Measured | None:
        """Accuracy points that a variant gains on a part (`val` as reported, or `test`), paired, on the images scored.

        Test is scored by the labels that reviewers gave: a remedy is not to be praised for reproducing wrong ones. None
        where no image of the part was scored.
        """
        scored = self.evidence.scored.get(experiment)
        side = self.evidence.side(part)
        if scored is None or side is None or not scored.has(variant, part):
            return None
        logits, weights = scored.logits(variant, part, side.ids), self.budget.draws.of_part(part)
        number = int(np.isfinite(logits).all(axis=1).sum())
        if not number:
            return None
        if part == "test":
            base = self.budget.base
            side, weights, logits = base.true_test, base.true_weights, logits[base.true_rows]
        here = np.asarray(np.isfinite(logits).all(axis=1))
        change = (logits[here].argmax(axis=1) == side.labels[here]).astype(np.float64) - side.right[here]
        return self.budget.draws.measured(100 * weighted_mean(change, weights[:, here]), number)

    def remedy(self, name: str, gain: Measured, cause: str, exploratory: bool = True) -> Remedy:
        """A remedy with its measured gain."""
        return Remedy(name, gain.estimate(), exploratory, cause)


__all__ = ["Case", "Effect"]
