from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.shortcut import CAUSE, INTERVENTION
from heldout.diagnosis.run_data import RunData
from tests.diagnosis.causes.made_evidence import Reals, case, evidence, margin, sides, with_scored

N = 400


def cued(*, strength: float = 2.0, informative: bool = True, flipped: bool = True, regions: int = 1) -> RunData:
    """The margin is a true part and a cue of the corners: ±strength by the class, on test the other way round."""
    made = evidence(N, N, n_train=N, patients=1)
    rng = np.random.default_rng(1)
    parts: dict[str, Reals] = {}
    true: dict[str, Reals] = {}
    for part, one in sides(made).items():
        sign = np.where(one.labels == 1, 1.0, -1.0)
        turned = np.where(rng.random(len(one)) < (0.5 if flipped and part == "test" else 0.0), -1.0, 1.0)
        true[part] = 0.6 * margin(one)
        parts[part] = strength * sign * turned

    def seen(part: str, cue: Reals) -> Reals:
        return true[part] + cue + 0.05 * rng.standard_normal(N)

    def alone(part: str) -> Reals:
        cue = parts[part] if informative else np.zeros(N)
        return np.asarray(cue + 1.5 * rng.standard_normal(N))

    def logits(part: str) -> Reals:
        whole = seen(part, parts[part])
        return np.stack([-whole / 2, whole / 2], axis=1)

    assert made.train is not None and made.val is not None and made.test is not None
    made = replace(made, val=made.val.with_logits(logits("val")), test=made.test.with_logits(logits("test")))
    variants: dict[tuple[str, str], Reals] = {}
    for part in ("val", "test"):
        variants["neutral:corners", part] = seen(part, np.zeros(N))
        variants["swap:corners", part] = seen(part, -parts[part])
        variants["only:corners", part] = alone(part)
        for region in ("border", "surround", "intensity")[: regions - 1]:
            variants[f"neutral:{region}", part] = seen(part, parts[part])
    variants["only:corners", "train"] = alone("train")
    return with_scored(made, INTERVENTION, variants)


def test_a_corner_token_that_flips_on_test_is_established() -> None:
    finding = CAUSE.judge(case(cued(regions=4)))
    assert finding.verdict == "established"
    assert "corners" in finding.sentence and "leans on it" in finding.sentence
    assert finding.points is not None and finding.points.value > 5
    assert finding.numbers["of_threshold"] + finding.numbers["of_ranking"] == pytest.approx(finding.points.value)
    assert finding.numbers["majority_share"] == 0.5  # not the index of a class
    assert finding.images and all(id_.startswith("test") for id_ in finding.images)
    gains = CAUSE.remedies(case(cued(regions=4)))
    assert max(gains, key=lambda remedy: remedy.gain_points.value).name.startswith("the corners")


def test_the_points_are_what_the_gap_shrinks_by() -> None:
    made = cued()
    z = made.scored[INTERVENTION]
    assert made.val is not None and made.test is not None
    neutral = [
        (z.logits("neutral:corners", part, one.ids).argmax(1) == one.labels).mean()
        for part, one in (("val", made.val), ("test", made.test))
    ]
    before = made.val.right.mean() - made.test.right.mean()
    finding = CAUSE.judge(case(made))
    assert finding.points is not None
    assert finding.points.value == pytest.approx(100 * (before - (neutral[0] - neutral[1])))


def test_a_cue_that_holds_on_test_too_is_no_cause_of_the_gap() -> None:
    finding = CAUSE.judge(case(cued(flipped=False)))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_a_region_that_does_not_tell_the_classes_apart_is_no_shortcut() -> None:
    finding = CAUSE.judge(case(cued(informative=False)))
    assert finding.verdict == "excluded" and "does not tell the classes apart" in finding.reason


def test_a_network_that_does_not_look_at_the_region_is_cleared() -> None:
    finding = CAUSE.judge(case(cued(strength=0.0, informative=True)))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_without_the_region_alone_it_is_only_suggested() -> None:
    made = cued()
    table = made.scored[INTERVENTION].table
    kept = replace(made.scored[INTERVENTION], table=table[~table["variant"].str.startswith("only")])
    assert CAUSE.judge(case(replace(made, scored={INTERVENTION: kept}))).verdict == "suggested"


def test_the_seams_of_an_exchange_are_not_reliance() -> None:
    made = cued()
    table = made.scored[INTERVENTION].table
    seams = table[table["variant"] == "swap:corners"].assign(variant="same:corners")  # within classes it costs as much
    both = replace(made.scored[INTERVENTION], table=pd.concat([table, seams], ignore_index=True))
    finding = CAUSE.judge(case(replace(made, scored={INTERVENTION: both})))
    assert finding.verdict == "not identifiable" and "leans on it" in finding.reason


def test_regions_that_say_nothing_were_not_changed_and_are_excluded() -> None:
    made = cued()
    table = made.scored[INTERVENTION].table
    kept = replace(made.scored[INTERVENTION], table=table[table["variant"].str.startswith("only")])
    finding = CAUSE.judge(case(replace(made, scored={INTERVENTION: kept})))
    assert finding.verdict == "excluded" and "tells the classes apart" in finding.reason
