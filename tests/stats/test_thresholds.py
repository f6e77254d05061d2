from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from heldout.stats import thresholds
from heldout.stats.drawn_down import drawn_down
from heldout.stats.thresholds import best_biases, folds_of, hits, scored, tuned_accuracy, tuned_right
from heldout.stats.weighted import weighted_mean
from heldout.stats.weights import ByClass

pytestmark = pytest.mark.numeric


def two_normals(
    rng: np.random.Generator, n: int, offset: float = 0.0, apart: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and logits of two classes whose margins are normal with unit spread, moved by `offset`."""
    labels = rng.integers(0, 2, n)
    margin = apart * (labels - 0.5) + rng.normal(size=n) + offset
    return labels, np.stack([-margin / 2, margin / 2], axis=1)


def ones(n: int) -> np.ndarray:
    return np.ones((1, n), dtype=np.float32)


def test_a_known_offset_is_undone_and_the_known_accuracy_reached() -> None:
    labels, logits = two_normals(np.random.default_rng(0), 20_000, offset=1.2)
    known = norm.cdf(1.5)  # the best cut of two unit normals three apart
    assert abs(tuned_accuracy(labels, logits, np.arange(len(labels)), ones(len(labels)))[0] - known) < 0.006
    bias = best_biases(labels, logits, ones(len(labels)))[0]
    assert bias[0] - bias[1] == pytest.approx(1.2, abs=0.25)


def test_cross_fitting_invents_nothing_where_in_sample_does() -> None:
    """Noise has accuracy one half; the best cut in the sample claims more, the cross-fitted one does not."""
    invented, honest = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        labels, logits = rng.permutation(np.arange(100) % 2), rng.normal(size=(100, 2))
        invented.append(scored(labels, logits, ones(100), best_biases(labels, logits, ones(100)))[0] / 100)
        honest.append(tuned_accuracy(labels, logits, np.arange(100), ones(100), seed=seed)[0])
    assert np.mean(invented) > 0.53
    assert np.mean(honest) < 0.51


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), classes=st.sampled_from([2, 3, 5]))
def test_the_mean_over_images_is_the_accuracy(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels, weights = rng.integers(0, classes, 60), rng.random(60).astype(np.float32)
    logits = rng.normal(size=(60, classes)) + 2 * np.eye(classes)[labels]
    units = rng.integers(0, 30, 60)
    right = tuned_right(labels, logits, units, weights, seed=seed)
    accuracy = tuned_accuracy(labels, logits, units, weights[None], seed=seed)[0]
    assert (weights @ right) / weights.sum() == pytest.approx(accuracy, abs=1e-5)
    assert ((right >= 0) & (right <= 1)).all()


def test_the_smooth_search_loses_less_than_the_bare_maximum() -> None:
    """What is lost to the search, on fresh images: the reason for smoothing."""
    fresh_labels, fresh = two_normals(np.random.default_rng(99), 40_000)
    smooth, bare = [], []
    for seed in range(40):
        labels, logits = two_normals(np.random.default_rng(seed), 200)
        smooth.append(scored(fresh_labels, fresh, ones(40_000), best_biases(labels, logits, ones(200)))[0])
        margin = logits[:, 1] - logits[:, 0]
        order = np.argsort(margin)
        gains = np.concatenate([[0], np.cumsum(np.where(labels[order] == 1, -1, 1))])
        cuts = np.concatenate([[margin.min() - 1], (margin[order][1:] + margin[order][:-1]) / 2, [margin.max() + 1]])
        cut = cuts[int(gains.argmax())]
        bare.append(float(((fresh[:, 1] - fresh[:, 0] > cut) == (fresh_labels == 1)).sum()))
    assert np.mean(smooth) > np.mean(bare)


def test_three_classes_with_biased_logits_are_mended() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 3000)
    clean = rng.normal(size=(3000, 3)) + 2.5 * np.eye(3)[labels]
    known = float((clean.argmax(1) == labels).mean())
    biased = clean + np.array([1.5, 0.0, -1.0])
    assert (biased.argmax(1) == labels).mean() < known - 0.05
    assert tuned_accuracy(labels, biased, np.arange(3000), ones(3000))[0] == pytest.approx(known, abs=0.015)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), moved=st.floats(-5, 5))
def test_a_bias_on_all_images_changes_nothing(seed: int, moved: float) -> None:
    """The best accuracy does not depend on where the scores' zero lies."""
    labels, logits = two_normals(np.random.default_rng(seed), 120)
    units, weights = np.arange(120), ones(120)
    before = tuned_accuracy(labels, logits, units, weights)
    after = tuned_accuracy(labels, logits + np.array([moved, 0.0]), units, weights)
    assert after == pytest.approx(before, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), patients=st.integers(5, 40))
