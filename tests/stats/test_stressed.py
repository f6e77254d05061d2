"""Scores under stress against what a loop over drawn images says, and laws of forecasts and standings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.records import Metric
from heldout.stats.bootstrap import draw
from heldout.stats.intervals import unseen
from heldout.stats.metric import ClassWeights, plain
from heldout.stats.stressed import changed_scores, next_site, standings

N, K = 160, 3


def world(seed: int = 0):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(N) % K)
    right = rng.random((4, N)) < np.array([0.9, 0.8, 0.7, 0.6])[:, None]
    names = [f"i{i}" for i in range(N)]
    patients = [f"p{i % 70}" for i in range(N)]
    return labels, right, draw(labels, names, patients, replicates=60, seed=seed)


@pytest.mark.parametrize("metric", ["accuracy", "balanced-accuracy"])
def test_scores_are_those_of_a_loop_over_drawn_images(metric: str) -> None:
    labels, right, resamples = world()
    weights = ClassWeights.of(Metric(metric), ["a", "b", "c"])  # type: ignore[arg-type]
    factors = np.random.default_rng(1).uniform(0.3, 3, (4, K))
    found = changed_scores(right, labels, resamples, weights, factors)
    counts = np.concatenate([np.ones((1, N)), resamples.weights()])  # how often each image was drawn
    for m in range(4):
        for b in (0, 1, 17, 60):
            recalls, shares = [], []
            for k in range(K):
                own = labels == k
                recalls.append((counts[b, own] * right[m, own]).sum() / counts[b, own].sum())
                shares.append(counts[b, own].sum() * factors[m, k] if metric == "accuracy" else 1.0)
            expected = np.dot(recalls, shares) / np.sum(shares)
            assert found[m, b] == pytest.approx(expected, abs=1e-12)


def test_the_next_site_is_the_mean_and_the_percentiles_over_sites_and_replicates() -> None:
    drops = np.random.default_rng(2).normal(5, 3, (12, 401))
    value, low, high = next_site(drops, 70)
    assert value == pytest.approx(drops[:, 0].mean())
    assert (low, high) == pytest.approx(tuple(np.percentile(drops[:, 1:], [2.5, 97.5])), abs=1e-8)


def test_more_images_do_not_make_sites_alike() -> None:
    sites = np.linspace(-10, 30, 20)[:, None]
    sure = next_site(np.tile(sites, 301), 200)
    rough = next_site(sites + np.random.default_rng(0).normal(0, 3, (20, 301)), 200)
    assert sure[2] - sure[1] > 35 and rough[2] - rough[1] > sure[2] - sure[1]


def test_standings_are_those_of_means_over_drawn_sites() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(0.7, 0.05, (3, 10, 2001)) + np.array([0.0, 0.2, 0.1])[:, None, None]
    found = standings(scores, seed=0, units=200)
    assert found.best == 1 and found.behind[1] == 0
    np.testing.assert_allclose(found.behind, 100 * (scores[1, :, 0].mean() - scores[:, :, 0].mean(axis=1)))
    again = np.random.default_rng(9)  # sites and replicates drawn by another road
    means = np.stack([scores[:, again.integers(10, size=10), b].mean(axis=1) for b in range(1, 2001)], axis=1)
    np.testing.assert_allclose(found.score[:, 1:].std(axis=1), means.std(axis=1), rtol=0.1)
    assert found.first[1] > 0.95 and found.low[0] > 0


def test_equal_runs_share_the_first_place_and_none_lies_behind() -> None:
    one = np.random.default_rng(5).normal(0.8, 0.05, (1, 8, 201))
    found = standings(np.concatenate([one, one]), seed=0, units=50)
    assert found.best == 0 and found.first.tolist() == [0.5, 0.5]
    assert found.low[0] == found.behind[0] == found.high[0] == 0, "none lies behind itself"
    assert found.behind[1] == 0 and (found.low[1], found.high[1]) == pytest.approx(
        (-100 * unseen(50), 100 * unseen(50))
    )


def test_what_was_seen_at_no_site_may_still_be_at_the_next() -> None:
    reach = 100 * unseen(50)
    assert next_site(np.zeros((12, 1001)), 50) == pytest.approx((0, -reach, reach), rel=0.02)
    one = np.zeros((12, 1001))
    one[0, 1:] = np.random.default_rng(0).normal(0, 0.01, 1000)  # eleven sites of twelve show nothing
    _, low, high = next_site(one, 50)
    assert low < -0.9 * reach and high > 0.9 * reach
    assert next_site(np.full((1, 1001), 3.0), 50) == pytest.approx((3, 3 - reach, 3 + reach), rel=0.02)


def test_among_many_runs_those_that_no_draw_tells_from_the_best_have_intervals_for_all_at_once() -> None:
    rng = np.random.default_rng(6)
    best, worse = rng.normal(0.8, 0.01, (1, 8, 201)), rng.normal(0.6, 0.05, (1, 8, 201))
    found = standings(np.concatenate([best, worse, best, best]), seed=0, units=50)
    reach = 100 * unseen(50, 0.05 / 3)
    assert found.low[2:] == pytest.approx(np.full(2, -reach)) and found.high[2:] == pytest.approx(np.full(2, reach))
    assert found.low[1] > 0 and found.high[1] < 40, "the run that differs has its own"


@given(st.integers(0, 50))
def test_the_order_of_runs_changes_nothing_but_their_places(seed: int) -> None:
    scores = np.random.default_rng(seed).normal(0.7, 0.05, (4, 6, 101))
    order = np.random.default_rng(seed + 1).permutation(4)
    found, turned = standings(scores, 0, 100), standings(scores[order], 0, 100)
    np.testing.assert_allclose(turned.behind, found.behind[order])
    np.testing.assert_allclose(turned.low, found.low[order])
    assert order[turned.best] == found.best and found.first.sum() == pytest.approx(1)
    assert (found.low <= found.behind).all() and (found.behind <= found.high).all()


def test_equal_runs_are_seldom_called_worse() -> None:
    """Six classifiers that are equally good in truth, 200 studies: all runs at once, as the intervals say."""
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = np.zeros(200, dtype=np.int64)
        resamples = draw(labels, [f"i{i}" for i in range(200)], [""] * 200, replicates=200, seed=seed)
        rights = rng.random((6, 4, 200)) < 0.8
        scores = np.stack([changed_scores(own, labels, resamples, plain(1)) for own in rights])
        wrong += bool((standings(scores, seed, 200).low > 0).any())
    assert wrong / 200 < 0.1
