"""Every two runs on the same images: their difference, and which test says whether it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from heldout.records import Estimate, Pair
from heldout.records.predictions import Predictions
from heldout.runs.rows import verdict_of
from heldout.stats.bootstrap import Resamples
from heldout.stats.delong import area_of
from heldout.stats.estimates import auc_difference, difference_estimate
from heldout.stats.metric import ClassWeights
from heldout.stats.paired import holm, mcnemar, randomised
from heldout.stats.units import Units

Couples = list[tuple[str, str]]


@dataclass(frozen=True)
class Tested:
    """What was tested of every couple.

    Attributes:
        name: Which test decides.
        p: Its p of each couple.
        images: p of McNemar's test, images as units; None by another metric than accuracy, of which it does not ask.
    """

    name: Literal["McNemar", "randomisation"]
    p: list[float]
    images: list[float] | None


def pairs_of(
    sides: dict[str, Predictions], units: Units, resamples: Resamples, metric: ClassWeights
) -> tuple[Pair, ...]:
    """Every pair once, the earlier run as `a`.

    Args:
        sides: Run -> the part that pairs are judged on, validation or test, with the same images for all.
        units: Units of these images.
        resamples: Draws of them.
        metric: What the classes' recalls count.
    """
    couples = list(combinations(sides, 2))
    tested = tests_of(couples, sides, units, metric)
    areas = areas_of(couples, sides, units)
    corrected = holm([p for _, p in areas]) if areas else []
    pairs = []
    for place, ((a, b), p, p_holm) in enumerate(zip(couples, tested.p, holm(tested.p), strict=True)):
        side = sides[a]
        points = difference_estimate(side.right, sides[b].right, resamples, side.labels, metric)
        pairs.append(
            Pair(
                a=a,
                b=b,
                split=side.part,
                difference_points=points,
                p=p,
                p_holm=p_holm,
                verdict=verdict_of(p_holm, points),
                test=tested.name,
                p_images=tested.images[place] if tested.images else None,
                auc_difference=areas[place][0] if areas else None,
                p_auc=areas[place][1] if areas else None,
                p_auc_holm=corrected[place] if areas else None,
            )
        )
    return tuple(pairs)


def tests_of(couples: Couples, sides: dict[str, Predictions], units: Units, metric: ClassWeights) -> Tested:
    """McNemar's exact test where every image is a unit of its own; else units exchanged whole, and McNemar beside."""
    right = {id_: side.right for id_, side in sides.items()}
    images = [mcnemar(right[a], right[b]) for a, b in couples] if metric.plain else None
    if images is not None and len(units) == len(units.unit):
        return Tested("McNemar", images, images)
    return Tested("randomisation", _randomised(couples, sides, units, metric), images)


def _randomised(couples: Couples, sides: dict[str, Predictions], units: Units, metric: ClassWeights) -> list[float]:
    """The p of the randomisation test of every couple."""
    if not couples:
        return []
    side = next(iter(sides.values()))
    each = metric.weigh(side.labels, np.ones((1, len(side)), dtype=np.float32))[0]
    columns = [
        np.bincount(
            units.unit, weights=each * (sides[a].right.astype(np.float64) - sides[b].right), minlength=len(units)
        )
        for a, b in couples
    ]
    return [float(p) for p in randomised(np.stack(columns, axis=1))]


def areas_of(couples: Couples, sides: dict[str, Predictions], units: Units) -> Sequence[tuple[Estimate, float]]:
    """Difference of the areas under the curve of every couple, with its p; empty where it is not known of any."""
    areas = {id_: area_of(side.labels, side.logits) for id_, side in sides.items()}
    found = []
    for a, b in couples:
        first, second = areas[a], areas[b]
        apart = None if first is None or second is None else auc_difference(first, second, sides[a].labels, units)
        if apart is None:  # a class is absent, or one unit has all of its images: so it is for every couple
            return []
        found.append(apart)
    return found
