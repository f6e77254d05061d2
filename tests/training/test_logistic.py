"""The solved head against scikit-learn's own pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from heldout.progress import Silent
from heldout.runs.fit import learn_strategy
from heldout.stats.scores import softmax
from heldout.strategies.lp_ft import LpFt
from heldout.training import ActivationCache, logistic, machine
from heldout.training.logistic import solve_head
from tests.training.tiny import tiny_network, tiny_task


@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_standardised_logistic_regression_with_c_chosen_on_validation(classes: int) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(classes, 12))
    y, z = rng.integers(0, classes, 240), rng.integers(0, classes, 120)
    scales = rng.uniform(0.1, 30, 12)
    x = ((centres[y] + rng.normal(size=(240, 12))) * scales + 5).astype(np.float32)
    v = ((centres[z] + rng.normal(size=(120, 12))) * scales + 5).astype(np.float32)
    strengths = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    head = solve_head(x, y, v, z, classes, strengths)
    fits = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, tol=1e-7, max_iter=5000)).fit(x, y) for c in strengths
    ]
    losses = [log_loss(z, fit.predict_proba(v)) for fit in fits]
    best = int(np.argmin(losses))
    assert head.strength == strengths[best]
    assert head.converged
    np.testing.assert_allclose(softmax(v @ head.weight.T + head.bias), fits[best].predict_proba(v), atol=5e-4)


def test_a_feature_that_never_varies_does_no_harm() -> None:
    rng = np.random.default_rng(1)
    y = np.arange(60) % 2
    x = np.column_stack([y + 0.1 * rng.normal(size=60), np.full(60, 7.0)]).astype(np.float32)
    head = solve_head(x, y, x, y, 2, (1.0,))
    assert np.isfinite(head.weight).all()
    assert ((x @ head.weight.T + head.bias).argmax(1) == y).all()


def test_a_solver_that_stopped_early_says_so_before_and_after_a_cut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 1)
    place, cache, checkpoint = machine("cpu"), ActivationCache(None), tmp_path / "c.safetensors"
    for _ in range(2):  # the second time from the checkpoint
        learned = learn_strategy(tiny_network(), tiny_task(), LpFt(epochs=2), 0, place, cache, Silent(), checkpoint)
        assert [row.converged for row in learned.course.history] == [False, True, True]
