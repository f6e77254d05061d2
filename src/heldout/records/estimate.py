"""A number never travels without its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval.

    Attributes:
        value: The estimate: a fraction for accuracies, AUC and recalls, points for differences.
        low: Lower end of the interval, at most `value`.
        high: Upper end, at least `value`.
        n: Number of images it rests on.
        method: How the interval was obtained, in words short enough for a table note.
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.value, self.low, self.high))):
            raise ValueError(f"an estimate must be finite, found {self.value} [{self.low}, {self.high}]")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"an interval must contain its estimate, found {self.value} [{self.low}, {self.high}]")
        if self.n < 1:
            raise ValueError(f"an estimate needs at least one image, found n = {self.n}")
