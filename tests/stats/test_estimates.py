"""Which interval a number gets: its laws, against independent implementations, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.stats.proportion import proportion_confint

from heldout.records import Estimate
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw
from heldout.stats.estimates import (
    auc_estimate,
    difference_estimate,
    gap_estimate,
    recall_estimate,
    share_estimate,
    weighted_share_estimate,
)
from heldout.stats.few import FEW
from heldout.stats.intervals import Z95, wilson
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured
from heldout.stats.units import Units
from tests.stats.test_bootstrap import world


def units_of(n: int, per_patient: int) -> Units:
    """Two classes in turn; `per_patient` images a patient, 0 for patients that are not known."""
    patients = [f"p{i // per_patient}" if per_patient else "" for i in range(n)]
    return Units.of(np.arange(n) % 2, [str(i) for i in range(n)], patients)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(0, 5), st.integers(0, 5))
def test_an_interval_contains_its_estimate_and_has_a_width(right: list[bool], per_patient: int, seed: int) -> None:
    n = len(right)
    labels, units = np.arange(n) % 2, units_of(n, per_patient)
    for rows in (np.arange(n), np.flatnonzero(labels == 1)):
        found = share_estimate(np.array(right)[rows], units.take(rows))
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high
    draws = draw(
        labels, [str(i) for i in range(n)], ["" if not per_patient else f"p{i // per_patient}" for i in range(n)]
    )
    area = auc_estimate(labels, np.random.default_rng(seed).normal(size=(n, 2)), draws)
    assert area and 0 <= area.low <= area.value <= area.high <= 1


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_permuting_the_rows_changes_nothing(data: st.DataObject) -> None:
    labels, ids, patients = world(9, 3)
    right = np.array(data.draw(st.lists(st.booleans(), min_size=27, max_size=27)))
    order = np.array(data.draw(st.permutations(range(27))))
    logits = np.random.default_rng(0).normal(size=(27, 2))

    def both(o: np.ndarray) -> tuple[Estimate, Estimate | None]:
        draws = draw(labels[o], [ids[i] for i in o], [patients[i] for i in o], replicates=200)
        return share_estimate(right[o], draws.units), auc_estimate(labels[o], logits[o], draws)

    for one, other in zip(both(np.arange(27)), both(order), strict=True):
        assert one and other and one.method == other.method
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=60), st.integers(1, 5))
def test_right_and_wrong_exchanged_mirror_the_interval(right: list[bool], per_patient: int) -> None:
    units, answers = units_of(len(right), per_patient), np.array(right)
    one, other = share_estimate(answers, units), share_estimate(~answers, units)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.lists(st.integers(0, 6), min_size=2, max_size=12), st.integers(2, 5))
def test_more_patients_narrow_the_interval(size: int, hits: list[int], times: int) -> None:
    """The same patients several times over, as other people."""

    def width(repeat: int) -> float:
        right = np.concatenate([np.arange(size) < min(size, h) for h in hits * repeat])
        patients = [f"p{i // size}" for i in range(len(right))]
        found = share_estimate(right, Units.of(np.zeros(len(right), dtype=int), list(patients), patients))
        return found.high - found.low

    assert width(times) < width(1)


def width(n_patients: int, images: int, copies: int = 1) -> float:
    """Width of the interval of an accuracy of 80 %, every patient's images as one."""
    labels, ids, patients = world(n_patients, images)
    wrong = {f"p{i}" for i in range(n_patients) if (i // 2) % 5 == 0}
    right = np.array([patient not in wrong for patient in patients])
    labels, right = np.tile(labels, copies), np.tile(right, copies)
    ids, patients = [f"{id_}-{c}" for c in range(copies) for id_ in ids], patients * copies
    found = share_estimate(right, Units.of(labels, ids, patients))
    return found.high - found.low


def test_four_times_the_patients_halve_the_interval_and_more_images_of_the_same_do_nothing() -> None:
    assert width(160, 2) == pytest.approx(width(40, 2) / 2, rel=0.15)
    assert width(40, 2, copies=10) == pytest.approx(width(40, 2))
    assert width(40, 20) == pytest.approx(width(40, 2))


@pytest.mark.parametrize("right", [0, 37, 80, 100])
def test_without_patients_a_share_has_wilsons_interval(right: int) -> None:
    found = share_estimate(np.arange(100) < right, units_of(100, 0))
    assert (found.low, found.high) == pytest.approx(proportion_confint(right, 100, method="wilson"), abs=1e-12)
    assert (found.method, found.n) == ("Wilson", 100)


@pytest.mark.parametrize("images", [1, 5, 40])
@pytest.mark.parametrize("right", [True, False])
def test_where_all_are_right_or_wrong_the_number_of_patients_limits_what_is_known(images: int, right: bool) -> None:
    labels, ids, patients = world(12, images)
    found = share_estimate(np.full(12 * images, right), Units.of(labels, ids, patients))
    assert (found.low, found.high) == pytest.approx(proportion_confint(12 * right, 12, method="wilson"), abs=1e-12)


def test_recall_of_a_part_is_a_share_of_its_images() -> None:
    rng = np.random.default_rng(4)
    labels, ids, patients = world(20, 4)
    side = Predictions("test", tuple(ids), labels, rng.normal(size=(80, 2)) + np.eye(2)[labels], tuple(patients))
    units = Units.of(labels, ids, patients)
    own = labels == 1
    assert recall_estimate(side, 1) == share_estimate(side.right[own], units.take(own))
    assert recall_estimate(side.take(labels == 0), 1) is None


def test_a_share_whose_images_do_not_count_alike_stays_a_share() -> None:
    replicates = np.random.default_rng(0).normal(0.97, 0.03, 500)
    found = weighted_share_estimate(Measured(0.97, replicates, 50, "made"), 20)
    assert (found.low, found.high) == (pytest.approx(np.percentile(replicates, 2.5), abs=1e-9), 1.0)
    sure = weighted_share_estimate(Measured(1.0, np.ones(500), 50, "made"), 20)
    assert (sure.low, sure.high) == pytest.approx(wilson(20, 20))


def test_the_auc_of_classes_that_are_told_apart_without_a_mistake_is_limited_by_the_rarer_ones_patients() -> None:
    labels, ids, patients = world(12, 5)
    draws = draw(labels, ids, patients, replicates=200)
    area = auc_estimate(labels, 9.0 * np.eye(2)[labels], draws)
    assert area and (area.value, area.low, area.high) == (1.0, *wilson(6, 6))
    assert auc_estimate(np.zeros(60, dtype=int), np.zeros((60, 2)), draws) is None


def test_the_auc_has_wilsons_interval_on_as_many_patients_as_its_replicates_say() -> None:
    """Of many patients with one image each: the standard error of Hanley & McNeil (1982)."""
    labels, ids, patients = world(400, 1)
    logits = np.random.default_rng(1).normal(size=(400, 2)) + np.eye(2)[labels]
    area = auc_estimate(labels, logits, draw(labels, ids, patients))
    assert area
    a, q1, q2 = area.value, area.value / (2 - area.value), 2 * area.value**2 / (1 + area.value)
    se = np.sqrt((a * (1 - a) + 199 * (q1 - a**2) + 199 * (q2 - a**2)) / 200**2)
    assert area.high - area.low == pytest.approx(2 * 1.96 * se, rel=0.1)


@pytest.mark.parametrize("number", [FEW - 2, FEW])
def test_replicates_of_few_patients_are_spread_and_those_of_many_are_not(number: int) -> None:
    labels, ids, patients = np.zeros(2 * number, dtype=int), *world(number, 2)[1:]
    draws = draw(labels, ids, patients)
    right, other = np.random.default_rng(1).random((2, 2 * number)) < 0.8
    found = difference_estimate(right, other, draws)
    drawn = 100 * (draws.totals(right) - draws.totals(other)) / draws.totals(np.ones(2 * number))
    low, high = np.percentile(drawn, [2.5, 97.5])
    factor = 1.0 if number == FEW else t.ppf(0.975, number - 1) / Z95 * np.sqrt(number / (number - 1))
    assert ("spread by 1.03 for few of them" in found.method) == (number < FEW)
    assert (found.low, found.high) == pytest.approx([found.value + factor * (end - found.value) for end in (low, high)])


def parts(val_right: int, n_val: int, test_right: int, n_test: int) -> tuple[Estimate, Estimate, Estimate]:
    """Accuracies of two parts of patients with one image each, and their gap."""
    sides = []
    for name, right, n in (("val", val_right, n_val), ("test", test_right, n_test)):
        labels = np.arange(n) % 2
        logits = np.where((np.arange(n) < right)[:, None], np.eye(2)[labels], np.eye(2)[1 - labels])
        names = tuple(f"{name}{i}" for i in range(n))
        sides.append(Predictions(name, names, labels, logits, names))
    val, test = (share_estimate(side.right, Units.of(side.labels, side.ids, side.patients)) for side in sides)
    joint = JointBootstrap.of(sides[0], sides[1], 1000, 0)
    return val, test, gap_estimate(joint, sides[0].right, sides[1].right, val, test)


def test_the_gap_adds_the_variances_of_both_parts() -> None:
    _, _, gap = parts(180, 200, 75, 100)
    assert gap.value == pytest.approx(15.0)
    assert gap.n == 300
    se = 100 * np.sqrt(0.9 * 0.1 / 200 + 0.75 * 0.25 / 100)
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * se, rel=0.12)


def test_a_gap_from_a_perfect_validation_keeps_the_doubt_about_it() -> None:
    val, test, gap = parts(50, 50, 75, 100)
    assert val.low == pytest.approx(wilson(50, 50)[0])
    assert gap.low == pytest.approx(25 - 100 * np.hypot(1 - val.low, test.high - 0.75))
    assert "square-and-add" in gap.method


@pytest.mark.parametrize("right", [(30, 20), (40, 40), (0, 40)])
def test_a_gap_contains_its_value_and_turns_with_its_parts(right: tuple[int, int]) -> None:
    there, back = parts(right[0], 40, right[1], 40)[2], parts(right[1], 40, right[0], 40)[2]
    assert -100 <= there.low <= there.value <= there.high <= 100
    assert there.value == -back.value
    # Other draws, since the parts' patients have other names.
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=3.0)


def test_a_difference_stays_within_what_is_possible() -> None:
    everyone = np.ones(8, dtype=bool)
    draws = draw(np.zeros(8, dtype=int), list("abcdefgh"), [f"p{i}" for i in range(8)], replicates=300)
    some = everyone.copy()
    some[0] = False
    found = difference_estimate(some, everyone, draws)
    assert found.value == pytest.approx(-12.5)
    assert -100 <= found.low <= found.value <= found.high <= 100
    assert found.low < np.percentile(-100 * draws.totals(~some) / 8, 2.5), "spread, since patients are few"
