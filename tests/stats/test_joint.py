"""The one bootstrap of validation and test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from heldout.records.predictions import Predictions
from heldout.stats.intervals import Z95
from heldout.stats.joint import JointBootstrap, draw_training, training_accuracy
from heldout.stats.measured import Measured
from heldout.stats.weighted import class_sums, recalls, shares, weighted_mean


def side(name: str, patients: list[str], seed: int = 0, skill: float = 1.0) -> Predictions:
    """One image a patient named; two classes in turn."""
    n = len(patients)
    labels = np.arange(n) % 2
    logits = np.random.default_rng(seed).normal(size=(n, 2)) + skill * np.eye(2)[labels]
    return Predictions(name, tuple(f"{name}{i}" for i in range(n)), labels, logits, tuple(patients))


VAL = side("val", [f"v{i // 2}" for i in range(80)])
TEST = side("test", [f"t{i // 2}" for i in range(60)] + ["v0", "v1"], 1)


def test_a_patient_of_both_parts_is_drawn_with_all_images_or_not_at_all() -> None:
    joint = JointBootstrap.of(VAL, TEST, 200, 0)
    assert joint.val.shape == (201, 80) and joint.test.shape == (201, 62)
    assert (joint.val[0] == 1).all() and (joint.test[0] == 1).all()
    np.testing.assert_array_equal(joint.val[:, 0], joint.test[:, 60])
    np.testing.assert_array_equal(joint.val[:, 2], joint.test[:, 61])
    assert joint.of_part("val") is joint.val and joint.of_part("test") is joint.test


def test_the_draws_of_a_part_are_its_columns_of_the_joint_ones() -> None:
    joint = JointBootstrap.of(VAL, TEST, 50, 0)
    np.testing.assert_array_equal(joint.resamples("test").weights(), joint.test[1:])
    np.testing.assert_array_equal(joint.resamples("val").weights(), joint.val[1:])


def test_without_test_images_validation_is_drawn_as_it_would_be_beside_others() -> None:
    alone = JointBootstrap.of(VAL, None, 50, 0)
    beside = JointBootstrap.of(VAL, side("test", [f"t{i}" for i in range(20)]), 50, 0)
    np.testing.assert_array_equal(alone.val, beside.val)


def test_the_gap_is_that_of_the_weighted_accuracies() -> None:
    joint = JointBootstrap.of(VAL, TEST, 200, 0)
    gap = joint.gap(VAL.right, TEST.right)
    points = 100 * (weighted_mean(VAL.right, joint.val) - weighted_mean(TEST.right, joint.test))
    assert gap.value == pytest.approx(points[0])
    assert gap.n == 142
    assert gap.replicates == pytest.approx(points[1:])
    drawn = gap.value + gap.factor * (points[1:] - gap.value)
    assert gap.interval() == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def accuracies(joint: JointBootstrap, *sides: Predictions) -> list[Measured]:
    return [joint.measured(weighted_mean(one.right, joint.of_part(one.part)), len(one)) for one in sides]


def test_few_patients_in_one_part_spread_the_numbers_of_both() -> None:
    many, few = side("val", [f"v{i}" for i in range(120)]), side("test", [f"t{i // 5}" for i in range(60)])
    joint = JointBootstrap.of(many, few, 1000, 0)
    least = t.ppf(0.975, 10) / Z95 * np.sqrt(12 / 10)
    for one in (joint.gap(many.right, few.right), *accuracies(joint, many, few)):
        assert one.factor >= least * (1 - 1e-9) and "spread by" in one.estimate().method
    sides = many, side("test", [f"t{i}" for i in range(120)])
    assert JointBootstrap.of(*sides, 200, 0).gap(many.right, sides[1].right).factor == 1


def test_few_patients_of_one_class_spread_what_depends_on_them() -> None:
    """Part and class are a stratum each: validation has many of both, test 3 of one."""
    many = side("val", [f"v{i}" for i in range(160)])
    rare = side("test", [f"t{i if i % 2 == 0 else i % 6}" for i in range(160)])
    joint = JointBootstrap.of(many, rare, 1000, 0)
    of_val, of_test = accuracies(joint, many, rare)
    assert of_val.factor == pytest.approx(1, abs=0.01) and of_test.factor > 1.2
    assert of_val.factor < (of_val - of_test).factor < of_test.factor
    assert "spread by" in of_test.estimate().method and "spread by" not in of_val.estimate().method


def test_terms_sum_to_the_gap_in_every_replicate() -> None:
    few = side("test", [f"t{i // 5}" for i in range(60)])
    joint = JointBootstrap.of(VAL, few, 200, 0)
    gap = joint.gap(VAL.right, few.right)
    own = shares(VAL.labels, joint.val, 2) - shares(few.labels, joint.test, 2)
    recall = recalls(VAL.right, VAL.labels, joint.val, 2)
    prior = joint.measured(100 * (own * recall).sum(axis=1), 80)
    rest = joint.measured(
        100
        * (shares(few.labels, joint.test, 2) * (recall - recalls(few.right, few.labels, joint.test, 2))).sum(axis=1),
        142,
    )
    assert (prior + rest).value == pytest.approx(gap.value)
    assert (prior + rest).replicates == pytest.approx(gap.replicates)


def test_accuracy_on_training_images_is_never_certain() -> None:
    sure = side("train", [f"p{i // 3}" for i in range(30)], skill=50)
    found = training_accuracy(sure, 300, 0)
    assert found.value == 100 and found.low < 90
    less = training_accuracy(side("train", [f"p{i // 3}" for i in range(30)]), 300, 0)
    assert less.low < less.value < less.high
    assert draw_training(sure, 300, 0).counts.shape == (10, 300)


def test_weighted_sums_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, (300, 80)).astype(np.float32)
    values = rng.normal(size=80)
    assert weighted_mean(values, weights) == pytest.approx([np.average(values, weights=row) for row in weights])
    sums = class_sums(values, VAL.labels, weights, 2)
    assert sums[:, 1] == pytest.approx((weights * values)[:, VAL.labels == 1].sum(axis=1))
    assert shares(VAL.labels, weights, 2).sum(axis=1) == pytest.approx(np.ones(300))
    nobody = recalls(VAL.right, np.zeros(80, dtype=int), weights, 2)
    assert np.isnan(nobody[:, 1]).all()
