"""Heads solved from blocks against those solved in memory by scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heldout.stats.scores import softmax
from heldout.strategies.strategy import ClassWeights
from heldout.training import block_logistic, label_logistic, logistic
from heldout.training.label_logistic import solve_labels
from heldout.training.logistic import moments, solve_head, solve_path
from tests.training.test_memory import peak_of

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
AGREES = 2e-5
"""In probabilities; what a gradient of 1e-6 leaves is more, so that scikit-learn is asked for a smaller one."""


def features_of(labels: np.ndarray, seed: int, width: int = 24) -> np.ndarray:
    """Classes that overlap, columns of very different mean and spread, one that never varies."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(4, width))
    scales = np.random.default_rng(1).uniform(0.01, 30, width)
    x = (centres[labels] + 2 * rng.normal(size=(len(labels), width))) * scales + 40
    x[:, 3] = 7.0
    return x.astype(np.float32)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Everything is large, a block has 41 images, and 300 of all tell the curvature."""
    monkeypatch.setattr(block_logistic, "LARGE", 0)
    monkeypatch.setattr(block_logistic, "SAMPLE", 300)
    monkeypatch.setattr(block_logistic, "ROWS", 41)
    monkeypatch.setattr(block_logistic, "BLOCK", 41 * 24)
    return monkeypatch


@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("classes", [2, 4])
def test_blocks_end_where_scikit_learn_ends(classes: int, weights: ClassWeights, blocks: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    shares = np.array([0.6, 0.4] if classes == 2 else [0.5, 0.3, 0.1, 0.1])
    y, z = rng.choice(classes, 500, p=shares), rng.choice(classes, 200, p=shares)
    x, v = features_of(y, 3), features_of(z, 4)
    divided = solve_head(x, y, v, z, classes, STRENGTHS, weights)
    path = solve_path(x, y, classes, STRENGTHS)
    blocks.undo()
    blocks.setattr(logistic, "TOLERANCE", 1e-9)
    whole = solve_head(x, y, v, z, classes, STRENGTHS, weights)
    assert (divided.strength, divided.converged) == (whole.strength, True)
    a, b = (softmax(v @ head.weight.T + head.bias) for head in (divided, whole))
    assert a == pytest.approx(b, abs=AGREES)
    for one, other in zip(path, solve_path(x, y, classes, STRENGTHS), strict=True):
        a, b = (softmax(v @ head.weight.T + head.bias) for head in (one, other))
        assert a == pytest.approx(b, abs=AGREES)


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_labels_end_where_scikit_learn_ends(weights: ClassWeights, blocks: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 4, 500)
    x = features_of(y, 6)
    labels = np.column_stack([y > 1, y == 3, np.zeros(500), np.ones(500)]).astype(np.int64)
    divided = solve_labels(x, labels, x[:100], labels[:100], STRENGTHS, weights)
    blocks.undo()
    blocks.setattr(label_logistic, "TOLERANCE", 1e-9)
    whole = solve_labels(x, labels, x[:100], labels[:100], STRENGTHS, weights)
    assert (divided.strength, divided.converged) == (whole.strength, True)
    a, b = (1 / (1 + np.exp(-(x @ head.weight.T + head.bias))) for head in (divided, whole))
    assert a == pytest.approx(b, abs=AGREES)


class Passes:
    """How often the file was read."""

    def __init__(self, blocks: pytest.MonkeyPatch) -> None:
        self.number, real = 0, block_logistic.blocks

        def counted(features: np.ndarray) -> object:
            self.number += 1
            return real(features)

        blocks.setattr(block_logistic, "blocks", counted)

    def of(self, x: np.ndarray, y: np.ndarray) -> int:
        before = self.number
        solve_path(x, y, 2, STRENGTHS)
        return self.number - before


def test_correlated_features_take_few_passes_over_the_file(blocks: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(12)
    hidden, width = rng.normal(size=(2000, 24)), 24
    x = (hidden @ (rng.normal(size=(width, width)) * np.geomspace(1, 0.01, width))).astype(np.float32)
    y = (hidden[:, 20:].sum(axis=1) + rng.logistic(size=2000) > 0).astype(np.int64)
    passes = Passes(blocks)
    few = passes.of(x, y)
    blocks.setattr(block_logistic.BlockProblem, "_curvature", lambda self, both, penalty, total: np.eye(both.shape[1]))
    assert few < 60 and passes.of(x, y) > 4 * few


def test_features_that_few_images_have_take_few_passes_too(blocks: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(13)
    x = rng.normal(size=(8000, 24)).astype(np.float32)
    x[:, 8:] *= rng.random((8000, 16)) < 0.002  # 16 images each
    y = (x[:, :8].sum(axis=1) + 3 * x[:, 8:].sum(axis=1) + rng.logistic(size=8000) > 0).astype(np.int64)
    assert Passes(blocks).of(x, y) < 100


def test_a_solver_that_stopped_early_says_so(blocks: pytest.MonkeyPatch) -> None:
    y = np.arange(200) % 2
    blocks.setattr("heldout.training.logistic.MAX_ITERATIONS", 1)
    assert not solve_head(features_of(y, 7), y, features_of(y, 8), y, 2, (1.0,)).converged


def test_moments_of_blocks_are_those_of_the_whole(blocks: pytest.MonkeyPatch) -> None:
    x = features_of(np.arange(500) % 4, 9)
    mean, deviation = moments(x)
    assert mean == pytest.approx(x.mean(axis=0, dtype=np.float64), rel=1e-13)
    assert deviation == pytest.approx(x.std(axis=0, dtype=np.float64), rel=1e-10, abs=1e-12)


def test_large_features_stay_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_logistic, "LARGE", 2**22)
    monkeypatch.setattr(block_logistic, "BLOCK", 2**15)
    y, z = np.arange(30000) % 2, np.arange(500) % 2
    np.save(tmp_path / "x.npy", features_of(y, 10))
    x, v = np.load(tmp_path / "x.npy", mmap_mode="r"), features_of(z, 11)
    assert peak_of(lambda: solve_head(x, y, v, z, 2, (1e-3, 1e-2))) < x.nbytes  # in double precision twice as much
