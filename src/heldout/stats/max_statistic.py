"""Many differences at once: intervals and p values that hold for all of them together.

The largest of many differences is large because it is the largest. The single-step max-|t| method (Westfall & Young
1993; Romano & Wolf 2005) holds each against the distribution of the largest |t| among all, taken from bootstrap
replicates in which the differences keep their dependence: groups that overlap count as what they are, and not as so
many tests, as with Bonferroni.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.stats.scores import Reals


@dataclass(frozen=True)
class Corrected:
    """What holds for all of G differences at once.

    Attributes:
        critical: Standard errors within which all differences lie, if none is there, with the level's certainty.
        p: (G,) p values after the correction.
    """

    critical: float
    p: Reals


def single_step(t: Reals, null: Reals, level: float) -> Corrected:
    """The correction for G differences.

    Args:
        t: (G,) each difference in standard errors.
        null: (B, G) replicates of each, less its value, in their own standard deviations; NaN counts as 0.
        level: Chance of any false alarm among them.

    >>> rng = np.random.default_rng(0)
    >>> one, many = (single_step(np.full(g, 2.5), rng.standard_normal((4000, g)), 0.05) for g in (1, 20))
    >>> round(one.critical, 1), round(many.critical, 1), bool(one.p[0] < 0.05 < many.p[0])
    (2.0, 3.0, True)
    """
    if not len(t):
        return Corrected(0.0, np.empty(0))
    largest = np.abs(np.nan_to_num(null)).max(axis=1)  # (B,)
    critical = float(np.quantile(largest, 1 - level, method="higher"))
    reached = (largest[:, None] >= np.abs(t)[None, :]).sum(axis=0)
    p: Reals = (1 + reached) / (1 + len(largest))
    return Corrected(critical, p)
