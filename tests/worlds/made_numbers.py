"""Numbers as `measure` gives them, made by hand, for the pure functions that decide."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.effects import Effect
from heldout.diagnosis.rules import RULES
from heldout.stats.bootstrap import Resamples
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured
from heldout.stats.units import Units


def points(value: float, low: float, high: float, n: int = 400) -> Measured:
    """A number with exactly this interval."""
    return Measured(value, np.repeat([low, high], 50), n, "made")


def surely(value: float) -> Measured:
    """A number that is known to half of itself."""
    return points(value, min(0.5 * value, 1.5 * value), max(0.5 * value, 1.5 * value))


def effect(worse: int = 0, better: int = 0, n: int = 400, part: str = "val") -> Effect:
    """n patients of one image, two classes in turns: so many were right before and not after, or the other way."""
    labels = np.arange(n) % 2
    before = np.arange(n) < n - better
    after = np.arange(n) >= worse
    rng = np.random.default_rng(n)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=100)
    weights = np.concatenate([np.ones((1, n)), drawn]).astype(np.float32)
    units = Units(np.arange(n), labels, np.ones(n, dtype=bool))
    logits = [4.0 * np.eye(2)[np.where(right, labels, 1 - labels)] for right in (before, after)]
    return Effect(
        tuple(f"{part}-{i}" for i in range(n)),
        labels,
        before,
        after,
        *logits,
        np.arange(n),
        weights,
        np.full((101, 2), 0.5),
        JointBootstrap(Resamples(units, drawn.T.astype(np.uint8)), n),
        RULES.sign_draws,
    )
