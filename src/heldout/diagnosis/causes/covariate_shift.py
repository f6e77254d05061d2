"""Covariate shift: do test images differ in appearance from validation images, and is that what costs accuracy?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.appearance import (
    BASES,
    Row,
    differences,
    doubts,
    losing_rows,
    most_different,
    of_threshold,
    total,
    unjudged_classes,
    unlike,
)
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.gap.small_classes import test_mistakes
from heldout.diagnosis.pooled import hard_for_anyone, pooled, remaining
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trials
from heldout.diagnosis.verdict import Decision, heard, undecided, weigh
from heldout.diagnosis.words import PATIENTS, said
from heldout.records import ReasonKind
from heldout.stats.measured import Measured, simultaneous
from heldout.stats.shift import DomainShift


@dataclass(frozen=True)
class Losses:
    """What appearance costs in the classes that lose by it, and all that bears on it.

    Attributes:
        classes: Names of the classes.
        losing: Rows of the losing classes; empty where no row is sound.
        main: The one that loses most, or where none is sound the one that differs most.
        points: I + III of the losing rows, interval by Bonferroni's rule for the rows; None where none is sound.
        alike: Their II.
        gaining: Rows of classes that gain by appearance.
        gained: Points that they gain.
        unjudged: Classes of test that no sound row speaks of, worst first; a row of the first that loses more than the
            margin is `doubtful`.
        lost_elsewhere: Whether one of these loses more than the margin.
        doubtful: That row; None where it has none.
        doubtful_images: Wrong test images of its class, those that least resemble validation first.
        mended: Points of threshold and ranking that a classifier mends that has seen such images; None if not tried.
        hard: Points that this classifier loses on what validation lacks; None if not tried.
        of_threshold: Points of `points` that a shift of the decision would mend.
        images: Wrong test images of the class of `main`, those that least resemble validation first.
        undecided: Points of the mistakes on test images of the classes that no sound row speaks of.
    """

    classes: tuple[str, ...]
    losing: tuple[Row, ...]
    main: Row
    points: Measured | None
    alike: Measured | None
    gaining: tuple[Row, ...]
    unjudged: tuple[int, ...]
    lost_elsewhere: bool
    doubtful: Row | None
    doubtful_images: tuple[str, ...]
    mended: Measured | None
    hard: Measured | None = None
    of_threshold: float = 0.0
    images: tuple[str, ...] = ()
    undecided: float = 0.0

    @property
    def chance(self) -> DomainShift | None:
        """The domain AUC of `main` against chance; None where I + III may be 0, or train is too small."""
        return self.main.chance if self.points is not None and self.points.low > 0 else None

    @property
    def same_fare_alike(self) -> bool:
        """Whether images that resemble each other fare alike."""
        points, alike = self.points, self.alike
        return points is not None and alike is not None and alike.low <= 0 <= alike.high and alike.value < points.value

    def part(self, number: int) -> float:
        """Points of I, II or III (0, 1, 2) in the losing rows."""
        return sum(row.points[number].value for row in self.losing)

    def new(self, rules: Rules) -> bool:
        """Whether what validation lacks, and little that it knows, is the cost, and is hard for anyone."""
        return self.part(2) >= rules.new_appearance * self.part(0) and self._counts(self.hard, rules)

    def agrees(self, rules: Rules) -> bool | None:
        """Whether test differs in appearance at all, and a second measurement agrees; None where chance is unknown."""
        if self.chance is None:
            return None
        second = self.same_fare_alike or self.new(rules) or self._counts(self.mended, rules)
        return self.chance.real(rules.null_deviations) and second

    def _counts(self, seen: Measured | None, rules: Rules) -> bool:
        """Whether a trial agrees in sign and size."""
        if seen is None or self.points is None:
            return False
        return seen.low > 0 and seen.value >= self.points.value / rules.agreement


class CovariateShift(Cause[Losses]):
    """Test images of a class differ in appearance from its validation images, and those that differ fail.

    How it is detected: In each class a classifier learns to tell validation from test images, by features of the
    pretrained network and by measured properties, and is asked of patients it has not seen. Its AUC is held against
    random halves of train, by patient. The difference in error is then split (DISDE; Cai, Namkoong & Yadlowsky 2023)
    into I, images such as validation knows but test has more of; II, images that resemble each other on both sides and
    are answered worse on test; III, images such as validation lacks. Points are Σ_k π^T_k (I_k + III_k) over the
    classes that lose by it, π^T being the class shares of test; the interval is widened by Bonferroni's rule. Gains of
    other classes are told and not set off. Established if the interval excludes 0, the AUC exceeds all of the halves
    and their mean by {null_deviations} standard deviations, and one of three second measurements agrees: the interval
    of II covers 0; or a classifier that learned from such images too (`difficulty`) mends 1/{agreement} of the points
    or more; or III is at least {new_appearance} times I and that classifier loses 1/{agreement} of the points on it,
    so that such images are new and hard for anyone. Else suggested, and excluded where that classifier is surely worse
    still on test; less than {margin} points count as none. DISDE
    needs {min_disde_images} images of a class on each side, weights that are worth {min_disde_effective}, and an AUC
    of at most {max_domain_auc}; without that it is suggested where the AUC exceeds chance and the classifier mends
    points. The intervals hold the weights fixed, and are too narrow for that. All is done within classes, because a
    shift of one class hides in a pooled comparison. Of more than {max_domain_images} images of a class on a side a
    random sample is looked at, and the finding says so.

    Why it matters: A network is asked about images unlike those it was validated on. Another device, site, year or
    kind of patient does that; accuracy on validation then says nothing about them.

    What to do: Find what the cited images have in common; collect and label images like them, augment toward them, or
    weight training toward them; until then let the network abstain on images unlike those of training.
    """

    code: ClassVar[str] = "covariate-shift"
    takes_labels: ClassVar[bool] = True
    divides_by_given_labels: ClassVar[bool] = True
    title: ClassVar[str] = "Covariate shift (appearance)"
    level: ClassVar[int] = 1
    remedy: ClassVar[str] = "Collect or augment toward images like those cited; abstain on them until then."

    def measure(self, data: CauseData) -> Losses | Missing:
        """DISDE by class, on the kind of columns through which most of test can be judged."""
        table, rules = data.appearance, data.rules
        if not table.rows:
            return Missing(
                ReasonKind.MORE_IMAGES,
                f"features or measured properties, and at least {rules.min_appearance_images} images of "
                f"{rules.min_appearance_patients} {PATIENTS} of a class in validation and in test",
            )
        shares = data.gap.samples.test_prior[0]
        chosen = table.chosen(shares, rules)
        balanced = pooled(data, "balanced")
        mended = None if balanced is None else remaining(data) - balanced.difficulty
        judged = {row.k for row in chosen}
        worst = unjudged_classes(data.gap, chosen, rules)
        unjudged = (*worst, *(int(k) for k in np.flatnonzero(shares > 0) if k not in judged and k not in worst))
        undecided = test_mistakes(data.gap.samples, np.isin(np.arange(data.run.k), unjudged))
        doubtful = next((row for k in worst[:1] for row in table.rows if row.k == k), None)
        if not chosen:
            main = most_different(table.rows)
            images = unlike(data.gap.samples.test, main)
            nothing = Losses(data.run.classes, (), main, None, None, (), unjudged, bool(worst), main, images, mended)
            return replace(nothing, images=images, undecided=undecided)
        main, losing = losing_rows(chosen)
        points = simultaneous(total([row.explained for row in losing]), len(chosen), rules.level)
        hard = None if balanced is None else hard_for_anyone(data, balanced, losing)
        return Losses(
            data.run.classes,
            tuple(losing),
            main,
            points,
            total([row.points[1] for row in losing]),
            tuple(row for row in chosen if row not in losing and row.explained.value <= -NAMED_FROM),
            unjudged,
            bool(worst),
            doubtful,
            () if doubtful is None else unlike(data.gap.samples.test, doubtful),
            mended,
            hard,
            of_threshold(data.gap.samples, losing, rules) if points.low > 0 else 0.0,
            unlike(data.gap.samples.test, main),
            undecided,
        )

    def decide(self, measured: Losses, rules: Rules) -> Decision:
        """Points and a second measurement; excluded only if no class that loses was left out."""
        if measured.points is None:
            return _decide_doubtful(measured, measured.main, rules)
        decision = weigh(measured.points, measured.agrees(rules), rules)
        chance = measured.chance
        if decision.positive and measured.points.value <= rules.margin:
            decision = Decision("excluded", ReasonKind.WITHIN_MARGIN)
        elif decision.positive and chance is not None and chance.auc <= chance.null.max():
            decision = Decision("excluded", ReasonKind.NO_DIFFERENCE)
        if not measured.same_fare_alike and not measured.new(rules):
            decision = heard(decision, Trials(measured.points, measured.mended), rules)
        if decision.verdict == "excluded" and not decision.trial and measured.lost_elsewhere:
            if measured.doubtful is not None:
                return _decide_doubtful(measured, measured.doubtful, rules)
            return undecided(ReasonKind.MORE_IMAGES)
        if decision.positive and measured.mended is not None and not measured.new(rules):
            # What validation knows and nobody could learn either is harder images: those points are difficulty's.
            priority = min(measured.points.value, max(0.0, measured.mended.value))
            return replace(decision, priority=priority)
        return decision

    def tell(self, measured: Losses, decision: Decision, rules: Rules) -> Told:
        """How different, what that costs, and what the second measurement says."""
        if decision.about == DOUBTFUL or measured.points is None:
            row = measured.doubtful or measured.main
            return _tell_doubtful(measured, row, decision, rules)
        points = measured.points
        sentence = _sentence(measured, rules) + _others(measured)
        numbers = _numbers(measured)
        if not decision.positive:
            return Told(sentence, reason=_reason(measured, decision, rules), points=points, numbers=numbers)
        explains = {"threshold": measured.of_threshold, "ranking": points.value - measured.of_threshold}
        new = measured.hard is not None and measured.new(rules)
        explains["difficulty"] = measured.hard.value if measured.hard is not None and new else 0.0
        sentence += _second_measurement(measured, rules)
        return Told(
            sentence, points=points, images=measured.images[: rules.max_images], numbers=numbers, explains=explains
        )


NAMED_FROM = 0.05
"""Points from which on a class is said to gain: what is shown with one decimal as more than 0."""

DOUBTFUL = "doubtful"
"""What a decision is about that rests on a class for which DISDE's parts cannot be trusted."""


