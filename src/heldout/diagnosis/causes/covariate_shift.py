"""Test images look different: can a classifier tell them from validation images, and is that what costs accuracy?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import MARGIN, Cause, said, weigh
from heldout.diagnosis.causes._learnable import pooled, remaining
from heldout.diagnosis.causes._looks import FEWEST_IMAGES, FEWEST_PATIENTS, WORDS, Look, looks, null, of_threshold
from heldout.records import Finding
from heldout.stats.disde import disde
from heldout.stats.measured import Measured, simultaneous
from heldout.stats.shift import DomainShift

SHOWN = 24

NEW = 2.0
"""How many times the cost of looks that validation knows that of looks it lacks must be for these to be called new;
ours. A hard kind of images that is merely more frequent on test is `difficulty`, and costs as much in either part."""


class CovariateShift(Cause):
    """Test images of a class look different from its validation images, and those that do are the ones that fail.

    How it is detected: In each class a classifier learns to tell validation from test images, by features of the
    pretrained network and by measured properties, and is asked of patients it has not seen. Its AUC is held against
    random halves of train, by patient, since chance does not give exactly one half. Then the difference in error is
    split (DISDE; Cai, Namkoong & Yadlowsky 2023) with π(x) = P(test | x) into I, looks known from validation that are
    more frequent on test, II, images that look the same and are still answered worse, and III, looks that validation
    lacks. Points are Σ_k π^T_k (I_k + III_k) over the classes that lose by it, with π^T the class shares of test; the
    interval is widened by Bonferroni's rule for the classes having been picked. Classes that gain are told and not set
    off: a network that was never shown one kind of cells calls it the other class, and is so much the surer of that
    one. It is established if the AUC exceeds its null in the class that loses most (all halves, and their mean by three
    standard deviations), the interval of I + III excludes 0, and one of three more looks agrees: the interval of II
    covers 0, so that images that look alike fare alike; or a classifier that has learned from such images too
    (`difficulty`) mends at least a third of the points, its interval above 0, so that it is only that they were never
    shown; or III is at least twice I, and this classifier loses at least a third of the points on the same looks that
    validation lacks (its own III, the interval above 0), so that they are new and hard for anyone. Else it is
    suggested. The intervals hold π fixed, and are too narrow for that; less than 1.5 points count as none. It needs
    about 150 images of a class on each side and weights that are worth 100; above an AUC of 0.9 the two sets have no
    looks in common and DISDE can say nothing. Among the causes it ranks by the points that such a classifier mends, or
    by all of them if the last of the three looks agreed; what that classifier loses on the new looks is not told again
    as `difficulty`. Without common looks it is suggested if the AUC exceeds its null and the classifier that has
    learned from such images mends points, and these are the points. All of it is done within classes, because a shift
    of one class hides in a pooled comparison.

    Why it matters: A network is asked about images unlike those it was validated on. Another device, site, year or kind
    of patient does that; accuracy on validation then says nothing about them.

    What to do: Find what the cited images have in common; collect and label images like them, augment toward them, or
    weight training toward them; until then let the network abstain where an image looks unlike training.
    """

    code: ClassVar[str] = "covariate-shift"
    title: ClassVar[str] = "Shift of looks"
    level: ClassVar[int] = 1
    remedy: ClassVar[str] = "Collect or augment toward images like those cited; abstain on them until then."

    def judge(self, case: Case) -> Finding:
        """DISDE by class, on the kind of columns through which most of test can be judged."""
        every = looks(case)
        if not every:
            return self.not_identifiable(
                f"features or measured properties, and at least {FEWEST_IMAGES} images of {FEWEST_PATIENTS} patients "
                f"of a class in validation and in test"
            )
        chosen = _chosen(case, every)
        if not chosen:
            return self._doubtful(case, max(every, key=lambda look: (look.basis == "features", look.split.auc)))
        return self._judge(case, chosen)

    def _doubtful(self, case: Case, look: Look) -> Finding:
        """No class can be judged: say how different it looks, and what is missing."""
        class_, doubts = case.evidence.classes[look.k], look.split.doubts
        if not look.split.overlap:
            needs = f"validation images of {class_} that look like its test images; there is no overlap"
        else:
            needs = "about 150 images of a class on each side, of which about 100 look like those of the other"
        sentence = (
            f"By {WORDS[look.basis]}, validation and test images of {class_} are told apart with an AUC of "
            f"{look.split.auc:.2f} (0.50: they look alike). What that costs cannot be told, because {doubts[0]}."
        )
        numbers = {"domain_auc": look.split.auc, "class": float(look.k)}
        mended = _mended(case)
        if mended is not None and mended.low > 0 and mended.high > MARGIN:
            shift = null(case, look)
            if shift is not None and shift.real:
                sentence += (
                    f" Chance gives {shift.null.min():.2f} to {shift.null.max():.2f}. A classifier that learned from "
                    f"test images of other patients too mends {said(mended)}."
                )
                return self.finding("suggested", sentence, mended, images=_unlike(case, look), numbers=numbers)
        return self.finding("not identifiable", sentence, reason=f"needs {needs}", numbers=numbers)

    def _judge(self, case: Case, chosen: list[Look]) -> Finding:
        account = _account(case, chosen)
        points, shift = account.points, account.shift
        verdict, reason = weigh(points, account.agrees)
        numbers = _numbers(account)
        if verdict in ("established", "suggested"):
            numbers["of_threshold"] = of_threshold(case, account.losing)
            numbers["of_ranking"] = points.value - numbers["of_threshold"]
            numbers["of_difficulty"] = account.hard.value if account.hard is not None and account.new else 0.0
        sentence = _sentence(case, account) + _others(case, chosen, account.losing)
        if verdict in ("established", "suggested"):
            if points.value <= MARGIN:
                verdict, reason = "excluded", f"because it is worth less than {MARGIN} points"
            elif shift is not None and shift.auc <= shift.null.max():
                verdict, reason = "excluded", "because a classifier tells test from validation no better than chance"
        if verdict == "excluded" and (unjudged := _unjudged(case, chosen)):
            look = next((look for look in looks(case) if look.k == unjudged[0]), None)
            if look is not None:
                return self._doubtful(case, look)
            verdict, reason = "not identifiable", f"needs more images of {case.evidence.classes[unjudged[0]]}"
        if verdict == "excluded":
            sentence += f" So looks are not why test is lower, {reason}."
            return self.finding(verdict, sentence, points, reason=reason, numbers=numbers)
        if verdict == "not identifiable":
            sentence += f" That is too uncertain to tell; it {reason}."
            return self.finding(verdict, sentence, points, reason=reason, numbers=numbers)
        sentence += _second_look(account)
        found = self.finding(verdict, sentence, points, images=_unlike(case, account.main), numbers=numbers)
        # Known looks that nobody could learn either are harder images: those points are the difficulty's.
        if account.mended is None or account.new:
            return found
        return replace(found, priority=min(found.priority, max(0.0, account.mended.value)))


@dataclass(frozen=True)
class _Account:
    """What looks cost in the classes that lose by them, and all that bears on it.

    Attributes:
        losing: Looks of these classes.
        main: The one that loses most.
        points: Their I + III.
        same: Their II.
        shift: The domain AUC of `main` against chance; None where I + III may be 0, or train is too small.
        mended: Points that a classifier mends that has seen such images; None where not tried.
        hard: Points that this classifier loses on looks that validation lacks; None where not tried.
    """

    losing: list[Look]
    main: Look
    points: Measured
    same: Measured
    shift: DomainShift | None
    mended: Measured | None
    hard: Measured | None

    @property
    def alike(self) -> bool:
        """Whether images that look alike fare alike."""
        return self.same.low <= 0 <= self.same.high and self.same.value < self.points.value

    @property
    def new(self) -> bool:
        """Whether looks that validation lacks, and few that it knows, are the cost, and are hard for anyone."""
        seen, unseen = (sum(look.points[part].value for look in self.losing) for part in (0, 2))
        return unseen >= NEW * seen and self._counts(self.hard)

    @property
    def agrees(self) -> bool | None:
        """Whether test looks different at all, and a second look agrees; None where chance is not known."""
        if self.shift is None:
            return None
        return self.shift.real and (self.alike or self.new or self._counts(self.mended))

    def _counts(self, seen: Measured | None) -> bool:
        """Whether a trial agrees in sign and size."""
        return seen is not None and seen.low > 0 and seen.value >= self.points.value / 3


def _account(case: Case, chosen: list[Look]) -> _Account:
    main = max(chosen, key=lambda look: look.explained.value)
    losing = [look for look in chosen if look.explained.value > 0] or [main]
    points = simultaneous(_sum([look.explained for look in losing]), len(chosen))
    shift = null(case, main) if points.low > 0 else None
    same = _sum([look.points[1] for look in losing])
    return _Account(losing, main, points, same, shift, _mended(case), _hard_for_anyone(case, losing))


def _chosen(case: Case, every: tuple[Look, ...]) -> list[Look]:
    """Looks without doubts, of the kind of columns under which they hold most of test; features before properties."""
    share = case.budget.base.test_prior[0]
    best: list[Look] = []
    for basis in WORDS:
        sound = [look for look in every if look.basis == basis and not look.split.doubts]
        if sum(share[look.k] for look in sound) > sum(share[look.k] for look in best) + 1e-9:
            best = sound
    return best


def _mended(case: Case) -> Measured | None:
    """Points of threshold and ranking that a classifier mends that has seen such images; None where not tried."""
    balanced = pooled(case, "balanced")
    return None if balanced is None else remaining(case) - balanced.difficulty


def _hard_for_anyone(case: Case, losing: list[Look]) -> Measured | None:
    """Points that a classifier that has seen such images too loses on looks that validation lacks; None if not tried.

    III of DISDE with its errors in place of the run's, the weights being the same.
    """
    balanced, base = pooled(case, "balanced"), case.budget.base
    if balanced is None or balanced.val.ids != base.val.ids or balanced.test.ids != base.test.ids:
        return None
    points = []
    for look in losing:
        split = disde(
            (~balanced.val.after[look.val_rows]).astype(np.float64),
            (~balanced.test.after[look.rows]).astype(np.float64),
            look.val_pi,
            look.pi,
            base.val_weights[:, look.val_rows],
            base.test_weights[:, look.rows],
        )
        unseen = 100 * base.test_prior[:, look.k] * split.replicates[2]
        points.append(case.budget.draws.measured(unseen, sum(look.sizes)))
    return _sum(points)


def _unjudged(case: Case, chosen: list[Look]) -> list[int]:
    """Classes that lose a good deal on test and could not be judged, the worst first."""
    lost = {k: row.points.value for k, row in enumerate(case.budget.classes) if row.points is not None}
    left = set(lost) - {look.k for look in chosen}
    return sorted((k for k in left if lost[k] > MARGIN), key=lambda k: -lost[k])


def _sum(points: list[Measured]) -> Measured:
    total = points[0]
    for other in points[1:]:
        total = total + other
    return total


def _numbers(account: _Account) -> dict[str, float]:
    main, shift = account.main, account.shift
    numbers = {
        "domain_auc": main.split.auc,
        "class": float(main.k),
        "effective_val": main.split.effective_source,
        "effective_test": main.split.effective_target,
        "seen_points": sum(look.points[0].value for look in account.losing),
        "same_looks_points": account.same.value,
        "unseen_points": sum(look.points[2].value for look in account.losing),
    }
    if shift is not None:
        numbers |= {"null_mean": float(shift.null.mean()), "null_max": float(shift.null.max()), "p": shift.p}
    return numbers


def _sentence(case: Case, account: _Account) -> str:
    names, main, shift = case.evidence.classes, account.main, account.shift
    chance = "0.50: they look alike"
    if shift is not None:
        chance = f"chance gives {shift.null.min():.2f} to {shift.null.max():.2f}"
    words = (
        f"By {WORDS[main.basis]}, test images of {names[main.k]} are told from its validation images with an AUC of "
        f"{main.split.auc:.2f} ({chance})"
    )
    words += f"; they are {main.top}. " if main.top else ". "
    more = [names[look.k] for look in account.losing if look is not main]
    classes = f", with those of {', '.join(more)}," if more else ""
    words += (
        f"Looks that are rarer in validation or missing there{classes} cost {said(account.points)}; images that look "
        f"the same on both sides differ by {said(account.same)}."
    )
    return words


def _second_look(account: _Account) -> str:
    """What the classifier saw that has learned from such images too, where that matters, in words."""
    words = ""
    if account.hard is not None and account.new:
        words += (
            f" {said(account.hard)} of that are hard for anyone: so much a classifier loses on looks that validation "
            "lacks that has learned from such images of other patients too."
        )
    if account.alike:
        return words
    if not account.new:
        words += " So looks are not all of it, or what matters is not seen in these columns."
    if account.mended is not None:
        words += f" A classifier that learned from test images of other patients too mends {said(account.mended)}."
    return words


def _others(case: Case, chosen: list[Look], losing: list[Look]) -> str:
    """What looks give to other classes, and which classes could not be judged, in words."""
    names, words = case.evidence.classes, ""
    gaining = [look for look in chosen if look not in losing and look.explained.value <= -0.05]
    if gaining:
        gained = _sum([look.explained for look in gaining]) * -1.0
        words += f" To {', '.join(names[look.k] for look in gaining)} looks give {said(gained)}, which is not set off."
    judged = {look.k for look in chosen}
    left = [names[k] for k in np.flatnonzero(case.budget.base.test_prior[0] > 0) if k not in judged]
    if left:
        words += f" Not judged, for want of images: {', '.join(left[:6])}{' and others' if len(left) > 6 else ''}."
    return words


def _unlike(case: Case, look: Look) -> tuple[str, ...]:
    """Wrong test images of the class, those that look least like validation first."""
    test = case.budget.base.test
    order = np.argsort(-look.pi, kind="stable")
    return tuple(test.ids[i] for i in look.rows[order] if not test.right[i])[:SHOWN]


CAUSE = CovariateShift()
