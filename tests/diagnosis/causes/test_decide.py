"""What every cause decides on given numbers: `decide` as a pure function, limits exactly at a rule's value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heldout.diagnosis.appearance import Row
from heldout.diagnosis.causes import Missing, causes, subgroup
from heldout.diagnosis.causes.absent_classes import Absent
from heldout.diagnosis.causes.batchnorm import Blends, Fault, Forgotten
from heldout.diagnosis.causes.chance import Luck
from heldout.diagnosis.causes.chosen_on_test import Flattery
from heldout.diagnosis.causes.covariate_shift import Losses
from heldout.diagnosis.causes.difficulty import Hardness
from heldout.diagnosis.causes.feature_distortion import Between, Drops
from heldout.diagnosis.causes.image_quality import ALL, Mapped, Qualities, Returned
from heldout.diagnosis.causes.instability import Seeds, Swing
from heldout.diagnosis.causes.labels import Flags, Review
from heldout.diagnosis.causes.leakage import Relatives
from heldout.diagnosis.causes.new_site import Apart, Columns
from heldout.diagnosis.causes.overfitting import Excess
from heldout.diagnosis.causes.prior import Shares
from heldout.diagnosis.causes.rare_classes import RareClass, RareClasses
from heldout.diagnosis.causes.selection import Optimism
from heldout.diagnosis.causes.shortcut import Cue, Cues, Probe
from heldout.diagnosis.causes.threshold import Cut
from heldout.diagnosis.doses import Dose
from heldout.diagnosis.pooled import Pooled
from heldout.diagnosis.rules import RULES, Rules
from heldout.records import Estimate, ReasonKind
from heldout.stats.disde import Decomposition
from heldout.stats.property_shift import PropertyShift
from heldout.stats.shift import DomainShift
from tests.worlds.made_numbers import effect, points, surely

K = ReasonKind
TINY = 1e-6
CLEAR, OPEN, NONE, BETTER = surely(6.0), points(2.0, -3.0, 7.0), points(0.0, -1.0, 1.0), surely(-6.0)
"""Points that surely count, that may or may not, that surely do not, and that raise test."""

YES, NO, ASK = ("established", K.NONE), ("excluded", K.WITHIN_MARGIN), ("not identifiable", K.MORE_IMAGES)
SMALL = ("not identifiable", K.SMALL_CLASSES)
MAYBE, UP = ("suggested", K.NONE), ("excluded", K.RAISES_TEST)


def decided(code: str, measured: Any, rules: Rules = RULES) -> tuple[str, ReasonKind]:
    decision = causes.get(code).decide(measured, rules)
    return decision.verdict, decision.kind


def gap(value: float, low: float, high: float) -> Luck:
    return with_shares(value, (low, high), (low, high))


def with_shares(value: float, ends: tuple[float, float], redrawn: tuple[float, float]) -> Luck:
    """A gap at these class shares, and with those that other patients would bring."""
    estimates = [Estimate(value, *one, 400, "made") for one in (ends, redrawn)]
    return Luck(points(value, *ends), *estimates)


def leaked(measured: Any, *, ids: tuple[str, ...] = ("a",), finds: bool = True) -> Relatives:
    return Relatives(ids, 400, 0, finds, measured, "", "")


def cut(term: Any, low: float) -> Cut:
    return Cut(term, points(low + 1, low, low + 2), None, ())


def excess(measured: Any, onset: int | None) -> Excess:
    return Excess(measured, 0.99, onset)


def hard(measured: Any, *, below: int = 0, other: Any = CLEAR, unread: int = 0) -> Hardness:
    """A pool that is right on so many fewer validation images of 400 than the run."""
    seen = Pooled(effect(below), effect(part="test"), effect(part="test"))
    return Hardness(seen, measured, other, NONE, unread)


def rare(
    carried: Any,
    *,
    gain: Any = None,
    p: float = 0.001,
    own: Any = None,
    accuracy: Any = CLEAR,
    thinned: Any = None,
    recall: float = 0.2,
    others: int = 0,
) -> RareClasses:
    """A class that lacks 60 points of recall to the average, and others that carry as much and were not tried."""
    dose = None if gain is None else Dose(20, 200, (0.2, 0.7), gain, p, 0.2, gain if own is None else own, accuracy)
    one = RareClass("a", 20, 0.01, 0.13, recall, 0.8, False, carried, dose, thinned, 80, ())
    return RareClasses((one, *(replace(one, name=f"b{i}", dose=None) for i in range(others))))


def drops(*, bent: int = 60, back: Any = CLEAR, over: Any = None) -> Drops:
    """So many test images of 400 are right by the probe alone; the way back gains so much on test."""
    between = None if back is None else Between(0.5, back, None)
    return Drops(effect(), effect(better=bent, part="test"), between, "", over, 1)


SOUND = Fault(None, None, None)


def forgot(low: float) -> Fault:
    return Fault(None, None, Forgotten(97.0, 97.0 - low - 1, points(low + 1, low, low + 2)))


def mends(gain: Any, changed: int = 40) -> Fault:
    """What validation gains with statistics of training images."""
    return Fault(effect(better=changed), gain, None)


def blend(measured: Any, others: bool | None = True, fault: Fault = SOUND, smaller: Any = None) -> Blends:
    return Blends(fault, Missing(K.NOT_RUN, ""), 0.5, measured, effect(better=40), None, others, 3, smaller)


def no_blend(fault: Fault) -> Blends:
    return Blends(fault, Missing(K.NOT_RUN, ""))


def mapped(
    lost: Any = CLEAR,
    *,
    name: str = "sharpness",
    smd: float | None = -1.0,
    p: float = 0.001,
    share: float = 1.0,
    regained: Any = None,
    half: Any = None,
    control: Any = None,
) -> Mapped:
    shift = None if smd is None else PropertyShift(name, 0.0, smd, smd, smd - 0.1, smd + 0.1, p, p)
    return Mapped(name, effect(40), lost, regained, "NORMAL", shift, share, (), half, control)


def one(*mapped_: Mapped, every: Mapped | None = None, returned: Returned | None = None) -> Qualities:
    return Qualities(mapped_, every, returned, len(mapped_))


def together(regained: Any) -> Mapped:
    """All properties together: 20 images lost of 400, surely fewer than the 40 of one property alone."""
    return replace(mapped(name=ALL, smd=None, regained=regained), effect=effect(20), honest=False)


def cue(
    *,
    auc: float | None = 0.8,
    low: float = 0.7,
    gap: tuple[int, int] = (60, 40),
    reliance: int = 60,
    fall: int | None = 60,
    region: str = "border",
    given_back: tuple[int, int] | None = None,
) -> Cue:
    """Validation loses `gap[0]` images of 400 without the cue and test gains `gap[1]`; `fall` fewer are told by it.

    With the cue of validation so many test images get wrong, and right.
    """
    probe = None if auc is None else Probe(Estimate(auc, low, max(auc, 0.9), 400, "made"), 0.8, 0.5)
    alone_test = None if fall is None else effect(fall, part="test")
    test = effect(max(-gap[1], 0), max(gap[1], 0), part="test")
    back = None if given_back is None else effect(*given_back, part="test")
    return Cue(
        region, effect(gap[0]), test, effect(reliance), None, effect(), alone_test, probe, 1, 0.05, across_test=back
    )


def cues(*found: Cue) -> Cues:
    return Cues(found, {}, ())


NULL = np.array([0.50, 0.52, 0.54])  # mean 0.52, standard deviation 0.02


def row(seen: float = 1.0, unseen: float = 5.0, *, auc: float = 0.8, null: Any = NULL) -> Row:
    split = Decomposition(seen, 0.0, unseen, np.zeros((3, 0)), 200.0, 200.0, auc)
    chance = None if null is None else DomainShift(auc, null)
    none = np.array([], dtype=np.int64)
    parts = (surely(seen), NONE, surely(unseen))
    return Row("features", 0, split, parts, none, none.astype(float), none, none.astype(float), (), chance)


def losses(measured: Any = CLEAR, *, main: Row | None = None, alike: Any = NONE, **changes: Any) -> Losses:
    main = main or row()
    made = Losses(("a", "b"), (main,), main, measured, alike, (), (), False, None, (), None, None, 0.0, ())
    return replace(made, **changes)


APART = row(auc=0.95)
"""A class in which validation and test have too little in common."""

AGAINST = ("excluded", K.CONTRADICTED)


def apart(share: float) -> Columns:
    return Columns((Apart("site", share, 400, ("B",), ("A",), False, ("a",)),))


def flattery(measured: Any, said: bool = True) -> Flattery:
    return Flattery(measured, measured, said, 30, "epochs")


def losing(*of_groups: Any) -> subgroup.Losses:
    """Groups that surely lose more than all others, by what test would gain without that."""
    score = Estimate(0.8, 0.7, 0.9, 100, "made")
    groups = tuple(
        subgroup.Group("device C", score, score, 9.0, 1.0, p.estimate(), 0.3, 0.01, 4.0, ()) for p in of_groups
    )
    most = max((group.points.high for group in groups), default=0.0)
    return subgroup.Losses(groups, ("device",), 6, most, 400)


TABLE = [
    ("chance", gap(3, 0, 6), ("suggested", K.GAP_COVERS_ZERO)),
    ("chance", gap(3, TINY, 6), ("excluded", K.GAP_EXCLUDES_ZERO)),
    ("chance", gap(-3, -6, 0), ("suggested", K.GAP_COVERS_ZERO)),
    ("chance", gap(-3, -6, -TINY), ("excluded", K.GAP_EXCLUDES_ZERO)),
    ("chance", with_shares(3, (1, 5), (0, 6)), ("suggested", K.SHARES_BY_CHANCE)),
    ("chance", with_shares(3, (1, 5), (TINY, 6)), ("excluded", K.GAP_EXCLUDES_ZERO)),
    *(
        (code, kind(measured), expected)
        for code, kind in (("prior", lambda p: Shares(p, NONE, "")), ("selection", lambda p: Optimism(p, "")))
        for measured, expected in ((CLEAR, YES), (OPEN, ASK), (NONE, NO), (BETTER, UP))
    ),
    ("prior", Shares(CLEAR, NONE, "", points(2.0, TINY, 4.0)), YES),  # a third without classes of a few images
    ("prior", Shares(CLEAR, NONE, "", points(2.0 - TINY, TINY, 4.0)), MAYBE),
    ("prior", Shares(CLEAR, NONE, "", points(4.0, 0.0, 8.0)), MAYBE),
    ("prior", Shares(CLEAR, NONE, "", None, points(0.5, RULES.least_followed, 0.7)), ("suggested", K.REVIEW)),
    ("prior", Shares(CLEAR, NONE, "", None, points(0.5, RULES.least_followed + TINY, 0.7)), YES),
    ("prior", Shares(CLEAR, NONE, "", error=9.0), ("suggested", K.SHARES_BY_CHANCE)),
    ("prior", Shares(CLEAR, NONE, "", error=0.01), YES),
    ("absent-classes", Absent(CLEAR, "a", (), 60, 1), YES),
    ("absent-classes", Absent(NONE, "a", (), 3, 1), NO),
    ("absent-classes", Absent(BETTER, "a", (), 60, 1), UP),
    ("rare-classes", rare(CLEAR), MAYBE),
    ("rare-classes", rare(NONE), NO),
    ("rare-classes", rare(OPEN), ASK),
    ("rare-classes", rare(CLEAR, gain=points(20.0, TINY, 40.0)), YES),  # a third of what it lacks, the rule's value
    ("rare-classes", rare(CLEAR, gain=points(20.0 - TINY, TINY, 40.0)), MAYBE),
    ("rare-classes", rare(CLEAR, gain=points(20.0, 0.0, 40.0)), MAYBE),
    ("rare-classes", rare(CLEAR, gain=points(20.0, 1.0, 40.0), p=0.05), MAYBE),
    ("rare-classes", rare(CLEAR, gain=points(5.0, 1.0, 20.0 - TINY)), ("excluded", K.UNTRUSTED)),
    ("rare-classes", rare(CLEAR, gain=points(5.0, 1.0, 20.0)), MAYBE),
    ("rare-classes", rare(CLEAR, gain=points(5.0, 1.0, 19.0), others=1), MAYBE),
    ("rare-classes", rare(NONE, gain=points(20.0, 1.0, 40.0)), NO),
    ("rare-classes", rare(CLEAR, gain=points(30.0, 1.0, 40.0), own=points(30.0, 0.0, 40.0)), MAYBE),  # weight alone
    ("rare-classes", rare(CLEAR, gain=points(30.0, 1.0, 40.0), accuracy=points(2.0, 0.0, 4.0)), MAYBE),
    ("rare-classes", rare(CLEAR, gain=points(30.0, 1.0, 40.0), accuracy=points(2.0, TINY, 4.0)), YES),
    ("rare-classes", rare(CLEAR, thinned=points(5.0, 1.0, 20.0 - TINY)), ASK),
    ("rare-classes", rare(CLEAR, thinned=points(5.0, 1.0, 20.0)), MAYBE),
    ("leakage", leaked(CLEAR), YES),
    ("leakage", replace(leaked(NONE), undecided=0.5), NO),
    ("leakage", replace(leaked(NONE), undecided=0.5 + TINY), SMALL),
    ("leakage", replace(leaked(CLEAR), undecided=30.0), YES),
    ("leakage", leaked(CLEAR, finds=False), YES),
    ("leakage", leaked(NONE), NO),
    ("leakage", leaked(OPEN), ASK),
    ("leakage", leaked(NONE, finds=False), ("not identifiable", K.COPIES_NOT_LOOKED_FOR)),
    ("leakage", leaked(OPEN, finds=False), ("not identifiable", K.COPIES_NOT_LOOKED_FOR)),
    ("leakage", leaked(None), ASK),
    ("leakage", leaked(NONE, ids=()), ("excluded", K.NO_DIFFERENCE)),
    ("leakage", leaked(NONE, ids=(), finds=False), ("not identifiable", K.COPIES_NOT_LOOKED_FOR)),
    ("labels", Flags(40, 400, 8.0, ("a",)), ("not identifiable", K.REVIEW)),
    ("labels", Review(CLEAR, ("a",), 80, 0.1, False), YES),
    ("labels", Review(NONE, (), 80, 0.0, False), NO),
    ("labels", Review(OPEN, ("a",), 4, 0.1, True), ASK),
    ("threshold", cut(CLEAR, TINY), YES),
    ("threshold", cut(CLEAR, 0.0), MAYBE),
    ("threshold", cut(CLEAR, -3.5), AGAINST),  # the cut set on one half loses 2.5 points [-3.5, -1.5] on the other
    ("threshold", cut(CLEAR, -3.5 + TINY), AGAINST),
    ("threshold", cut(CLEAR, -0.5 + TINY), MAYBE),  # it regains 0.5 points, perhaps more than the margin
    ("threshold", cut(CLEAR, -0.5), AGAINST),  # [−0.5, 1.5]: no more than the margin
    ("threshold", cut(NONE, 1.0), NO),
    ("chosen-on-test", flattery(CLEAR), YES),
    ("chosen-on-test", flattery(OPEN), ASK),
    ("chosen-on-test", flattery(NONE), NO),
    ("chosen-on-test", flattery(CLEAR, said=False), ("not identifiable", K.NOT_SAID)),
    ("subgroup", losing(points(4.0, 1.0, 8.0)), MAYBE),
    ("subgroup", losing(points(1.0, TINY, 1.5)), ("excluded", K.WITHIN_MARGIN)),
    ("subgroup", losing(), ("excluded", K.NO_DIFFERENCE)),
    ("subgroup", replace(losing(), most=1.5 + TINY), ("not identifiable", K.MORE_IMAGES)),
    ("new-site", apart(1.0), ("suggested", K.CONFOUNDED)),
    ("new-site", apart(0.95), ("suggested", K.CONFOUNDED)),
    ("new-site", apart(0.95 - TINY), ("not applicable", K.DOES_NOT_APPLY)),
    ("new-site", apart(0.05 + TINY), ("not applicable", K.DOES_NOT_APPLY)),
    ("new-site", apart(0.0), ("excluded", K.NO_DIFFERENCE)),
    ("threshold", cut(OPEN, 1.0), ASK),
    ("threshold", replace(cut(NONE, 1.0), undecided=0.5), NO),
    ("threshold", replace(cut(NONE, 1.0), undecided=0.5 + TINY), SMALL),
    ("threshold", replace(cut(BETTER, 1.0), undecided=4.0), UP),
    ("overfitting", excess(CLEAR, 3), YES),
    ("overfitting", excess(CLEAR, None), MAYBE),
    ("overfitting", excess(BETTER, 3), UP),
    ("instability", Seeds(CLEAR, (0.8, 0.9), 1.0), YES),
    ("instability", Seeds(NONE, (0.8, 0.9), 1.0), NO),
    ("instability", Seeds(OPEN, (0.8, 0.9), 1.0), ("not identifiable", K.MORE_SEEDS)),
    ("instability", Swing(2.0, 2.0, 5, 2), ("not identifiable", K.MORE_SEEDS)),
    ("instability", Swing(2.0 + TINY, 2.0, 5, 2), MAYBE),
    ("difficulty", hard(CLEAR), YES),
    ("difficulty", hard(CLEAR, other=None), YES),
    ("difficulty", hard(CLEAR, below=12), YES),  # 3 points below the run: the rule's value
    ("difficulty", hard(CLEAR, below=14), MAYBE),
    ("difficulty", hard(CLEAR, other=points(0.0, -1.0, 1.0)), MAYBE),
    ("difficulty", hard(CLEAR, unread=1), ("suggested", K.REVIEW)),
    ("difficulty", hard(NONE, unread=1), NO),
    ("difficulty", replace(hard(NONE), balanced=replace(hard(NONE).balanced, undecided=0.6)), SMALL),
    ("feature-distortion", drops(), YES),
    ("feature-distortion", drops(back=None), MAYBE),
    ("feature-distortion", drops(back=points(2.0, 0.0, 4.0)), MAYBE),
    ("feature-distortion", drops(back=points(2.0, TINY, 4.0)), YES),
    ("feature-distortion", drops(over=CLEAR), YES),
    ("feature-distortion", drops(over=points(2.0, 0.0, 4.0)), MAYBE),
    ("feature-distortion", drops(back=BETTER), AGAINST),  # all the way back test only loses
    ("feature-distortion", drops(back=points(-1.0, -1.5, -0.5)), MAYBE),  # no more than the margin
    ("feature-distortion", drops(bent=0), NO),
    ("batchnorm", blend(CLEAR), YES),
    ("batchnorm", blend(CLEAR, others=False), MAYBE),
    ("batchnorm", blend(CLEAR, others=None), MAYBE),
    ("batchnorm", blend(CLEAR, smaller=surely(2.0)), YES),
    ("batchnorm", blend(CLEAR, smaller=BETTER), AGAINST),  # a quarter costs what a half mends
    ("batchnorm", blend(CLEAR, smaller=BETTER, fault=forgot(5.0 + TINY)), MAYBE),  # the fault is told all the same
    ("batchnorm", blend(NONE), NO),
    ("batchnorm", blend(NONE, fault=forgot(5.0 + TINY)), MAYBE),
    ("batchnorm", blend(NONE, fault=forgot(5.0)), NO),
    ("batchnorm", no_blend(mends(CLEAR)), MAYBE),
    ("batchnorm", blend(NONE, fault=mends(points(1.5, 0.5, 2.5))), NO),  # the margin exactly
    ("batchnorm", blend(NONE, fault=mends(points(1.5 + TINY, 0.5, 2.5))), MAYBE),
    ("batchnorm", blend(NONE, fault=mends(CLEAR, changed=5)), NO),
    ("image-quality", Qualities(), ("excluded", K.NO_DIFFERENCE)),
    ("image-quality", Qualities(left_out="left out", undecided=1.5), ("excluded", K.NO_DIFFERENCE)),
    ("image-quality", Qualities(left_out="left out", undecided=1.5 + TINY), SMALL),
    ("image-quality", one(mapped()), YES),
    ("image-quality", one(mapped(smd=None)), MAYBE),
    ("image-quality", one(mapped(smd=-0.2)), YES),
    ("image-quality", one(mapped(smd=-0.2 + TINY)), ("excluded", K.NO_DIFFERENCE)),
    ("image-quality", one(mapped(p=0.05)), ("excluded", K.NO_DIFFERENCE)),
    ("image-quality", one(mapped(p=0.05 - TINY)), YES),
    ("image-quality", one(mapped(share=0.5)), YES),
    ("image-quality", one(mapped(share=0.5 - TINY)), MAYBE),
    ("image-quality", one(mapped(name="brightness", regained=surely(2.0))), YES),  # a third, the rule's value
    ("image-quality", one(mapped(name="brightness", regained=surely(1.999))), MAYBE),
    ("image-quality", one(mapped(name="brightness", regained=BETTER)), AGAINST),  # the reverse costs points too
    ("image-quality", one(mapped(name="brightness", regained=points(-1.0, -1.5, -0.5))), MAYBE),  # within the margin
    ("image-quality", one(mapped(name="brightness", regained=points(-1.0, -1.5 - TINY, -0.5))), AGAINST),
    ("image-quality", one(mapped(regained=BETTER)), YES),  # sharpening is no honest reverse
    ("image-quality", one(mapped(half=surely(4.0))), YES),
    ("image-quality", one(mapped(half=points(20.0, 18.0, 22.0))), AGAINST),  # half costs 10 more than the whole's ten
    ("image-quality", one(mapped(half=BETTER)), AGAINST),  # half gains
    ("image-quality", one(mapped(control=NONE)), YES),
    ("image-quality", one(mapped(control=surely(20.0))), AGAINST),  # so much where nothing differs
    ("image-quality", one(mapped(control=surely(2.0))), YES),  # and this is less than the whole
    ("image-quality", one(replace(mapped(), beyond=OPEN)), YES),
    ("image-quality", one(replace(mapped(), beyond=surely(2.0))), MAYBE),  # test has it, and loses surely less
    ("image-quality", one(replace(mapped(control=surely(2.0)), beyond=surely(2.0), touched=9.0)), AGAINST),
    ("image-quality", one(replace(mapped(control=surely(2.0)), beyond=OPEN, touched=9.0)), YES),
    (
        "image-quality",
        one(mapped(name="brightness", regained=BETTER), mapped(points(4.0, 2.0, 6.0))),
        YES,
    ),  # the next costliest stands
    (
        "image-quality",
        one(mapped(surely(12.0), name="noise", control=surely(20.0)), mapped(points(4.0, 2.0, 6.0))),
        MAYBE,
    ),  # but not as surely where processing itself costs points, and of the next one that was not asked
    (
        "image-quality",
        one(mapped(surely(12.0), name="noise", control=surely(20.0)), mapped(points(4.0, 2.0, 6.0), control=NONE)),
        YES,
    ),
    (
        "image-quality",
        one(mapped(name="brightness", regained=BETTER), every=mapped(surely(9.0), name=ALL, smd=None)),
        AGAINST,
    ),  # what is contradicted is among all of them
    (
        "image-quality",
        one(
            mapped(name="brightness", regained=BETTER),
            every=mapped(surely(9.0), name=ALL, smd=None, regained=surely(9.0)),
        ),
        YES,
    ),
    ("image-quality", one(mapped(NONE)), NO),
    ("image-quality", one(mapped(NONE), every=mapped(name=ALL, smd=None, regained=surely(6.0))), YES),
    ("image-quality", one(mapped(OPEN), every=mapped(NONE, name=ALL, smd=None)), NO),
    # what one property alone costs the others take back: all together are judged
    ("image-quality", one(mapped(), every=replace(mapped(NONE, name=ALL, smd=None), effect=effect(2))), NO),
    ("image-quality", one(mapped(), every=replace(mapped(NONE, name=ALL, smd=None), effect=effect(38))), YES),
    # and are borne out by that property, which cannot be given back: their own reverse cannot be asked for
    ("image-quality", one(mapped(), every=together(NONE)), YES),
    ("image-quality", one(mapped(), every=together(None)), YES),
    ("image-quality", one(mapped(share=0.5 - TINY), every=together(NONE)), MAYBE),
    ("image-quality", one(mapped(p=0.05), every=together(NONE)), ("excluded", K.NO_DIFFERENCE)),
    ("image-quality", one(mapped(name="brightness", regained=NONE), every=together(NONE)), MAYBE),
    ("image-quality", one(mapped(), mapped(name="brightness", regained=BETTER), every=together(NONE)), AGAINST),
    ("image-quality", one(returned=Returned("sharpness", effect(better=40), {"sharpness": CLEAR})), MAYBE),
    ("shortcut", cues(), ("excluded", K.NO_DIFFERENCE)),
    ("shortcut", cues(cue()), YES),
    ("shortcut", cues(cue(auc=0.6, low=0.55)), YES),
    ("shortcut", cues(cue(auc=0.6 - TINY, low=0.55)), ("excluded", K.UNTRUSTED)),
    ("shortcut", cues(cue(low=0.5)), ("excluded", K.UNTRUSTED)),
    ("shortcut", cues(cue(auc=None)), MAYBE),
    ("shortcut", cues(cue(fall=None)), MAYBE),
    ("shortcut", cues(cue(given_back=(0, 40))), YES),
    ("shortcut", cues(cue(given_back=(40, 0))), AGAINST),  # with the cue of validation test loses
    ("shortcut", cues(cue(auc=None, gap=(60, -20))), AGAINST),  # test needs it too, and nothing shows that it moved
    ("shortcut", cues(cue(gap=(60, -20))), YES),  # it holds less well on test, but holds
    ("shortcut", cues(cue(fall=0)), ASK),
    ("shortcut", cues(cue(reliance=0)), ASK),
    ("shortcut", cues(cue(gap=(0, 0))), NO),
    ("shortcut", cues(cue(region="surround"), cue(gap=(0, 0))), NO),  # what may be the finding itself is never blamed
    ("covariate-shift", losses(), YES),
    ("covariate-shift", losses(points(1.5, 0.5, 2.5)), NO),
    ("covariate-shift", losses(points(1.5 + TINY, 0.5, 2.5)), YES),
    ("covariate-shift", losses(NONE), NO),
    ("covariate-shift", losses(main=row(null=None)), MAYBE),
    ("covariate-shift", losses(main=row(auc=0.54)), ("excluded", K.NO_DIFFERENCE)),  # as the largest of chance
    ("covariate-shift", losses(main=row(auc=0.58)), MAYBE),  # three standard deviations above its mean, exactly
    ("covariate-shift", losses(main=row(auc=0.58 + TINY)), YES),
    ("covariate-shift", losses(alike=CLEAR), MAYBE),
    ("covariate-shift", losses(alike=CLEAR, mended=surely(2.0)), YES),  # a third of the points, the rule's value
    ("covariate-shift", losses(alike=CLEAR, mended=surely(2.0 - TINY)), MAYBE),
    ("covariate-shift", losses(alike=CLEAR, mended=BETTER), AGAINST),  # who has seen such images is worse on them
    ("covariate-shift", losses(alike=CLEAR, main=row(2.0, 4.0), hard=surely(2.0)), YES),  # new: twice what is known
    ("covariate-shift", losses(alike=CLEAR, main=row(2.0, 4.0 - TINY), hard=surely(2.0)), MAYBE),
    ("covariate-shift", losses(NONE, lost_elsewhere=True), ASK),
    ("covariate-shift", losses(NONE, lost_elsewhere=True, doubtful=APART), ("not identifiable", K.OVERLAP)),
    ("covariate-shift", losses(NONE, lost_elsewhere=True, doubtful=APART, mended=CLEAR), MAYBE),
    ("covariate-shift", losses(None, main=row(auc=0.9)), ASK),  # 0.9 is common enough; there are too few images
    ("covariate-shift", losses(None, main=row(auc=0.9 + TINY)), ("not identifiable", K.OVERLAP)),
    ("covariate-shift", losses(None, main=APART, mended=CLEAR), MAYBE),
    ("covariate-shift", losses(None, main=APART, mended=points(1.0, 0.5, 1.5)), ("not identifiable", K.OVERLAP)),
]


@pytest.mark.parametrize(
    ("code", "measured", "expected"),
    [pytest.param(*entry, id=f"{entry[0]}-{i}") for i, entry in enumerate(TABLE)],
)
def test_the_numbers_decide(code: str, measured: Any, expected: tuple[str, ReasonKind]) -> None:
    assert decided(code, measured) == expected


def test_every_cause_has_its_table() -> None:
    assert {code for code, _, _ in TABLE} == {cause.code for cause in causes}


RULED = [
    ("difficulty", hard(CLEAR, below=12), {"yardstick_slack": 2.9}, MAYBE),
    ("batchnorm", blend(NONE, fault=mends(CLEAR)), {"margin": 7.0}, NO),
    ("batchnorm", blend(NONE, fault=forgot(4.0)), {"forgotten": 3.9}, MAYBE),
    ("image-quality", one(mapped(smd=-0.5)), {"min_shift": 0.6}, ("excluded", K.NO_DIFFERENCE)),
    ("image-quality", one(mapped(share=0.4)), {"shifted_share": 0.4}, YES),
    ("image-quality", one(mapped(name="brightness", regained=surely(1.5))), {"agreement": 4.0}, YES),
    ("shortcut", cues(cue(auc=0.7, low=0.6)), {"min_probe_auc": 0.71}, ("excluded", K.UNTRUSTED)),
    ("covariate-shift", losses(main=row(auc=0.57)), {"null_deviations": 2.4}, YES),
    ("covariate-shift", losses(alike=CLEAR, main=row(2.0, 4.0), hard=surely(2.0)), {"new_appearance": 2.1}, MAYBE),
    ("covariate-shift", losses(None, main=APART), {"max_domain_auc": 0.96}, ASK),
    ("covariate-shift", losses(), {"margin": 6.0}, NO),
    ("leakage", leaked(CLEAR), {"margin": 9.0}, NO),
    ("labels", Review(CLEAR, ("a",), 80, 0.1, False), {"margin": 9.0}, NO),
    ("instability", Seeds(CLEAR, (0.8, 0.9), 1.0), {"margin": 9.0}, NO),
    ("feature-distortion", drops(), {"level": 1e-9}, ASK),
    ("new-site", apart(0.9), {"new_value_share": 0.9}, ("suggested", K.CONFOUNDED)),
    ("image-quality", one(mapped(name="brightness", regained=surely(-2.0))), {"margin": 3.0}, MAYBE),
]


@pytest.mark.parametrize(
    ("code", "measured", "changes", "expected"),
    [pytest.param(*entry, id=f"{entry[0]}-{'-'.join(entry[2])}") for entry in RULED],
)
def test_another_rule_another_decision(
    code: str, measured: Any, changes: dict[str, float], expected: tuple[str, ReasonKind]
) -> None:
    assert decided(code, measured, replace(RULES, **changes)) == expected  # type: ignore[arg-type]


def test_what_orders_a_finding_where_it_is_not_its_points() -> None:
    shift, bad, learned = causes.get("covariate-shift"), causes.get("batchnorm"), causes.get("overfitting")
    assert learned.decide(excess(CLEAR, 3), RULES).priority == 0
    fault = bad.decide(no_blend(mends(CLEAR)), RULES)
    assert fault.fault and fault.priority == 0 and not bad.decide(blend(CLEAR), RULES).fault
    assert shift.decide(losses(), RULES).priority is None
    assert shift.decide(losses(mended=surely(2.0)), RULES).priority == 2.0, "the rest is hard for anyone: difficulty's"
    assert shift.decide(losses(mended=BETTER), RULES).priority == 0.0
    new = losses(main=row(2.0, 4.0), hard=surely(2.0), mended=surely(2.0))
    assert shift.decide(new, RULES).priority is None
    assert shift.decide(losses(None, main=APART, mended=CLEAR), RULES).priority == CLEAR.value
