"""What independent models contradict surely and alike: points that turned labels cost test, told from harder images.

The models are the run, two classifiers that learned from validation and test images alike, out of fold by patient
(`interventions.pooled`: a linear one, and the nearest neighbours), and other runs of the study. That two of them have
seen test images guards against a shift: a run that was never shown such images may be sure and wrong, and a classifier
that was is not. What all answer alike is what counts; the floor under their error (`stats.contradiction`) is measured
on test and on validation, and validation's is taken off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.gap import GapBudget
from heldout.diagnosis.gap.prior import followed_shares
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions
from heldout.stats.contradiction import Floor, Joint, answered_as_often, bins_of, fitted_floor, joint_answers
from heldout.stats.measured import Measured
from heldout.stats.scores import Indices, Reals
from heldout.stats.weighted import recalls, weighted_mean
from heldout.stats.weights import Weights, real
from heldout.ties import first_of_largest, in_order, settled

INTERVENTION = "pooled"
POOLED = {"balanced": "a classifier that learned from both parts", "neighbours": "the nearest images of both parts"}
"""Variants of `pooled` that are asked, in words."""


@dataclass(frozen=True)
class Contradiction:
    """What sure contradictions tell of the test labels.

    Attributes:
        points: Points that turned labels cost test beyond what validation's cost validation.
        lost: Points by which the classifier that learned from both parts is right less often on test, whatever the
            reason: wrong labels or harder images.
        models: The models that were asked, in words.
        sure_val: Share of validation's labels that is contradicted where all models are as sure as on the surer half of
            the validation images that they answer likewise; at the class shares of test.
        sure_test: Likewise of test.
        turned: Test images whose label was turned rather than not, the surest first.
        aside: Images of both parts that are contradicted so surely.
        left: Classes with too few answers to be judged.
        undecided: Points that turned labels among these may cost at most.
    """

    points: Measured
    lost: Measured
    models: tuple[str, ...]
    sure_val: float
    sure_test: float
    turned: tuple[str, ...]
    aside: frozenset[str]
    left: tuple[int, ...]
    undecided: float

    def tells(self, rules: Rules) -> bool:
        """Whether turned labels can be told from harder images: they surely cost points, and most of what is lost.

        Turned labels cost the classifier that learned from both parts as much as the run, and they are as frequent
        among the surest answers as elsewhere. Where that does not hold the contradictions are of another kind: images
        of a kind that validation lacks, say, which look like another class and are answered accordingly.
        """
        worth = settled(self.points.value) > rules.margin
        most = settled(self.points.value - rules.turned_share * self.lost.value) >= 0
        surest = settled(100 * (self.sure_test - self.sure_val) - rules.sure_share * self.points.value) >= 0
        return self.points.low > 0 and self.lost.low > 0 and worth and most and surest

    def too_few(self, rules: Rules) -> bool:
        """Whether turned labels cannot be more than the smaller part of what is lost, so that images are harder."""
        return (self.lost * (1 - rules.turned_share) - self.points).low > 0


def contradicted(found: Contradiction) -> str:
    """How often the models contradict a label surely and alike, in a sentence."""
    models = f"{', '.join(found.models[:-1])} and {found.models[-1]}"
    return (
        f"Where {models} all answer alike, as surely as on the surer half of validation, the label says otherwise of "
        f"{found.sure_test:.1%} of test images and {found.sure_val:.1%} of validation images."
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """Images of both parts, validation first, and what the models make of them.

    Attributes:
        ids: (n,) ids.
        labels: (n,).
        is_test: (n,).
        weights: (B + 1, n), those of validation such that its classes are answered as often as those of test.
        prior: (B + 1, k) class shares of test by the given labels; those of validation where the run's answers surely
            do not follow these, since turned labels would make them up.
        run: (n,) answers of the run.
        pooled: (n,) answers of the classifier that learned from both parts.
        joint: What all answer.
        k: Number of classes.
    """

    ids: tuple[str, ...]
    labels: Indices
    is_test: NDArray[np.bool_]
    weights: Weights
    prior: Reals
    run: Indices
    pooled: Indices
    joint: Joint
    k: int

    def share_of_test(self, of: NDArray[np.bool_]) -> Reals:
        """(B + 1,) share of test for which something holds."""
        return weighted_mean(of[self.is_test], self.weights[:, self.is_test])

    def lost(self) -> Reals:
        """(B + 1,) points by which the classifier that learned from both parts is right less often on test."""
        right, val = self.pooled == self.labels, ~self.is_test
        each = recalls(right[val], self.labels[val], self.weights[:, val], self.k)
        points: Reals = 100 * (np.nansum(self.prior * each, axis=1) - self.share_of_test(right))
        return points


def contradiction_of(run: RunData, gap: GapBudget, rules: Rules) -> Contradiction | None:
    """What sure contradictions tell; None with a review, which tells more, and without the pooled classifiers."""
    if run.reviewed:
        return None
    found = _asked(run, gap, rules)
    if found is None:
        return None
    asked, models = found
    judged, left = _judged(asked, rules)
    if not judged:
        return None
    n, draws = len(asked.ids), gap.draws
    points, chance = np.zeros(asked.weights.shape[0]), np.zeros(n)
    for k in judged:
        cost, of_image = _of_class(asked, k, rules, run.bootstrap_seed)
        points, chance = points + cost, np.maximum(chance, of_image)
    wrong = asked.labels != asked.run
    open_ = wrong & np.isin(asked.run, left)
    sure_val, sure_test = _sure(asked, judged)
    turned = np.flatnonzero((chance >= 0.5) & asked.is_test)
    return Contradiction(
        draws.measured(points, n),
        draws.measured(asked.lost(), n),
        models,
        sure_val,
        sure_test,
        tuple(asked.ids[turned[i]] for i in in_order(chance[turned], descending=True)),
        frozenset(asked.ids[i] for i in np.flatnonzero(chance >= 0.5)),
        left,
        100 * float(asked.share_of_test(open_)[0]),
    )


def _of_class(asked: _Asked, k: int, rules: Rules, seed: int) -> tuple[Reals, Reals]:
    """Points (B + 1,) that turned labels cost test beyond validation, of images answered k, and the chance of each."""
    agreed = asked.joint.agreed & (asked.joint.answer == k)
    rows = np.flatnonzero(agreed)
    bin_, mean = bins_of(asked.joint.sureness[rows])
    wrong = (asked.labels != k)[rows]
    cost, chance = np.zeros(len(asked.weights)), np.zeros(len(asked.ids))
    floor: Floor | None = None
    for part, sign in ((~asked.is_test, -1), (asked.is_test, 1)):
        here = part[rows]
        weights = asked.weights[:, rows[here]]
        slope, spread = rules.least_slope, rules.curve_spread
        floor = fitted_floor(bin_[here], mean, wrong[here], weights, asked.k, slope, seed, floor, spread)
        each = (floor.counts * floor.excess).sum(axis=1) + _unsure(asked, k, part, floor)
        cost += sign * 100 * each / asked.weights[:, part].sum(axis=1)
    assert floor is not None
    chance[rows] = np.where(wrong, floor.turned[bin_], 0.0)
    return cost, chance


def _unsure(asked: _Asked, k: int, part: NDArray[np.bool_], floor: Floor) -> Reals:
    """(B + 1,) weight of turned labels that count as mistakes, of images that the run answers k and others do not.

    Nothing is seen of them there; they are taken to be as frequent as among the others. How often the run errs without
    them is what validation shows.
    """
    here = ~asked.joint.agreed & (asked.run == k)
    known, asked_of = here & ~asked.is_test, here & part
    if not known.any() or not asked_of.any():
        return np.zeros(len(asked.weights))
    error = float(np.average(asked.labels[known] != k, weights=asked.weights[0, known]))
    among = asked.k / (asked.k - 1)
    weight = asked.weights[:, asked_of].sum(axis=1)
    result: Reals = weight * floor.rate * max(0.0, 1 - among * error)
    return result


def _judged(asked: _Asked, rules: Rules) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Classes that are answered often enough on both sides, and those of test that are not."""
    counts = [
        np.bincount(asked.joint.answer[asked.joint.agreed & part], minlength=asked.k)
        for part in (~asked.is_test, asked.is_test)
    ]
    enough = np.minimum(*counts) >= rules.min_answered_class
    there = np.bincount(asked.labels[asked.is_test], minlength=asked.k) > 0
    return tuple(np.flatnonzero(enough).tolist()), tuple(np.flatnonzero(there & ~enough).tolist())