def test_folds_keep_patients_whole_and_are_even(seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    units = np.concatenate([np.arange(patients), rng.integers(0, patients, 60)])
    fold = folds_of(units, rng.integers(0, 2, len(units)), 5, seed)
    assert all(len(set(fold[units == unit])) == 1 for unit in range(patients))
    sizes = [len(set(units[fold == k])) for k in range(5)]
    assert max(sizes) - min(sizes) <= 1


def test_weights_of_two_count_like_two_images() -> None:
    labels, logits = two_normals(np.random.default_rng(5), 80)
    weights = np.where(np.arange(80) % 2, 2.0, 1.0).astype(np.float32)[None]
    twice = np.concatenate([np.arange(80), np.arange(80)[np.arange(80) % 2 == 1]])
    assert (
        scored(labels, logits, weights, np.zeros((1, 2)))[0]
        == scored(labels[twice], logits[twice], ones(len(twice)), np.zeros((1, 2)))[0]
    )


def test_cuts_of_some_replicates_at_a_time_are_the_same_and_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    labels, logits = two_normals(rng, 900)
    logits = logits.round(1)  # ties
    weights = rng.poisson(1, (200, 900)).astype(np.float32)
    monkeypatch.setattr(thresholds, "BLOCK", 10**9)
    whole = best_biases(labels, logits, weights)
    for block in (1, 5000):
        monkeypatch.setattr(thresholds, "BLOCK", block)
        tracemalloc.start()
        some = best_biases(labels, logits, weights)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        np.testing.assert_array_equal(some, whole)
        assert peak < weights.nbytes / 2


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 100), held=st.integers(0, 3))
def test_answers_of_classes_that_are_held_stay_as_they_are(seed: int, held: int) -> None:
    """The decision moves among the others only: on the images of these that are answered as one of these."""
    rng = np.random.default_rng(seed)
    labels, units = rng.integers(0, 4, 160), np.arange(160)
    logits = rng.normal(size=(160, 4)) + 1.5 * np.eye(4)[labels]
    weights = rng.integers(1, 4, (3, 160)).astype(np.float32)
    classes = np.delete(np.arange(4), held)
    inside = (labels != held) & (logits.argmax(axis=1) != held)
    known = np.searchsorted(classes, labels[inside])
    among = tuned_accuracy(known, logits[np.ix_(inside, classes)], units[inside], weights[:, inside])
    rest = ((logits.argmax(axis=1) == labels) & ~inside) * weights
    expected = (among * weights[:, inside].sum(axis=1) + rest.sum(axis=1)) / weights.sum(axis=1)
    assert tuned_accuracy(labels, logits, units, weights, classes=classes) == pytest.approx(expected, abs=1e-6)
    each = tuned_right(labels, logits, units, weights[0], classes=classes)
    assert (each[~inside] == (logits.argmax(axis=1) == labels)[~inside]).all()
    assert each @ weights[0] / weights[0].sum() == pytest.approx(expected[0], abs=1e-6)


def test_all_classes_named_are_all_classes() -> None:
    labels, logits = two_normals(np.random.default_rng(5), 200, offset=0.7)
    units, every = np.arange(200), np.arange(2)
    plain = tuned_accuracy(labels, logits, units, ones(200))
    assert tuned_accuracy(labels, logits, units, ones(200), classes=every) == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("biases", [[[0, 0, 0], [9, 0, 0]], [[0, 0, 0], [9, 0, 0], [9, 0, 0]], [[0, 3, 0]] * 2])
