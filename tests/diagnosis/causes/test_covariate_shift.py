from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.appearance import of_threshold
from heldout.diagnosis.causes.covariate_shift import CAUSE, Losses
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.lenses.appearance import LENS
from heldout.diagnosis.pooled import INTERVENTION as POOLED
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from tests.worlds.made_runs import Reals, judged, made_run, margin, parts, quality, with_scored

N = 480


def strange(share_test: float, *, cost: float = 3.0, mean: float = 6.0, everywhere: float = 0.0) -> RunData:
    """A tenth of all NORMAL images, and `share_test` of test's, look strange and are moved toward ILL by `cost`.

    `everywhere` moves all test NORMAL images, whatever they look like.
    """
    made = made_run(N, N, patients=1, n_train=800)
    rng = np.random.default_rng(3)
    features: dict[str, np.ndarray] = {}
    changed = {}
    for part, one in parts(made).items():
        odd = (rng.random(len(one)) < (share_test if part == "test" else 0.1)) & (one.labels == 0)
        seen: Reals = rng.standard_normal((len(one), 4))
        seen[:, 0] += mean * odd
        features[part] = seen.astype(np.float32)
        moved = margin(one) + cost * odd + everywhere * (one.labels == 0) * (part == "test")
        changed[part] = one.with_logits(np.stack([-moved / 2, moved / 2], axis=1))
    return replace(made, features=features, val=changed["val"], test=changed["test"])


def test_rows_are_of_one_class_without_images_whose_features_are_not_known() -> None:
    made = strange(0.5)
    features = dict(made.features)
    features["test"] = features["test"].copy()
    features["test"][5] = np.nan
    assert made.test is not None
    k = int(made.test.labels[5])
    (row,) = [row for row in cause_data(replace(made, features=features)).appearance.rows if row.k == k]
    assert row.test_rows.tolist() == [place for place in np.flatnonzero(made.test.labels == k) if place != 5]
    assert row.basis == "features" and len(row.test_pi) == len(row.test_rows)
    assert cause_data(replace(made, features={})).appearance.rows == ()


def test_of_many_images_a_random_sample_is_looked_at_and_that_is_said() -> None:
    made = strange(0.5)
    assert made.test is not None
    few = replace(RULES, max_domain_images=160)
    one, again, whole = cause_data(made, few), cause_data(made, few), cause_data(made)
    assert all(row.drawn_from is None for row in whole.appearance.rows)
    for row, same, every in zip(one.appearance.rows, again.appearance.rows, whole.appearance.rows, strict=True):
        assert row.sizes == (160, 160) and row.drawn_from == every.sizes
        assert row.test_rows.tolist() == same.test_rows.tolist() and row.split.auc == same.split.auc
        assert set(row.test_rows) < set(every.test_rows) and (np.diff(row.test_rows) > 0).all()
        error = np.sqrt(321 / (12 * 160**2))  # of an AUC by chance (Hanley & McNeil 1982)
        assert abs(row.split.auc - every.split.auc) < 3 * error
        assert abs(row.explained.value - every.explained.value) < row.explained.high - row.explained.low
    finding, of_all = CAUSE.judge(one), CAUSE.judge(whole)
    assert finding.verdict == of_all.verdict == "established"
    k = int(finding.numbers["class"])
    (row,) = [row for row in whole.appearance.rows if row.k == k]
    assert (finding.numbers["of_val"], finding.numbers["of_test"]) == row.sizes
    assert finding.numbers["images_test"] == 160 and "160 of" in finding.sentence
    assert "images_test" not in of_all.numbers and "random sample" not in of_all.sentence


def test_images_that_look_strange_and_fail_are_established_and_cited() -> None:
    made = strange(0.5)
    one = cause_data(made)
    finding = CAUSE.judge(one)
    assert finding.verdict == "established" and finding.numbers["class"] == 0
    assert finding.points is not None and finding.points.low > 0
    assert finding.numbers["null_max"] < finding.numbers["domain_auc"] < 0.9
    test = made.test
    assert test is not None
    row = {id_: i for i, id_ in enumerate(test.ids)}
    cited = [row[id_] for id_ in finding.images]
    assert cited and not test.right[cited].any() and (test.labels[cited] == 0).all()
    assert made.features["test"][cited, 0].mean() > 1


def test_the_parts_sum_to_the_class_rows_of_the_budget() -> None:
    one = cause_data(strange(0.5))
    for row in one.appearance.rows:
        class_row = one.gap.classes[row.k].points
        assert class_row is not None
        assert sum(part.value for part in row.points) == pytest.approx(class_row.value, abs=1e-3)


def test_images_that_fail_whatever_they_look_like_are_not_blamed_on_looks() -> None:
    finding = judged(CAUSE, strange(0.1, everywhere=2.0))
    assert finding.verdict in ("excluded", "not identifiable")
    assert finding.numbers["alike_points"] > 5


def test_same_looks_that_fare_worse_too_leave_it_suggested() -> None:
    finding = judged(CAUSE, strange(0.5, everywhere=1.5))
    assert finding.verdict == "suggested" and finding.numbers["alike_points"] > 0