def _sure(asked: _Asked, judged: tuple[int, ...]) -> tuple[float, float]:
    """Share contradicted of validation and of test, where all are as sure as on the surer half of validation."""
    joint, sure = asked.joint, np.zeros(len(asked.ids), dtype=bool)
    for k in judged:
        here = joint.agreed & (joint.answer == k)
        sure |= here & (joint.sureness >= np.median(joint.sureness[here & ~asked.is_test]))
    against = sure & (joint.answer != asked.labels)
    found = []
    for part in (~asked.is_test, asked.is_test):
        weight = asked.weights[0, part]
        total = float((weight * sure[part]).sum())
        found.append(float((weight * against[part]).sum()) / total if total > 0 else 0.0)
    return found[0], found[1]


def _asked(run: RunData, gap: GapBudget, rules: Rules) -> tuple[_Asked, tuple[str, ...]] | None:
    """Both parts with all models' answers; None without the classifiers that learned from both.

    Both are asked for: images that look like nothing in validation, and that a linear classifier is surely wrong about,
    are near each other, and the nearest images know their label.
    """
    pooled = run.scored.get(INTERVENTION)
    samples = gap.samples
    if run.val is None or run.test is None or pooled is None or run.k < 2:
        return None
    sides = [(samples.val, samples.val_weights), (samples.test, samples.test_weights)]
    if not set(samples.val.ids) <= set(run.val.ids):  # networks trained anew: other models than the one in question
        sides[0] = (run.val, gap.draws.val)
    logits = {"run": [images.logits for images, _ in sides]}
    for variant in POOLED:
        if all(pooled.has(variant, images.part) for images, _ in sides):
            logits[variant] = [pooled.logits(variant, images.part, images.ids) for images, _ in sides]
    if not set(POOLED) <= set(logits):
        return None
    others = _others(run, rules)
    logits |= {f"other {i}": [_rows_of(other, images) for images, _ in sides] for i, other in enumerate(others)}
    stacked = {name: np.concatenate(both).astype(np.float64) for name, both in logits.items()}
    known = np.all([np.isfinite(one).all(axis=1) for one in stacked.values()], axis=0)
    asked = _joined(sides, {name: one[known] for name, one in stacked.items()}, known, _prior(run, gap, rules))
    if asked is None:
        return None
    words = ["this run", *POOLED.values()]
    if others:
        words.append(f"{len(others)} other run{'s' if len(others) > 1 else ''}")
    return asked, tuple(words)