def _decide_doubtful(measured: Losses, row: Row, rules: Rules) -> Decision:
    """Suggested where test surely differs and a classifier that has seen such images mends points."""
    mended = measured.mended
    differs = row.chance is not None and row.chance.real(rules.null_deviations)
    if differs and mended is not None and mended.low > 0 and mended.high > rules.margin:
        return Decision("suggested", about=DOUBTFUL, priority=mended.value)
    kind = ReasonKind.MORE_IMAGES if row.overlaps(rules) else ReasonKind.OVERLAP
    return replace(undecided(kind), about=DOUBTFUL)


def _numbers(measured: Losses) -> dict[str, float]:
    main, chance = measured.main, measured.chance
    assert measured.alike is not None
    numbers = {
        "domain_auc": main.split.auc,
        "class": float(main.k),
        "effective_val": main.split.effective_source,
        "effective_test": main.split.effective_target,
        "seen_points": measured.part(0),
        "alike_points": measured.alike.value,
        "unseen_points": measured.part(2),
    }
    if main.drawn_from is not None:
        numbers |= {"images_val": float(main.sizes[0]), "images_test": float(main.sizes[1])}
        numbers |= {"of_val": float(main.drawn_from[0]), "of_test": float(main.drawn_from[1])}
    if chance is not None:
        numbers |= {"null_mean": float(chance.null.mean()), "null_max": float(chance.null.max()), "p": chance.p}
    return numbers


