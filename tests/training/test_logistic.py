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
from heldout.strategies.strategy import ClassWeights
from heldout.training import ActivationCache, block_logistic, logistic, machine
from heldout.training.logistic import solve_head, solve_path
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


@pytest.mark.parametrize("balanced", ["none", "balanced"])
@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("present", [(0, 1, 3), (1, 3), (2,)])
def test_a_class_that_no_training_image_has_is_never_answered_and_moves_no_other(
    present: tuple[int, ...], blocks: bool, balanced: ClassWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    if blocks:
        monkeypatch.setattr(block_logistic, "LARGE", 0)
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(4, 6))
    y, z = rng.choice(present, 150), np.arange(80) % 4
    x, v = ((centres[labels] + rng.normal(size=(len(labels), 6))).astype(np.float32) for labels in (y, z))
    for head in (solve_head(x, y, v, z, 4, (1.0,), balanced), *solve_path(x, y, 4, (1.0,))[: balanced == "none"]):
        assert head.weight.shape == (4, 6) and head.converged
        answered = softmax(v @ head.weight.T + head.bias)
        absent = [k for k in range(4) if k not in present]
        assert answered[:, absent].max() < 1e-8
        if len(present) > 1:
            weights = None if balanced == "none" else "balanced"
            alone = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-7, class_weight=weights)).fit(x, y)
            np.testing.assert_allclose(answered[:, list(present)], alone.predict_proba(v), atol=5e-4)
