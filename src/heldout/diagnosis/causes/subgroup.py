"""Subgroups: the loss sits in some of the images, those of one site, sex, age or device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.answer.texts import count, listing, percent
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.groups import GroupLoss
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, undecided
from heldout.diagnosis.words import IMAGES, with_interval
from heldout.records import Estimate, Finding, ReasonKind
from heldout.records.predictions import Predictions
from heldout.stats.scores import Indices
from heldout.ties import in_order, settled


@dataclass(frozen=True)
class Group:
    """One group that was compared with all other images.

    Attributes:
        name: In words.
        val: Its score on validation, a fraction.
        test: Likewise on test.
        gap: Its gap, points.
        others_gap: That of all others.
        points: What test would gain if it had lost no more than they did, with an interval that holds for all groups.
        share: Its share of the test images.
        p: Corrected for all groups.
        errors: The difference of the two gaps in its standard errors.
        wrong: Its test images that are answered wrongly, those answered most surely first.
    """

    name: str
    val: Estimate
    test: Estimate
    gap: float
    others_gap: float
    points: Estimate
    share: float
    p: float
    errors: float
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Losses:
    """The groups that were compared.

    Attributes:
        groups: Those that lose more than all others, the surest first.
        columns: Columns that they are groups of.
        compared: How many there are.
        most: The largest number of points that the interval of any of them allows.
        images: Number of validation and test images.
    """

    groups: tuple[Group, ...]
    columns: tuple[str, ...]
    compared: int
    most: float
    images: int

    def surest(self, rules: Rules) -> tuple[Group, ...]:
        """Those whose loss is larger than that of the others whatever the number of groups, the surest first."""
        return tuple(group for group in self.groups if group.p < rules.level)


class Subgroup(Cause[Losses]):
    """The loss sits in a group of images: those of one site, sex, age or device lose more than all others.

    How it is detected: Every further column of the images (site, sex, age, device, whatever the table has) is divided
    into groups: texts by value, numbers into {group_bins} bins, what is missing as a group of its own; ids, dates and
    free text are left out by name. A group is compared if it and all other images have {min_group} images of
    {min_group_patients} patients on validation and on test; common parts of two columns' groups from {min_crossed}
    images on. The difference between the gap of the group and that of all others is held against the largest
    difference among all groups that chance alone makes (max-|t| from the joint bootstrap over patients; Westfall &
    Young 1993). Its points are the share of the test images times that difference: what test would gain if the group
    had lost no more than the others. It is suggested at most: it says where the loss sits, and not why.

    Why it matters: A mean hides who pays. A loss of three points may be one of fifteen for a fifth of the patients, and
    where it sits is the best clue to why: a device, a site, an age that training hardly knew.

    What to do: Look at the group's images beside those of the others; report its score by itself; collect training
    images of it. Then ask the causes above what is different about it.
    """

    code: ClassVar[str] = "subgroup"
    title: ClassVar[str] = "Loss in a subgroup"
    level: ClassVar[int] = 2
    where: ClassVar[bool] = True
    remedy: ClassVar[str] = "Look at the group's images, report its score by itself, and collect training images of it."

    def measure(self, data: CauseData) -> Losses | Missing:
        """The groups that were compared; what is missing where none was."""
        table, test, val = data.groups, data.run.test, data.run.val
        if not table.losses:
            left = "; ".join(f"'{column}': {why}" for column, why in table.left_out)
            none = "the images have no further column (site, sex, age, device) to form groups by"
            return Missing(ReasonKind.DOES_NOT_APPLY, f"no column forms groups ({left})" if left else none)
        compared = table.compared
        if not compared:
            text = f"{data.rules.min_group} {IMAGES} of a group on validation and on test, and as many others"
            return Missing(ReasonKind.MORE_IMAGES, text)
        assert test is not None and val is not None
        more = [loss for loss in compared if loss.difference is not None and settled(loss.difference.value) > 0]
        groups = [_group(loss, test) for loss in more]
        return Losses(
            tuple(sorted(groups, key=_surest_first)),
            tuple(dict.fromkeys(column for loss in compared for column in loss.cell.columns)),
            len(compared),
            max((group.points.high for group in groups), default=0.0),
            len(val) + len(test),
        )

    def decide(self, measured: Losses, rules: Rules) -> Decision:
        """Suggested at most; excluded where no group can be worth more than the margin."""
        if any(group.points.high > rules.margin for group in measured.surest(rules)):
            return Decision("suggested")
        if measured.most <= rules.margin:
            return Decision("excluded", ReasonKind.WITHIN_MARGIN if measured.most > 0 else ReasonKind.NO_DIFFERENCE)
        return undecided(ReasonKind.MORE_IMAGES, 0, measured.images)

    def tell(self, measured: Losses, decision: Decision, rules: Rules) -> Told:
        """The group and its points; without one, the group that came nearest."""
        looked = f"{count(measured.compared, 'group')} by {listing(measured.columns)}"
        numbers = {"groups": float(measured.compared)}
        surest = [group for group in measured.surest(rules) if group.points.high > rules.margin]
        if decision.positive and surest:
            first = surest[0]
            numbers |= {"share": first.share, "gap_points": first.gap, "others_gap_points": first.others_gap}
            numbers["p"] = first.p
            also = [group.name for group in surest[1:]][: rules.max_properties_named]
            return Told(
                f"{_sentence(first)} This says where the loss sits, not why; interval and p = {first.p:.2g} hold for "
                f"all {looked}." + (f" Groups that overlap with it stand out too: {'; '.join(also)}." if also else ""),
                images=first.wrong[: rules.max_images],
                numbers=numbers,
            )
        if decision.verdict == "excluded":
            return Told(f"Of {looked} none loses so much more than all other {IMAGES}.", numbers=numbers)
        nearest = measured.groups[0]
        sentence = (
            f"Of {looked} none surely loses more than all other {IMAGES}. {nearest.name} comes nearest: a gap of "
            f"{nearest.gap:.1f} points against {nearest.others_gap:.1f}, p = {nearest.p:.2f} for all groups."
        )
        return Told(sentence, reason="more images of single groups", numbers=numbers)

    def judge(self, data: CauseData) -> Finding:
        """With the points of the group that is named, whose interval holds for all groups at once."""
        found, measured = super().judge(data), self.measure(data)
        if found.verdict != "suggested" or isinstance(measured, Missing):
            return found
        first = next(group for group in measured.surest(data.rules) if group.points.high > data.rules.margin)
        return replace(found, points=first.points)


def _surest_first(group: Group) -> tuple[float, float]:
    return -settled(group.errors), -settled(group.points.value)


def _group(loss: GroupLoss, test: Predictions) -> Group:
    assert loss.val and loss.test and loss.gap and loss.points and loss.p is not None
    rows = np.flatnonzero(loss.cell.test)
    return Group(
        loss.cell.name,
        loss.val,
        loss.test,
        loss.gap.value,
        loss.others_gap,
        loss.points,
        loss.share,
        loss.p,
        loss.errors,
        _wrong(test, rows),
    )


def _wrong(test: Predictions, rows: Indices) -> tuple[str, ...]:
    """Ids of wrong test images among some, those answered most surely first."""
    own = test.logits[rows, test.labels[rows]]
    lead = test.logits[rows].max(axis=1) - own
    return tuple(test.ids[rows[i]] for i in in_order(lead, descending=True) if not test.right[rows[i]])


def _sentence(group: Group) -> str:
    return (
        f"The loss sits in {group.name} ({percent(group.share)} of test): {percent(group.val.value)} on validation and "
        f"{percent(group.test.value)} on test ({group.val.n:,} and {group.test.n:,} {IMAGES}), a gap of "
        f"{group.gap:.1f} points against {group.others_gap:.1f} of all other {IMAGES}. If it had lost no more than "
        f"they did, test would be higher by {with_interval(group.points)} points."
    )


CAUSE = Subgroup()