def _sentence(measured: Losses, rules: Rules) -> str:
    names, main, chance = measured.classes, measured.main, measured.chance
    assert measured.points is not None and measured.alike is not None
    by_chance = "0.50: no difference"
    if chance is not None:
        by_chance = f"chance gives {chance.null.min():.2f} to {chance.null.max():.2f}"
    words = (
        f"By {BASES[main.basis]}, test images of {names[main.k]} are told from its validation images with an AUC of "
        f"{main.split.auc:.2f} ({by_chance})"
    )
    clear = differences(main, rules)
    words += f"; they are {clear}. " if clear else ". "
    words += _of_sample(main)
    more = [names[row.k] for row in measured.losing if row is not main]
    classes = f", with those of {', '.join(more)}," if more else ""
    return words + (
        f"Images such as are rarer in validation or missing there{classes} cost {said(measured.points)}; images that "
        f"resemble each other on both sides differ by {said(measured.alike)}."
    )


def _of_sample(row: Row) -> str:
    """That not all images were looked at, where they were not."""
    if row.drawn_from is None:
        return ""
    (val, test), (all_val, all_test) = row.sizes, row.drawn_from
    return (
        f"That is from a random sample of each class, here of {val:,} of {all_val:,} validation and {test:,} of "
        f"{all_test:,} test images. "
    )


