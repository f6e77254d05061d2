"""Kappa against scikit-learn and statsmodels, and its interval against the analytic one and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_statsmodels

from heldout.stats.agreement import (
    agreement_estimate,
    cohen_estimate,
    cohen_kappa,
    distances,
    fleiss_estimate,
    fleiss_kappa,
)

pytestmark = pytest.mark.numeric

N = st.integers(2, 40)


def read(rng: np.random.Generator, n: int, k: int, m: int, right: float) -> np.ndarray:
    """Classes by m readers of n images, each of whom is right so often and guesses else, shape (n, m)."""
    true = rng.integers(0, k, n)
    return np.where(rng.random((n, m)) < right, true[:, None], rng.integers(0, k, (n, m)))


def names(n: int) -> list[str]:
    return [f"i{i}" for i in range(n)]


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("right", [0.1, 0.6, 0.95])
def test_kappas_are_those_of_scikit_learn_and_statsmodels(k: int, seed: int, right: float) -> None:
    ratings = read(np.random.default_rng(seed), 60, k, 3, right)
    a, b, _ = ratings.T
    table = np.zeros((1, k, k))
    np.add.at(table[0], (a, b), 1)
    for ordered, weights in ((False, None), (True, "quadratic")):
        found = cohen_kappa(table, distances(k, ordered))[0]
        assert found == pytest.approx(cohen_kappa_score(a, b, labels=range(k), weights=weights), abs=1e-12)
    counts, _ = aggregate_raters(ratings, n_cat=k)
    every = fleiss_kappa(counts.astype(float), np.ones((1, 60)))[0]
    assert every == pytest.approx(fleiss_of_statsmodels(counts), abs=1e-12)


def test_the_interval_is_near_the_analytic_one_where_images_are_many() -> None:
    """Fleiss, Cohen & Everitt (1969), as statsmodels has it."""
    a, b = read(np.random.default_rng(3), 400, 3, 2, 0.8).T
    table = np.zeros((3, 3))
    np.add.at(table, (a, b), 1)
    known = cohens_kappa(table)
    found = cohen_estimate(a, b, 3, names(400), [""] * 400)
    assert found is not None and found.value == pytest.approx(known.kappa)
    assert (found.low, found.high) == pytest.approx((known.kappa_low, known.kappa_upp), abs=0.015)


def test_images_of_one_patient_say_less_than_as_many_of_others() -> None:
    once = read(np.random.default_rng(1), 40, 2, 2, 0.7)
    a, b = np.repeat(once, 6, axis=0).T  # six images of a patient, all alike
    alone = cohen_estimate(a, b, 2, names(240), [""] * 240)
    together = cohen_estimate(a, b, 2, names(240), [f"p{i // 6}" for i in range(240)])
    assert alone is not None and together is not None and alone.value == together.value
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


def test_readers_who_never_differ_may_differ_elsewhere() -> None:
    a = np.array([0, 1] * 10)
    found = cohen_estimate(a, a, 2, names(20), [""] * 20)
    assert found is not None and found.value == found.high == 1 and 0.5 < found.low < 0.8
    assert agreement_estimate(a, a, names(20), [""] * 20).low == pytest.approx(0.839, abs=1e-3)
    three = fleiss_estimate(np.stack([a, a, a], axis=1), 2, names(20), [""] * 20)
    assert three is not None and (three.value, three.low) == pytest.approx((1, found.low))
    graded = cohen_estimate(a, a, 2, names(20), [""] * 20, ordered=True)
    assert graded is not None and (graded.value, graded.low) == pytest.approx((1, found.low))


def test_readers_who_know_one_class_only_have_no_kappa() -> None:
    a = np.zeros(8, dtype=np.int64)
    assert cohen_estimate(a, a, 2, names(8), [""] * 8) is None
    assert fleiss_estimate(np.stack([a, a], axis=1), 2, names(8), [""] * 8) is None
    assert cohen_estimate(a[:0], a[:0], 2, [], []) is None and fleiss_estimate(np.zeros((0, 2)), 2, [], []) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), N, st.integers(2, 4), st.booleans())
def test_laws(seed: int, n: int, k: int, ordered: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = read(rng, n, k, 2, 0.6).T
    patients = [f"p{number}" for number in rng.integers(0, max(1, n // 2), n)]
    found = cohen_estimate(a, b, k, names(n), patients, ordered=ordered)
    swapped = cohen_estimate(b, a, k, names(n), patients, ordered=ordered)
    order = rng.permutation(n)
    moved = [names(n)[i] for i in order], [patients[i] for i in order]
    mixed = cohen_estimate(a[order], b[order], k, *moved, ordered=ordered)
    if found is None:
        assert swapped is None and mixed is None
        return
    assert swapped is not None and mixed is not None
    for other in (swapped, mixed):
        assert (other.value, other.low, other.high) == pytest.approx((found.value, found.low, found.high), abs=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize(
    ("n", "shares", "right"),
    [(20, (0.5, 0.5), 0.95), (30, (0.9, 0.1), 0.95), (30, (0.5, 0.5), 0.85), (60, (0.4, 0.3, 0.2, 0.1), 0.6)],
)
@pytest.mark.parametrize("readers", [2, 3])
def test_the_interval_holds_the_truth(n: int, shares: tuple[float, ...], right: float, readers: int) -> None:
    """Readers who are right so often and else guess by the shares of the classes: kappa of all images is right²."""
    rng, k, inside = np.random.default_rng(0), len(shares), 0
    for _ in range(400):
        true = rng.choice(k, n, p=shares)
        ratings = np.where(rng.random((n, readers)) < right, true[:, None], rng.choice(k, (n, readers), p=shares))
        if readers == 2:
            found = cohen_estimate(*ratings.T, k, names(n), [""] * n)
        else:
            found = fleiss_estimate(ratings, k, names(n), [""] * n)
        inside += found is None or found.low <= right**2 <= found.high
    assert inside >= 356  # 90 of 100, less two standard errors of so many trials
