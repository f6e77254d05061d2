from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes._cause import MARGIN
from heldout.diagnosis.causes._learnable import INTERVENTION as POOLED
from heldout.diagnosis.causes._looks import columns, looks, looks_lens, of_threshold
from heldout.diagnosis.causes.covariate_shift import CAUSE, _account
from heldout.diagnosis.run_data import RunData
from tests.diagnosis.causes.made_evidence import Reals, case, evidence, margin, quality, sides, with_scored

N = 480


def strange(share_test: float, *, cost: float = 3.0, mean: float = 6.0, everywhere: float = 0.0) -> RunData:
    """A tenth of all NORMAL images, and `share_test` of test's, look strange and are moved toward ILL by `cost`.

    `everywhere` moves all test NORMAL images, whatever they look like.
    """
    made = evidence(N, N, patients=1, n_train=800)
    rng = np.random.default_rng(3)
    features: dict[str, np.ndarray] = {}
    changed = {}
    for part, one in sides(made).items():
        odd = (rng.random(len(one)) < (share_test if part == "test" else 0.1)) & (one.labels == 0)
        looks_: Reals = rng.standard_normal((len(one), 4))
        looks_[:, 0] += mean * odd
        features[part] = looks_.astype(np.float32)
        moved = margin(one) + cost * odd + everywhere * (one.labels == 0) * (part == "test")
        changed[part] = one.with_logits(np.stack([-moved / 2, moved / 2], axis=1))
    return replace(made, features=features, val=changed["val"], test=changed["test"])


def test_columns_are_those_of_one_class_without_images_whose_looks_are_not_known() -> None:
    made = strange(0.5)
    features = dict(made.features)
    features["test"] = features["test"].copy()
    features["test"][5] = np.nan
    assert made.test is not None
    k = int(made.test.labels[5])
    known = columns(case(replace(made, features=features)), made.test, "features", k)
    assert known is not None
    rows, X = known
    assert rows.tolist() == [row for row in np.flatnonzero(made.test.labels == k) if row != 5]
    np.testing.assert_array_equal(X, features["test"][rows].astype(np.float64))
    assert columns(case(replace(made, features={})), made.test, "features", k) is None


def test_images_that_look_strange_and_fail_are_established_and_cited() -> None:
    made = strange(0.5)
    one = case(made)
    finding = CAUSE.judge(one)
    assert finding.verdict == "established" and "NORMAL" in finding.sentence
    assert finding.points is not None and finding.points.low > 0
    assert finding.numbers["null_max"] < finding.numbers["domain_auc"] < 0.9
    test = made.test
    assert test is not None
    row = {id_: i for i, id_ in enumerate(test.ids)}
    cited = [row[id_] for id_ in finding.images]
    assert cited and not test.right[cited].any() and (test.labels[cited] == 0).all()
    assert made.features["test"][cited, 0].mean() > 1


def test_the_parts_sum_to_the_class_rows_of_the_budget() -> None:
    one = case(strange(0.5))
    for look in looks(one):
        row = one.budget.classes[look.k].points
        assert row is not None
        assert sum(part.value for part in look.points) == pytest.approx(row.value, abs=1e-3)


def test_images_that_fail_whatever_they_look_like_are_not_blamed_on_looks() -> None:
    finding = CAUSE.judge(case(strange(0.1, everywhere=2.0)))
    assert finding.verdict in ("excluded", "not identifiable")
    assert finding.numbers["same_looks_points"] > 5


def test_same_looks_that_fare_worse_too_leave_it_suggested() -> None:
    finding = CAUSE.judge(case(strange(0.5, everywhere=1.5)))
    assert finding.verdict == "suggested" and "not all of it" in finding.sentence


def learned(made: RunData, by: float) -> RunData:
    """With a pooled classifier that moves wrong answers back by `by`: 0 mends nothing."""

    def margins(part: str) -> Reals:
        one = sides(made)[part]
        away = np.where(one.labels == 1, 1.0, -1.0) * ~one.right
        return np.asarray(margin(one) + by * away)

    return with_scored(made, POOLED, {("balanced", part): margins(part) for part in ("val", "test")})


def test_what_a_classifier_mends_that_saw_such_images_establishes_it_though_same_looks_fare_worse() -> None:
    made = strange(0.5, everywhere=1.5)
    finding = CAUSE.judge(case(learned(made, by=3.0)))
    assert finding.verdict == "established" and "mends" in finding.sentence
    assert finding.numbers["of_difficulty"] == 0 and finding.priority > 0


def test_new_looks_that_are_hard_for_anyone_are_established_and_take_the_difficulty_with_them() -> None:
    made = strange(0.5, everywhere=1.5)
    finding = CAUSE.judge(case(learned(made, by=0.0)))
    assert finding.verdict == "established" and "hard for anyone" in finding.sentence
    assert finding.points is not None and finding.priority == finding.points.value
    assert finding.numbers["of_difficulty"] >= finding.points.value / 3


