"""What a linear probe makes of a class with more images to learn from, or of others with as few: see `doses`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from heldout.diagnosis.appearance import total
from heldout.diagnosis.cause_data import CauseData
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured, never_certain
from heldout.stats.scores import Reals
from heldout.stats.weighted import weighted_mean
from heldout.ties import first_of_largest

INTERVENTION = "doses"

LEARNED = 0.75
"""Share of a class's test images that are learned from in each of the four folds."""


@dataclass(frozen=True)
class Dose:
    """What a linear probe makes of a rare class with as few images as training has, and with many.

    Attributes:
        few: Images learned from in the first case.
        many: In the second, about.
        recalls: Recall on other test images in both, fractions.
        gain: Points of recall that the second gains.
        p: Two-sided p of a sign test over units that it gains, or loses, beyond the few weighed as much.
        weighted: Recall where as few images weigh as much as the many, a fraction.
        own: Points of recall that the many gain beyond that: what more different images are worth.
        accuracy: Points of test accuracy likewise, all classes.
    """

    few: int
    many: int
    recalls: tuple[float, float]
    gain: Measured
    p: float
    weighted: float
    own: Measured
    accuracy: Measured


def _answers(data: CauseData, variant: str, part: Predictions) -> Reals | None:
    """Whether each image of a part is right under a variant, (n,); None where not every one was scored."""
    scored = data.run.scored.get(INTERVENTION)
    if scored is None or not scored.has(variant, part.part):
        return None
    logits = scored.logits(variant, part.part, part.ids)
    if not np.isfinite(logits).all() or logits.shape[1] != data.run.k:
        return None
    answers: Reals = (first_of_largest(logits) == part.labels).astype(np.float64)
    return answers


def _change(data: CauseData, part: Predictions, change: Reals, k: int) -> Measured:
    """Mean change over the images of a class, in points of recall; never certain."""
    own = part.labels == k
    weights = data.gap.draws.of_part(part.part)[:, own]
    with np.errstate(invalid="ignore", divide="ignore"):
        points = data.gap.draws.measured(100 * weighted_mean(change[own], weights), int(own.sum()))
    return never_certain(points, len(np.unique(part.units[own])))


def dose_of(data: CauseData, k: int) -> Dose | None:
    """What more images of the class are worth; None where it was not tried."""
    test, counts = data.run.test, data.run.train_counts
    assert test is not None and counts is not None
    few, weighted, many = (_answers(data, f"{name}:{k}", test) for name in ("few", "weighted", "many"))
    own = test.labels == k
    if few is None or weighted is None or many is None or not own.any():
        return None
    net = np.bincount(test.units[own], weights=(many - weighted)[own])
    gained, lost = int((net > 0).sum()), int((net < 0).sum())
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    recalls = float(few[own].mean()), float(many[own].mean())
    accuracy = data.gap.draws.measured(100 * weighted_mean(many - weighted, data.gap.draws.test), len(test))
    return Dose(
        int(counts[k]),
        round(LEARNED * int(own.sum())),
        recalls,
        _change(data, test, many - few, k),
        p,
        float(weighted[own].mean()),
        _change(data, test, many - weighted, k),
        accuracy,
    )


def thinned_loss(data: CauseData, k: int) -> Measured | None:
    """What well-seen classes lose of their recall on validation when left as few images, the mean of all trials."""
    val, scored = data.run.val, data.run.scored.get(INTERVENTION)
    full = None if val is None else _answers(data, "full", val)
    if val is None or full is None or scored is None:
        return None
    losses = []
    for variant in scored.variants:
        answers = _answers(data, variant, val)
        kind, *numbers = variant.split(":")
        if kind == "thin" and answers is not None and int(numbers[0]) == k and (val.labels == int(numbers[1])).any():
            losses.append(_change(data, val, full - answers, int(numbers[1])))
    return total(losses) * (1 / len(losses)) if losses else None
