"""Grain that depends on the grey level is found, and noise that is added follows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heldout.images.grain import Grain, grain_of
from heldout.images.mapping import map_property
from heldout.images.quality import noise
from tests.images.test_quality import value


def ramps(n: int = 12, size: int = 64) -> np.ndarray:
    """Images that go evenly from grey level 60 to 190, without grain."""
    return np.tile(np.linspace(60, 190, size), (n, size, 1))


def grained(grain: Grain, seed: int = 0) -> np.ndarray:
    clean = ramps()
    spread = np.sqrt(np.maximum(grain.constant + grain.slope * clean, 0))
    noisy = clean + spread * np.random.default_rng(seed).standard_normal(clean.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


@settings(deadline=None, max_examples=20)
@given(at_60=st.floats(2, 60), at_190=st.floats(2, 60), seed=st.integers(0, 99))
def test_a_planted_line_is_found_whichever_way_it_runs(at_60: float, at_190: float, seed: int) -> None:
    slope = (at_190 - at_60) / 130
    found = grain_of(grained(Grain(at_60 - 60 * slope, slope), seed))
    for level, planted in ((60, at_60), (190, at_190)):
        assert found.constant + found.slope * level == pytest.approx(planted + 1 / 12, rel=0.15, abs=1.0)


def test_images_without_levels_have_grain_of_one_strength() -> None:
    black = np.zeros((4, 32, 32), dtype=np.uint8)
    assert grain_of(black) == Grain(0.0)
    flat = np.full((4, 48, 48), 120) + np.random.default_rng(0).normal(0, 5, (4, 48, 48))
    found = grain_of(np.rint(flat).astype(np.uint8))
    assert found.constant + found.slope * 120 == pytest.approx(25, rel=0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_added_noise_stands_where_the_wanted_grain_has_more(channels: int) -> None:
    clean = np.repeat(np.rint(ramps()).astype(np.uint8)[..., None], channels, axis=3)
    wanted = grain_of(grained(Grain(-20.0, 0.4)))
    noisy, reached = map_property(clean, "noise", np.full(len(clean), 5.0), grain=(grain_of(clean), wanted))
    np.testing.assert_allclose(reached, 5.0, atol=0.2)
    left, right = (noise(part[..., 0].astype(np.float32)) for part in (noisy[:, :, :20], noisy[:, :, -20:]))
    assert right.mean() / left.mean() == pytest.approx(2.0, rel=0.1)  # √48 over √12, the wanted grain there
    even, _ = map_property(clean, "noise", np.full(len(clean), 5.0))
    left, right = (noise(part[..., 0].astype(np.float32)) for part in (even[:, :, :20], even[:, :, -20:]))
    assert right.mean() == pytest.approx(left.mean(), rel=0.1)


def test_where_nothing_lacks_the_noise_is_even() -> None:
    clean = np.rint(ramps()).astype(np.uint8)
    noisy, reached = map_property(clean, "noise", np.full(len(clean), 4.0), grain=(Grain(9.0), Grain(1.0)))
    even, _ = map_property(clean, "noise", np.full(len(clean), 4.0))
    np.testing.assert_array_equal(noisy, even)
    np.testing.assert_allclose(reached, value(noisy, "noise"))
