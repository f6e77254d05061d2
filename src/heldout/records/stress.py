"""What `heldout stress` found: `stress/stress.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heldout.records.estimate import Estimate
from heldout.records.metric import Metric

Level = Literal["near", "middle", "far"]
"""How large a change is: as far as the nearest, the median and the farthest pair of sites lie apart."""


@dataclass(frozen=True)
class StressMade:
    """One stress as it was made in a study.

    Attributes:
        name: Name on the shelf.
        title: What differs.
        unit: Unit of its amounts.
        sizes: Its amounts: as far as the nearest, the median and the farthest pair of sites lie apart.
        measured: Whether that was measured between real sites; only such stresses are in the forecast.
        source: Where the size comes from.
        absent: Why it was not made; empty where it was.
    """

    name: str
    title: str
    unit: str
    sizes: tuple[float, float, float]
    measured: bool
    source: str
    absent: str = ""


@dataclass(frozen=True)
class StressPoint:
    """A run under one stress at one amount.

    Attributes:
        stress: Name of the stress.
        words: What the images are then: `blurrier`; of shares the class that there is more of.
        level: How large the change is.
        amount: Signed, in the stress's unit.
        score: The metric, a fraction.
        lost_points: Points that it lies below the score on the images as they are.
    """

    stress: str
    words: str
    level: Level
    amount: float
    score: Estimate
    lost_points: Estimate


@dataclass(frozen=True)
class StressedRun:
    """A run under all of them.

    Attributes:
        id: Id of the run.
        model: Full name of its backbone.
        strategy: Name of its strategy.
        seed: Its seed.
        score: The metric on the images as they are, a fraction.
        points: Every stress at every amount, in the order in which changes would be made.
        mean_points: Points that a stress costs at its middle amount, mean over stresses and their sides.
        worst: What costs most at its middle amount; its interval holds for all of them at once.
        forecast_points: Points that a new site costs: the mean over drawn sites, and where 95 % of such sites lie.
        like: Pair of real sites -> the same of sites that differ as those of the pair do.
        expected: Mean score over drawn sites, a fraction.
        behind_points: How far it lies behind the run that stands highest there; the interval holds for all runs at
            once. None for that run.
        first: Share of redrawn patients and sites in which it stands highest.
    """

    id: str
    model: str
    strategy: str
    seed: int
    score: Estimate
    points: tuple[StressPoint, ...]
    mean_points: Estimate
    worst: StressPoint
    forecast_points: Estimate | None
    like: dict[str, Estimate]
    expected: Estimate | None
    behind_points: Estimate | None
    first: float | None

    @property
    def standing(self) -> Literal["best", "as good", "worse"] | None:
        """Whether it can be told from the run that stands highest; None without a forecast."""
        if self.expected is None:
            return None
        if self.behind_points is None:
            return "best"
        return "worse" if self.behind_points.low > 0 else "as good"


@dataclass(frozen=True)
class StressReport:
    """All runs of a study under stress.

    Attributes:
        split: Hash of the study's split.
        metric: What scores are of.
        images: Validation images that were changed.
        of_images: Validation images that there are.
        patients: Patients among those that were changed; 0 where none is known.
        pairs: Pairs of real sites that sizes were measured between.
        sites: Number of drawn sites.
        seed: Seed of sample, changes and draws.
        bootstrap: Replicates.
        stresses: What was made.
        runs: Best first by `expected`; by the score where nothing was drawn.
        missing: Ids of runs of the study that are not among them.
        notes: Sentences that a person should read.
        format: Version of this record.
    """

    split: str
    metric: Metric
    images: int
    of_images: int
    patients: int
    pairs: tuple[str, ...]
    sites: int
    seed: int
    bootstrap: int
    stresses: tuple[StressMade, ...]
    runs: tuple[StressedRun, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    format: int = field(default=1)
