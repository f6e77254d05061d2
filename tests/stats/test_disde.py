"""DISDE against its formulas written out as loops, and against worlds in which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.stats.disde import disde

pytestmark = pytest.mark.numeric

probability = st.floats(0.001, 0.999)
sides = st.lists(st.tuples(st.floats(-2, 2), probability), min_size=1, max_size=25)


def split(rows: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([loss for loss, _ in rows]), np.array([pi for _, pi in rows])


@given(sides, sides)
def test_the_parts_are_those_of_the_formulas_and_add_up(source: list, target: list) -> None:
    (loss_P, pi_P), (loss_Q, pi_Q) = split(source), split(target)
    alpha = len(loss_Q) / (len(loss_P) + len(loss_Q))
    w_P = [p / ((1 - alpha) * p + alpha * (1 - p)) for p in pi_P]
    w_Q = [(1 - p) / ((1 - alpha) * p + alpha * (1 - p)) for p in pi_Q]
    shared_P = sum(w * x for w, x in zip(w_P, loss_P, strict=True)) / sum(w_P)
    shared_Q = sum(w * x for w, x in zip(w_Q, loss_Q, strict=True)) / sum(w_Q)
    found = disde(loss_P, loss_Q, pi_P, pi_Q)
    assert found.seen == pytest.approx(shared_P - loss_P.mean(), abs=1e-9)
    assert found.alike == pytest.approx(shared_Q - shared_P, abs=1e-9)
    assert found.unseen == pytest.approx(loss_Q.mean() - shared_Q, abs=1e-9)
    assert found.total == pytest.approx(loss_Q.mean() - loss_P.mean(), abs=1e-9)
    assert found.effective_source == pytest.approx(sum(w_P) ** 2 / sum(w * w for w in w_P))
    assert 1 - 1e-9 <= found.effective_target <= len(loss_Q) + 1e-9


@given(sides, sides)
def test_to_swap_the_two_sets_turns_every_sign(source: list, target: list) -> None:
    (loss_P, pi_P), (loss_Q, pi_Q) = split(source), split(target)
    found, swapped = disde(loss_P, loss_Q, pi_P, pi_Q), disde(loss_Q, loss_P, 1 - pi_Q, 1 - pi_P)
    assert swapped.seen == pytest.approx(-found.unseen, abs=1e-9)
    assert swapped.alike == pytest.approx(-found.alike, abs=1e-9)


@given(sides, sides, st.integers(0, 1000))
def test_replicates_add_up_and_equal_the_sample_that_they_stand_for(source: list, target: list, seed: int) -> None:
    """A weight of 2 is the image twice; the π stay, and so does α, which belongs to them."""
    (loss_P, pi_P), (loss_Q, pi_Q) = split(source), split(target)
    rng = np.random.default_rng(seed)
    weights_P = np.concatenate([np.ones((1, len(loss_P))), rng.integers(1, 4, (2, len(loss_P)))]).astype(np.float32)
    weights_Q = np.concatenate([np.ones((1, len(loss_Q))), rng.integers(1, 4, (2, len(loss_Q)))]).astype(np.float32)
    found = disde(loss_P, loss_Q, pi_P, pi_Q, weights_P, weights_Q)
    assert found.replicates.shape == (3, 3)
    np.testing.assert_allclose(found.replicates[:, 0], [found.seen, found.alike, found.unseen], atol=1e-9)
    totals = [
        np.average(loss_Q, weights=w_Q) - np.average(loss_P, weights=w_P)
        for w_P, w_Q in zip(weights_P, weights_Q, strict=True)
    ]
    np.testing.assert_allclose(found.replicates.sum(axis=0), totals, atol=1e-9)
    alpha = len(loss_Q) / (len(loss_P) + len(loss_Q))
    w = pi_P / ((1 - alpha) * pi_P + alpha * (1 - pi_P)) * weights_P[1]
    expected = np.average(loss_P, weights=w) - np.average(loss_P, weights=weights_P[1])
    assert found.replicates[0, 1] == pytest.approx(expected, abs=1e-6)


def world(n: int, hard_P: float, hard_Q: float, risk_P: float, risk_Q: float) -> tuple[np.ndarray, ...]:
    """Easy images (never wrong) and hard ones in given shares; π as it truly is for equal sizes."""
    kinds = [(np.arange(n) < round(share * n)).astype(int) for share in (hard_P, hard_Q)]
    wrong = [
        kind * (np.arange(n) % 100 < round(100 * risk)) for kind, risk in zip(kinds, (risk_P, risk_Q), strict=True)
    ]
    pi_of = {1: hard_Q / (hard_P + hard_Q), 0: (1 - hard_Q) / (2 - hard_P - hard_Q)}
    pi = [np.array([pi_of[int(kind)] for kind in side]) for side in kinds]
    return wrong[0].astype(float), wrong[1].astype(float), pi[0], pi[1]


def test_more_of_what_is_hard_is_not_alike() -> None:
    """Hard images, wrong half of the time, are 20 % of P and 60 % of Q: all 20 points are due to appearance."""
    found = disde(*world(1000, 0.2, 0.6, 0.5, 0.5))
    assert found.total == pytest.approx(0.2)
    assert found.alike == pytest.approx(0, abs=1e-9)
    assert found.seen > 0.05 and found.unseen > 0.05


def test_images_that_are_alike_and_answered_worse_are_all_alike() -> None:
    found = disde(*world(1000, 0.5, 0.5, 0.2, 0.6))
    assert found.total == pytest.approx(0.2)
    assert (found.seen, found.alike, found.unseen) == pytest.approx((0, 0.2, 0), abs=1e-9)
    assert found.auc == 0.5


def test_what_p_never_shows_is_unseen() -> None:
    loss_P, loss_Q = np.zeros(500), np.repeat([0.0, 1.0], [300, 200])
    pi_Q = np.repeat([0.375, 1 - 1e-6], [300, 200])  # the 200 have no like in P
    found = disde(loss_P, loss_Q, np.full(500, 0.375), pi_Q)
    assert (found.seen, found.alike) == pytest.approx((0, 0), abs=1e-3)
    assert found.unseen == pytest.approx(0.4, abs=1e-3)


def test_bad_input_is_refused() -> None:
    x = np.full(3, 0.5)
    with pytest.raises(ValueError, match="source: expected π between"):
        disde(x, x, np.array([0.5, 1.0, 0.5]), x)
    with pytest.raises(ValueError, match="target: expected as many"):
        disde(x, x, x, x[:2])
    with pytest.raises(ValueError, match="both sides"):
        disde(x, x, x, x, np.ones((2, 3)))
    with pytest.raises(ValueError, match="shapes"):
        disde(x, x, x, x, np.ones((2, 3)), np.ones((2, 4)))