def _prior(run: RunData, gap: GapBudget, rules: Rules) -> Reals:
    """The class shares at which validation and test are compared, (B + 1, k)."""
    samples = gap.samples
    part = gap.draws.measured(followed_shares(run, samples), len(samples.val) + len(samples.test))
    made_up = part.high < 1 and settled(part.low - rules.least_followed) <= 0
    return samples.val_prior if made_up else samples.test_prior


def _joined(
    sides: Sequence[tuple[Predictions, Weights]],
    logits: Mapping[str, Reals],
    known: NDArray[np.bool_],
    prior: Reals,
) -> _Asked | None:
    """Both parts, one after the other, of the images that all models answered; None if one part has none of them."""
    k = prior.shape[1]
    (val, val_weights), (test, test_weights) = sides
    weights = np.concatenate([val_weights, test_weights], axis=1)[:, known]
    weights = weights.astype(real(weights), copy=False)
    labels = np.concatenate([val.labels, test.labels])[known]
    is_test = (np.arange(len(known)) >= len(val))[known]
    if is_test.all() or not is_test.any() or not weights[0, ~is_test].any():
        return None
    joint = joint_answers(list(logits.values()), labels, ~is_test)
    weights[:, ~is_test] *= answered_as_often(joint, labels, is_test, weights, k)[:, labels[~is_test]]
    ids = tuple(id_ for id_, there in zip((*val.ids, *test.ids), known, strict=True) if there)
    run, pooled = (first_of_largest(logits[name]) for name in ("run", "balanced"))
    return _Asked(ids, labels, is_test, weights, prior, run, pooled, joint, k)


def _others(run: RunData, rules: Rules) -> list[RunData]:
    """Other runs of the study, one a backbone and strategy, that are about as good on validation; the best first."""
    assert run.val is not None and run.test is not None
    seen, found = {(run.model, run.strategy)}, []
    scores = [0.0 if other.val is None else _right(other.val) for other in run.siblings]
    for place in in_order(scores, descending=True):
        other = run.siblings[place]
        if other.val is None or other.test is None or other.classes != run.classes:
            continue
        fair = settled(100 * (scores[place] - _right(run.val))) >= -rules.yardstick_slack
        whole = set(other.val.ids) >= set(run.val.ids) and set(other.test.ids) >= set(run.test.ids)
        if fair and whole and (other.model, other.strategy) not in seen:
            seen.add((other.model, other.strategy))
            found.append(other)
    return found[: rules.max_other_runs]


def _right(part: Predictions) -> float:
    """Mean recall of the classes: whatever the metric, about as good."""
    each = recalls(part.right, part.labels, np.ones((1, len(part)), dtype=np.float32), part.logits.shape[1])
    return float(np.nanmean(each)) if len(part) else 0.0


def _rows_of(other: RunData, images: Predictions) -> Reals:
    """Another run's logits of these images."""
    part = other.part(images.part)
    assert part is not None
    row = {id_: i for i, id_ in enumerate(part.ids)}
    rows: Reals = part.logits[[row[id_] for id_ in images.ids]]
    return rows
