"""The leakage term: what relatives in train are worth to validation."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.seeds import same_recipe
from heldout.diagnosis.words import listed
from heldout.records import TermStatus
from heldout.stats.measured import Measured, luck_of_seeds
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
        if samples.networks:
            points = _with_luck(points, run, samples)
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


def _with_luck(points: Measured, run: RunData, samples: Samples) -> Measured:
    """The term of networks trained anew with the luck of training in its interval: theirs, and that of the run.

    Another training of this run would have given another A_V, and other seeds another mean of the m new networks: the
    variance is σ² (1 + 1/m). σ is that of the new networks' scores about their mean and, where the study has other
    seeds of the recipe, of these about theirs.
    """
    sizes = samples.networks
    each = []
    for rows in np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1]):
        of_network = recalls(samples.val.right[rows], samples.val.labels[rows], samples.val_weights[:1, rows], run.k)
        each.append(float(np.nansum(samples.val_prior[0] * of_network[0])))
    seeds = [float(weighted_mean(val.right, run.draws.val[:1])[0]) for val, _ in same_recipe(run)]
    spare = len(each) - 1 + len(seeds) - 1
    squares = len(each) * np.var(each) + len(seeds) * np.var(seeds)
    if spare < 1 or squares <= 0:  # no other network to see it by, or one that does not depend on the seed
        return points
    deviation = 100 * sqrt(float(squares) / spare * (1 + 1 / len(each)))
    drawn = np.clip(luck_of_seeds(deviation, spare, len(points.replicates), run.bootstrap_seed), -100, 100)
    return replace(points, replicates=points.replicates + drawn, method=f"{points.method}, {len(each)} seeds")


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
