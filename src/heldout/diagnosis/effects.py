"""What an intervention did: which images were right before it and wrong after, and what that is worth in points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.gap.review import reviewed_test
from heldout.diagnosis.rules import RULES
from heldout.records import Remedy
from heldout.records.predictions import Predictions
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured, never_certain
from heldout.stats.scores import Indices, Reals
from heldout.stats.thresholds import tuned_accuracy
from heldout.stats.weighted import recalls, weighted_mean
from heldout.stats.weights import Weights, real
from heldout.ties import first_of_largest, settled


@dataclass(frozen=True)
class Effect:
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
        prior: (B + 1, k) what each recall counts on test (for accuracy the class shares).
        draws: The bootstrap.
        sign_draws: Random signs of the randomisation test.
        level: Level of its intervals, already divided by the looks.
        looks: How many looks there may be, at samples that grow (`diagnosis.looks`).
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
    sign_draws: int
    level: float = RULES.level
    looks: int = 1

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
        return self._measured(self.by_class.sum(axis=1))

    def _measured(self, points: Reals) -> Measured:
        found = replace(self.draws.measured(points, len(self.ids)), level=self.level)
        return found if self.looks == 1 else replace(found, method=f"{found.method}, Bonferroni for {self.looks} looks")

    def without(self, classes: NDArray[np.bool_]) -> Effect:
        """The same with some classes, (k,), counting nothing: points are of the others, at their shares of all."""
        return replace(self, prior=np.where(classes, 0.0, self.prior)) if classes.any() else self

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
        return self._measured(100 * np.nansum(self.prior * each, axis=1))

    @cached_property
    def p(self) -> float:
        """Two-sided p of a randomisation test over units: did patients lose as much as others gained (Fisher 1935)?

        Each unit's net points change sign at random; all 2^u signs of few units, else `sign_draws` of them.
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
            n_resamples=self.sign_draws,
            batch=max(1, 4_000_000 // len(net)),
            rng=np.random.default_rng(len(net)),
        )
        return float(found.pvalue)

    @property
    def touched(self) -> int:
        """Number of images that are answered otherwise, be it by a trace: by more than float32 rounds logits."""
        alike = np.isclose(self.logits_before, self.logits_after, rtol=1e-6, atol=1e-6)
        return int((~alike).any(axis=1).sum())

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
        """Points of the loss that a shift of the decision would mend: a best threshold's gain after minus before."""
        if (self.prior[0] > 0).sum() < 2 or len(np.unique(self.units)) < 2:
            return 0.0
        shares = np.bincount(self.labels, minlength=self.prior.shape[1]) / len(self.labels)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(shares > 0, self.prior[0] / shares, 0.0)
        weights = ratio[self.labels][None].astype(real(self.weights))  # row 0, the sample itself, is enough for a value
        if not weights.sum() > 0:
            return 0.0
        gains = []
        for logits, right in ((self.logits_after, self.after), (self.logits_before, self.before)):
            tuned = tuned_accuracy(self.labels, logits, self.units, weights)[0]
            gains.append(float(tuned - weighted_mean(right, weights)[0]))
        return 100 * (gains[0] - gains[1])


def effect_of(
    data: CauseData, intervention: str, variant: str, part: Literal["val", "test"], reviewed: bool = False
) -> Effect | None:
    """What a variant did to validation (independent of train, `Samples.val`) or to test; None where not scored.

    With `reviewed`, test is `Samples.true_test`: with the labels that reviewers gave. Where the independent validation
    images belong to networks trained anew, those as reported are taken: interventions ask the run's own network.
    """
    scored = data.run.scored.get(intervention)
    if scored is None or not scored.has(variant, part):
        return None
    samples = data.gap.samples
    images, weights = (samples.val, samples.val_weights) if part == "val" else (samples.test, samples.test_weights)
    if part == "val" and data.run.val is not None and not set(images.ids) <= set(data.run.val.ids):
        images, weights = data.run.val, data.gap.draws.val
    logits, images = scored.logits(variant, part, images.ids), scored.before(variant, part, images)
    if reviewed and part == "test":
        rows, weights = samples.true_rows, samples.true_weights
        images, logits = _as_seen(samples.true_test, rows, images, samples.test), logits[rows]
    here = np.asarray(np.isfinite(logits).all(axis=1))
    if not here.any() or logits.shape[1] != data.run.k:
        return None
    some, after = images.take(here), logits[here]
    right_after: NDArray[np.bool_] = first_of_largest(after) == some.labels
    return Effect(
        some.ids,
        some.labels,
        some.right,
        right_after,
        some.logits,
        after,
        some.units,
        weights if here.all() else weights[:, here],
        samples.test_prior,
        data.gap.draws,
        data.rules.sign_draws,
        data.rules.level / scored.looks,
        scored.looks,
    )


def _as_seen(true_test: Predictions, rows: Indices, before: Predictions, test: Predictions) -> Predictions:
    """Test with the reviewers' labels under the logits of `before`, which are the run's own where it is `test`."""
    return true_test if before is test else true_test.with_logits(before.logits[rows])


def gain_on_test(data: CauseData, intervention: str, variant: str) -> Measured | None:
    """Points of the metric that a variant gains on test, paired, on the images scored; None where none was.

    By the labels that reviewers gave: a remedy is not to be praised for reproducing wrong ones.
    """
    scored, test = data.run.scored.get(intervention), data.run.test
    if scored is None or test is None or not scored.has(variant, "test"):
        return None
    true_test, weights, rows = reviewed_test(data.run)  # all of test: classes that validation lacks may gain as well
    given = scored.logits(variant, "test", test.ids)
    number = int(np.isfinite(given).all(axis=1).sum())
    if not number:
        return None
    images, logits = _as_seen(true_test, rows, scored.before(variant, "test", test), test), given[rows]
    here = np.asarray(np.isfinite(logits).all(axis=1))
    change = (first_of_largest(logits[here]) == images.labels[here]).astype(np.float64) - images.right[here]
    return data.gap.draws.measured(100 * weighted_mean(change, weights[:, here]), number)


def remedy_tried(
    data: CauseData, intervention: str, variant: str, name: str, cause: str, exploratory: bool = True
) -> tuple[Remedy, ...]:
    """A variant as a remedy with the gain it was measured to have on test; empty where it was not scored there."""
    gain = gain_on_test(data, intervention, variant)
    return () if gain is None else (Remedy(name, gain.estimate(), exploratory, cause),)


def explained_terms(points: float, of_threshold: float) -> dict[str, float]:
    """For `Finding.explains`: points that act through the images, divided among threshold and ranking."""
    return {"threshold": of_threshold, "ranking": points - of_threshold}


def unpaired(val: Effect, test: Effect) -> Measured:
    """Accuracy of a variant on validation minus that on test, points, at the class shares of test."""
    sides = [never_certain(one.accuracy_after, len(np.unique(one.units))) for one in (val, test)]
    return sides[0] - sides[1]


def regains(lost: Measured, regained: Measured, factor: float) -> bool:
    """Whether the reverse intervention agrees: its interval lies above 0, and its size is within a factor."""
    most, least = factor * lost.value - regained.value, factor * regained.value - lost.value
    return regained.low > 0 and settled(most) >= 0 and settled(least) >= 0
