"""The metric as weights: what scikit-learn says, and the laws that make it a metric of the whole diagnosis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from heldout.records.metric import Metric
from heldout.stats.estimates import difference_estimate, gap_estimate, metric_estimate
from heldout.stats.joint import JointBootstrap, training_accuracy
from heldout.stats.metric import ClassWeights
from heldout.stats.paired import mcnemar, randomised
from heldout.stats.units import Units
from heldout.stats.weighted import shares, weighted_mean
from tests.worlds.made_runs import clustered, counted, noisy

pytestmark = pytest.mark.numeric

NAMES = ("a", "b", "c")
BALANCED = ClassWeights.of(Metric("balanced-accuracy"), NAMES)
COSTS = ClassWeights.of(Metric("cost", {"a": 1.0, "b": 4.0, "c": 2.0}), NAMES)
KNOWN = ClassWeights.of(Metric("cost", {"a": 1.0, "b": 4.0, "c": 2.0}, {"a": 0.7, "b": 0.1, "c": 0.2}), NAMES)


def sides(seed: int = 0) -> tuple[object, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        noisy(name, rng.choice(3, n, p=p), 3, sure=1.0, patients=n // 2)
        for name, n, p in (("val", 120, (0.6, 0.3, 0.1)), ("test", 90, (0.2, 0.4, 0.4)))
    )


@pytest.mark.parametrize("metric", [BALANCED, COSTS, KNOWN])
def test_the_weighted_mean_of_images_is_the_metric(metric: ClassWeights) -> None:
    val, test = sides()
    joint = JointBootstrap.of(val, test, 50, 0, metric)  # type: ignore[arg-type]
    for part, side in (("val", val), ("test", test)):
        weights = joint.of_part(part)
        means = weighted_mean(side.right, weights)  # type: ignore[attr-defined]
        assert means == pytest.approx(joint.score(part, side.right), abs=1e-13)  # type: ignore[attr-defined]
        drawn = joint.resamples(part).weights()
        for b in (0, 7, 31):
            w = np.ones(len(side.labels)) if b == 0 else drawn[b - 1]  # type: ignore[attr-defined]
            counts = np.bincount(side.labels, weights=w, minlength=3)  # type: ignore[attr-defined]
            recall = np.bincount(side.labels, weights=w * side.right, minlength=3) / counts  # type: ignore[attr-defined]
            each = metric.costs * (counts if metric.shares is None else metric.shares)
            assert means[b] == pytest.approx((each * recall).sum() / each.sum(), abs=1e-12)
            if metric is BALANCED:
                expected = balanced_accuracy_score(side.labels, side.predicted, sample_weight=w)  # type: ignore[attr-defined]
                assert means[b] == pytest.approx(expected, abs=1e-12)


def test_shares_of_weighted_images_are_what_the_classes_count() -> None:
    val, test = sides()
    joint = JointBootstrap.of(val, test, 20, 0, BALANCED)  # type: ignore[arg-type]
    assert shares(val.labels, joint.val, 3) == pytest.approx(np.full((21, 3), 1 / 3), abs=1e-13)  # type: ignore[attr-defined]
    joint = JointBootstrap.of(val, test, 20, 0, KNOWN)  # type: ignore[arg-type]
    expected = np.array([0.7, 0.4, 0.4]) / 1.5
    assert shares(test.labels, joint.test, 3) == pytest.approx(np.tile(expected, (21, 1)), abs=1e-13)  # type: ignore[attr-defined]


def test_accuracy_and_equal_costs_leave_the_draws_as_they_are() -> None:
    val, test = sides()
    plain = JointBootstrap.of(val, test, 20, 0)  # type: ignore[arg-type]
    for metric in (Metric(), Metric("cost", dict.fromkeys(NAMES, 3.0))):
        same = JointBootstrap.of(val, test, 20, 0, ClassWeights.of(metric, NAMES))  # type: ignore[arg-type]
        assert same.plain and same.val.dtype == np.uint8
        assert (same.val == plain.val).all() and (same.test == plain.test).all()
        gaps = [one.gap(val.right, test.right) for one in (plain, same)]  # type: ignore[attr-defined]
        assert gaps[0].value == gaps[1].value and (gaps[0].replicates == gaps[1].replicates).all()


def test_a_class_without_images_counts_nothing_and_the_others_share_its_weight() -> None:
    side = counted("val", [(10, 9), (0, 0), (10, 5)])
    assert JointBootstrap.of(side, None, 10, 0, BALANCED).score("val", side.right)[0] == pytest.approx(0.7)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 500), costs=st.tuples(*[st.floats(0.1, 9)] * 3), known=st.booleans(), per=st.integers(1, 4))
def test_an_interval_holds_its_estimate_and_swapping_runs_flips_the_sign(
    seed: int, costs: tuple[float, ...], known: bool, per: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.choice(3, 40), per)
    names = tuple(f"p{i // per}" for i in range(40 * per))
    a, b = (noisy(name, labels, 3) for name in ("a", "bb"))
    metric = ClassWeights(np.array(costs), rng.dirichlet(np.ones(3)) if known else None)
    units = Units.of(labels, a.ids, names)
    drawn = JointBootstrap.of(a, None, 100, 0, metric).drawn
    found = metric_estimate(a, units, drawn, metric)
    assert 0 <= found.low <= found.value <= found.high <= 1
    there, back = (
        difference_estimate(*pair, drawn, labels, metric) for pair in ((a.right, b.right), (b.right, a.right))
    )
    assert there.value == pytest.approx(-back.value) and there.low == pytest.approx(-back.high, abs=1e-9)


def test_a_faultless_run_has_an_interval_by_every_metric() -> None:
    sure, other = counted("val", [(60, 60), (20, 20)]), counted("test", [(30, 20), (40, 38)])
    metric = ClassWeights.of(Metric("balanced-accuracy"), NAMES[:2])
    joint = JointBootstrap.of(sure, other, 200, 0, metric)
    found = [
        metric_estimate(side, Units.of(side.labels, side.ids, side.patients), joint.resamples(side.part), metric)
        for side in (sure, other)
    ]
    assert found[0].value == 1 and found[0].low < 0.95
    gap = gap_estimate(joint, sure.right, other.right, *found)
    assert gap.value == pytest.approx(100 * (1 - (20 / 30 + 38 / 40) / 2)) and gap.low < gap.value < gap.high
    nothing = difference_estimate(sure.right, sure.right, joint.resamples("val"), sure.labels, metric)
    assert nothing.value == 0 and nothing.high > 3


def test_patients_of_several_classes_are_not_taken_for_independent() -> None:
    """Ten patients with twenty images of both classes who are right or wrong as a whole: little is known."""
    labels = np.tile([0, 1], 100)
    who = np.repeat(np.arange(10), 20)
    side = noisy("val", labels, 2)
    right = (who < 7) | (np.arange(200) % 20 < 2)
    made = side.with_logits(9.0 * np.eye(2)[np.where(right, labels, 1 - labels)])
    metric = ClassWeights.of(Metric("balanced-accuracy"), NAMES[:2])
    widths = []
    for names in (tuple(f"p{i}" for i in who), ("",) * 200):
        units = Units.of(labels, side.ids, names)
        from heldout.stats.bootstrap import draw

        drawn = draw(labels, side.ids, names, replicates=300)
        one = metric_estimate(made, units, drawn, metric)
        widths.append(one.high - one.low)
    assert widths[0] > 2.5 * widths[1]


def test_training_follows_the_metric() -> None:
    train = counted("train", [(90, 90), (10, 5)])
    metric = ClassWeights.of(Metric("balanced-accuracy"), NAMES[:2])
    assert training_accuracy(train, 100, 0).value == pytest.approx(95)
    assert training_accuracy(train, 100, 0, metric).value == pytest.approx(75)


def test_the_randomisation_test_agrees_with_mcnemar_on_single_images() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(200) < 0.8, rng.random(200) < 0.7
    found = randomised(a.astype(float) - b)
    assert found[0] == pytest.approx(mcnemar(a, b), abs=0.02)
    assert randomised(np.zeros(5))[0] == 1
    both = randomised(np.stack([a.astype(float) - b, b.astype(float) - a], axis=1))
    assert both[0] == both[1]


def test_clustered_images_follow_too() -> None:
    val, test = clustered("val", 200), clustered("test", 200, prior=0.2, offset=-1)
    balanced = ClassWeights.of(Metric("balanced-accuracy"), NAMES[:2])
    gap = JointBootstrap.of(val, test, 100, 0, balanced).gap(val.right, test.right)
    expected = [balanced_accuracy_score(side.labels, side.predicted) for side in (val, test)]
    assert gap.value == pytest.approx(100 * (expected[0] - expected[1]), abs=1e-10)