def test_images_are_right_under_each_row_of_biases_for_itself(biases: list[list[float]]) -> None:
    rng = np.random.default_rng(4)
    labels, logits, rows = rng.integers(0, 3, 50), rng.normal(size=(50, 3)), np.array(biases, dtype=np.float64)
    expected = [(logits + bias).argmax(axis=1) == labels for bias in rows]
    assert np.array_equal(hits(labels, logits, rows), expected)


def test_a_cut_may_lie_above_every_score() -> None:
    """All images are of the first class, and one is answered as the other far more surely than the rest."""
    margin = np.append(np.linspace(0.1, 1, 60), 50.0)
    labels, logits = np.zeros(61, dtype=np.int64), np.stack([-margin / 2, margin / 2], axis=1)
    biases = best_biases(labels, logits, np.ones((1, 61), dtype=np.float32))
    assert hits(labels, logits, biases).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), kept=st.floats(0.1, 1.0))
def test_a_share_of_each_class_is_drawn_by_unit_and_stands_for_all(seed: int, kept: float) -> None:
    rng = np.random.default_rng(seed)
    of_unit = rng.integers(0, 3, 40)
    units = np.concatenate([np.arange(40), rng.integers(0, 40, 80)])
    labels, share = of_unit[units], np.array([kept, 1.0, 0.5])
    rows, times = drawn_down(labels, units, share, (seed,))
    drawn = set(units[rows])
    assert np.isin(units, list(drawn)).sum() == len(rows)  # whole
    for k in range(3):
        own = labels[rows] == k
        assert len(set(units[rows][own])) == max(1, round(share[k] * (of_unit == k).sum())) or not (of_unit == k).any()
        assert times[own].sum() == pytest.approx((labels == k).sum())


def test_a_search_on_a_share_of_all_is_the_search_on_all() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 150)
    logits = rng.normal(size=(150, 3)) + 1.5 * np.eye(3)[labels]
    weights = rng.poisson(1, (3, 150)).astype(np.float32)
    plain = tuned_accuracy(labels, logits, np.arange(150), weights)
    assert np.array_equal(tuned_accuracy(labels, logits, np.arange(150), weights, share=np.ones(3)), plain)
    assert not np.array_equal(tuned_accuracy(labels, logits, np.arange(150), weights, share=np.full(3, 0.3)), plain)


@pytest.mark.parametrize("digits", [12, 1])
def test_biases_that_are_looked_for_anew_are_those_of_each_weighting_alone(digits: int) -> None:
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 4, 90)
    logits = (rng.normal(size=(90, 4)) + 1.5 * np.eye(4)[labels]).round(digits)  # one decimal: ties
    weights = rng.poisson(1, (6, 90)).astype(np.float32)
    alone = np.concatenate([best_biases(labels, logits, weights[i : i + 1]) for i in range(6)])
    assert best_biases(labels, logits, weights, anew=True) == pytest.approx(alone, abs=1e-12)
    assert len(np.unique(alone.round(6), axis=0)) == 6
    assert (best_biases(labels, logits, weights) == alone[0]).all()


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("some", [False, True], ids=["all classes", "two classes"])
def test_weights_that_are_made_in_blocks_give_what_all_at_once_give(
    monkeypatch: pytest.MonkeyPatch, k: int, some: bool
) -> None:
    rng = np.random.default_rng(k)
    labels, units = rng.integers(0, k, 120), np.arange(120) // 3
    logits = rng.standard_normal((120, k)) + 1.5 * np.eye(k)[labels]
    drawn, factors = rng.integers(0, 4, (30, 120)).astype(np.uint8), rng.uniform(0.5, 2, (30, k))
    made = ByClass(drawn, factors, labels)
    plain = (drawn * factors[:, labels]).astype(np.float32)
    classes = np.array([0, k - 1]) if some else None
    expected = tuned_accuracy(labels, logits, units, plain, classes=classes)
    monkeypatch.setattr("heldout.stats.bootstrap.BLOCK", 500)
    assert np.array_equal(tuned_accuracy(labels, logits, units, made, classes=classes), expected)
    assert weighted_mean(labels == 0, made) == pytest.approx(weighted_mean(labels == 0, plain), abs=1e-12)
