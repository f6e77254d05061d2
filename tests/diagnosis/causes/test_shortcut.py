from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.shortcut import CAUSE, INTERVENTION
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from heldout.records.predictions import Predictions
from tests.worlds.made_runs import Reals, judged, logits, made_run, margin, of_parts, parts, with_scored

N = 400


def cued(*, strength: float = 2.0, informative: bool = True, flipped: bool = True, regions: int = 1) -> RunData:
    """The margin is a true part and a cue of the corners: ±strength by the class, on test the other way round."""
    made = made_run(N, N, n_train=N, patients=1)
    rng = np.random.default_rng(1)
    cues: dict[str, Reals] = {}
    true: dict[str, Reals] = {}
    for part, one in parts(made).items():
        sign = np.where(one.labels == 1, 1.0, -1.0)
        turned = np.where(rng.random(len(one)) < (0.5 if flipped and part == "test" else 0.0), -1.0, 1.0)
        true[part] = 0.6 * margin(one)
        cues[part] = strength * sign * turned

    def seen(part: str, cue: Reals) -> Reals:
        return true[part] + cue + 0.05 * rng.standard_normal(N)

    def alone(part: str) -> Reals:
        cue = cues[part] if informative else np.zeros(N)
        return np.asarray(cue + 1.5 * rng.standard_normal(N))

    def logits(part: str) -> Reals:
        whole = seen(part, cues[part])
        return np.stack([-whole / 2, whole / 2], axis=1)

    assert made.train is not None and made.val is not None and made.test is not None
    made = replace(made, val=made.val.with_logits(logits("val")), test=made.test.with_logits(logits("test")))
    variants: dict[tuple[str, str], Reals] = {}
    for part in ("val", "test"):
        variants["neutral:corners", part] = seen(part, np.zeros(N))
        variants["swap:corners", part] = seen(part, -cues[part])
        variants["only:corners", part] = alone(part)
        for region in ("border", "surround", "intensity")[: regions - 1]:
            variants[f"neutral:{region}", part] = seen(part, cues[part])
    variants["only:corners", "train"] = alone("train")
    return with_scored(made, INTERVENTION, variants)


def test_a_corner_token_that_flips_on_test_is_established() -> None:
    finding = judged(CAUSE, cued(regions=4))
    assert finding.verdict == "established"
    assert finding.numbers["reliance_points"] > 5 and finding.numbers["fall_points"] > 5
    assert finding.points is not None and finding.points.value > 5
    assert finding.explains["threshold"] + finding.explains["ranking"] == pytest.approx(finding.points.value)
    assert finding.numbers["majority_share"] == 0.5  # not the index of a class
    assert finding.images and all(id_.startswith("test") for id_ in finding.images)
    gains = CAUSE.remedies(cause_data(cued(regions=4)))
    assert len(gains) == 2  # corners and border; surround and brightness may be what makes the class


def test_the_points_are_what_the_gap_shrinks_by() -> None:
    made = cued()
    z = made.scored[INTERVENTION]
    assert made.val is not None and made.test is not None
    neutral = [
        (z.logits("neutral:corners", part, one.ids).argmax(1) == one.labels).mean()
        for part, one in (("val", made.val), ("test", made.test))
    ]
    before = made.val.right.mean() - made.test.right.mean()
    finding = judged(CAUSE, made)
    assert finding.points is not None
    assert finding.points.value == pytest.approx(100 * (before - (neutral[0] - neutral[1])))


def test_a_cue_that_holds_on_test_too_is_no_cause_of_the_gap() -> None:
    finding = judged(CAUSE, cued(flipped=False))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_a_region_that_may_hold_points_is_not_excluded_by_another_that_holds_none() -> None:
    """Without the corners every tenth image is answered otherwise, by chance; without the border one is mended."""
    made = made_run(N, N, patients=1)
    variants: dict[tuple[str, str], Reals] = {}
    for part, one in parts(made).items():
        if part == "train":
            continue
        right, other = np.flatnonzero(one.right), np.where(np.arange(N) % 10 == 0, -1.0, 1.0)
        border = margin(one).copy()
        border[right[: 1 if part == "val" else 0]] *= -1
        variants["neutral:border", part] = border
        variants["neutral:corners", part] = margin(one) * other
    finding = judged(CAUSE, with_scored(made, INTERVENTION, variants))
    numbers = finding.numbers
    assert numbers["gap_corners"] < numbers["gap_border"] < 1  # the border is the one that shrinks the gap most
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)
    assert finding.points is not None and finding.points.high > 1.5 and "corners" in finding.sentence


def test_a_region_that_does_not_tell_the_classes_apart_is_no_shortcut() -> None:
    finding = judged(CAUSE, cued(informative=False))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.UNTRUSTED)


