"""The gap budget: validation minus test accuracy, taken apart into terms that sum to it exactly.

With A_V the reported validation accuracy, A_T the test accuracy, π a part's class shares and A* the cross-fitted
accuracy at the best class biases (`stats.thresholds`), V′ the validation images that are independent of train:

    G  = A_V − A_T
    selection = A_V − A_V,unselected             chosen on one half of the validation patients, scored on the other
    leakage   = A_V − Σ_k π^V_k recall^V′_k      validation images that have a relative in train are worth more
    prior     = Σ_k (π^V_k − π^T_k) recall^V′_k  more of the hard class on test
    labels    = A_T(true labels) − A_T           from reviewed images (Horvitz & Thompson 1952), else only a bound
    threshold = (A*_T − A_T) − (A*_V′ − A_V′)    what a shift of the decision mends on test beyond what it mends on V′
    ranking   = G − all of these                 images that no threshold separates

V′ is weighted to the class shares of test in the threshold term. Where test images were reviewed, prior, threshold and
ranking are those of the true labels, in the sense of Horvitz and Thompson (`reviewed_test`). The order matters: a term
is what is left of its cause once the terms before it are off; `prior_last` says what the prior would be if it were
taken off last. All terms are computed from one bootstrap over the patients of both parts (`evidence.Draws`), so that
sums of terms have honest intervals too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from heldout.evidence import Draws, Evidence, Side
from heldout.evidence._draws import recalls, shares, weighted_mean
from heldout.records import ClassRow, Estimate, Term
from heldout.stats.bootstrap import draw, varies
from heldout.stats.intervals import difference, wilson
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Reals
from heldout.stats.thresholds import FOLDS, Weights, tuned_accuracy

FEWEST_OF_A_CLASS = 10
"""With fewer images of a class on either side a best threshold means nothing, and the term is left in ranking."""

FEWEST_CLEAN = 50
"""Independent validation images that are needed to measure leakage by leaving the others out."""

HALVES = 20
"""Random halvings of the validation patients behind the selection term."""


@dataclass(frozen=True)
class Base:
    """The two sides that prior, threshold and ranking compare.

    Attributes:
        val: Validation images that are independent of train (V′).
        val_weights: (B + 1, n_V′), row 0 the sample.
        test: Test images with their given labels.
        test_weights: (B + 1, n_T).
        true_test: Test images as reviewers have them: equal to `test` where nobody reviewed (see `reviewed_test`).
        true_weights: (B + 1, n_T + 2r) for r images found mislabelled; may be negative, since one reviewed image stands
            for many.
        val_prior: (B + 1, k) class shares of the validation images as reported.
        test_prior: (B + 1, k) class shares of test, by the reviewers' labels.
    """

    val: Side
    val_weights: Weights
    test: Side
    test_weights: Weights
    true_test: Side
    true_weights: Weights
    val_prior: Reals
    test_prior: Reals

    def val_at_test_prior(self) -> Weights:
        """Weights of V′ that give its classes the shares of test."""
        own = shares(self.val.labels, self.val_weights, self.val_prior.shape[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(own > 0, self.test_prior / own, 0.0)
        weighted: Weights = (self.val_weights * ratio[:, self.val.labels]).astype(np.float32)
        return weighted


@dataclass(frozen=True)
class Budget:
    """A gap and its terms.

    Attributes:
        gap: G, points.
        gap_estimate: G with an interval that has a width even where the bootstrap does not vary.
        terms: The terms in order; their values, and each of their replicates, sum to the gap's.
        details: A sentence a term.
        label_bound: Where labels were not reviewed: points that wrong test labels may account for at most; None where
            no bound could be computed.
        prior_last: The prior term if it were taken off last.
        classes: Per-class rows.
        base: The sides that were compared.
        draws: The bootstrap.
    """

    gap: Measured
    gap_estimate: Estimate
    terms: dict[Term, Measured]
    details: dict[Term, str]
    label_bound: float | None
    prior_last: Measured
    classes: tuple[ClassRow, ...]
    base: Base
    draws: Draws

    @property
    def explained(self) -> bool:
        """Whether there is something to explain: the interval of the gap excludes 0."""
        return not self.gap_estimate.low <= 0 <= self.gap_estimate.high

    def estimate(self, term: Term) -> Estimate:
        """A term with its interval; labels that nobody reviewed are 0 with the bound as upper end."""
        if term == "labels" and self.label_bound is not None:
            method = "upper bound: every flagged image that counts as a mistake is mislabelled"
            return Estimate(0.0, 0.0, self.label_bound, self.gap.n, method)
        return self.terms[term].estimate()


def why_no_budget(evidence: Evidence) -> str | None:
    """What is missing for a budget, in words that follow "needs"; None where nothing is."""
    if evidence.test is None or not len(evidence.test):
        return "a test set"
    if evidence.val is None or not len(evidence.val):
        return "validation images"
    absent = (evidence.test.counts() > 0) & (evidence.val.counts() == 0)
    if absent.any():
        names = ", ".join(f"'{evidence.classes[k]}'" for k in np.flatnonzero(absent))
        return f"validation images of {names}, which stand only in test"
    return None


def measure_budget(evidence: Evidence, label_bound: float | None = None) -> Budget:
    """Take the gap of a run apart.

    Args:
        evidence: With validation and test images; `why_no_budget` must have answered None.
        label_bound: Points that wrong test labels may account for at most, where nobody reviewed them.

    Returns:
        The budget. Without enough images of a class the threshold term is missing and ranking holds it; without enough
        independent validation images the leakage term is missing.
    """
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    draws = evidence.draws
    n = len(val) + len(test)
    accuracy_val = weighted_mean(val.right, draws.val)  # (B + 1,)
    accuracy_test = weighted_mean(test.right, draws.test)
    gap = draws.measured(100 * (accuracy_val - accuracy_test), n)
    base, leaked = independent_base(evidence)
    terms: dict[Term, Measured] = {}
    details: dict[Term, str] = {}
    terms["selection"], details["selection"] = selection_term(evidence, gap)
    prime = recalls(base.val.right, base.val.labels, base.val_weights, evidence.k)  # (B + 1, k)
    if leaked:
        at_val_prior = np.nansum(base.val_prior * prime, axis=1)
        terms["leakage"] = draws.measured(100 * (accuracy_val - at_val_prior), len(val))
        details["leakage"] = leaked
    elif evidence.leaked:
        details["leakage"] = f"{len(evidence.leaked)} of {len(val)} validation images have a relative in train, and too"
        details["leakage"] += " few are left to measure what that is worth; what it is worth stands in ranking"
    else:
        terms["leakage"] = Measured.constant(0.0, gap)
        details["leakage"] = "no validation image has a known relative in train"
    prior = 100 * np.nansum((base.val_prior - base.test_prior) * prime, axis=1)
    terms["prior"] = draws.measured(prior, n)
    details["prior"] = _prior_words(evidence, base)
    if evidence.review is not None and len(evidence.review):
        terms["labels"] = labels_term(base, draws, len(evidence.review))
        details["labels"] = f"{len(evidence.review)} test images were reviewed"
        label_bound = None
    else:
        terms["labels"] = Measured.constant(0.0, gap)
        details["labels"] = "no test image was reviewed; only an upper bound is known"
    small = _too_few(evidence, base)
    if small:
        details["threshold"] = f"{small}: threshold and ranking cannot be told apart, and stand together in ranking"
    else:
        terms["threshold"] = threshold_term(base, draws, gap.n)
        details["threshold"] = (
            "what the best class biases gain on test beyond what they gain on validation, cross-fitted"
        )
    rest = gap
    for term in terms.values():
        rest = rest - term
    terms["ranking"] = Measured(rest.value, rest.replicates, n, gap.method)
    details["ranking"] = "what remains: images that no shift of the decision separates"
    rows, prior_last = _class_rows(evidence, base, draws)
    return Budget(gap, _gap_estimate(gap, evidence), terms, details, label_bound, prior_last, rows, base, draws)


def selection_term(evidence: Evidence, like: Measured) -> tuple[Measured, str]:
    """Optimism from having chosen epoch or setting on the very validation images that are reported."""
    found = _candidates(evidence)
    if isinstance(found, str):
        return Measured.constant(0.0, like), found
    right, criterion, what = found  # (m, n) each
    val = evidence.val
    assert val is not None
    weights = evidence.draws.val
    rng = np.random.default_rng((evidence.bootstrap_seed, 7))
    units = int(val.units.max()) + 1
    total = np.zeros(len(weights))
    for _ in range(HALVES):
        first = (rng.permutation(units) < units // 2)[val.units]  # (n,)
        for half in (first, ~first):
            choice = (weights[:, half] @ criterion[:, half].T.astype(np.float32)).argmax(axis=1)  # (B + 1,)
            rest = weights[:, ~half]
            sums = rest @ right[:, ~half].T.astype(np.float32)  # (B + 1, m)
            with np.errstate(invalid="ignore", divide="ignore"):
                total += sums[np.arange(len(sums)), choice] / rest.sum(axis=1)
    unselected = total / (2 * HALVES)
    optimism = 100 * (weighted_mean(val.right, weights) - unselected)
    measured = evidence.draws.measured(optimism, len(val))
    moved = Measured(measured.value, recentred(measured.value, measured.replicates), measured.n, measured.method)
    return moved, f"{what}; chosen on one half of the validation patients and scored on the other, {HALVES} halvings"


def _candidates(evidence: Evidence) -> tuple[Reals, Reals, str] | str:
    """What was chosen among, as (right (m, n), criterion (m, n), words), or why nothing was chosen."""
    val = evidence.val
    assert val is not None
    if (patients := len(np.unique(val.units))) < FOLDS:
        return f"too few validation patients to measure what choosing on them is worth ({patients})"
    strengths = evidence.scored.get("strengths")
    if strengths is not None:
        logits = [strengths.logits(variant, "val", val.ids) for variant in strengths.variants]
        right = np.stack([z.argmax(1) == val.labels for z in logits]).astype(np.float64)
        top = [z - z.max(axis=1, keepdims=True) for z in logits]
        likelihood = [
            z[np.arange(len(val)), val.labels] - np.log(np.exp(z).sum(axis=1)) for z in top
        ]  # minus the loss in nats
        return right, np.stack(likelihood), f"the strength of regularisation, one of {len(logits)}"
    if evidence.keeps == "best" and evidence.val_epochs is not None and len(evidence.val_epochs) > 1:
        right = (evidence.val_epochs == val.labels[None, :]).astype(np.float64)
        return right, right, f"the best of {len(right)} epochs"
    if "strengths" in evidence.absent and evidence.strategy == "probe":
        return "the strength of regularisation was chosen on validation; not measured, since " + evidence.why_absent(
            "strengths"
        )
    if evidence.strategy == "wise":
        return "the blend of weights was chosen on validation; not measured, since only the chosen one was kept"
    if any(note.startswith("Settings chosen on validation") for note in evidence.notes):
        return "settings were searched for on validation; not measured, since the trials' answers were not kept"
    return "nothing was chosen on validation: the weights are those of the last epoch"


def independent_base(evidence: Evidence) -> tuple[Base, str]:
    """V′ and test, and how V′ came about; no words where V′ is validation as it is.

    V′ is, in this order: the validation images of a grouped split on which the run was trained anew (experiment
    `grouped`); else the validation images without a relative in train, if there are `FEWEST_CLEAN` and some of each
    class; else validation as it is.
    """
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    draws = evidence.draws
    val_prior = shares(val.labels, draws.val, evidence.k)
    true_test, true_weights = reviewed_test(evidence)
    test_prior = np.clip(shares(true_test.labels, true_weights, evidence.k), 0.0, None)
    test_prior /= test_prior.sum(axis=1, keepdims=True)

    def base(side: Side, weights: Weights) -> Base:
        return Base(side, weights, test, draws.test, true_test, true_weights, val_prior, test_prior)

    if not evidence.leaked:
        return base(val, draws.val), ""
    grouped = _grouped_side(evidence)
    if grouped is not None and not ((grouped.counts() == 0) & (val.counts() > 0)).any():
        drawn = draw(
            grouped.labels,
            grouped.ids,
            grouped.patients,
            replicates=evidence.bootstrap,
            seed=(evidence.bootstrap_seed, 4),
        )
        weights = np.concatenate([np.ones((1, len(grouped)), dtype=np.float32), drawn.weights()])
        runs = len(evidence.scored["grouped"].variants)
        words = f"trained anew on a split that keeps patients and copies together ({runs} seeds, {len(grouped)} images)"
        return base(grouped, weights), words
    clean = np.array([id_ not in evidence.leaked for id_ in val.ids])
    kept = val.take(clean)
    if len(kept) >= FEWEST_CLEAN and not ((kept.counts() < 5) & (val.counts() > 0)).any():
        words = f"scored on the {len(kept)} validation images that have no relative in train"
        return base(kept, draws.val[:, clean]), words
    return base(val, draws.val), ""


def _grouped_side(evidence: Evidence) -> Side | None:
    """The validation images of the grouped retrainings, all seeds side by side."""
    scored = evidence.scored.get("grouped")
    if scored is None:
        return None
    known: dict[str, tuple[int, str]] = {}
    for side in (evidence.train, evidence.val):
        if side is not None:
            known.update(zip(side.ids, zip(side.labels.tolist(), side.patients, strict=True), strict=True))
    ids: list[str] = []
    labels: list[int] = []
    patients: list[str] = []
    logits: list[Reals] = []
    for variant in scored.variants:
        here = scored.ids(variant, "val")
        if any(id_ not in known for id_ in here):
            return None
        ids += [f"{id_} {variant}" for id_ in here]
        labels += [known[id_][0] for id_ in here]
        # The same image under two seeds is one unit: without a patient it is its own.
        patients += [known[id_][1] or f"image {id_}" for id_ in here]
        logits.append(scored.logits(variant, "val", here))
    if not ids:
        return None
    return Side("val", tuple(ids), np.array(labels, dtype=np.int64), np.concatenate(logits), tuple(patients))


def reviewed_test(evidence: Evidence) -> tuple[Side, Weights]:
    """Test with the labels that reviewers gave, as signed weights.

    An image found mislabelled that was chosen for review with probability p stands for 1/p images: it is added 1/p
    times with its true label and taken away 1/p times with the given one. Any weighted sum over the result is then the
    Horvitz-Thompson (1952) estimate of the same sum over images with true labels.

    Returns:
        The images, the corrections behind them (under the ids `… true` and `… given`), and weights (B + 1, n_T + 2r).
    """
    test, weights = evidence.test, evidence.draws.test
    assert test is not None
    index = {name: k for k, name in enumerate(evidence.classes)}
    row = {id_: i for i, id_ in enumerate(test.ids)}
    review = evidence.review if evidence.review is not None else pd.DataFrame(columns=["id", "label", "probability"])
    places, labels, counts = [], [], []
    for id_, label, probability in zip(review["id"], review["label"], review["probability"], strict=True):
        i = row.get(id_)
        if i is not None and index.get(label, -1) not in (-1, test.labels[i]):
            places.append(i)
            labels.append(index[label])
            counts.append(1 / probability)
    if not places:
        return test, weights
    wrong = np.array(places)
    given = test.take(wrong)
    true = replace(given, labels=np.array(labels, dtype=np.int64))
    side = Side(
        test.name,
        (*test.ids, *(f"{id_} true" for id_ in true.ids), *(f"{id_} given" for id_ in given.ids)),
        np.concatenate([test.labels, true.labels, given.labels]),
        np.concatenate([test.logits, true.logits, given.logits]),
        # Corrections belong to their image's patient, so that they are drawn and folded with it.
        _named(test) + _named(true) + _named(given),
    )
    added = (weights[:, wrong] * np.array(counts, dtype=np.float32)).astype(np.float32)
    return side, np.concatenate([weights, added, -added], axis=1)


def _named(side: Side) -> tuple[str, ...]:
    """Patients, an image without one being its own."""
    return tuple(patient or f"image {id_}" for patient, id_ in zip(side.patients, side.ids, strict=True))


def labels_term(base: Base, draws: Draws, reviewed: int) -> Measured:
    """Test accuracy with the reviewers' labels minus that with the given ones."""
    true = weighted_mean(base.true_test.right, base.true_weights)
    return draws.measured(100 * (true - weighted_mean(base.test.right, base.test_weights)), reviewed)


