from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from heldout.stats import contradiction
from heldout.stats.contradiction import Floor, answered_as_often, bins_of, fitted_floor, joint_answers, sharpness
from heldout.stats.scores import Indices, Reals

SLOPE = 1.0


def answered(n: int, floor: float, seed: int, *, unsure: float = 1.0, k: int = 2) -> tuple[Reals, np.ndarray]:
    """Sureness of n answers and whether the label contradicts each: the error falls with sureness, down to a floor."""
    rng = np.random.default_rng(seed)
    sureness = rng.gamma(2.0, 1.5 / unsure, n)
    wrong = rng.random(n) < expit(-0.5 - 1.5 * sureness)
    turned = rng.random(n) < floor
    back = rng.random(n) < 1 / (k - 1)  # a wrong answer that the turned label happens to confirm
    return sureness, np.where(turned, ~wrong | ~back, wrong)


def fitted(sureness: Reals, wrong: np.ndarray, *, replicates: int = 0, like: Floor | None = None, k: int = 2) -> Floor:
    bin_, mean = bins_of(sureness)
    drawn = np.random.default_rng(1).multinomial(len(wrong), np.full(len(wrong), 1 / len(wrong)), size=replicates)
    weights = np.concatenate([np.ones((1, len(wrong))), drawn]).astype(np.float32)
    return fitted_floor(bin_, mean, wrong, weights, k, SLOPE, 0, like)


@pytest.mark.parametrize("k", [2, 7])
@pytest.mark.parametrize("floor", [0.0, 0.05, 0.12, 0.3])
def test_the_floor_is_the_share_of_turned_labels(floor: float, k: int) -> None:
    found = [fitted(*answered(1500, floor, seed, k=k), k=k).rate[0] for seed in range(6)]
    assert np.mean(found) == pytest.approx(floor, abs=0.015)


@pytest.mark.parametrize("unsure", [2.0, 4.0])
def test_unsure_answers_are_no_floor(unsure: float) -> None:
    """Hard images: the models are less sure and err up to three times as often, as they say themselves."""
    like = fitted(*answered(1500, 0.0, 8))
    found, errors = [], []
    for seed in range(8):
        sureness, wrong = answered(1000, 0.0, seed, unsure=unsure)
        found.append(fitted(sureness, wrong, like=like).rate[0])
        errors.append(wrong.mean())
    assert np.mean(errors) > 1.7 * answered(1500, 0.0, 8)[1].mean()
    assert np.mean(found) < 0.02 and max(found) < 0.06


def test_replicates_hold_the_truth_and_the_excess_is_what_turned_labels_add() -> None:
    sureness, wrong = answered(1000, 0.12, 3)
    found = fitted(sureness, wrong, replicates=200)
    low, high = np.percentile(found.rate[1:], [2.5, 97.5])
    assert low < 0.12 < high < 0.2 and low > 0.05
    clean = answered(1000, 0.0, 3)[1]
    added = float((found.counts * found.excess)[0].sum())
    assert added == pytest.approx(wrong.sum() - clean.sum(), abs=25)
    # The surest contradiction was turned nearly for certain, the least sure one hardly.
    assert found.turned[-1] > 0.95 and found.turned[0] < 0.5


def test_where_no_sure_answer_is_contradicted_the_floor_is_still_not_known_to_be_none() -> None:
    sureness = np.linspace(0.1, 6, 60)
    few = fitted(sureness, np.zeros(60, dtype=bool), replicates=200).rate
    many = fitted(np.tile(sureness, 50), np.zeros(3000, dtype=bool), replicates=200).rate
    assert few[0] == many[0] == 0
    assert np.percentile(few[1:], 97.5) > 0.01 > np.percentile(many[1:], 97.5)


def test_a_curve_that_is_known_from_elsewhere_settles_what_few_answers_leave_open() -> None:
    like = fitted(*answered(1500, 0.0, 8), replicates=100)
    errors: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(8):
        sureness, wrong = answered(150, 0.3, seed)
        for helped in (False, True):
            found = fitted(sureness, wrong, replicates=100, like=like if helped else None)
            errors[helped].append(abs(found.rate[0] - 0.3))
    assert np.mean(errors[True]) < np.mean(errors[False]) < 0.12


def logits_of(margin: Reals) -> Reals:
    return np.stack([-margin / 2, margin / 2], axis=1)


def labels_and_margin(n: int = 400, seed: int = 0) -> tuple[Indices, Reals]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).astype(np.int64)
    return labels, np.where(labels == 1, 1.0, -1.0) * 2 + 2 * rng.standard_normal(n)