def test_a_network_that_does_not_look_at_the_region_is_cleared() -> None:
    finding = judged(CAUSE, cued(strength=0.0, informative=True))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_without_the_region_alone_it_is_only_suggested() -> None:
    made = cued()
    table = made.scored[INTERVENTION].table
    kept = replace(made.scored[INTERVENTION], table=table[~table["variant"].str.startswith("only")])
    assert judged(CAUSE, replace(made, scored={INTERVENTION: kept})).verdict == "suggested"


def test_the_seams_of_an_exchange_are_not_reliance() -> None:
    made = cued()
    table = made.scored[INTERVENTION].table
    seams = table[table["variant"] == "swap:corners"].assign(variant="same:corners")  # within classes it costs as much
    both = replace(made.scored[INTERVENTION], table=pd.concat([table, seams], ignore_index=True))
    finding = judged(CAUSE, replace(made, scored={INTERVENTION: both}))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)


def test_regions_that_say_nothing_were_not_changed_and_are_excluded() -> None:
    made = cued()
    table = made.scored[INTERVENTION].table
    kept = replace(made.scored[INTERVENTION], table=table[table["variant"].str.startswith("only")])
    finding = judged(CAUSE, replace(made, scored={INTERVENTION: kept}))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.NO_DIFFERENCE)


def across(made: RunData, gain: float) -> RunData:
    """Test images with the corners of validation images of their class: right ones more often, or less."""
    table = made.scored[INTERVENTION].table
    assert made.test is not None
    sign = np.where(made.test.labels == 1, 1.0, -1.0)
    given = margin(made.test) + gain * sign
    more = with_scored(made, "more", {("across:corners", "test"): given}).scored["more"].table
    both = replace(made.scored[INTERVENTION], table=pd.concat([table, more], ignore_index=True))
    return replace(made, scored={INTERVENTION: both})


def test_the_cue_of_validation_given_to_test_bears_it_out_or_contradicts_it() -> None:
    borne_out = judged(CAUSE, across(cued(), 2.0))
    assert borne_out.verdict == "established" and borne_out.numbers["regained_points"] > 5
    assert "it regains" in borne_out.sentence
    refused = judged(CAUSE, across(cued(), -2.0))
    assert (refused.verdict, refused.kind) == ("excluded", ReasonKind.CONTRADICTED)
    assert (
        refused.priority == 0
        and refused.explains == {}
        and "of validation images of their class lose" in refused.sentence
    )


def test_the_reverse_of_a_cue_is_told_from_the_seams_of_an_exchange() -> None:
    """An exchange within test costs as much: what is lost is the seams', and nothing speaks against the cue."""
    made = across(cued(), -2.0)
    table = made.scored[INTERVENTION].table
    seams = table[(table["variant"] == "across:corners")].assign(variant="same:corners")
    both = replace(made.scored[INTERVENTION], table=pd.concat([table, seams], ignore_index=True))
    finding = judged(CAUSE, replace(made, scored={INTERVENTION: both}))
    assert finding.verdict == "established" and finding.numbers["regained_points"] == 0


def test_two_images_of_a_class_that_test_is_full_of_exclude_nothing() -> None:
    """One NORMAL image turns each way without the corners, of two ILL none: each of them is worth 20 points of test."""

    def made(part: str, normal: int, ill: int, right: int) -> Predictions:
        labels = np.repeat([0, 1], [normal, ill])
        z = np.where(labels == 1, 2.0, -2.0)
        z[: normal // 20] = 2.0
        z[normal + right :] = -2.0
        ids = tuple(f"{part}-{i}" for i in range(normal + ill))
        return Predictions(part, ids, labels, logits(z), ids)

    val, test, train = made("val", 398, 2, 2), made("test", 240, 160, 112), made("train", 200, 200, 200)
    run = replace(of_parts(val, test, bootstrap=400), train=train, copies_looked_for=True)
    neutral = margin(val).copy()
    neutral[[0, -3]] *= -1
    rng = np.random.default_rng(0)
    alone = {part.part: np.where(part.labels == 1, 1.5, -1.5) + rng.standard_normal(len(part)) for part in (val, train)}
    variants = {
        ("neutral:corners", "val"): neutral,
        ("neutral:corners", "test"): margin(test),
        ("swap:corners", "val"): neutral,
        ("same:corners", "val"): margin(val),
        ("only:corners", "val"): alone["val"],
        ("only:corners", "test"): rng.standard_normal(len(test)),
        ("only:corners", "train"): alone["train"],
    }
    finding = judged(CAUSE, with_scored(run, INTERVENTION, variants))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.SMALL_CLASSES)
    assert "'ILL'" in finding.reason
