"""The patient bootstrap: its draws, its sums, its laws."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from heldout.stats import bootstrap
from heldout.stats.bootstrap import Resamples, draw, percentile_interval, resampled_auc, resampled_share
from heldout.stats.estimates import auc_estimate, gap_estimate, share
from heldout.stats.intervals import wilson

pytestmark = pytest.mark.numeric


def world(n_patients: int, images: int, seed: int = 0, k: int = 2) -> tuple[np.ndarray, list[str], list[str]]:
    """Labels, ids and patients; every patient has one class."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_patients) % k, images)
    order = rng.permutation(len(labels))
    patients = [f"p{i // images}" for i in order]
    return labels[order], [f"i{i}" for i in order], patients


def test_whole_patients_are_drawn_as_many_as_there_are_in_each_stratum() -> None:
    labels, ids, patients = world(30, 3)
    draws = draw(labels, ids, patients, replicates=300, seed=1)
    weights = draws.weights()
    assert weights.shape == (300, 90)
    for patient in set(patients):
        rows = weights[:, np.array(patients) == patient]
        assert (rows == rows[:, :1]).all(), "all images of a patient are drawn together"
    for c in (0, 1):
        assert (weights[:, labels == c].sum(axis=1) == 45).all(), "15 patients of 3 images in every replicate"
    assert draws.counts.mean() == pytest.approx(1, abs=0.02)
    assert draws.counts.var() == pytest.approx(1 - 1 / 15, abs=0.03), "multinomial"


def test_a_patient_of_several_classes_is_one_unit_in_the_stratum_of_the_most_frequent() -> None:
    labels = np.array([0, 0, 1, 1, 1, 0, 1])
    patients = ["a", "a", "a", "b", "b", "c", "c"]  # a: 0; b: 1; c: tie, so 0
    draws = draw(labels, list("1234567"), patients, replicates=500)
    assert draws.units == 3
    assert (draws.counts[0] + draws.counts[2] == 2).all()
    assert (draws.counts[1] == 1).all(), "alone in its stratum"
    assert len(np.unique(draws.counts[0])) == 3


def test_an_image_without_a_patient_is_a_unit_of_its_own() -> None:
    draws = draw(np.array([0, 0, 0, 0]), list("wxyz"), ["a", "a", "", ""], replicates=100)
    assert (draws.units, draws.patients) == (3, 1)
    assert draws.what == "1 patients and 2 images without one"
    assert draw(np.array([0, 0]), ["x", "y"], ["", ""], replicates=100).method == "image bootstrap, 100 replicates"


