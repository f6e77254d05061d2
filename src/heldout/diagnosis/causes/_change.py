"""What an experiment turned: which images were right before it and wrong after, with what that is worth in points.

`Case.effect` answers for one variant and knows what a threshold would mend; an experiment has up to a dozen variants,
and this module weighs them all quickly so that only the one that matters is looked at closely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import MARGIN, weigh
from heldout.records import Verdict
from heldout.stats.few import too_few_to_exclude
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured, never_certain
from heldout.stats.scores import Indices, Reals
from heldout.stats.thresholds import Weights, tuned_accuracy
from heldout.stats.weighted import recalls

LEVEL = 0.05
"""Level of the test behind a verdict."""

RESAMPLES = 9999
"""Signs drawn for it: p is told to a hundredth of the level that is left for each of five properties."""


@dataclass(frozen=True)
class Change:
    """Images of one part before and after an intervention.

    Attributes:
        ids: The n images that were scored.
        labels: (n,).
        before: (n,) whether each was right.
        after: (n,) whether it is right under the variant.
        logits_before: (n, k).
        logits_after: (n, k).
        units: (n,) unit (patient) of each.
        weights: (B + 1, n) of the bootstrap.
        prior: (B + 1, k) class shares of test.
        draws: The bootstrap.
    """

    ids: tuple[str, ...]
    labels: Indices
    before: NDArray[np.bool_]
    after: NDArray[np.bool_]
    logits_before: Reals
    logits_after: Reals
    units: Indices
    weights: Weights
    prior: Reals
    draws: JointBootstrap

    @cached_property
    def by_class(self) -> Reals:
        """Points lost in each class, π^T_k · (recall before − recall after) · 100, (B + 1, k); 0 without images."""
        k = self.prior.shape[1]
        difference = self.before.astype(np.float64) - self.after.astype(np.float64)
        points: Reals = np.nan_to_num(100 * self.prior * recalls(difference, self.labels, self.weights, k))
        return points

    @cached_property
    def lost(self) -> Measured:
        """Points lost, the classes at the shares of test."""
        return self.draws.measured(self.by_class.sum(axis=1), len(self.ids))

    @cached_property
    def accuracy_before(self) -> Measured:
        """Accuracy of the images as they are, at the class shares of test, points."""
        return self._accuracy(self.before)

    @cached_property
    def accuracy_after(self) -> Measured:
        """Accuracy under the variant, at the class shares of test, points."""
        return self._accuracy(self.after)

    def _accuracy(self, right: NDArray[np.bool_]) -> Measured:
        each = recalls(right, self.labels, self.weights, self.prior.shape[1])
        return self.draws.measured(100 * np.nansum(self.prior * each, axis=1), len(self.ids))

    @cached_property
    def p(self) -> float:
        """Two-sided p of a randomisation test over units: did patients lose as much as others gained (Fisher 1935)?

        Each unit's net points change sign at random; all 2^u signs where there are few units, else `RESAMPLES` of them.
        A percentile interval of three changed images, all to the worse, excludes 0; chance does that once in four. The
        sign test would ask how many patients lose, not how much: a loss of one class beside a gain of the other, each
        with its own patients, would seem to cancel out.
        """
        prior = self.prior[0]
        shares = np.bincount(self.labels, minlength=len(prior)) / len(self.labels)
        each = (self.before.astype(np.float64) - self.after) * (prior / np.where(shares > 0, shares, 1.0))[self.labels]
        net = np.bincount(self.units, weights=each)
        net = net[np.abs(net) > 1e-12]
        if len(net) < 2:
            return 1.0  # either sign of one unit is as far from 0
        found = permutation_test(
            (net,),
            np.sum,
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=max(1, 4_000_000 // len(net)),
            rng=np.random.default_rng(len(net)),
        )
        return float(found.pvalue)

    @property
    def changed(self) -> int:
        """Number of images that changed sides."""
        return int((self.before != self.after).sum())

    @property
    def mended_ids(self) -> tuple[str, ...]:
        """Ids of the images that were wrong before and right after."""
        return tuple(self.ids[i] for i in np.flatnonzero(~self.before & self.after))

    @property
    def turned(self) -> tuple[str, ...]:
        """Ids of the images that were right before and wrong after."""
        return tuple(self.ids[i] for i in np.flatnonzero(self.before & ~self.after))

    def mended(self) -> float:
        """Points of the loss that a shift of the decision would mend: the value of `Effect.of_threshold`."""
        if (self.prior[0] > 0).sum() < 2 or len(np.unique(self.units)) < 2:
            return 0.0
        shares = np.bincount(self.labels, minlength=self.prior.shape[1]) / len(self.labels)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(shares > 0, self.prior[0] / shares, 0.0)
        weights = ratio[self.labels][None].astype(np.float32)  # row 0, the sample itself, is enough for a value
        if not weights.sum() > 0:
            return 0.0
        gains = []
        for logits, right in ((self.logits_after, self.after), (self.logits_before, self.before)):
            tuned = tuned_accuracy(self.labels, logits, self.units, weights)[0]
            gains.append(float(tuned - (weights[0] @ right) / weights.sum()))
        return 100 * (gains[0] - gains[1])


def change(
    case: Case, experiment: str, variant: str, part: Literal["val", "test"], reviewed: bool = False
) -> Change | None:
    """What a variant did to validation (independent of train, `GapBudget.base`) or to test; None where not scored.

    With `reviewed`, test is `Samples.true_test`: with the labels that reviewers gave. Where the independent validation
    images belong to networks trained anew, those as reported are taken: the experiments ask the run's own network.
    """
    scored = case.evidence.scored.get(experiment)
    if scored is None or not scored.has(variant, part):
        return None
    base = case.budget.base
    side, weights = (base.val, base.val_weights) if part == "val" else (base.test, base.test_weights)
    if part == "val" and case.evidence.val is not None and not set(side.ids) <= set(case.evidence.val.ids):
        side, weights = case.evidence.val, case.budget.draws.val
    logits = scored.logits(variant, part, side.ids)
    if reviewed and part == "test":
        side, weights, logits = base.true_test, base.true_weights, logits[base.true_rows]
    here = np.asarray(np.isfinite(logits).all(axis=1))
    if not here.any() or logits.shape[1] != case.evidence.k:
        return None
    some, after = side.take(here), logits[here]
    right_after: NDArray[np.bool_] = after.argmax(axis=1) == some.labels
    return Change(
        some.ids,
        some.labels,
        some.right,
        right_after,
        some.logits,
        after,
        some.units,
        weights if here.all() else weights[:, here],
        base.test_prior,
        case.budget.draws,
    )


def mechanisms(points: float, of_threshold: float, scored: int) -> dict[str, float]:
    """For `Finding.numbers`, as `Effect.numbers`: how the points fall on threshold and ranking."""
    return {"of_threshold": of_threshold, "of_ranking": points - of_threshold, "images_scored": float(scored)}


def weigh_changes(
    points: Measured, seen: Sequence[Change], agrees: bool | None, comparisons: int = 1
) -> tuple[Verdict, str]:
    """`weigh`, but not on a handful of images: a randomisation test has to agree that something changed."""
    verdict, reason = weigh(points, agrees)
    if verdict == "excluded" and not points.varies and (few := _blind(seen)):
        return "not identifiable", few
    p = min(1.0, len(seen) * min(found.p for found in seen))
    if verdict in ("established", "suggested") and p >= LEVEL / max(comparisons, 1):
        changed, scored = sum(found.changed for found in seen), sum(len(found.ids) for found in seen)
        return "not identifiable", f"needs more images than the {changed} of {scored} that changed sides"
    return verdict, reason


def _blind(seen: Sequence[Change]) -> str:
    """Why an interval near 0 says nothing: so few patients would show no change even if many images were concerned."""
    units = min(len(np.unique(found.units)) for found in seen)
    needed = too_few_to_exclude(units, MARGIN / 100)
    return f"needs about {needed:d} patients or images instead of {units}" if needed else ""


def unpaired(val: Change, test: Change) -> Measured:
    """Accuracy of a variant on validation minus that on test, points, at the class shares of test."""
    return never_certain(val.accuracy_after, len(np.unique(val.units))) - never_certain(
        test.accuracy_after, len(np.unique(test.units))
    )


def regains(lost: Measured, regained: Measured) -> bool:
    """Whether the reverse intervention agrees: its interval lies above 0, and its size is within a factor of three."""
    return regained.low > 0 and lost.value / 3 <= regained.value <= 3 * lost.value
