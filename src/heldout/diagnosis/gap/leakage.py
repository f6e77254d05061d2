"""The leakage term: what relatives in train are worth to validation."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.words import listed
from heldout.records import TermStatus
from heldout.stats.measured import Measured
from heldout.stats.weighted import recalls, weighted_mean


def leakage_term(run: RunData, samples: Samples, independent: str, gap: Measured) -> GapTerm:
    """Reported validation accuracy minus that of V′ at the same class shares.

    Args:
        run: The run.
        samples: Its samples.
        independent: How V′ came about, as `samples_of` says it; empty where V′ is validation as it is.
        gap: For its replicates.

    Returns:
        Not measured where too few images without a relative are left to tell.
    """
    val = run.val
    assert val is not None
    if run.learning.given and run.trained_on is None:
        detail = "not measured, since which images the model was trained on is not known"
        return GapTerm(Measured.constant(0.0, gap), TermStatus.NOT_MEASURED, detail)
    if independent:
        accuracy = weighted_mean(val.right, run.draws.val)  # (B + 1,)
        by_class = recalls(samples.val.right, samples.val.labels, samples.val_weights, run.k)
        at_val_prior = np.nansum(samples.val_prior * by_class, axis=1)
        points = run.draws.measured(100 * (accuracy - at_val_prior), len(val))
        if not samples.dependent:
            return GapTerm(points, TermStatus.MEASURED, independent)
        few = list(samples.dependent)
        undecided = 100 * float(np.nansum((samples.val_prior[0] * by_class[0])[few]))
        names = listed([f"'{run.classes[k]}'" for k in few])
        detail = (
            f"{independent}; {names} taken as reported, since too few such images of it are left, which leaves at most "
            f"{undecided:.1f} points undecided"
        )
        return GapTerm(points, TermStatus.MEASURED, detail, undecided)
    if run.leaked:
        detail = (
            f"{len(run.leaked)} of {len(val)} validation {run.unit.words} have a relative in train, and too few are "
            "left to measure what that is worth; what it is worth stands in ranking"
        )
        return GapTerm(None, TermStatus.NOT_MEASURED, detail)
    if unseen := unseen_relatives(run):
        detail = f"not measured, since {unseen}; no validation image is known to have a relative in train"
        return GapTerm(Measured.constant(0.0, gap), TermStatus.NOT_MEASURED, detail)
    return GapTerm.nothing(gap, "no validation image has a relative in train")


def unseen_relatives(run: RunData) -> str:
    """Which relatives in train would not be seen, and why, in words that follow "since"; empty where all would be."""
    unseen = [] if run.patients_named else ["not every image of train and validation names its patient"]
    if not run.finds_changed_copies:
        unseen.append("copies that were flipped, turned or cropped are not looked for")
    return " and ".join(unseen)


def leakage_settled(run: RunData, term: Measured | None, rules: Rules) -> bool:
    """Whether no leakage can stand under what is said of other causes.

    Not where copies of training images may lie in validation that nobody has looked for, or images of their patients
    that no patient names, nor where so many validation images have a relative in train that these alone could be worth
    more than the margin, and it was not measured what they are worth.

    Args:
        run: The run.
        term: The leakage term; None where it was not measured.
        rules: `margin`.
    """
    if run.leaked and run.val is not None:
        return term is not None or 100 * len(run.leaked) <= rules.margin * len(run.val)
    return run.finds_changed_copies and run.patients_named