def threshold_term(base: Base, draws: Draws, n: int) -> Measured:
    """What the best biases gain on test beyond what they gain on V′ at the class shares of test, by true labels."""
    side, weights = base.true_test, base.true_weights
    gain_test = tuned_accuracy(side.labels, side.logits, side.units, weights) - weighted_mean(side.right, weights)
    points = draws.measured(100 * (gain_test - threshold_gain(base, base.val)), n)
    return Measured(points.value, recentred(points.value, points.replicates), n, points.method)


def threshold_gain(base: Base, val: Side) -> Reals:
    """What the best biases gain on V′ (as `val` sees it) at the class shares of test, a fraction, (B + 1,)."""
    weights = base.val_at_test_prior()
    gain: Reals = tuned_accuracy(val.labels, val.logits, val.units, weights) - weighted_mean(val.right, weights)
    return gain


def _too_few(evidence: Evidence, base: Base) -> str:
    """Which class has too few images for a threshold, in words; empty where none has."""
    for side in (base.val, base.test):
        counts = side.counts()
        for k in np.flatnonzero(base.test.counts() > 0):
            if counts[k] < FEWEST_OF_A_CLASS:
                where = "validation" if side is base.val else "test"
                return f"{counts[k]} {where} images of '{evidence.classes[k]}'"
        if (patients := len(np.unique(side.units))) < FOLDS:
            return f"{patients} {'validation' if side is base.val else 'test'} patients"
    if (base.test.counts() > 0).sum() < 2:
        return "one class in test"
    return ""


