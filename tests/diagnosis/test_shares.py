"""What causes cost together, and shares of it: a token and a compression cost 40 and 37 points alone, 57 together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes import causes
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.order import ordered
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.shares import INTERVENTION, together, with_shares
from heldout.records import Estimate, Finding
from heldout.records.diagnosis import Verdict
from tests.worlds.made_runs import made_run, margin, scored, with_scored

SHELF = {cause.code: cause for cause in causes}
TOKEN, JPEG, RIM = "cues:across:corners", "quality:blockiness", "cues:across:border"
N = 500


def planted() -> RunData:
    """All validation images are right; the token turns the first 40 %, JPEG those from 20 % to 57 %, the rim none."""
    made = made_run(N, N, patients=1)
    assert made.val is not None
    sign = np.where(made.val.labels == 1, 1.0, -1.0)
    order = np.random.default_rng(0).permutation(N)
    turned = {TOKEN: order[:200], JPEG: order[100:285], RIM: order[:0]}
    made = replace(made, val=made.val.with_logits(np.stack([-sign, sign], axis=1)))
    variants = {}
    for names in ([TOKEN], [JPEG], [RIM], [TOKEN, JPEG], [TOKEN, RIM], [RIM, JPEG], [TOKEN, RIM, JPEG]):
        after = sign.copy()
        after[np.unique(np.concatenate([turned[name] for name in names]))] *= -1
        variants[" + ".join(names), "val"] = 2 * after
    return with_scored(made, INTERVENTION, variants)


def finding(code: str, verdict: Verdict = "established", value: float = 40.0) -> Finding:
    points = Estimate(value, value - 2, value + 2, N, "made")
    explains = {"threshold": 10.0, "ranking": value - 10}
    return Finding(code, SHELF[code].title, verdict, points, "Found.", priority=value, explains=explains)


def test_what_costs_more_than_all_together_is_divided() -> None:
    data = cause_data(planted())
    found = together(data, [finding("shortcut"), finding("image-quality", value=37.0)], SHELF)
    assert found is not None
    assert {code: round(one.value) for code, one in found.alone.items()} == {"image-quality": 37, "shortcut": 40}
    assert found.whole.value == pytest.approx(57, abs=1)
    # The 20 points that both turn are halved.
    assert found.shares["shortcut"].value == pytest.approx(40 - 10, abs=1)
    assert found.shares["image-quality"].value == pytest.approx(37 - 10, abs=1)
    total = found.shares["shortcut"] + found.shares["image-quality"]
    np.testing.assert_allclose(total.replicates, found.whole.replicates)
    assert found.shares["shortcut"].varies and found.shares["shortcut"].low < 30 < found.shares["shortcut"].high


def test_shares_order_findings_and_are_told_beside_what_each_costs_alone() -> None:
    data = cause_data(planted())
    given = [finding("threshold", value=48.0), finding("shortcut"), finding("image-quality", value=37.0)]
    given[0] = replace(given[0], explains={"threshold": 48.0})
    told = {one.code: one for one in with_shares(given, together(data, given, SHELF), SHELF)}
    token = told["shortcut"]
    assert token.share is not None and token.priority == token.share.value < 31
    assert token.points is not None and token.points.value == 40.0, "what it costs alone stays"
    assert "alone" in token.sentence and "57" in token.sentence and "image quality" in token.sentence
    assert token.explains["threshold"] == pytest.approx(10 * token.priority / 40)
    assert told["threshold"].share is None
    # Upstream shares add up: 10 · 30 / 40 and 10 · 27 / 37 of the threshold.
    last = {one.code: one.priority for one in ordered(list(told.values()), SHELF)}
    assert last["threshold"] == pytest.approx(48 - 10 * 30 / 40 - 10 * 27 / 37, abs=1)


@pytest.mark.parametrize("verdict", ["excluded", "not identifiable"])
def test_only_causes_that_are_called_one_share(verdict: Verdict) -> None:
    data = cause_data(planted())
    given = [finding("shortcut"), finding("image-quality", verdict)]
    assert together(data, given, SHELF) is None
    assert with_shares(given, None, SHELF) == tuple(given)


def test_without_the_intervention_or_with_a_combination_missing_nothing_is_divided() -> None:
    given = [finding("shortcut"), finding("image-quality")]
    made = planted()
    assert together(cause_data(replace(made, scored={})), given, SHELF) is None
    kept = made.scored[INTERVENTION].table
    some = replace(made.scored[INTERVENTION], table=kept[kept["variant"] != f"{TOKEN} + {JPEG}"])
    assert together(cause_data(replace(made, scored={INTERVENTION: some})), given, SHELF) is None


def test_the_whole_diagnosis_divides_what_its_causes_cost() -> None:
    """Both mapped properties and token found by their causes; the record says shares and alone."""
    made = planted()
    assert made.val is not None and made.test is not None
    sign = np.where(made.test.labels == 1, 1.0, -1.0)
    bad = np.random.default_rng(1).permutation(N)[:285]
    sign[bad] *= -1
    test = made.test.with_logits(np.stack([-sign, sign], axis=1))
    table = made.scored[INTERVENTION]
    quality = {
        ("blockiness", "val"): margin(made.val.with_logits(table.logits(JPEG, "val", made.val.ids))),
    }
    cues = {
        ("neutral:corners", "val"): margin(made.val.with_logits(table.logits(TOKEN, "val", made.val.ids))),
        ("neutral:corners", "test"): 2 * sign,
    }
    run = replace(made, test=test)
    run = replace(run, scored={**run.scored, "quality": scored(run, quality), "cues": scored(run, cues)})
    diagnosis = diagnose_run(run)
    found = {one.code: one for one in diagnosis.findings}
    assert found["shortcut"].share is not None and found["image-quality"].share is not None
    assert found["shortcut"].priority == found["shortcut"].share.value
    assert "its share of what it costs together with others" in diagnosis.summary