def test_a_classifier_that_fails_on_other_looks_leaves_it_suggested() -> None:
    made = strange(0.5, everywhere=1.5)
    rng = np.random.default_rng(5)
    variants = {}
    for part in ("val", "test"):
        one = sides(made)[part]
        sign = np.where(one.labels == 1, 1.0, -1.0)  # as often wrong as the run, and at random
        variants["balanced", part] = 2 * sign * np.where(rng.permutation(one.right), 1.0, -1.0)
    finding = CAUSE.judge(case(with_scored(made, POOLED, variants)))
    assert finding.verdict == "suggested" and finding.numbers["of_difficulty"] == 0


def test_a_class_to_which_its_looks_give_is_told_and_not_set_off() -> None:
    made = strange(0.5)
    test = made.test
    assert test is not None and made.val is not None
    features = {part: values.copy() for part, values in made.features.items()}
    rng = np.random.default_rng(7)
    logits = {}
    for part, one in (("val", made.val), ("test", test)):
        odd = (rng.random(len(one)) < (0.6 if part == "test" else 0.1)) & (one.labels == 1)
        features[part][:, 1] += 6 * odd
        moved = margin(one) - 1.5 * (one.labels == 1) + 4.0 * odd  # ILL that looks odd is easy to tell
        logits[part] = np.stack([-moved / 2, moved / 2], axis=1)
    made = replace(
        made,
        features=features,
        val=made.val.with_logits(logits["val"]),
        test=test.with_logits(logits["test"]),
    )
    one = case(made)
    finding = CAUSE.judge(one)
    lost = {look.k: look.explained.value for look in looks(one)}
    assert lost[1] < -3
    assert finding.points is not None and finding.points.value == pytest.approx(lost[0])
    assert "To ILL looks give" in finding.sentence and "not set off" in finding.sentence


def test_looks_without_overlap_are_suggested_if_learning_from_them_mends_points() -> None:
    made = strange(1.0, mean=20.0)
    finding = CAUSE.judge(case(learned(made, by=3.0)))
    assert finding.verdict == "suggested" and finding.points is not None and finding.points.low > 0
    assert CAUSE.judge(case(learned(made, by=0.0))).verdict == "not identifiable"


def test_threshold_part_and_the_rest_are_the_points_and_all_of_it_is_the_term() -> None:
    one = case(strange(0.5))
    finding = CAUSE.judge(one)
    numbers, points = finding.numbers, finding.points
    assert points is not None and numbers["of_threshold"] + numbers["of_ranking"] == pytest.approx(points.value)
    assert 0 < numbers["of_threshold"] < one.budget.terms["threshold"].value + 1.5  # moved by 3 of 4: a cut mends some
    assert of_threshold(one, []) == 0


def test_a_shift_of_looks_without_cost_is_excluded() -> None:
    finding = CAUSE.judge(case(strange(0.5, cost=0.0)))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_no_overlap_is_said_and_no_number_given() -> None:
    one = case(strange(1.0, mean=20.0))
    finding = CAUSE.judge(one)
    assert finding.verdict == "not identifiable" and finding.points is None and "overlap" in finding.reason
    lens = next(lens for lens in looks_lens(one) if lens.group == "NORMAL")
    assert not lens.parts and "no overlap" in lens.sentence


def test_too_few_images_ask_for_more() -> None:
    made = evidence(80, 80)
    rng = np.random.default_rng(0)
    features = {part: rng.standard_normal((len(one), 3)).astype(np.float32) for part, one in sides(made).items()}
    assert CAUSE.judge(case(replace(made, features=features))).verdict == "not identifiable"
    few = CAUSE.judge(case(evidence(80, 80)))
    assert few.verdict == "not identifiable" and "features or measured properties" in few.reason


def test_lenses_are_computed_once_and_name_the_property() -> None:
    one = case(quality(evidence(N, N, shift=1.0), {("sharpness", 0): -0.8}))
    first = looks(one)
    assert looks(one) is first
    normal = next(look for look in first if look.k == 0)
    assert normal.basis == "quality" and normal.top.startswith("blurrier by 0.")
    lens = looks_lens(one)[0]
    assert set(lens.parts) and lens.numbers["domain_auc"] > 0.5


def test_a_hard_kind_that_is_merely_more_frequent_is_not_called_new() -> None:
    made = strange(0.5, everywhere=1.5)
    (main,) = [look for look in looks(case(made)) if look.k == 0]
    account = _account(case(learned(made, by=0.0)), [main])
    assert account.new
    more = replace(main, points=(main.points[2], main.points[1], main.points[2]))
    assert not replace(account, losing=[more], main=more).new


def test_less_than_the_margin_counts_as_none_whatever_its_interval() -> None:
    finding = CAUSE.judge(case(strange(0.2, cost=1.8)))
    assert finding.points is not None and finding.points.low > 0
    assert finding.points.value <= MARGIN < finding.points.high
    assert finding.verdict == "excluded" and "worth less than 1.5" in finding.reason