def learned(made: RunData, by: float) -> RunData:
    """With a pooled classifier that moves wrong answers back by `by`: 0 mends nothing."""

    def margins(part: str) -> Reals:
        one = parts(made)[part]
        away = np.where(one.labels == 1, 1.0, -1.0) * ~one.right
        return np.asarray(margin(one) + by * away)

    return with_scored(made, POOLED, {("balanced", part): margins(part) for part in ("val", "test")})


def test_what_a_classifier_mends_that_saw_such_images_establishes_it_though_same_looks_fare_worse() -> None:
    made = strange(0.5, everywhere=1.5)
    finding = judged(CAUSE, learned(made, by=3.0))
    assert finding.verdict == "established"
    assert finding.explains["difficulty"] == 0 and finding.priority > 0


def test_new_looks_that_are_hard_for_anyone_are_established_and_take_the_difficulty_with_them() -> None:
    made = strange(0.5, everywhere=1.5)
    finding = judged(CAUSE, learned(made, by=0.0))
    assert finding.verdict == "established"
    assert finding.points is not None and finding.priority == finding.points.value
    assert finding.explains["difficulty"] >= finding.points.value / 3


def test_a_classifier_that_fails_on_other_looks_leaves_it_suggested() -> None:
    made = strange(0.5, everywhere=1.5)
    rng = np.random.default_rng(5)
    variants = {}
    for part in ("val", "test"):
        one = parts(made)[part]
        sign = np.where(one.labels == 1, 1.0, -1.0)  # as often wrong as the run, and at random
        variants["balanced", part] = 2 * sign * np.where(rng.permutation(one.right), 1.0, -1.0)
    finding = judged(CAUSE, with_scored(made, POOLED, variants))
    assert finding.verdict == "suggested" and finding.explains["difficulty"] == 0


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
    one = cause_data(made)
    finding = CAUSE.judge(one)
    lost = {row.k: row.explained.value for row in one.appearance.rows}
    assert lost[1] < -3
    assert finding.points is not None and finding.points.value == pytest.approx(lost[0])
    losses = CAUSE.measure(one)
    assert isinstance(losses, Losses) and [row.k for row in losses.gaining] == [1]


def test_looks_without_overlap_are_suggested_if_learning_from_them_mends_points() -> None:
    made = strange(1.0, mean=20.0)
    finding = judged(CAUSE, learned(made, by=3.0))
    assert finding.verdict == "suggested" and finding.points is not None and finding.points.low > 0
    assert judged(CAUSE, learned(made, by=0.0)).verdict == "not identifiable"


def test_threshold_part_and_the_rest_are_the_points_and_all_of_it_is_the_term() -> None:
    one = cause_data(strange(0.5))
    finding = CAUSE.judge(one)
    explains, points = finding.explains, finding.points
    assert points is not None and explains["threshold"] + explains["ranking"] == pytest.approx(points.value)
    assert 0 < explains["threshold"] < one.gap.terms["threshold"].value + 1.5  # moved by 3 of 4: a cut mends some
    assert of_threshold(one.gap.samples, [], RULES) == 0


def test_a_shift_of_looks_without_cost_is_excluded() -> None:
    finding = judged(CAUSE, strange(0.5, cost=0.0))
    assert finding.verdict in ("excluded", "not identifiable") and finding.priority == 0


def test_no_overlap_is_said_and_no_number_given() -> None:
    one = cause_data(strange(1.0, mean=20.0))
    finding = CAUSE.judge(one)
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.OVERLAP) and finding.points is None
    lens = next(lens for lens in LENS.views(one) if lens.group == "NORMAL")
    assert not lens.parts and lens.numbers["domain_auc"] > RULES.max_domain_auc


def test_too_few_images_ask_for_more() -> None:
    made = made_run(80, 80)
    rng = np.random.default_rng(0)
    features = {part: rng.standard_normal((len(one), 3)).astype(np.float32) for part, one in parts(made).items()}
    assert judged(CAUSE, replace(made, features=features)).verdict == "not identifiable"
    few = judged(CAUSE, made_run(80, 80))
    assert (few.verdict, few.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)


def test_lenses_speak_of_the_rows_and_rows_name_the_property() -> None:
    one = cause_data(quality(made_run(N, N, shift=1.0), {("sharpness", 0): -0.8}))
    normal = next(row for row in one.appearance.rows if row.k == 0)
    assert normal.basis == "quality" and normal.shifts[0].name == "sharpness" and normal.shifts[0].smd < -0.5
    lens = LENS.views(one)[0]
    assert set(lens.parts) and lens.numbers["domain_auc"] > 0.5


def test_a_hard_kind_that_is_merely_more_frequent_is_not_called_new() -> None:
    losses = CAUSE.measure(cause_data(learned(strange(0.5, everywhere=1.5), by=0.0)))
    assert isinstance(losses, Losses) and losses.new(RULES)
    (main,) = losses.losing
    more = replace(main, points=(main.points[2], main.points[1], main.points[2]))
    assert not replace(losses, losing=(more,), main=more).new(RULES)


def test_less_than_the_margin_counts_as_none_whatever_its_interval() -> None:
    finding = judged(CAUSE, strange(0.2, cost=1.8))
    assert finding.points is not None and finding.points.low > 0
    assert finding.points.value <= RULES.margin < finding.points.high
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.WITHIN_MARGIN)