def _prior_words(evidence: Evidence, base: Base) -> str:
    moved = np.abs(base.val_prior[0] - base.test_prior[0])
    k = int(moved.argmax())
    return (
        f"class shares differ: '{evidence.classes[k]}' is {base.val_prior[0, k]:.1%} of validation and "
        f"{base.test_prior[0, k]:.1%} of test"
    )


def _class_rows(evidence: Evidence, base: Base, draws: Draws) -> tuple[tuple[ClassRow, ...], Measured]:
    """Per-class rows, and the prior term if it were taken off last (recalls of test instead of V′)."""
    recall_val = recalls(base.val.right, base.val.labels, base.val_weights, evidence.k)
    recall_test = recalls(base.true_test.right, base.true_test.labels, base.true_weights, evidence.k)
    counts_val, counts_test = base.val.counts(), base.test.counts()
    last = 100 * np.nansum((base.val_prior - base.test_prior) * recall_test, axis=1)
    rows = []
    for k, name in enumerate(evidence.classes):
        both = bool(counts_val[k] and counts_test[k])
        points = 100 * base.test_prior[:, k] * (recall_val[:, k] - recall_test[:, k])
        rows.append(
            ClassRow(
                name,
                float(base.val_prior[0, k]),
                float(base.test_prior[0, k]),
                _recall(base.val, recall_val[:, k], k, draws) if counts_val[k] else None,
                _recall(base.test, recall_test[:, k], k, draws) if counts_test[k] else None,
                draws.measured(points, int(counts_val[k] + counts_test[k])).estimate() if both else None,
            )
        )
    return tuple(rows), draws.measured(last, len(base.test))


