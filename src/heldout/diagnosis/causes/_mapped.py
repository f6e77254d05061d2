"""What was measured of image quality: properties mapped from one part onto the other, and what else was tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.diagnosis.effects import Effect, regains
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trial, Trials, counts
from heldout.stats.measured import Measured
from heldout.stats.property_shift import PropertyShift
from heldout.ties import first_best, settled

ALL = "all"
"""The variant in which all properties are mapped, one after the other."""

DEGRADED = {"sharpness": (-1,), "noise": (-1, 1), "blockiness": (1,), "contrast": (-1,)}
"""Directions in which test may lie from validation so that the way back would need information that is not in the
image: sharpening, giving back the detail that smoothing took, taking grain or blocks away without harm; grey levels
that are stretched stretch their grain."""


@dataclass(frozen=True)
class Mapped:
    """Validation images given one property (or all) of the test images of their class.

    Attributes:
        name: The property, or `all`.
        effect: What that did to validation.
        lost: Points lost, interval by Bonferroni's rule.
        regained: Points that the reverse regains on test; None where not tried.
        class_: The class that loses most.
        shift: How the property differs in that class; None where that is not known, and for `all`.
        shifted_share: Share of the loss in classes in which the property differs in the same direction.
        images: Test images of the class that are wrong, the most extreme first.
        half: Points lost with half of the change; None where not tried.
        control: Points lost where validation images are given the values of other validation images; likewise.
        honest: Whether all that was mapped can be given back on test; None where the property itself says.
        beyond: Points lost beyond those that test loses by its images, which are so already; None where not known.
        touched: Images that the change touched, for each one that the control touched; 1 at least.
    """

    name: str
    effect: Effect
    lost: Measured
    regained: Measured | None
    class_: str
    shift: PropertyShift | None
    shifted_share: float
    images: tuple[str, ...]
    half: Measured | None = None
    control: Measured | None = None
    honest: bool | None = None
    beyond: Measured | None = None
    touched: float = 1.0

    @property
    def direction(self) -> int:
        """+1 where test images of the class have more of it, −1 less, 0 not known."""
        return 0 if self.shift is None else int(np.sign(self.shift.smd))

    def differs(self, rules: Rules) -> bool | None:
        """Whether test differs from validation in it, in the class that loses most; None where that is not known."""
        return None if self.shift is None else is_shift(self.shift, rules)

    @property
    def reversible(self) -> bool:
        """Whether test images can honestly be given back what validation images have."""
        return self.direction not in DEGRADED.get(self.name, ()) if self.honest is None else self.honest

    @property
    def undoable(self) -> bool:
        """Whether it is known that the reverse can be done honestly."""
        return self.reversible and (self.direction != 0 or self.name not in DEGRADED)

    def overshoots(self, rules: Rules) -> bool:
        """Whether it surely costs more than test loses, so that some of the cost is that of processing an image."""
        return self.beyond is not None and counts(self.beyond, rules)

    def trials(self, rules: Rules) -> Trials:
        """What else was tried; the reverse only where it is known that it can be done honestly.

        A control brings images half the way there and back, and touches fewer of them: those that can be blurred, say.
        Where the change overshoots, it is asked what processing as many would cost.
        """
        back = self.regained if self.undoable else None
        control = self.control
        if control is not None and self.overshoots(rules):
            control = control * self.touched
        return Trials(self.effect.lost, back, self.half, control)

    def against(self, rules: Rules) -> Trial:
        """Which trial speaks against it."""
        return self.trials(rules).against(rules)

    def agrees(self, rules: Rules, tried: bool = True) -> bool | None:
        """Whether a second, independent measurement agrees; None where there is none.

        Args:
            rules: Thresholds.
            tried: Whether it may rest on how test differs: not where half of another property, or its control, told
                against the procedure, and neither was made of this one.
        """
        if self.regained is not None and (self.reversible or self.name == ALL):
            return regains(self.lost, self.regained, rules.agreement)
        if self.shift is None or self.name == ALL:
            return None
        return tried and not self.overshoots(rules) and self.shifts_where_it_costs(rules)

    def shifts_where_it_costs(self, rules: Rules) -> bool:
        """Whether a property that cannot be given back differs in test, and mostly in the classes that lose by it."""
        return bool(self.differs(rules)) and settled(self.shifted_share) >= rules.shifted_share and not self.reversible


@dataclass(frozen=True)
class Returned:
    """Test images given a property of validation, where the reverse would invent detail.

    Attributes:
        name: The property that regains most.
        effect: What that did to test.
        gains: Property -> points regained, interval by Bonferroni's rule.
    """

    name: str
    effect: Effect
    gains: dict[str, Measured]


@dataclass(frozen=True)
class Qualities:
    """Everything that was mapped; all empty where no property differs.

    Attributes:
        single: One a property.
        every: All properties together; None where not tried or where there is one property only.
        returned: Properties that only test images could be given; None without one.
        lost: Property -> points lost on validation.
        comparisons: Number of variants on validation.
        left_out: Classes with too few images to be mapped, in words; empty where there are none.
        undecided: Points, at most, that mapping them could cost: those that validation has by being right on them.
    """

    single: tuple[Mapped, ...] = ()
    every: Mapped | None = None
    returned: Returned | None = None
    comparisons: int = 0
    left_out: str = ""
    undecided: float = 0.0

    def best(self, rules: Rules) -> Mapped | None:
        """The costliest property; those in which test does not differ, or that a trial contradicts, come last.

        Any disturbance costs something.
        """
        differing = [one for one in self.single if one.differs(rules) is not False]
        borne_out = [one for one in differing if not one.against(rules)]
        return first_best(borne_out or differing or self.single, lambda one: one.lost.value) if self.single else None

    def contradicted(self, rules: Rules) -> Mapped | None:
        """The costliest property that a trial contradicts; None without one."""
        differing = [one for one in self.single if one.differs(rules) is not False]
        found = [one for one in differing if one.lost.low > 0 and one.against(rules)]
        return first_best(found, lambda one: one.lost.value) if found else None

    def taken_back(self, one: Mapped, rules: Rules) -> bool:
        """Whether a property alone surely costs more than all together: the others take it back, and test has them all.

        An image that was flattened and left as bright as it was is none that test has, if there it is darker as well.
        """
        return self.every is not None and counts(one.effect.lost - self.every.effect.lost, rules)

    def borne_out(self, rules: Rules) -> bool:
        """Whether all together cost what one property does that alone would cost more, and that test surely has.

        The reverse of all together then cannot be asked for: what that property took cannot be given back.
        """
        best = self.best(rules)
        if best is None or self.every is None or self.contradicted(rules) is not None:
            return False
        sound = self.taken_back(best, rules) and not self.every.overshoots(rules)
        return sound and best.lost.low > 0 and best.shifts_where_it_costs(rules)

    def named(self, name: str) -> Mapped | None:
        """A property, or all of them, by name; None where not tried."""
        return next((one for one in (*self.single, self.every) if one is not None and one.name == name), None)


def is_shift(shift: PropertyShift, rules: Rules) -> bool:
    """Whether a difference is large and clear enough, patients being the units."""
    return abs(shift.smd) >= rules.min_shift and shift.p_holm < rules.level
