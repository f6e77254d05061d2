"""Decision threshold: test images are ranked well, but cut in the wrong place."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.diagnosis.gap import FEWEST_OF_A_CLASS
from heldout.records import Finding, Remedy
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured
from heldout.stats.thresholds import FOLDS, best_biases, scored
from heldout.stats.weighted import weighted_mean

SHOWN = 24


class Threshold(Cause):
    """The classifier still tells the classes apart on test, but its cut between them no longer lies where it should.

    How it is detected: A* is the accuracy at the best biases of the classes (for two classes: the best threshold),
    found on four fifths of the patients and scored on the rest, so that nothing is gained by fitting noise. The term is
    what that gains on test beyond what it gains on validation at the class shares of test:
    (A*_T − A_T) − (A*_V − A_V). The intervention: the cut is set on one half of the test patients and scored on the
    other, and swapped.

    Why it matters: It is the cheapest drop to mend. It needs no new network, only some labelled images from where the
    model will be used. It is a symptom as well: something moved the scores, and the other findings say what.

    What to do: Set the threshold (or bias and temperature) anew on a small labelled sample from the target, and report
    AUC beside accuracy, since AUC does not see the threshold.
    """

    code: ClassVar[str] = "threshold"
    title: ClassVar[str] = "Decision threshold"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = "Set the threshold anew on a small labelled sample from where the model will be used."

    def judge(self, case: Case) -> Finding:
        """The threshold term; established where a cut set on half of test gains on the other half."""
        points = case.budget.terms.get("threshold")
        if points is None:
            few = f"{FEWEST_OF_A_CLASS} images of each of two or more classes and {FOLDS} patients on both sides"
            return self.not_identifiable(f"at least {few} ({case.budget.details['threshold']})")
        gain = halved_gain(case)
        verdict, reason = weigh(points, agrees=gain.low > 0)
        side = case.budget.base.test
        images = _mended(side)
        direction = _direction(case, side)
        sentence = (
            f"Setting the cut anew mends {said(points)} more on test than on validation"
            f"{direction}. Set on one half of the test patients and scored on the other it gains {said(gain)}."
        )
        numbers = {"gain_halved": gain.value, "gain_halved_low": gain.low, "gain_halved_high": gain.high}
        return self.finding(verdict, sentence, points, reason=reason, images=images, numbers=numbers)

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """The cut set on one half of the test patients, scored on the other."""
        if "threshold" not in case.budget.terms:
            return ()
        name = "decision threshold set anew on half of the test patients, scored on the other half"
        return (case.remedy(name, halved_gain(case), self.code, exploratory=False),)


def halved_gain(case: Case) -> Measured:
    """Points that a cut set on one half of the test patients gains on the other half, both ways, ten halvings.

    By the labels that reviewers gave, as the term: a cut set on wrong labels gains on wrong labels.
    """
    base = case.budget.base
    side, weights = base.true_test, base.true_weights
    units = int(side.units.max()) + 1
    rng = np.random.default_rng((case.evidence.bootstrap_seed, 13))
    right = np.zeros(len(weights))
    halvings = 10
    for _ in range(halvings):
        first = (rng.permutation(units) < units // 2)[side.units]
        for half in (first, ~first):
            biases = best_biases(side.labels[half], side.logits[half], weights[:, half])
            right += scored(side.labels[~half], side.logits[~half], weights[:, ~half], biases)
    gained = right / halvings / weights.sum(axis=1) - weighted_mean(side.right, weights)
    return case.budget.draws.measured(100 * gained, len(base.test))


def _mended(side: Predictions) -> tuple[str, ...]:
    """Test images that are wrong now and right at the best biases of all of them, least sure first."""
    ones = np.ones((1, len(side)), dtype=np.float32)
    bias = best_biases(side.labels, side.logits, ones)[0]
    after = (side.logits + bias).argmax(axis=1)
    mended = np.flatnonzero(~side.right & (after == side.labels))
    top = np.sort(side.logits, axis=1)
    order = np.argsort((top[:, -1] - top[:, -2])[mended], kind="stable")
    return tuple(side.ids[i] for i in mended[order][:SHOWN])


def _direction(case: Case, side: Predictions) -> str:
    """Which class is called too often, in words."""
    k = case.evidence.k
    called = np.bincount(side.predicted, minlength=k) / len(side)
    true = case.budget.base.test_prior[0]
    most = int(np.argmax(called - true))
    excess = called[most] - true[most]
    if excess < 0.02:
        return ""
    name = case.evidence.classes[most]
    return f": '{name}' is answered for {called[most]:.0%} of the test images and true of {true[most]:.0%}"


CAUSE = Threshold()
