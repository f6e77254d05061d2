"""Hardly seen in training: classes with few training images, poorly recalled, of which test has more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from heldout.diagnosis.appearance import total
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.causes.prior import CAUSE as PRIOR
from heldout.diagnosis.causes.prior import Shares
from heldout.diagnosis.doses import INTERVENTION, Dose, dose_of, thinned_loss
from heldout.diagnosis.effects import gain_on_test
from heldout.diagnosis.gap.absent import absent_points
from heldout.diagnosis.gap.prior import doubted_recalls, prior_by_class
from heldout.diagnosis.gap.small_classes import images_to_collect, rarely_seen
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, undecided, weigh
from heldout.diagnosis.words import IMAGES, PATIENTS, said
from heldout.records import ReasonKind, Remedy
from heldout.stats.measured import Measured
from heldout.ties import first_best, settled

CONFIRMED = "confirmed"
"""What a decision is about that rests on classes for which more images were seen to help."""


@dataclass(frozen=True)
class RareClass:
    """A class hardly seen in training of which test has more than validation.

    Attributes:
        name: The class.
        train: Its training images.
        val_share: Its share of validation; 0 where validation has none.
        test_share: Its share of all test images.
        recall: Its recall on validation, or on test where validation has none; a fraction.
        usual: Accuracy on validation, a fraction: what its recall is held against.
        absent: Whether validation has no image of it.
        points: What it carries of the prior term, or of the absent term.
        dose: What more images of it are worth; None where test has too few of them, or it was not tried.
        thinned: Points of recall that well-seen classes lose when left as few training images; None where not tried.
        collect: Training images that it lacks to be seen as often as a class that is not rare.
        images: Its test images that are wrong.
    """

    name: str
    train: int
    val_share: float
    test_share: float
    recall: float
    usual: float
    absent: bool
    points: Measured
    dose: Dose | None
    thinned: Measured | None
    collect: int
    images: tuple[str, ...]

    @property
    def lacks(self) -> float:
        """Points of recall by which it lies below the others."""
        return 100 * (self.usual - self.recall)

    def confirmed(self, rules: Rules) -> bool:
        """Whether more images of the class itself surely raise its recall by a good part of what it lacks.

        Beyond what as few do that weigh as much, and not at the cost of other classes.
        """
        dose = self.dose
        if dose is None or dose.p >= rules.level:
            return False
        helps = dose.own.low > 0 and dose.accuracy.low > 0
        return helps and settled(rules.agreement * dose.own.value - self.lacks) >= 0

    def contradicted(self, rules: Rules) -> bool:
        """Whether more images of the class itself surely do not."""
        return self.dose is not None and settled(rules.agreement * self.dose.gain.high - self.lacks) < 0

    def doubtful(self, rules: Rules) -> bool:
        """Whether well-seen classes are recalled as well as ever with as few images."""
        return self.thinned is not None and settled(rules.agreement * self.thinned.high - self.lacks) < 0


@dataclass(frozen=True)
class RareClasses:
    """The rare classes of which test has more.

    Attributes:
        classes: The costliest first.
        shares: The prior term, of which they carry a part; None where it does not apply.
    """

    classes: tuple[RareClass, ...]
    shares: Shares | None = None

    def confirmed(self, rules: Rules) -> list[RareClass]:
        """Those for which more images of the class were seen to help."""
        return [one for one in self.classes if one.confirmed(rules)]

    def possible(self, rules: Rules) -> list[RareClass]:
        """Those for which nothing contradicts it."""
        return [one for one in self.classes if not one.contradicted(rules)]


class HardlySeen(Cause[RareClasses]):
    """Training has few images of a class, the model hardly recognises it, and test has more of it than validation.

    How it is detected: A class is hardly seen with fewer than {rare_images} training images and fewer than
    {rare_share} of an equal share of them. Points are what such classes, of which test has a larger share, carry of
    the prior term, Σ (π^V − π^T)(recall^V − A_V), or of the term of classes that validation lacks: a part of these
    terms, not something beside them. A recall of a few images that are all right, or all wrong, is taken with a doubt
    (Jeffreys' prior). Few images and a low recall may go together without one being due to the other, so a linear
    probe on frozen features is learned anew with other doses. Established if, learned from many of the class's test
    images instead of as few as training has, out of fold by patient, it recalls other test images of the class better
    than with as few that weigh as much (interval above 0, sign test over patients, a gain of at least 1/{agreement} of
    what the class lacks to the average), and is right more often on all of test; and if neither wrong labels nor chance
    may make up the shares, as for the prior term. Excluded if many surely do no better. Where test has too few images
    for that it is suggested at most, and not if well-seen classes left as few training images keep their recall.

    Why it matters: Long tails are the rule in medicine. A model may be right on nine of ten images and never answer the
    rare class; where that class is more frequent, accuracy falls, and a validation set of the same mix cannot warn.

    What to do: Collect training images of the class (the finding says how many), weight the class up in training, or
    tell those who use the model that it does not know it.
    """

    code: ClassVar[str] = "rare-classes"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "Hardly seen in training"
    remedy: ClassVar[str] = (
        "Collect training images of the class, or weight it up; until then say that it is not known."
    )
    interventions: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def measure(self, data: CauseData) -> RareClasses | Missing:
        """The rare classes of which test has more, with what they carry and what other doses do."""
        counts = data.run.train_counts
        if counts is None:
            return Missing(ReasonKind.PARTS_MISSING, "the number of training images of each class")
        rare = rarely_seen(counts, data.rules)
        if not len(rare):
            return Missing(ReasonKind.DOES_NOT_APPLY, "no class is hardly seen in training")
        samples = data.gap.samples
        more = [
            int(k)
            for k in rare
            if int(k) in samples.absent or settled(samples.test_prior[0, k] - samples.val_prior[0, k]) > 0
        ]
        if not more:
            return Missing(ReasonKind.DOES_NOT_APPLY, "test has no larger share of a class hardly seen in training")
        found = [_rare_class(data, k) for k in more]
        shares = PRIOR.measure(data)
        ranked = tuple(sorted(found, key=lambda one: -settled(one.points.value)))
        return RareClasses(ranked, None if isinstance(shares, Missing) else shares)

    def decide(self, measured: RareClasses, rules: Rules) -> Decision:
        """Established on the classes for which more images helped; suggested where nothing contradicts it.

        Of a part of the prior term no more is said than of the term: labels, or chance, may make up the shares.
        """
        decision = self._by_classes(measured, rules)
        some = measured.confirmed(rules) if decision.about == CONFIRMED else measured.possible(rules)
        if decision.positive and measured.shares is not None and not all(one.absent for one in some):
            return measured.shares.no_surer(decision, rules)
        return decision

    def _by_classes(self, measured: RareClasses, rules: Rules) -> Decision:
        confirmed, possible = measured.confirmed(rules), measured.possible(rules)
        if confirmed:
            decision = weigh(total([one.points for one in confirmed]), True, rules)
            if decision.positive:
                return Decision(decision.verdict, decision.kind, about=CONFIRMED)
        if not possible:
            return Decision("excluded", ReasonKind.UNTRUSTED)
        decision = weigh(total([one.points for one in possible]), None, rules)
        if decision.positive and _costliest(possible).doubtful(rules):
            return undecided(ReasonKind.MORE_IMAGES)
        return decision

    def tell(self, measured: RareClasses, decision: Decision, rules: Rules) -> Told:
        """Which classes, what they carry, what more images are worth, and how many to collect."""
        some = measured.possible(rules) or list(measured.classes)
        if decision.about == CONFIRMED:
            some = measured.confirmed(rules)
        main = _costliest(some)
        points = total([one.points for one in some])
        reason = ""
        if decision.kind is ReasonKind.UNTRUSTED:
            reason = "learned from many more images the class is recalled no better"
        elif decision.kind is ReasonKind.MORE_IMAGES and not decision.wanted:
            reason = f"more images of '{main.name}': well-seen classes left as few are recalled as well as ever"
        elif decision.kind is ReasonKind.SHARES_BY_CHANCE:
            reason = f"more {PATIENTS}"
        elif decision.kind is ReasonKind.REVIEW and measured.shares is not None:
            reason = f"two blind readers for {measured.shares.unread} test {IMAGES}"
        images = tuple(id_ for one in some for id_ in one.images)[: rules.max_images] if decision.positive else ()
        explains = {
            term: total([one.points for one in some if one.absent is absent]).value
            for term, absent in (("prior", False), ("absent", True))
            if any(one.absent is absent for one in some)
        }
        return Told(
            _sentence(some, main, points, decision),
            reason=reason,
            points=points,
            images=images,
            numbers=_numbers(some, main),
            explains=explains,
            alternatives=("labels",) if decision.kind is ReasonKind.REVIEW else (),
        )

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """More images of each class that was tried, and more weight for as few, scored on other test patients."""
        measured, found = self.measure(data), list[Remedy]()
        for one in () if isinstance(measured, Missing) else measured.classes:
            k = data.run.classes.index(one.name)
            gains = [gain_on_test(data, INTERVENTION, f"{name}:{k}") for name in ("few", "weighted", "many")]
            few, weighted, many = gains
            if one.dose is not None and few is not None and weighted is not None and many is not None:
                how = f"(linear classifier on frozen features, scored on other {PATIENTS})"
                more = f"about {one.dose.many} training images of '{one.name}' instead of {one.dose.few} {how}"
                same = f"{one.dose.few} training images of '{one.name}' weighed as much as {one.dose.many} {how}"
                found.append(Remedy(more, (many - few).estimate(), False, self.code))
                found.append(Remedy(same, (weighted - few).estimate(), False, self.code))
        return tuple(found)


def _rare_class(data: CauseData, k: int) -> RareClass:
    run, samples, draws = data.run, data.gap.samples, data.gap.draws
    counts, test = run.train_counts, run.test
    assert counts is not None and test is not None
    row = data.gap.classes[k]
    absent = k in samples.absent
    doubted = doubted_recalls(run, samples)
    usual = float(np.nansum(samples.val_prior[0] * doubted[0]))
    own = test.labels == k
    carried = absent_points(run) if absent else prior_by_class(samples, doubted)
    recall = row.test_recall if absent else row.val_recall
    return RareClass(
        row.name,
        int(counts[k]),
        row.val_share,
        row.test_share,
        0.0 if recall is None else recall.value,
        usual,
        absent,
        draws.measured(carried[:, k], int(own.sum()) + int((samples.val.labels == k).sum())),
        dose_of(data, k),
        thinned_loss(data, k),
        images_to_collect(counts, k, data.rules),
        tuple(test.ids[i] for i in np.flatnonzero(own & ~test.right)),
    )


def _costliest(classes: Sequence[RareClass]) -> RareClass:
    return first_best(classes, lambda one: one.points.value)


def _numbers(some: Sequence[RareClass], main: RareClass) -> dict[str, float]:
    numbers = {
        "classes": float(len(some)),
        "training_images": float(main.train),
        "recall": main.recall,
        "images_to_collect": float(sum(one.collect for one in some)),
    }
    if main.dose is not None:
        numbers |= {"recall_few": main.dose.recalls[0], "recall_many": main.dose.recalls[1]}
        numbers |= {"recall_weighted": main.dose.weighted, "recall_gain": main.dose.own.value}
        numbers |= {"images_many": float(main.dose.many), "accuracy_gain": main.dose.accuracy.value}
    if main.thinned is not None:
        numbers["thinned_loss"] = main.thinned.value
    return numbers


def _sentence(some: Sequence[RareClass], main: RareClass, points: Measured, decision: Decision) -> str:
    """Shares, training images, recall and points; what other doses did; how many to collect."""
    where = f"is {main.val_share:.1%} of validation and {main.test_share:.1%} of test"
    if main.absent:
        where = f"is absent from validation and {main.test_share:.1%} of test"
    part = "test" if main.absent else "validation"
    words = (
        f"'{main.name}' {where}; training has {main.train:,} images of it, and its recall on {part} is "
        f"{main.recall:.0%}, against {main.usual:.0%} of all validation images."
    )
    others = [f"'{one.name}' ({one.train:,})" for one in some if one is not main]
    alike = f" With {', '.join(others[:4])}{' and others' if len(others) > 4 else ''}, that" if others else " That"
    words += f"{alike} takes {said(points)} from test."
    if (dose := main.dose) is not None:
        words += (
            f" A linear classifier recalls {dose.recalls[0]:.0%} of its test images when it has learned from "
            f"{dose.few:,} of the class, {dose.weighted:.0%} when these weigh as much as about {dose.many:,}, and "
            f"{dose.recalls[1]:.0%} from as many of other {PATIENTS}: more different images gain {said(dose.own)} of "
            f"recall, and {said(dose.accuracy)} of accuracy on all of test."
        )
    elif main.thinned is not None:
        words += f" Well-seen classes left {main.train:,} training images each lose {said(main.thinned)} of recall."
    if not decision.positive:
        return words
    if main.dose is None and main.thinned is None:
        words += " Whether more images mend that was not tried."
    collect = [f"about {one.collect:,} more of '{one.name}'" for one in some if one.collect]
    return words + (f" To be seen as often as others it takes {' and '.join(collect[:4])}." if collect else "")


CAUSE = HardlySeen()
