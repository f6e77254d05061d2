"""What a rule does on images that had no part in making it, in shares of a random patient's random image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heldout.records import Estimate
from heldout.records.calibration import CoverageStep, JudgedRule, Kept
from heldout.stats.abstention import SET_KINDS, Answered, Threshold, answer_mask, set_mask
from heldout.stats.patient_shares import patient_mean, patient_share
from heldout.stats.risk_control import Mask
from heldout.stats.scores import Reals


def judged(found: Threshold, side: Answered, thresholds: Reals, classes: Sequence[str], positive: int) -> JudgedRule:
    """Coverage and loss with intervals by patient.

    Args:
        found: The rule; it has thresholds.
        side: Images that had no part in making it.
        thresholds: Candidates from strict to lax, for the curve of a rule of answering.
        classes: Names.
        positive: Class that predictive values are of.
    """
    assert found.values is not None
    if found.wanted.kind in SET_KINDS:
        return _judged_sets(found, side, classes)
    wrong = side.predicted != side.labels

    def step(threshold: float) -> CoverageStep:
        answered = answer_mask(found.wanted.kind, side.probabilities, threshold, positive)
        coverage, loss = _share(answered, side), patient_share(wrong, answered, side.patients)
        return CoverageStep(threshold, coverage, loss)

    own = step(found.values[0])
    return JudgedRule(
        own.coverage, own.loss, _kept(own.loss, found.wanted.alpha), curve=tuple(step(float(t)) for t in thresholds)
    )


def _judged_sets(found: Threshold, side: Answered, classes: Sequence[str]) -> JudgedRule:
    assert found.values is not None
    inside = set_mask(side.probabilities, found.values)
    missed = ~inside[np.arange(len(side.labels)), side.labels]
    each = {name: patient_share(missed, side.labels == c, side.patients) for c, name in enumerate(classes)}
    by_class = {name: loss for name, loss in each.items() if loss is not None}
    loss = _share(missed, side)
    alpha = found.wanted.alpha
    judgements = [_kept(one, alpha) for one in each.values()]
    kept = _kept(loss, alpha) if found.wanted.kind == "sets" else _all_kept(judgements)
    sizes = inside.sum(axis=1).astype(np.float64)
    size = patient_mean(sizes, side.patients, (0.0, float(len(classes))))
    return JudgedRule(_share(sizes == 1, side), loss, kept, size, by_class)


def _share(mask: Mask, side: Answered) -> Estimate:
    found = patient_share(mask, np.ones(len(side.labels), dtype=bool), side.patients)
    assert found is not None
    return found


def _kept(loss: Estimate | None, alpha: float) -> Kept:
    if loss is None:
        return "open"
    if loss.high <= alpha:
        return "kept"
    return "broken" if loss.low > alpha else "open"


def _all_kept(judgements: Sequence[Kept]) -> Kept:
    if "broken" in judgements:
        return "broken"
    return "open" if "open" in judgements else "kept"
