"""What is held in memory at once, counted by tracemalloc: features may be a gigabyte, and few copies of it fit."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import heldout.diagnosis.interventions.linear as linear
import heldout.training.predict as predict
from heldout.training import machine
from heldout.training.logistic import COLUMNS, moments, solve_head
from heldout.training.predict import head_logits, run_stages
from tests.training.tiny import tiny_network, tiny_part


def features(n: int, d: int, seed: int = 0) -> np.ndarray:
    return (3 * np.random.default_rng(seed).standard_normal((n, d)) + 1).astype(np.float32)


def peak_of(act: Callable[[], object]) -> int:
    """Bytes that numpy held at most while it went on, what was there before left out."""
    act()  # once before, so that imports and caches do not count
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_moments_are_numpys_without_its_copies() -> None:
    x = features(3000, 8 * COLUMNS + 1)
    mean, deviation = moments(x)
    np.testing.assert_array_equal(mean, x.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(deviation, x.std(axis=0, dtype=np.float64), rtol=1e-14)
    assert peak_of(lambda: moments(x)) < x.nbytes / 2


def test_a_head_is_solved_on_one_copy_in_double_precision() -> None:
    x, v = features(3000, 256), features(300, 256, 1)
    y, z = np.arange(3000) % 2, np.arange(300) % 2
    double = 2 * (x.nbytes + v.nbytes)
    assert peak_of(lambda: solve_head(x, y, v, z, 2, (1e-3, 1e-2))) < 1.3 * double


def test_scaling_holds_what_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(3000, 256), features(1000, 256, 1)
    monkeypatch.setattr(linear, "ROWS", 100)
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    first, second = linear.scaled(x, y)
    np.testing.assert_array_equal(first, ((x - mean) * (1 / deviation)).astype(np.float32))
    np.testing.assert_array_equal(second, ((y - mean) * (1 / deviation)).astype(np.float32))
    assert peak_of(lambda: linear.scaled(x, y)) < 1.6 * (x.nbytes + y.nbytes)


def test_activations_of_all_batches_stand_in_the_order_of_the_images() -> None:
    network, pixels, cpu = tiny_network(), tiny_part("a", 150, 0).pixels, machine("cpu")
    maps = run_stages(network, pixels, 0, 2, cpu)
    assert maps is not None and len(maps) == 150 and maps.dtype == np.float32
    for row in (0, 63, 64, 149):
        np.testing.assert_allclose(maps[row], run_stages(network, pixels[row : row + 1], 0, 2, cpu)[0], atol=1e-6)


def test_the_head_scores_some_features_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network, cpu = tiny_network(classes=3).eval(), machine("cpu")
    given = features(250, 8)
    whole = head_logits(network, given, cpu)
    monkeypatch.setattr(predict, "HEAD_BATCH", 64)
    np.testing.assert_allclose(head_logits(network, given, cpu), whole, atol=1e-6)
    assert head_logits(network, given[:0], cpu).shape == (0, 3)