def test_drawn_some_replicates_at_a_time_they_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is held besides the draws themselves is small: 64-bit draws of all replicates would be three times."""
    labels, names = np.arange(1000) % 3, [f"i{k}" for k in range(1000)]
    whole = draw(labels, names, [""] * 1000, replicates=500, seed=(3, 1))
    monkeypatch.setattr(bootstrap, "CHUNK", 7)
    tracemalloc.start()
    some = draw(labels, names, [""] * 1000, replicates=500, seed=(3, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(some.counts, whole.counts)
    assert peak < 1.5 * some.counts.nbytes


def test_a_patient_called_like_an_image_stays_apart_from_it() -> None:
    assert draw(np.array([0, 0]), ["x", "y"], ["y", ""], replicates=100).units == 2


@pytest.mark.parametrize("patients", [[], ["a"]])
def test_lengths_that_differ_are_refused(patients: list[str]) -> None:
    with pytest.raises(ValueError, match="as many labels, ids and patients"):
        draw(np.zeros(2 * len(patients), dtype=int), ["x"] * len(patients), patients)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("digits", [9, 0])
def test_every_replicate_of_the_auc_is_that_of_scikit_learn_with_weights(k: int, digits: int) -> None:
    labels, ids, patients = world(24, 4, k=k)
    rng = np.random.default_rng(3)
    logits = np.round(rng.normal(size=(len(labels), k)) + np.eye(k)[labels], digits)
    draws = draw(labels, ids, patients, replicates=300, seed=2)  # more than one chunk
    found = resampled_auc(labels, logits, draws)
    for b in (0, 1, 255, 256, 299):
        weights = draws.weights()[b]
        if k == 2:
            expected = roc_auc_score(labels, logits[:, 1] - logits[:, 0], sample_weight=weights)
        else:
            odds = [logits[:, c] - np.log(np.exp(np.delete(logits, c, axis=1)).sum(axis=1)) for c in range(k)]
            expected = np.mean(
                [roc_auc_score(labels == c, np.round(odds[c], 10), sample_weight=weights) for c in range(k)]
            )
        assert found[b] == pytest.approx(expected, abs=2e-3 if digits == 0 and k > 2 else 1e-9)


def test_every_replicate_of_the_recall_is_the_weighted_mean() -> None:
    labels, ids, patients = world(20, 3)
    right = np.random.default_rng(0).random(60) < 0.7
    draws = draw(labels, ids, patients, replicates=100)
    expected = [np.average(right[labels == 1], weights=w[labels == 1]) for w in draws.weights()]
    assert resampled_share(right, labels == 1, draws) == pytest.approx(expected)


def test_a_class_that_no_replicate_drew_gives_no_number() -> None:
    """Class 1 occurs only beside a majority of class 0, so some replicates miss it."""
    labels = np.array([0, 0, 1, 0, 0])
    draws = draw(labels, list("abcde"), ["a", "a", "a", "b", "c"], replicates=200)
    replicates = resampled_share(np.ones(5, dtype=bool), labels == 1, draws)
    assert np.isnan(replicates).any() and not np.isnan(replicates).all()
    assert percentile_interval(replicates, 1.0) == (1.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_permuting_the_rows_changes_nothing(data: st.DataObject) -> None:
    labels, ids, patients = world(9, 3)
    right = np.array(data.draw(st.lists(st.booleans(), min_size=27, max_size=27)))
    order = np.array(data.draw(st.permutations(range(27))))
    logits = np.random.default_rng(0).normal(size=(27, 2))
    everyone = np.ones(27, dtype=bool)

    def both(o: np.ndarray) -> tuple[object, object]:
        draws = draw(labels[o], [ids[i] for i in o], [patients[i] for i in o], replicates=200)
        found = share(right[o], everyone, draws)
        assert found
        return found.estimate, auc_estimate(labels[o], logits[o], draws)

    one, other = both(np.arange(27)), both(order)
    assert one == other


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(0, 5), st.integers(0, 5))
def test_an_interval_contains_its_estimate(right: list[bool], per_patient: int, seed: int) -> None:
    n = len(right)
    patients = [f"p{i // per_patient}" if per_patient else "" for i in range(n)]
    labels = np.arange(n) % 2
    draws = draw(labels, [str(i) for i in range(n)], patients, replicates=100, seed=seed)
    logits = np.random.default_rng(seed).normal(size=(n, 2))
    for among in (np.ones(n, dtype=bool), labels == 1):
        found = share(np.array(right), among, draws)
        assert found
        assert 0 <= found.estimate.low <= found.estimate.value <= found.estimate.high <= 1
        assert found.estimate.low < found.estimate.high, "no interval without a width"
    area = auc_estimate(labels, logits, draws)
    assert area and 0 <= area.low <= area.value <= area.high <= 1


def width(n_patients: int, images: int, copies: int = 1) -> float:
    """Width of the interval of an accuracy of 80 %, every patient's images as one."""
    labels, ids, patients = world(n_patients, images)
    wrong = {f"p{i}" for i in range(n_patients) if (i // 2) % 5 == 0}
    right = np.array([patient not in wrong for patient in patients])
    labels, right = np.tile(labels, copies), np.tile(right, copies)
    ids, patients = [f"{id_}-{c}" for c in range(copies) for id_ in ids], patients * copies
    found = share(right, np.ones(len(right), dtype=bool), draw(labels, ids, patients, replicates=2000))
    assert found
    return found.estimate.high - found.estimate.low


def test_more_patients_narrow_the_interval() -> None:
    assert width(160, 2) == pytest.approx(width(40, 2) / 2, rel=0.15)


def test_more_images_of_the_same_patients_do_not() -> None:
    assert width(40, 2, copies=10) == width(40, 2)
    assert width(40, 20) == width(40, 2)


def test_without_patients_accuracy_has_wilsons_interval_and_the_auc_an_image_bootstrap() -> None:
    labels, ids, _ = world(50, 2)
    rng = np.random.default_rng(0)
    right = rng.random(100) < 0.8
    draws = draw(labels, ids, [""] * 100)
    found = share(right, labels == 0, draws)
    assert found and found.estimate.method == "Wilson"
    assert (found.estimate.low, found.estimate.high) == wilson(int(right[labels == 0].sum()), 50)
    area = auc_estimate(labels, rng.normal(size=(100, 2)), draws)
    assert area and area.method == "image bootstrap, 2000 replicates"


def test_where_all_images_are_right_the_number_of_patients_limits_what_is_known() -> None:
    labels, ids, patients = world(12, 5)
    draws = draw(labels, ids, patients, replicates=200)
    found = share(np.ones(60, dtype=bool), np.ones(60, dtype=bool), draws)
    assert found and not found.varied
    assert (found.estimate.low, found.estimate.high) == wilson(12, 12)
    assert found.estimate.method == "Wilson on 12 patients (the bootstrap does not vary)"
    area = auc_estimate(labels, 9.0 * np.eye(2)[labels], draws)
    assert area and (area.value, area.low, area.high) == (1.0, *wilson(6, 6))


def test_a_score_of_no_image_is_no_score() -> None:
    labels, ids, patients = world(4, 1)
    draws = draw(labels, ids, patients, replicates=100)
    assert share(np.ones(4, dtype=bool), np.zeros(4, dtype=bool), draws) is None
    assert auc_estimate(np.zeros(4, dtype=int), np.zeros((4, 2)), draws) is None


def part(right: int, n: int, seed: int) -> tuple[object, Resamples]:
    labels, ids, patients = world(n, 1)
    draws = draw(labels, ids, patients, seed=seed)
    return share(np.arange(n) < right, np.ones(n, dtype=bool), draws), draws


def test_the_gap_adds_the_variances_of_both_sets() -> None:
    val, _ = part(180, 200, 0)
    test, _ = part(75, 100, 1)
    gap = gap_estimate(val, test, "both")
    assert gap.value == pytest.approx(15.0)
    assert gap.n == 300
    se = 100 * np.sqrt(0.9 * 0.1 / 200 + 0.75 * 0.25 / 100)
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * se, rel=0.12)


def test_a_gap_from_a_perfect_validation_keeps_the_doubt_about_it() -> None:
    val, _ = part(50, 50, 0)
    test, _ = part(75, 100, 1)
    gap = gap_estimate(val, test, "both")
    lower = wilson(50, 50)[0]
    assert gap.low == pytest.approx(25 - 100 * np.hypot(1 - lower, test.estimate.high - 0.75))
    assert "square-and-add" in gap.method