@given(scale=st.floats(0.2, 5.0), shift=st.floats(-3.0, 3.0))
@settings(max_examples=15, deadline=None)
def test_neither_the_scale_of_a_models_logits_nor_a_constant_changes_anything(scale: float, shift: float) -> None:
    labels, margin = labels_and_margin()
    other = logits_of(margin + 0.5 * np.random.default_rng(1).standard_normal(len(margin)))
    plain = joint_answers([logits_of(margin), other], labels, np.ones(len(labels), dtype=bool))
    moved = joint_answers([logits_of(margin), scale * other + shift], labels, np.ones(len(labels), dtype=bool))
    assert (plain.answer == moved.answer).all()
    assert moved.sureness == pytest.approx(plain.sureness, rel=1e-3, abs=1e-6)


def test_models_that_differ_are_not_sure_and_the_least_sure_one_counts() -> None:
    labels, margin = labels_and_margin()
    every = np.ones(len(labels), dtype=bool)
    alone = joint_answers([logits_of(margin)], labels, every)
    against = joint_answers([logits_of(margin), logits_of(-margin)], labels, every)
    assert alone.agreed.all() and not against.agreed.any()
    weaker = margin.copy()
    weaker[:5] /= 100
    both = joint_answers([logits_of(margin), logits_of(weaker)], labels, every)
    assert (both.sureness[:5] < 0.05).all() and both.agreed.all()


def test_sharpness_is_one_for_probabilities_that_are_meant() -> None:
    rng = np.random.default_rng(0)
    margin = 3 * rng.standard_normal(20000)
    labels = (rng.random(20000) < expit(margin)).astype(np.int64)
    assert sharpness(logits_of(margin), labels) == pytest.approx(1.0, abs=0.05)
    assert sharpness(logits_of(4 * margin), labels) == pytest.approx(0.25, abs=0.02)


def test_equal_sureness_shares_a_bin() -> None:
    bin_, mean = bins_of(np.repeat([1.0, 3.0, 3.0, 7.0], 10))
    assert mean.tolist() == [1.0, 3.0, 7.0] and np.bincount(bin_).tolist() == [10, 20, 10]


def test_validation_is_weighted_to_be_answered_as_often_as_test_whatever_test_is_labelled() -> None:
    """80 % of validation and 30 % of test show class 1; half of the test labels of class 1 are turned."""
    rng = np.random.default_rng(0)
    shown = np.concatenate([rng.random(4000) < 0.8, rng.random(4000) < 0.3]).astype(np.int64)
    is_test = np.arange(8000) >= 4000
    margin = np.where(shown == 1, 1.5, -1.5) + rng.standard_normal(8000)
    labels = np.where(is_test & (shown == 1) & (rng.random(8000) < 0.5), 0, shown)
    joint = joint_answers([logits_of(margin)], labels, ~is_test)
    factor = answered_as_often(joint, labels, is_test, np.ones((1, 8000), dtype=np.float32), 2)
    val = factor[0, labels[~is_test]]
    assert (val * (labels[~is_test] == 1)).sum() / val.sum() == pytest.approx(0.3, abs=0.03)
    answers = joint.answer[~is_test]
    assert (val * answers).sum() / val.sum() == pytest.approx(joint.answer[is_test].mean(), abs=0.01)


def test_a_draw_without_an_image_that_all_answer_alike_is_as_if_there_were_none() -> None:
    labels, is_test = np.array([0, 1, 0, 1, 0, 1]), np.arange(6) >= 4
    joint = joint_answers([logits_of(np.array([-2.0, 2.0, -1.0, 1.0, -2.0, 2.0]))], labels, ~is_test)
    weights = np.ones((2, 6), dtype=np.float32)
    weights[1, is_test] = 0
    whole, without = answered_as_often(joint, labels, is_test, weights, 2)
    assert np.isfinite(without).all() and without.tolist() == pytest.approx([1.0, 1.0])
    (alone,) = answered_as_often(joint, labels, is_test, weights[:1], 2)
    assert whole.tolist() == alone.tolist()


def test_the_best_floor_at_either_end_is_the_floor_itself() -> None:
    floors = contradiction.FLOORS
    rising = np.stack([np.linspace(1, 0, len(floors)), np.linspace(0, 1, len(floors))])
    rate = contradiction._peak(rising, rising.argmax(axis=1))
    assert rate.tolist() == [floors[0], floors[-1]]
