"""What was measured of cues: regions that were made neutral, exchanged, and asked alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from heldout.diagnosis.content import MAY_BE_CONTENT
from heldout.diagnosis.effects import Effect
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trials
from heldout.records import Estimate
from heldout.stats.measured import Measured, simultaneous
from heldout.ties import settled


@dataclass(frozen=True)
class Probe:
    """A classifier that sees only a region, out of fold on train, patients as units.

    Attributes:
        auc: With its interval.
        accuracy: A fraction.
        majority: Share of the most frequent class.
    """

    auc: Estimate
    accuracy: float
    majority: float


@dataclass(frozen=True)
class Cue:
    """What was tried on one region.

    Attributes:
        region: Its name.
        neutral: The cue made the same in all validation images.
        neutral_test: Likewise in all test images; None where not tried.
        swapped: The cue exchanged between classes on validation; None where not tried.
        same: The cue exchanged within classes, which has the same seams; None where not tried.
        alone: Validation images seen by a classifier that sees only the region; None where not tried.
        alone_test: Likewise test images.
        probe: That classifier on train; None where not tried.
        comparisons: Number of regions that were tried.
        level: Level of the intervals before Bonferroni's rule.
        across: Validation images with the cue of test images of their class; None where not tried.
        across_test: Test images with the cue of validation images of their class; None where not tried.
        same_test: Test images with the cue of other test images of their class, which has the same seams; likewise.
    """

    region: str
    neutral: Effect
    neutral_test: Effect | None
    swapped: Effect | None
    same: Effect | None
    alone: Effect | None
    alone_test: Effect | None
    probe: Probe | None
    comparisons: int
    level: float
    across: Effect | None = None
    across_test: Effect | None = None
    same_test: Effect | None = None

    @cached_property
    def given(self) -> Measured | None:
        """Points that validation loses with the cue of test, beyond what an exchange costs; None where not tried."""
        return _beyond(self.across, self.same)

    @cached_property
    def regained(self) -> Measured | None:
        """Points that test regains with the cue of validation, beyond what an exchange itself costs; likewise."""
        taken = _beyond(self.across_test, self.same_test)
        return None if taken is None else taken * -1.0

    def trials(self, established: bool) -> Trials:
        """What else was tried: the cue as validation has it, on test; where that was not tried, test without it.

        A cue that holds less well on test, but holds, still helps there: without it test loses. So that speaks against
        the cue only where it was not shown to hold less well.
        """
        back = self.regained
        if back is None and self.neutral_test is not None and not established:
            back = self.neutral_test.lost * -1.0
        return Trials(self.points, back)

    @cached_property
    def points(self) -> Measured:
        """By how much the gap shrinks when the cue is gone: lost on validation minus lost on test."""
        lost = self.neutral.lost
        return self._simultaneous(lost if self.neutral_test is None else lost - self.neutral_test.lost)

    @cached_property
    def reliance(self) -> Measured:
        """Points lost on validation when the cue points the wrong way, beyond what the exchange itself costs.

        Where no exchange was tried, when the cue is gone.
        """
        if self.swapped is None:
            return self._simultaneous(self.neutral.lost)
        return self._simultaneous(self.swapped.lost if self.same is None else self.swapped.lost - self.same.lost)

    @cached_property
    def fall(self) -> Measured | None:
        """By how much the region alone is right less often on test than on validation, at the class shares of test."""
        if self.alone is None or self.alone_test is None:
            return None
        return self._simultaneous(self.alone.accuracy_after - self.alone_test.accuracy_after)

    def _simultaneous(self, points: Measured) -> Measured:
        return simultaneous(points, self.comparisons, self.level)

    def informative(self, rules: Rules) -> bool | None:
        """Whether the region alone tells the classes apart on train; None where not known."""
        return (
            None
            if self.probe is None
            else (self.probe.auc.low > 0.5 and settled(self.probe.auc.value) >= rules.min_probe_auc)
        )

    @property
    def leaned_on(self) -> bool:
        """Whether the network needs the cue."""
        return self.reliance.low > 0

    @property
    def moved(self) -> bool | None:
        """Whether the cue holds less well on test; None where not known."""
        return None if self.fall is None else self.fall.low > 0

    @property
    def effects(self) -> list[Effect]:
        """What making it neutral did, on validation and where tried on test."""
        return [self.neutral] if self.neutral_test is None else [self.neutral, self.neutral_test]


def _beyond(exchanged: Effect | None, same: Effect | None) -> Measured | None:
    """Points lost by an exchange beyond those lost by one within the part, where that was tried too."""
    if exchanged is None:
        return None
    return exchanged.lost if same is None else exchanged.lost - same.lost


@dataclass(frozen=True)
class Cues:
    """Regions that were made neutral.

    Attributes:
        all_of_them: One a region.
        probes: AUC of the regions that were asked on train but not made neutral.
        tried: Regions that were asked on train.
        left_out: Classes with too few images to tell, in words; empty where there is none.
        undecided: Points, at most, that could be lost in them.
    """

    all_of_them: tuple[Cue, ...]
    probes: Mapping[str, float]
    tried: tuple[str, ...]
    left_out: str = ""
    undecided: float = 0.0

    @property
    def blamable(self) -> list[Cue]:
        """Regions that cannot hold the finding itself."""
        return [cue for cue in self.all_of_them if cue.region not in MAY_BE_CONTENT]

    def ranked(self, rules: Rules) -> list[Cue]:
        """Regions, the one whose absence shrinks the gap most first, informative ones that surely do before others."""
        surely = [cue for cue in self.blamable if cue.informative(rules) is not False and cue.points.low > 0]
        return sorted(self.blamable, key=lambda cue: (cue not in surely, -settled(cue.points.value)))

    def named(self, region: str) -> Cue | None:
        """What was tried on a region; None where that is none of them."""
        return next((cue for cue in self.all_of_them if cue.region == region), None)