def _recall(side: Side, values: Reals, k: int, draws: Draws) -> Estimate:
    """A recall with its interval; Wilson's on the number of patients where the bootstrap does not vary."""
    n = int(side.counts()[k])
    measured = draws.measured(values, n)
    if varies(measured.replicates):
        return measured.estimate()
    units = len(np.unique(side.units[side.labels == k]))
    low, high = wilson(measured.value * units, units)
    return Estimate(
        measured.value,
        min(low, measured.value),
        max(high, measured.value),
        n,
        f"Wilson on {units} units (the bootstrap does not vary)",
    )


def _gap_estimate(gap: Measured, evidence: Evidence) -> Estimate:
    """The gap with an interval; where one part's bootstrap does not vary, the two Wilson intervals are joined."""
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    if varies(weighted_mean(val.right, evidence.draws.val)) and varies(weighted_mean(test.right, evidence.draws.test)):
        return gap.estimate()
    ends = []
    for side in (val, test):
        units = len(np.unique(side.units))
        ends.append((float(side.right.mean()), wilson(float(side.right.mean()) * units, units)))
    (v, v_interval), (t, t_interval) = ends
    low, high = difference(v, v_interval, t, t_interval)
    method = "square-and-add of the two intervals (a bootstrap does not vary)"
    return Estimate(gap.value, min(100 * low, gap.value), max(100 * high, gap.value), gap.n, method)


__all__ = ["Base", "Budget", "measure_budget", "why_no_budget"]
