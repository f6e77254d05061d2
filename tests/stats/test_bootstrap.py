"""The patient bootstrap: its draws and its sums."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from heldout.stats import bootstrap
from heldout.stats.bootstrap import draw, percentile_interval, resampled_auc
from heldout.stats.further import Answers, Asked, further_estimates
from heldout.stats.resampled_precision import resampled_average_precision

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
    assert len(draws.units) == 3
    assert (draws.counts[0] + draws.counts[2] == 2).all()
    assert (draws.counts[1] == 1).all(), "alone in its stratum"
    assert len(np.unique(draws.counts[0])) == 3


def test_an_image_without_a_patient_is_a_unit_of_its_own() -> None:
    draws = draw(np.array([0, 0, 0, 0]), list("wxyz"), ["a", "a", "", ""], replicates=100)
    assert (len(draws.units), draws.units.patients) == (3, 1)
    assert draws.units.what == "1 patients and 2 images without one"
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
    units = draw(np.array([0, 0]), ["x", "y"], ["y", ""], replicates=100).units
    assert (len(units), units.patients) == (2, 1)


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
    hits, images = draws.totals(np.stack([right & (labels == 1), labels == 1]))
    assert hits / images == pytest.approx(expected)


def test_a_class_that_no_replicate_drew_gives_no_number() -> None:
    """Class 1 occurs only beside a majority of class 0, so some replicates miss it."""
    labels = np.array([0, 0, 1, 0, 0])
    draws = draw(labels, list("abcde"), ["a", "a", "a", "b", "c"], replicates=200)
    (images,) = draws.totals((labels == 1)[None])
    replicates = np.where(images > 0, 1.0, np.nan)
    assert np.isnan(replicates).any() and not np.isnan(replicates).all()
    assert percentile_interval(replicates, 1.0) == (1.0, 1.0)


def test_the_draws_of_some_images_are_those_of_their_units() -> None:
    labels, ids, patients = world(12, 3)
    draws = draw(labels, ids, patients, replicates=50)
    rows = np.flatnonzero([patient in ("p3", "p11", "p4") for patient in patients])
    some = draws.take(rows)
    assert some.counts.shape == (3, 50)
    np.testing.assert_array_equal(some.weights(), draws.weights()[:, rows])


def test_a_block_of_replicates_at_a_time_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums, AUC, average precision and further scores of 400 patients, from all draws at once and from a few."""
    labels, ids, patients = world(400, 3)
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(len(labels), 2)) + 0.7 * np.eye(2)[labels]
    right, points = logits.argmax(axis=1) == labels, rng.normal(size=(2, len(labels)))

    def all_numbers() -> dict[str, np.ndarray]:
        drawn = draw(labels, ids, patients, replicates=300, seed=5)
        numbers = {"right": drawn.totals(right), "points": drawn.totals(points)}
        numbers["auc"] = resampled_auc(labels, logits, drawn)
        numbers["precision"] = resampled_average_precision(labels == 1, logits[:, 1] - logits[:, 0], drawn)
        answers = Answers(labels, logits, Asked())
        for name, estimate in further_estimates(answers, drawn).items():
            numbers[name] = np.array([estimate.value, estimate.low, estimate.high]) if estimate else np.zeros(3)
        return numbers

    whole = all_numbers()
    dense = draw(labels, ids, patients, replicates=300, seed=5).weights()  # (B, n): the definition
    np.testing.assert_array_equal(whole["right"], dense.astype(np.float64) @ right)
    np.testing.assert_allclose(whole["points"], points @ dense.T.astype(np.float64), atol=1e-11)
    monkeypatch.setattr(bootstrap, "BLOCK", 400 * 7)
    some = all_numbers()
    assert len(whole) > 8
    for name, values in whole.items():
        np.testing.assert_allclose(some[name], values, rtol=1e-12, atol=1e-12, err_msg=name)


def test_draws_take_a_byte_each_and_sums_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", 2**16)
    labels, names = np.arange(5000) % 3, [f"i{k}" for k in range(5000)]
    drawn = draw(labels, names, [""] * 5000, replicates=500)
    assert drawn.counts.nbytes == 5000 * 500
    assert drawn.counts.sum(axis=0, dtype=np.int64).tolist() == [5000] * 500
    drawn.totals(labels == 1)
    tracemalloc.start()
    drawn.totals(labels == 1)
    drawn.over(lambda weights: weights.sum(axis=1, dtype=np.float64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**16 * 8 * 3