def _second_measurement(measured: Losses, rules: Rules) -> str:
    """What the classifier says that has learned from such images too, where that matters."""
    words, new = "", measured.new(rules)
    if measured.hard is not None and new:
        words += (
            f" {said(measured.hard)} of that are hard for anyone: so much a classifier loses on images such as "
            f"validation lacks that has learned from such images of other {PATIENTS} too."
        )
    if measured.same_fare_alike:
        return words
    if not new:
        words += " So appearance is not all of it, or what matters is not seen in these columns."
    if measured.mended is not None:
        words += f" A classifier that learned from test images of other {PATIENTS} too mends {said(measured.mended)}."
    return words


def _others(measured: Losses) -> str:
    """What appearance gives to other classes, and which classes could not be judged."""
    names, words = measured.classes, ""
    if measured.gaining:
        gained = total([row.explained for row in measured.gaining]) * -1.0
        gaining = ", ".join(names[row.k] for row in measured.gaining)
        words += f" To {gaining} appearance gives {said(gained)}, which is not set off."
    if left := [names[k] for k in sorted(measured.unjudged)]:
        words += (
            f" Not judged, for want of images: {', '.join(left[:6])}{' and others' if len(left) > 6 else ''}, which "
            f"leaves at most {measured.undecided:.1f} points undecided."
        )
    return words


def _reason(measured: Losses, decision: Decision, rules: Rules) -> str:
    if decision.trial:
        return "a classifier that has learned from such images is worse on test still, not better"
    if decision.kind is ReasonKind.NO_DIFFERENCE:
        return "a classifier tells test from validation no better than chance"
    if decision.kind is ReasonKind.WITHIN_MARGIN and measured.points is not None and measured.points.low > 0:
        return f"it is worth less than {rules.margin} points"
    if decision.kind is ReasonKind.MORE_IMAGES and not decision.wanted:
        return f"more images of {measured.classes[measured.unjudged[0]]}"
    return ""


def _tell_doubtful(measured: Losses, row: Row, decision: Decision, rules: Rules) -> Told:
    """How different a class is, and what is missing to say what that costs."""
    class_ = measured.classes[row.k]
    sentence = (
        f"By {BASES[row.basis]}, validation and test images of {class_} are told apart with an AUC of "
        f"{row.split.auc:.2f} (0.50: no difference). What that costs cannot be told, because {doubts(row, rules)[0]}."
    )
    sentence += f" {_of_sample(row)}".rstrip()
    numbers = {"domain_auc": row.split.auc, "class": float(row.k)}
    if decision.positive:
        assert row.chance is not None and measured.mended is not None
        sentence += (
            f" Chance gives {row.chance.null.min():.2f} to {row.chance.null.max():.2f}. A classifier that learned from "
            f"test images of other {PATIENTS} too mends {said(measured.mended)}."
        )
        return Told(
            sentence, points=measured.mended, images=measured.doubtful_images[: rules.max_images], numbers=numbers
        )
    needs = (
        f"about {rules.min_disde_images} images of a class on each side, of which about {rules.min_disde_effective:g} "
        "resemble those of the other"
    )
    if decision.kind is ReasonKind.OVERLAP:
        needs = f"validation images of {class_} that resemble its test images; there is no overlap"
    return Told(sentence, False, needs, numbers=numbers)


CAUSE = CovariateShift()
